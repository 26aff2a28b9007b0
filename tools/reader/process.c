/* One process: see process.h. */
#include "reader/process.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reader/account.h"
#include "reader/figures.h"
#include "reader/gc.h"
#include "reader/mappings.h"
#include "reader/proc.h"
#include "reader/refuse.h"
#include "reader/segment.h"
#include "reader/text.h"
#include "reader/verdict.h"
#include "reader/world.h"

/* ---------------------------------------------------- dead or alive */

bool process_is_same(const struct gcshim_header *header,
                     const struct proc_stat *stat)
{
    if (header->start_time_ticks == 0)
        return proc_ticks_to_ns(stat->start_time_ticks) <= header->created_ns;
    return header->start_time_ticks == stat->start_time_ticks;
}

/* Whether it runs the program that it ran then: start times stay over an exec,
 * the place of the stack does not. */
static bool is_same_program(const struct gcshim_header *header,
                            const struct proc_stat *stat)
{
    return process_is_same(header, stat) &&
           (header->start_time_ticks == 0 || header->stack_start == 0 ||
            stat->stack_start == 0 || header->stack_start == stat->stack_start);
}

static bool is_live(const struct segment *segment,
                    const struct account *account, const struct proc *proc)
{
    return account->header.ended_ns == 0 && proc_is_running(proc) &&
           is_same_program(&segment->header, &proc->stat);
}

/* A segment that went away while we read it: its process has ended in good
 * order, and is not to be shown as one that crashed. */
static bool is_unlinked(const struct segment *segment)
{
    struct stat st;

    return fstat(segment->fd, &st) == 0 && st.st_nlink == 0;
}

static void dead_set(struct reader_process *process)
{
    process->pid = process->namespace_pid;
    process->state = READER_DEAD;
    process->run_state = 'X';
    process->resident_bytes = READER_UNKNOWN;
    process->rss_bytes = READER_UNKNOWN;
}

void process_bury(struct reader_process *process)
{
    dead_set(process);
    verdict_give(process);
}

/* The pid namespace of a segment: 0 where it is our own. */
static uint64_t foreign_namespace(const struct gcshim_header *header)
{
    uint64_t ours = proc_pid_namespace();

    return ours == 0 || header->pid_namespace == ours ? 0
                                                      : header->pid_namespace;
}

static void identity_set(struct reader_process *process,
                         const struct segment *segment)
{
    const struct gcshim_header *header = &segment->header;

    process->pid = header->pid;
    process->namespace_pid = header->pid;
    process->pid_namespace = foreign_namespace(header);
    process->parent_pid = header->parent_pid;
    process->uid = segment->owner;
    process->file_uid = segment->owner;
    process->start_time_ticks = header->start_time_ticks;
    process->created_ns = header->created_ns;
    dead_set(process);
    memcpy(process->comm, header->comm, sizeof(process->comm));
}

/* ------------------------------------------------------- thread ids */

static int tid_compare(const void *left, const void *right)
{
    const struct proc_tid *a = left;
    const struct proc_tid *b = right;

    return (a->namespace_tid > b->namespace_tid) -
           (a->namespace_tid < b->namespace_tid);
}

int process_tids_init(struct process_tids *ret_tids,
                      const struct reader_process *process,
                      const struct proc *proc)
{
    struct process_tids tids = {.first = {process->pid, process->namespace_pid},
                                .count = 1};
    bool is_alone = proc->stat.thread_count <= 1;
    int err = is_alone ? 0 : proc_tids_read(proc, &tids.list, &tids.count);

    if (err)
        return err;
    if (tids.list && tids.count > 0)
        qsort(tids.list, tids.count, sizeof(*tids.list), tid_compare);
    *ret_tids = tids;
    return 0;
}

void process_tids_fini(struct process_tids *tids)
{
    free(tids->list);
    *tids = (struct process_tids){0};
}

uint32_t process_tid_seen(const struct process_tids *tids,
                          uint32_t namespace_tid)
{
    struct proc_tid key = {.namespace_tid = namespace_tid};
    const struct proc_tid *list = tids->list ? tids->list : &tids->first;
    const struct proc_tid *found =
        tids->count > 0
            ? bsearch(&key, list, tids->count, sizeof(*list), tid_compare)
            : NULL;

    return found ? found->tid : namespace_tid; /* ended meanwhile */
}

static int thread_compare(const void *left, const void *right)
{
    const struct reader_thread *a = left;
    const struct reader_thread *b = right;

    return (a->tid > b->tid) - (a->tid < b->tid);
}

/* The ids of the threads of another pid namespace, as we see them. */
static int thread_tids_set(struct reader_process *process,
                           const struct proc *proc)
{
    struct process_tids tids;
    int err = process_tids_init(&tids, process, proc);

    if (err)
        return err;
    for (size_t i = 0; i < process->thread_count; i++) {
        struct reader_thread *thread = &process->threads[i];

        thread->tid = process_tid_seen(&tids, thread->tid);
    }
    for (size_t i = 0; i < process->huge_count; i++) {
        struct reader_huge *huge = &process->huge[i];

        huge->tid = process_tid_seen(&tids, huge->tid);
    }
    for (size_t i = 0; i < process->gc.event_count; i++) {
        struct reader_gc_event *event = &process->gc.events[i];

        event->tid = process_tid_seen(&tids, event->tid);
    }
    if (process->thread_count > 0)
        qsort(process->threads, process->thread_count,
              sizeof(*process->threads), thread_compare);
    process_tids_fini(&tids);
    return 0;
}

