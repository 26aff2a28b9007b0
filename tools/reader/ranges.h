/* The ranges of addresses that mimalloc hands out from. */
#ifndef GCSHIM_READER_RANGES_H
#define GCSHIM_READER_RANGES_H

#include "reader/segment.h"

/* Whole multiples of 32 MiB, in ascending order, none next to another. */
struct reader_range {
    uint64_t begin;
    uint64_t end;
};

/* Copies the map while bits are added.  The caller frees. */
int ranges_read(const struct segment *segment,
                const struct gcshim_header *header,
                struct reader_range **ret_ranges, size_t *ret_count,
                char ret_reason[READER_REASON_BYTES]);

/* How many bytes of [begin, end) lie in ranges. */
uint64_t ranges_overlap(const struct reader_range *ranges, size_t count,
                        uint64_t begin, uint64_t end);

#endif
