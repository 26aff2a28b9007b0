/* Threads put together by their names, so that a pool which starts and ends
 * threads all day keeps a few series. */
#ifndef GCSHIM_EXPORT_THREADS_H
#define GCSHIM_EXPORT_THREADS_H

#include "reader/reader.h"

/* How many groups of one process are told: those that own most. */
enum { THREADS_GROUPS_MAX = 32 };

enum threads_by { THREADS_NOT, THREADS_BY_NAME, THREADS_BY_TID };

/* Of threads by name the sums that only ever grow are not told: they fall
 * when one of the threads ends, which reads as a counter that was reset. */
struct threads_group {
    char name[READER_COMM_BYTES]; /* "": not known any more */
    uint32_t tid;                 /* 0 where the group is of a name */
    uint64_t count;
    /* Of those threads that have counted; UNKNOWN where none has. */
    uint64_t owned_bytes;
    uint64_t full_page_bytes;
    /* UNKNOWN where the group is of a name. */
    uint64_t allocated_bytes;
    uint64_t freed_bytes;
};

/* The process's threads in groups, those that own most first.  By name,
 * threads whose names are not known are passed over.  0 or -ENOMEM; the caller
 * frees *ret_groups.  *ret_left_out: groups beyond THREADS_GROUPS_MAX. */
int threads_group(const struct reader_process *process, enum threads_by by,
                  struct threads_group **ret_groups, size_t *ret_count,
                  size_t *ret_left_out);

#endif
