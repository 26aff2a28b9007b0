/* The segment that a process was read from, once more: for what is read only
 * when asked for, and for requests. */
#ifndef GCSHIM_READER_REOPEN_H
#define GCSHIM_READER_REOPEN_H

#include "reader/segment.h"

/* For reading; or for reading and writing, under segment_open_writable's
 * conditions.  -ENOENT where it is gone, -ESRCH where another one lies there.
 * Release with segment_close. */
int reopen(struct segment *ret_segment, const struct reader_process *process,
           char ret_reason[READER_REASON_BYTES]);
int reopen_writable(struct segment *ret_segment,
                    const struct reader_process *process,
                    char ret_reason[READER_REASON_BYTES]);

#endif