static void thread_names_set(struct reader_process *process,
                             const struct proc *proc)
{
    for (size_t i = 0; i < process->thread_count; i++) {
        struct reader_thread *thread = &process->threads[i];
        struct proc_stat stat;

        thread->state = 'X';
        if (!proc || proc_thread_read(proc, thread->tid, &stat) < 0)
            continue;
        thread->state = stat.state;
        memcpy(thread->name, stat.comm, sizeof(thread->name));
    }
}

/* What only a living process has.  A file that is about somebody else's
 * process is refused: anybody may put a file into /dev/shm. */
static int live_set(struct reader_process *process, const struct proc *proc,
                    enum process_trust trust, char reason[READER_REASON_BYTES])
{
    struct proc_status status;
    int err = proc_status_read(proc, &status);

    if (err)
        return err;
    if (trust == PROCESS_OWN_ONLY && process->file_uid != 0 &&
        process->file_uid != status.uid) {
        return refuse(reason,
                      "is owned by uid %" PRIu32 ", but process %" PRIu32
                      " belongs to uid %" PRIu32,
                      process->file_uid, process->pid, status.uid);
    }
    process->state = READER_LIVE;
    process->run_state = proc->stat.state;
    process->parent_pid = proc->stat.parent_pid;
    process->uid = status.uid;
    process->resident_bytes = status.resident_bytes;
    process->rss_bytes = status.rss_bytes;
    memcpy(process->comm, proc->stat.comm, sizeof(process->comm));
    proc_command_read(proc, process->command);
    return 0;
}

/* ------------------------------------------------------------- locate */

/* Ids mean something within one pid namespace only; and what lies in a
 * container's directory may be about those alone who see it. */
int process_locate(const struct gcshim_header *header,
                   const struct process_source *source, uint32_t *ret_pid,
                   char ret_reason[READER_REASON_BYTES])
{
    if (source->held_pid != 0) {
        *ret_pid = source->held_pid;
        return 0;
    }
    bool is_ours = foreign_namespace(header) == 0;

    if (!source->directory && is_ours) {
        *ret_pid = header->pid;
        return 0;
    }
    int err = source->world ? world_find(source->world, source->directory,
                                         header->pid_namespace, header->pid,
                                         header->created_ns, ret_pid)
                            : -ENXIO;

    if (err != -ENXIO)
        return err;
    return refuse(ret_reason, is_ours
                                  ? "is about a process that does not see it"
                                  : "belongs to another pid namespace");
}

/* ---------------------------------------------------------------- join */

static int live_join(struct reader_process *process, const struct proc *proc,
                     enum process_trust trust, char reason[READER_REASON_BYTES])
{
    int err = process->pid_namespace != 0 ? thread_tids_set(process, proc) : 0;

    return err ? err : live_set(process, proc, trust, reason);
}

/* exists: whether there is a process of that pid. */
static int process_join(struct reader_process *process,
                        const struct segment *segment,
                        const struct account *account, bool exists,
                        const struct process_source *source,
                        char reason[READER_REASON_BYTES])
{
    struct proc proc;
    bool is_open = exists && proc_open(&proc, process->pid) == 0;
    bool live = is_open && is_live(segment, account, &proc);
    int err = live ? live_join(process, &proc, source->trust, reason) : 0;

    if (err == -ENOENT || err == -ESRCH) { /* it ended this instant */
        live = false;
        err = 0;
    }
    if (!live)
        dead_set(process);
    if (err == 0 && !live && source->held_pid == 0 && is_unlinked(segment))
        err = -ENOENT;
    if (err == 0 && (!live || !source->is_brief))
        thread_names_set(process, live ? &proc : NULL);
    if (is_open)
        proc_close(&proc);
    return err;
}

/* Whether a file may be about a process that lives and belongs to its owner;
 * the directory of one that hides from tracers belongs to root. */
static bool may_be_live(const struct reader_process *process, bool exists)
{
    uint32_t owner = 0;

    return exists && proc_owner(process->pid, &owner) == 0 &&
           (owner == process->file_uid || owner == 0);
}

/* Before anything is read that costs time or memory. */
static int stray_admit(const struct reader_process *process, bool exists,
                       const struct process_source *source)
{
    if (!source->strays_left || process->file_uid == 0 ||
        process->file_uid == geteuid() || may_be_live(process, exists))
        return 0;
    if (*source->strays_left == 0)
        return -EDQUOT;
    --*source->strays_left;
    return 0;
}

/* No crash: the process ended by itself, but could not remove the file. */
static bool is_left_over(const struct segment *segment)
{
    return segment->header.flags & GCSHIM_FLAG_LEFT_OVER;
}

