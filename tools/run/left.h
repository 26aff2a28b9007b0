/* What a child that has ended has left in /dev/shm. */
#ifndef GCSHIM_RUN_LEFT_H
#define GCSHIM_RUN_LEFT_H

#include <stdint.h>
#include <sys/types.h>

#include "reader/reader.h"
#include "run/child.h"

/* By what a segment is known as the child's.  Of one process that has exec'ed
 * there may be several: one that has become another user's cannot remove what
 * it left as the first. */
struct left {
    uint32_t pid;
    uint64_t began_ns;
    uint64_t start_time_ticks; /* 0: not known */
    uid_t last_uid;            /* whose the child was at its end */
};

/* Of a child, ended and not yet released, that was started after began_ns
 * (CLOCK_BOOTTIME). */
struct left left_by(const struct child *child, uint64_t began_ns);

/* Reads the newest segment, of the program that the child was at its end: 0
 * or -errno.  Release with reader_process_fini. */
int left_find(const struct left *left, struct reader_process *ret_process);

/* Removes all of them, as far as this user may. */
void left_remove(const struct left *left);

#endif
