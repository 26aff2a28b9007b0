/* Who descends from whom: see kin.h.
 *
 * Of the living it is the kernel that says who the parent is.  A dead one's
 * parent is what its segment says, and is believed only if it began earlier:
 * its pid may be another's by now.  A dead one of a container has no pid here,
 * and no ancestor. */
#include "reader/kin.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "reader/array.h"
#include "reader/proc.h"

enum { DEPTH_MAX = 64 };

/* A process without an account that was asked about. */
struct stranger {
    uint32_t pid, parent_pid;
    uint64_t start_time_ticks;
};

struct strangers {
    struct stranger *entries; /* sorted by pid */
    size_t count;
};

/* Where a pid stands or would stand. */
static size_t place_of(const struct strangers *strangers, uint32_t pid)
{
    size_t low = 0;
    size_t high = strangers->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (strangers->entries[middle].pid < pid)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* One that is gone meanwhile has no parent. */
static struct stranger stranger_read(uint32_t pid)
{
    struct stranger stranger = {.pid = pid, .start_time_ticks = UINT64_MAX};
    struct proc proc;

    if (proc_open(&proc, pid) == 0) {
        stranger.parent_pid = proc.stat.parent_pid;
        stranger.start_time_ticks = proc.stat.start_time_ticks;
        proc_close(&proc);
    }
    return stranger;
}

static int stranger_find(struct strangers *strangers, uint32_t pid,
                         struct stranger *ret_stranger)
{
    size_t at = place_of(strangers, pid);
    void *entries = strangers->entries;

    if (at == strangers->count || strangers->entries[at].pid != pid) {
        if (array_grow(&entries, strangers->count,
                       sizeof(*strangers->entries)) < 0)
            return -ENOMEM;
        strangers->entries = entries;
        memmove(strangers->entries + at + 1, strangers->entries + at,
                (strangers->count - at) * sizeof(*strangers->entries));
        strangers->entries[at] = stranger_read(pid);
        strangers->count++;
    }
    *ret_stranger = strangers->entries[at];
    return 0;
}

/* The first process of that pid in the survey. */
static size_t first_of(const struct reader_survey *survey, uint32_t pid)
{
    size_t low = 0;
    size_t high = survey->process_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (survey->processes[middle].pid < pid)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Who began later is nobody's ancestor.  At the same tick the smaller pid is
 * taken to be the older, so that no two are each other's. */
static bool is_earlier(const struct reader_process *a,
                       const struct reader_process *b)
{
    if (a->start_time_ticks != b->start_time_ticks)
        return a->start_time_ticks < b->start_time_ticks;
    return a->pid < b->pid;
}

/* The process of that pid that can be an ancestor; NULL if there is none. */
static const struct reader_process *
elder_find(const struct reader_survey *survey,
           const struct reader_process *process, uint32_t pid)
{
    for (size_t i = first_of(survey, pid);
         i < survey->process_count && survey->processes[i].pid == pid; i++) {
        const struct reader_process *elder = &survey->processes[i];
        bool has_pid_here =
            elder->state == READER_LIVE || elder->pid_namespace == 0;

        if (has_pid_here && is_earlier(elder, process))
            return elder;
    }
    return NULL;
}

static int ancestor_set(const struct reader_survey *survey,
                        struct reader_process *process,
                        struct strangers *strangers)
{
    uint32_t pid = process->parent_pid;

    for (int depth = 0; pid != 0 && depth < DEPTH_MAX; depth++) {
        const struct reader_process *elder = elder_find(survey, process, pid);
        struct stranger stranger;

        if (elder) {
            process->ancestor_pid = elder->pid;
            process->ancestor_created_ns = elder->created_ns;
            return 0;
        }
        if (stranger_find(strangers, pid, &stranger) < 0)
            return -ENOMEM;
        if (stranger.start_time_ticks > process->start_time_ticks)
            return 0;
        pid = stranger.parent_pid;
    }
    return 0;
}

int kin_find(struct reader_survey *survey)
{
    struct strangers strangers = {0};
    int err = 0;

    for (size_t i = 0; err == 0 && i < survey->process_count; i++) {
        struct reader_process *process = &survey->processes[i];

        if (process->state == READER_LIVE || process->pid_namespace == 0)
            err = ancestor_set(survey, process, &strangers);
    }
    free(strangers.entries);
    return err;
}
