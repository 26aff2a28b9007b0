/* What can be asked of a running process: see control.h. */
#include "reader/control.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "reader/gc.h"
#include "reader/proc.h"
#include "reader/process.h"
#include "reader/profile_state.h"
#include "reader/reopen.h"
#include "reader/segment.h"
#include "reader/slots.h"

enum { LOCK_TRIES = 200, LOCK_PAUSE_NS = 10000000 };

/* ----------------------------------------------------------------- open */

/* What a killed process leaves behind looks as if it went on: only the kernel
 * knows. */
static int life_check(const struct segment *segment, uint32_t pid)
{
    struct proc proc;
    int err = proc_open(&proc, pid);

    if (err)
        return err == -ENOENT ? -ESRCH : err;
    if (!proc_is_running(&proc) ||
        !process_is_same(&segment->header, &proc.stat))
        err = -ESRCH;
    proc_close(&proc);
    return err;
}

/* A word written into the file of one who is gone would be to nobody; and of
 * a process that another user may speak for, to somebody else. */
static int process_check(const struct segment *segment,
                         const struct reader_process *process)
{
    if (process->state != READER_LIVE)
        return -ESRCH;
    if (process->file_uid != 0 && process->file_uid != process->uid)
        return -EPERM;
    return life_check(segment, process->pid);
}

static int segment_open_of(struct segment *ret_segment,
                           const struct reader_process *process)
{
    char ignored[READER_REASON_BYTES];
    int err = reopen_writable(ret_segment, process, ignored);

    if (err)
        return err;
    err = process_check(ret_segment, process);
    if (err)
        segment_close(ret_segment);
    return err;
}

int control_open(struct control *ret_control,
                 const struct reader_process *process)
{
    struct segment *segment =
        aligned_alloc(alignof(struct segment), sizeof(*segment));
    int err = segment ? segment_open_of(segment, process) : -ENOMEM;

    if (err)
        free(segment);
    else
        *ret_control =
            (struct control){.segment = segment, .pid = process->pid};
    return err;
}

void control_close(struct control *control)
{
    segment_close(control->segment);
    free(control->segment);
    control->segment = NULL;
}

/* ---------------------------------------------------------------- words */

/* Whoever holds the lock has a few words to write. */
static int lock(const struct control *control)
{
    struct timespec pause = {.tv_nsec = LOCK_PAUSE_NS};

    for (int try = 0; try < LOCK_TRIES; try++) {
        if (flock(control->segment->fd, LOCK_EX | LOCK_NB) == 0)
            return 0;
        if (errno != EWOULDBLOCK && errno != EINTR)
            return -errno;
        (void)nanosleep(&pause, NULL);
    }
    return -EBUSY;
}

static void unlock(const struct control *control)
{
    (void)flock(control->segment->fd, LOCK_UN);
}

static int header_write(const struct control *control, const void *words,
                        size_t bytes, size_t offset)
{
    ssize_t put = pwrite(control->segment->fd, words, bytes, (off_t)offset);

    if (put < 0)
        return -errno;
    return (size_t)put == bytes ? 0 : -EIO;
}

/* ------------------------------------------------------------- requests */

/* The process itself may ask at this moment, by an atomic add; then the two
 * requests are one.  P: [trim] [collect] [profile] */
static int request_write(struct control *control, size_t offset)
{
    char ignored[READER_REASON_BYTES];
    uint32_t request = 0;
    int err = segment_read(control->segment, &request, sizeof(request), offset,
                           ignored);

    request++;
    if (err == 0)
        err = header_write(control, &request, sizeof(request), offset);
    if (err == 0)
        control->request = request;
    return err;
}

/* offset: of the number of the last request, in the header. */
static int request(struct control *control, size_t offset)
{
    int err = lock(control);

    if (err)
        return err;
    err = request_write(control, offset);
    unlock(control);
    return err;
}

int control_trim(struct control *control)
{
    return request(control, offsetof(struct gcshim_header, trim_requested));
}

int control_trim_progress(const struct control *control, size_t *ret_done,
                          size_t *ret_threads)
{
    char ignored[READER_REASON_BYTES];
    int err = life_check(control->segment, control->pid);

    return err ? err
               : slots_trimmed(control->segment, control->request, ret_done,
                               ret_threads, ignored);
}

int control_collect(struct control *control)
{
    return request(control, offsetof(struct gcshim_header, collect_requested));
}

