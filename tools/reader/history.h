/* The history: the process's whole life in points. */
#ifndef GCSHIM_READER_HISTORY_H
#define GCSHIM_READER_HISTORY_H

#include "reader/segment.h"

/* Copies the points while more are added, the oldest first, in strictly
 * ascending time.  The caller frees. */
int history_read(const struct segment *segment,
                 struct reader_point **ret_points, size_t *ret_count,
                 char ret_reason[READER_REASON_BYTES]);

#endif
