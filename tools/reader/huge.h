/* The list of huge blocks. */
#ifndef GCSHIM_READER_HUGE_H
#define GCSHIM_READER_HUGE_H

#include "reader/segment.h"

/* Copies the blocks that are in the list while it changes, the largest first.
 * The tids are as the process itself sees them.  The caller frees. */
int huge_read(const struct segment *segment, struct reader_huge **ret_huge,
              size_t *ret_count, char ret_reason[READER_REASON_BYTES]);

#endif