/* A later request serves this one too; and the numbers go round. */
int control_collect_served(const struct control *control, bool *ret_is_served)
{
    char ignored[READER_REASON_BYTES];
    uint32_t served = 0;
    int err = life_check(control->segment, control->pid);

    if (err == 0)
        err = gc_served(control->segment, &served, ignored);
    if (err == 0)
        *ret_is_served = (int32_t)(served - control->request) >= 0;
    return err;
}

int control_collected(const struct control *control, uint64_t since_ns,
                      enum reader_gc_asker asked_by,
                      struct reader_gc_event *ret_event)
{
    char ignored[READER_REASON_BYTES];
    struct reader_gc gc;
    int err = gc_read(control->segment, &gc, ignored);

    if (err)
        return err;
    err = -ENODATA;
    for (size_t i = gc.event_count; i > 0 && err; i--) {
        const struct reader_gc_event *event = &gc.events[i - 1];

        if (event->begin_ns <= since_ns ||
            (asked_by != 0 && !(event->asked_by & asked_by)))
            continue;
        *ret_event = *event;
        err = 0;
    }
    gc_fini(&gc);
    return err;
}

/* ------------------------------------------------------------- sampling */

/* The mean stands there before the number that asks for it.  P: [profile] */
static int profile_write(struct control *control, uint64_t mean_bytes)
{
    int err =
        header_write(control, &mean_bytes, sizeof(mean_bytes),
                     offsetof(struct gcshim_header, profile_wanted_bytes));

    return err ? err
               : request_write(control, offsetof(struct gcshim_header,
                                                 profile_requested));
}

int control_profile(struct control *control, uint64_t mean_bytes)
{
    int err = 0;

    if (control->segment->sections[GCSHIM_SECTION_PROFILE].entries == 0)
        return -ENOTSUP;
    err = lock(control);
    if (err)
        return err;
    err = profile_write(control, mean_bytes);
    unlock(control);
    return err;
}

int control_profile_served(const struct control *control, bool *ret_is_served,
                           enum reader_sampling *ret_state,
                           uint64_t *ret_mean_bytes)
{
    enum reader_sampling state = READER_SAMPLING_UNKNOWN;
    uint64_t mean_bytes = 0;
    uint32_t served = 0;
    int err = life_check(control->segment, control->pid);

    if (err == 0)
        err =
            profile_state_read(control->segment, &served, &state, &mean_bytes);
    if (err)
        return err;
    *ret_is_served = (int32_t)(served - control->request) >= 0;
    *ret_state = state;
    *ret_mean_bytes = mean_bytes;
    return 0;
}

/* ------------------------------------------------------------- baseline */

/* As they stand in the header, one behind the other. */
struct baseline {
    uint64_t used_bytes;
    uint64_t committed_bytes;
    uint64_t resident_bytes;
    uint64_t allocated_total_bytes;
    uint64_t freed_total_bytes;
};

static_assert(offsetof(struct gcshim_header, baseline_freed_total_bytes) -
                      offsetof(struct gcshim_header, baseline_used_bytes) ==
                  offsetof(struct baseline, freed_total_bytes),
              "the words of a baseline are written in one go");

static int time_write(const struct control *control, uint64_t now_ns)
{
    return header_write(control, &now_ns, sizeof(now_ns),
                        offsetof(struct gcshim_header, baseline_ns));
}

/* Without a time meanwhile: half of one baseline and half of another would be
 * believed. */
static int baseline_write(const struct control *control,
                          const struct baseline *baseline)
{
    int err = time_write(control, 0);

    if (err == 0)
        err = header_write(control, baseline, sizeof(*baseline),
                           offsetof(struct gcshim_header, baseline_used_bytes));
    if (err == 0)
        err = time_write(control, proc_now_ns());
    return err;
}

int control_baseline(struct control *control,
                     const struct reader_process *process)
{
    struct baseline baseline = {
        .used_bytes = process->used_bytes,
        .committed_bytes = process->allocated_bytes,
        .resident_bytes = process->resident_bytes,
        .allocated_total_bytes = process->totals.allocated_bytes,
        .freed_total_bytes = process->totals.freed_bytes,
    };
    int err = lock(control);

    if (err)
        return err;
    err = baseline_write(control, &baseline);
    unlock(control);
    return err;
}
