/* The bill, line by line: see bill.h. */
#include "common/bill.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/size.h"

__extension__ typedef unsigned __int128 wide;

/* clang-format off */
#define BILL(field) #field, offsetof(struct reader_bill, field)

const struct bill_entry bill_entries[BILL_PARTS] = {
    [BILL_IN_USE] = {"in use", BILL(owned_bytes), 'U', true,
        "handed out and not yet freed"},
    [BILL_ORPHANED] = {"orphaned", BILL(orphaned_bytes), 'O', true,
        "in use, in pages of exited threads"},
    [BILL_CACHED] = {"cached", BILL(cached_bytes), 'C', false,
        "freed, kept in gcshim's own caches"},
    [BILL_FRAGMENTED] = {"fragmented", BILL(fragmented_bytes), 'F', true,
        "free, in pages with a used block"},
    [BILL_UNRETURNED] = {"unreturned", BILL(unreturned_bytes), 'R', true,
        "wholly free: could be given back"},
    [BILL_OVERHEAD] = {"overhead", BILL(overhead_bytes), 'H', true,
        "rounding, and room not yet cut"},
};

#define MAPPING(field) #field, offsetof(struct reader_mappings, field)

const struct mapping_entry mapping_entries[MAPPING_PARTS] = {
    [MAPPING_MALLOC] = {"from malloc", MAPPING(malloc_bytes)},
    [MAPPING_STACKS] = {"stacks", MAPPING(stack_bytes)},
    [MAPPING_CODE] = {"JIT code", MAPPING(code_bytes)},
    [MAPPING_FILES] = {"program data", MAPPING(file_bytes)},
    [MAPPING_HEAP] = {"libc's heap", MAPPING(heap_bytes)},
    [MAPPING_OTHER] = {"other mappings", MAPPING(other_bytes)},
};
/* clang-format on */

static uint64_t figure_at(const void *figures, size_t offset)
{
    uint64_t figure = 0;

    memcpy(&figure, (const char *)figures + offset, sizeof(figure));
    return figure;
}

/* --------------------------------------------------------------- shares */

/* Rounding where each part ends, instead of how long it is, lets no rounding
 * error add up. */
void share_out(const uint64_t *parts, size_t count, unsigned units,
               unsigned *ret_units)
{
    wide total = 0;
    wide sum = 0;
    unsigned given = 0;

    for (size_t i = 0; i < count; i++)
        total += parts[i];
    for (size_t i = 0; i < count; i++) {
        sum += parts[i];
        unsigned end =
            total == 0 ? 0 : (unsigned)((sum * units + total / 2) / total);

        ret_units[i] = end - given;
        given = end;
    }
}

/* ----------------------------------------------------------------- bill */

bool bill_is_divided(const struct reader_bill *bill)
{
    return bill->orphaned_bytes != READER_UNKNOWN;
}

uint64_t bill_bytes(const struct reader_process *process, enum bill_part part)
{
    if (part == BILL_IN_USE && !bill_is_divided(&process->bill))
        return process->used_bytes;
    return figure_at(&process->bill, bill_entries[part].offset);
}

bool bill_is_marked(const struct reader_process *process, enum bill_part part)
{
    return bill_entries[part].is_estimate && bill_is_divided(&process->bill);
}

/* All parts, and after them what is left of allocated. */
static void parts_fill(const struct reader_process *process,
                       uint64_t ret_parts[BILL_PARTS + 1])
{
    uint64_t left = process->allocated_bytes;

    for (int part = 0; part < BILL_PARTS; part++) {
        uint64_t bytes = bill_bytes(process, (enum bill_part)part);

        if (bytes == READER_UNKNOWN)
            bytes = 0;
        ret_parts[part] = bytes;
        left -= bytes < left ? bytes : left;
    }
    ret_parts[BILL_PARTS] = left;
}

void bill_shares(const struct reader_process *process,
                 unsigned ret_permille[BILL_PARTS])
{
    uint64_t parts[BILL_PARTS + 1];
    unsigned shares[BILL_PARTS + 1];

    parts_fill(process, parts);
    share_out(parts, BILL_PARTS + 1, 1000, shares);
    memcpy(ret_permille, shares, BILL_PARTS * sizeof(*ret_permille));
}

void bill_bar(const struct reader_process *process, size_t cells, char *ret_bar)
{
    uint64_t parts[BILL_PARTS + 1];
    unsigned shares[BILL_PARTS + 1];

    parts_fill(process, parts);
    share_out(parts, BILL_PARTS + 1, (unsigned)cells, shares);
    memset(ret_bar, ' ', cells);
    ret_bar[cells] = '\0';
    for (int part = 0; part <= BILL_PARTS; part++) {
        memset(ret_bar,
               part < BILL_PARTS ? bill_entries[part].letter
                                 : BILL_LETTER_UNKNOWN,
               shares[part]);
        ret_bar += shares[part];
    }
}

void bill_remark(const struct reader_process *process,
                 char ret_remark[BILL_REMARK_BYTES])
{
    const struct reader_bill *bill = &process->bill;
    char changed[SIZE_BYTES];
    int length = 0;

    if (!bill_is_divided(bill)) {
        (void)snprintf(ret_remark, BILL_REMARK_BYTES,
                       "no thread has counted its pages yet");
        return;
    }
    length = snprintf(ret_remark, BILL_REMARK_BYTES, "~ counted");
    if (bill->age_ms != READER_UNKNOWN)
        length +=
            snprintf(ret_remark + length, BILL_REMARK_BYTES - (size_t)length,
                     " %.1f s ago", (double)bill->age_ms / 1e3);
    if (bill->changed_bytes > 0 && bill->changed_bytes != READER_UNKNOWN)
        length +=
            snprintf(ret_remark + length, BILL_REMARK_BYTES - (size_t)length,
                     "; %s went through malloc since",
                     size_format(changed, bill->changed_bytes));
    if (bill->uncounted_threads > 0)
        (void)snprintf(ret_remark + length, BILL_REMARK_BYTES - (size_t)length,
                       "; %" PRIu64 " thread%s not counted",
                       bill->uncounted_threads,
                       bill->uncounted_threads == 1 ? "" : "s");
}

/* ------------------------------------------------------------- mappings */

bool mappings_are_known(const struct reader_mappings *mappings)
{
    return mappings->malloc_bytes != READER_UNKNOWN;
}

uint64_t mapping_bytes(const struct reader_mappings *mappings,
                       enum mapping_part part)
{
    return figure_at(mappings, mapping_entries[part].offset);
}

void mapping_shares(const struct reader_mappings *mappings,
                    unsigned ret_permille[MAPPING_PARTS])
{
    uint64_t parts[MAPPING_PARTS] = {0};

    for (int part = 0; mappings_are_known(mappings) && part < MAPPING_PARTS;
         part++)
        parts[part] = mapping_bytes(mappings, (enum mapping_part)part);
    share_out(parts, MAPPING_PARTS, 1000, ret_permille);
}
