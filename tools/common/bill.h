/* The bill and what is beside it, line by line, and how a whole is shared out
 * so that its shares add up: for reports, bars and JSON alike. */
#ifndef GCSHIM_COMMON_BILL_H
#define GCSHIM_COMMON_BILL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reader/reader.h"

/* In the order in which they are shown.  Together they are allocated. */
enum bill_part {
    BILL_IN_USE,
    BILL_ORPHANED,
    BILL_CACHED,
    BILL_FRAGMENTED,
    BILL_UNRETURNED,
    BILL_OVERHEAD,
    BILL_PARTS
};

struct bill_entry {
    const char *name;
    const char *key; /* in JSON */
    size_t offset;   /* in struct reader_bill */
    char letter;     /* in a bar */
    bool is_estimate;
    const char *meaning;
};

extern const struct bill_entry bill_entries[BILL_PARTS];

enum { BILL_LETTER_UNKNOWN = '?' };

/* Whether it is known how used and the rest divide. */
bool bill_is_divided(const struct reader_bill *bill);

/* READER_UNKNOWN where it is.  While it is not known how used divides, all of
 * it counts as in use. */
uint64_t bill_bytes(const struct reader_process *process, enum bill_part part);

/* Whether the figure of this part is marked "~". */
bool bill_is_marked(const struct reader_process *process, enum bill_part part);

/* The parts' shares of allocated in thousandths; they add up to 1000, unless
 * nothing is allocated or a part is unknown, which then has 0. */
void bill_shares(const struct reader_process *process,
                 unsigned ret_permille[BILL_PARTS]);

/* The bill as a bar: each part's letter as often as its share of so many
 * cells demands, '?' for what is not known.  ret_bar has room for cells + 1.
 * Blank where nothing is allocated. */
void bill_bar(const struct reader_process *process, size_t cells,
              char *ret_bar);

/* What the marked figures rest on: "~ counted 1.2 s ago; ...". */
enum { BILL_REMARK_BYTES = 128 };
void bill_remark(const struct reader_process *process,
                 char ret_remark[BILL_REMARK_BYTES]);

/* What is resident, by who handed it out. */
enum mapping_part {
    MAPPING_MALLOC,
    MAPPING_STACKS,
    MAPPING_CODE,
    MAPPING_FILES,
    MAPPING_HEAP,
    MAPPING_OTHER,
    MAPPING_PARTS
};

struct mapping_entry {
    const char *name;
    const char *key; /* in JSON */
    size_t offset;   /* in struct reader_mappings */
};

extern const struct mapping_entry mapping_entries[MAPPING_PARTS];

bool mappings_are_known(const struct reader_mappings *mappings);
uint64_t mapping_bytes(const struct reader_mappings *mappings,
                       enum mapping_part part);
void mapping_shares(const struct reader_mappings *mappings,
                    unsigned ret_permille[MAPPING_PARTS]);

/* Shares out units among parts in proportion to them, each exact to less than
 * one unit, so that they add up to units.  Where all parts are 0 nothing is
 * given. */
void share_out(const uint64_t *parts, size_t count, unsigned units,
               unsigned *ret_units);

#endif
