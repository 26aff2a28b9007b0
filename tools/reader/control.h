/* What can be asked of a running process, by writing into its segment.
 *
 * Only the process's own user and root may.  The file is locked (flock) while
 * it is written to, so that two who ask do not undo each other.  Functions
 * return 0 or -errno: -EACCES or -EPERM where it is not allowed, -ENOENT or
 * -ESRCH where the process is gone, -EBUSY where somebody holds the lock for
 * long, -EPROTO where the file is no longer to be trusted.
 */
#ifndef GCSHIM_READER_CONTROL_H
#define GCSHIM_READER_CONTROL_H

#include "reader/profile.h"

/* An open request.  Release with control_close. */
struct control {
    struct segment *segment; /* PRIVATE */
    uint32_t pid;            /* PRIVATE */
    uint32_t request;
};

int control_open(struct control *ret_control,
                 const struct reader_process *process);
void control_close(struct control *control);

/* Asks every thread to give back what it can at its next tick. */
int control_trim(struct control *control);

/* How many of the process's threads have done so, and how many there are.
 * -ESRCH as soon as the process is no more, if only its parent does not know
 * yet. */
int control_trim_progress(const struct control *control, size_t *ret_done,
                          size_t *ret_threads);

/* Asks the process's runtime to collect its garbage, all of it. */
int control_collect(struct control *control);

/* Whether the runtime has done so, or could not; one that speaks to the shim
 * by itself never says.  -ESRCH as above. */
int control_collect_served(const struct control *control, bool *ret_is_served);

/* The newest collection that began after since_ns (CLOCK_BOOTTIME); asked_by
 * not 0: of those that this one asked for.  -ENODATA where there is none. */
int control_collected(const struct control *control, uint64_t since_ns,
                      enum reader_gc_asker asked_by,
                      struct reader_gc_event *ret_event);

/* Asks for call stacks to be sampled with this mean, 0: not any more.
 * -ENOTSUP where the process's shim does not sample. */
int control_profile(struct control *control, uint64_t mean_bytes);

/* Whether that has been done, or could not be; and what sampling is at then, or
 * is at now.  -ESRCH as above. */
int control_profile_served(const struct control *control, bool *ret_is_served,
                           enum reader_sampling *ret_state,
                           uint64_t *ret_mean_bytes);

/* Remembers the figures of process in its segment, for readers to show the
 * change since. */
int control_baseline(struct control *control,
                     const struct reader_process *process);

/* Removes the segments of processes that are no more and that belong to this
 * user (root: all), in dir (NULL: /dev/shm): how many there were and what
 * memory they took.  Those that processes left on request (GCSHIM_KEEP) go too.
 *
 * Kept are those that are no sound segments, that may not be removed, or whose
 * process may live where this reader cannot see it.  What other users own, and
 * what belongs to a process that runs, if another program by now, is neither
 * removed nor counted. */
int control_clean(const char *dir, size_t *ret_removed, uint64_t *ret_bytes,
                  size_t *ret_kept);

#endif