/* Where it lies, for those who will want to open it again. */
static void place_set(struct reader_process *process,
                      const struct process_source *source, const char *name)
{
    const char *slash = strrchr(name, '/');
    const char *base = slash ? slash + 1 : name;
    const char *path = source->path ? source->path : ".";
    size_t length = strlen(path);

    if (!source->path && slash) {
        path = name;
        length = slash > name ? (size_t)(slash - name) : 1;
    }
    text_copy(process->segment, sizeof(process->segment), base, strlen(base));
    if (source->directory)
        process->root_pid = source->directory->pid;
    else if (length < sizeof(process->directory))
        memcpy(process->directory, path, length);
}

/* All of it, into a process that has nothing yet. */
static int process_fill(struct reader_process *process,
                        const struct segment *segment,
                        const struct process_source *source,
                        char reason[READER_REASON_BYTES])
{
    struct account account;
    int err = process_locate(&segment->header, source, &process->pid, reason);
    bool exists = err == 0;

    if (err && err != -ESRCH)
        return err;
    err = stray_admit(process, exists, source);
    if (err == 0)
        err = source->recall ? account_read_again(segment, source->recall,
                                                  &account, reason)
                             : account_read(segment, &account, reason);
    if (err)
        return err;
    figures_set(process, &account);
    err = process_join(process, segment, &account, exists, source, reason);
    if (err)
        reader_process_fini(process);
    else
        verdict_give(process);
    return err;
}

int process_read(struct reader_process *ret_process,
                 const struct process_source *source, const char *name,
                 char ret_reason[READER_REASON_BYTES])
{
    struct reader_process process = {0};
    struct segment segment;
    int err = segment_open(&segment, source->dirfd, name, ret_reason);

    if (err)
        return err;
    if (is_left_over(&segment)) {
        err = -ENOENT;
    } else {
        identity_set(&process, &segment);
        place_set(&process, source, name);
        err = process_fill(&process, &segment, source, ret_reason);
    }
    segment_close(&segment);
    if (err == 0)
        *ret_process = process;
    return err;
}

int process_read_held(struct reader_process *ret_process,
                      const struct segment *held, uint32_t pid,
                      struct recall *recall,
                      char ret_reason[READER_REASON_BYTES])
{
    struct process_source source = {.dirfd = AT_FDCWD,
                                    .trust = PROCESS_ANY_OWNER,
                                    .held_pid = pid,
                                    .recall = recall,
                                    .is_brief = true};
    struct reader_process process = {0};
    struct segment segment;
    int err = segment_open_again(&segment, held, ret_reason);

    if (err)
        return err;
    identity_set(&process, &segment);
    err = process_fill(&process, &segment, &source, ret_reason);
    segment_close(&segment);
    if (err == 0)
        *ret_process = process;
    return err;
}

int reader_process_init(struct reader_process *ret_process, const char *path,
                        char ret_reason[READER_REASON_BYTES])
{
    char ignored[READER_REASON_BYTES];
    struct world world;
    struct process_source source = {
        .dirfd = AT_FDCWD, .trust = PROCESS_ANY_OWNER, .world = &world};

    world_init(&world);
    int err = process_read(ret_process, &source, path,
                           ret_reason ? ret_reason : ignored);

    world_fini(&world);
    return err;
}

void reader_process_fini(struct reader_process *process)
{
    free(process->threads);
    free(process->classes);
    free(process->huge);
    free(process->history);
    free(process->ranges);
    gc_fini(&process->gc);
    process->threads = NULL;
    process->classes = NULL;
    process->huge = NULL;
    process->history = NULL;
    process->ranges = NULL;
    process->thread_count = 0;
    process->class_count = 0;
    process->huge_count = 0;
    process->history_count = 0;
    process->range_count = 0;
}

/* ------------------------------------------------------------- explain */

static bool is_gone(int err)
{
    return err == -ENOENT || err == -ESRCH;
}

static bool is_denied(int err)
{
    return err == -EACCES || err == -EPERM;
}

static bool is_still(const struct reader_process *process,
                     const struct proc *proc)
{
    return proc_is_running(proc) &&
           (process->start_time_ticks == 0 ||
            process->start_time_ticks == proc->stat.start_time_ticks);
}

static void mappings_set(struct reader_process *process,
                         const struct reader_mappings *mappings)
{
    process->mappings = *mappings;
    process->resident_bytes = mappings->malloc_bytes + mappings->outside_bytes;
    if (process->rss_bytes < process->resident_bytes)
        process->rss_bytes = process->resident_bytes;
    verdict_give(process);
}

int reader_process_explain(struct reader_process *process)
{
    struct reader_mappings mappings;
    struct proc proc;
    int err =
        process->state == READER_LIVE ? proc_open(&proc, process->pid) : -ESRCH;

    if (err)
        return is_gone(err) || is_denied(err) ? 0 : err;
    err = is_still(process, &proc) ? mappings_read(&proc, process, &mappings)
                                   : -ESRCH;
    proc_close(&proc);
    if (err == 0)
        mappings_set(process, &mappings);
    return is_gone(err) || is_denied(err) ? 0 : err;
}
