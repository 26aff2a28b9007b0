/* A list of blocks: the huge ones, and the samples that are not huge. */
#ifndef GCSHIM_READER_BLOCKS_H
#define GCSHIM_READER_BLOCKS_H

#include "reader/segment.h"

struct block {
    uint64_t address;
    uint64_t bytes; /* at most SEGMENT_BYTES_MAX */
    uint64_t allocated_ns;
    uint32_t tid;  /* as the process itself sees it */
    uint32_t site; /* number of its call site; any number */
    uint32_t mean; /* index of the mean that it was sampled with; any */
};

/* Copies the blocks that are among the first high entries of a list while it
 * changes, in no order.  what: "huge blocks", for the sentence that refuses
 * more entries than there are.  A table that there is not has none.  The
 * caller frees. */
int blocks_read(const struct segment *segment, enum gcshim_section_kind kind,
                uint64_t high, const char *what, struct block **ret_blocks,
                size_t *ret_count, char ret_reason[READER_REASON_BYTES]);

/* How many entries of the list of huge blocks may be in use. */
int blocks_huge_high(const struct segment *segment, uint64_t *ret_high,
                     char ret_reason[READER_REASON_BYTES]);

#endif
