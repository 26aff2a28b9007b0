/* One segment file: opened, distrusted, copied.
 *
 * The only place that knows the raw layout.  The file is read with pread and
 * never mapped: a file that is cut short meanwhile is then a short read, not
 * a SIGBUS, and reading holes costs no memory.
 *
 * Functions return 0 or -errno; on -EPROTO ret_reason holds a sentence that
 * says what is wrong with the file.
 */
#ifndef GCSHIM_READER_SEGMENT_H
#define GCSHIM_READER_SEGMENT_H

#include "gcshim/layout.h"
#include "reader/reader.h"

struct segment {
    struct gcshim_header header; /* validated; texts cleaned */
    struct gcshim_section slots; /* where their table lies; validated */
    int fd;
    uid_t owner; /* of the file */
};

/* A consistent copy of the figures. */
struct segment_account {
    struct reader_totals totals; /* freed <= allocated, always */
    uint64_t used_bytes;         /* allocated - freed */
    uint64_t used_peak_bytes;
    uint64_t committed_bytes;
    uint64_t committed_peak_bytes;
    uint64_t published_ns;
    uint64_t ended_ns;
    uint64_t dropped_threads;
    struct reader_thread *threads; /* name and state not filled in */
    size_t thread_count;
};

/* Opens and validates the file name within the directory dirfd (or relative
 * to the working directory: AT_FDCWD).  -EAGAIN while it is being created.
 * Release with segment_close. */
int segment_open(struct segment *ret_segment, int dirfd, const char *name,
                 char ret_reason[READER_REASON_BYTES]);
void segment_close(struct segment *segment);

/* Copies the account while its owner goes on changing it.  A thread whose
 * slot does not hold still is left out, and counted as dropped.  The caller
 * frees ret_account->threads. */
int segment_snapshot(const struct segment *segment,
                     struct segment_account *ret_account,
                     char ret_reason[READER_REASON_BYTES]);

#endif
