/* The list of huge blocks: see huge.h. */
#include "reader/huge.h"

#include <errno.h>
#include <stdlib.h>

#include "reader/proc.h"
#include "reader/refuse.h"

enum { NS_PER_MS = 1000000 };

/* One copy of the entries that may be in use. */
struct pass {
    struct gcshim_huge *entries;
    size_t count;
};

static int high_read(const struct segment *segment, size_t *ret_high,
                     char reason[READER_REASON_BYTES])
{
    uint64_t entries = segment->sections[GCSHIM_SECTION_HUGE].entries;
    uint64_t high = 0;
    int err = segment_read(segment, &high, sizeof(high),
                           offsetof(struct gcshim_header, huge_high), reason);

    if (err)
        return err;
    if (entries != 0 && high > entries)
        return refuse(reason, "claims %llu huge blocks of %llu in use",
                      (unsigned long long)high, (unsigned long long)entries);
    *ret_high = entries == 0 ? 0 : (size_t)high;
    return 0;
}

static int pass_read(struct pass *pass, const struct segment *segment,
                     char reason[READER_REASON_BYTES])
{
    pass->entries = calloc(pass->count, sizeof(*pass->entries));
    if (!pass->entries)
        return -ENOMEM;
    return segment_read(segment, pass->entries,
                        pass->count * sizeof(*pass->entries),
                        segment_entry(segment, GCSHIM_SECTION_HUGE, 0), reason);
}

/* An entry is empty whenever it changes, so one that is the same twice has not
 * changed meanwhile, or back into the same.  P: [huge] */
static bool is_settled(struct gcshim_huge *before, struct gcshim_huge *after)
{
    return after->address != 0 && after->address == before->address &&
           after->bytes == before->bytes &&
           after->allocated_ns == before->allocated_ns &&
           after->tid == before->tid;
}

static struct reader_huge block_of(struct gcshim_huge *entry, uint64_t now_ns)
{
    uint64_t then_ns = entry->allocated_ns;

    return (struct reader_huge){
        .address = entry->address,
        .bytes = entry->bytes,
        .tid = entry->tid,
        .age_ms = now_ns > then_ns ? (now_ns - then_ns) / NS_PER_MS : 0,
    };
}

/* The largest first, of the same size by address. */
static int block_compare(const void *left, const void *right)
{
    const struct reader_huge *a = left;
    const struct reader_huge *b = right;

    if (a->bytes != b->bytes)
        return a->bytes < b->bytes ? 1 : -1;
    return (a->address > b->address) - (a->address < b->address);
}

static size_t blocks_collect(const struct pass *before,
                             const struct pass *after,
                             struct reader_huge *blocks)
{
    uint64_t now_ns = proc_now_ns();
    size_t count = 0;

    for (size_t i = 0; i < after->count; i++) {
        if (!is_settled(&before->entries[i], &after->entries[i]))
            continue;
        blocks[count] = block_of(&after->entries[i], now_ns);
        count += blocks[count].bytes <= SEGMENT_BYTES_MAX;
    }
    qsort(blocks, count, sizeof(*blocks), block_compare);
    return count;
}

static int blocks_read(const struct segment *segment, size_t high,
                       struct reader_huge **ret_huge, size_t *ret_count,
                       char reason[READER_REASON_BYTES])
{
    struct pass before = {.count = high};
    struct pass after = {.count = high};
    struct reader_huge *blocks = calloc(high, sizeof(*blocks));
    int err = blocks ? pass_read(&before, segment, reason) : -ENOMEM;

    if (err == 0)
        err = pass_read(&after, segment, reason);
    if (err == 0) {
        *ret_count = blocks_collect(&before, &after, blocks);
        *ret_huge = blocks;
    } else {
        free(blocks);
    }
    free(before.entries);
    free(after.entries);
    return err;
}

int huge_read(const struct segment *segment, struct reader_huge **ret_huge,
              size_t *ret_count, char ret_reason[READER_REASON_BYTES])
{
    size_t high = 0;
    int err = high_read(segment, &high, ret_reason);

    if (err)
        return err;
    if (high > 0)
        return blocks_read(segment, high, ret_huge, ret_count, ret_reason);
    *ret_huge = NULL;
    *ret_count = 0;
    return 0;
}
