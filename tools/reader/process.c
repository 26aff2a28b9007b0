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

#include "reader/proc.h"
#include "reader/refuse.h"
#include "reader/segment.h"
#include "reader/text.h"
#include "reader/world.h"

enum { NS_PER_MS = 1000000 };

static uint64_t max(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* ---------------------------------------------------- dead or alive */

/* Whether this is the process that made the segment, and the program that it
 * ran then: start times stay over an exec, the place of the stack does not. */
static bool is_same_program(const struct gcshim_header *header,
                            const struct proc_stat *stat)
{
    if (header->start_time_ticks == 0)
        return proc_ticks_to_ns(stat->start_time_ticks) <= header->created_ns;
    if (header->start_time_ticks != stat->start_time_ticks)
        return false;
    return header->stack_start == 0 || stat->stack_start == 0 ||
           header->stack_start == stat->stack_start;
}

static bool is_live(const struct segment *segment,
                    const struct segment_account *account,
                    const struct proc *proc)
{
    return account->ended_ns == 0 && proc_is_running(proc) &&
           is_same_program(&segment->header, &proc->stat);
}

/* A segment that went away while we read it: its process has ended in good
 * order, and is not to be shown as one that crashed. */
static bool is_unlinked(const struct segment *segment)
{
    struct stat st;

    return fstat(segment->fd, &st) == 0 && st.st_nlink == 0;
}

/* ------------------------------------------------------------ figures */

static uint64_t age_of(uint64_t published_ns)
{
    uint64_t now = proc_now_ns();

    if (published_ns == 0)
        return READER_UNKNOWN;
    return now > published_ns ? (now - published_ns) / NS_PER_MS : 0;
}

/* The committed figure is as old as the last tick, and used is of now: what
 * is in use is committed at the least, and a peak is no less than today. */
static void figures_set(struct reader_process *process,
                        const struct segment_account *account)
{
    process->totals = account->totals;
    process->used_bytes = account->used_bytes;
    process->used_peak_bytes =
        max(account->used_peak_bytes, process->used_bytes);
    process->allocated_bytes =
        max(account->committed_bytes, process->used_bytes);
    process->allocated_peak_bytes =
        max(account->committed_peak_bytes,
            max(process->allocated_bytes, process->used_peak_bytes));
    process->dropped = account->dropped_threads;
    process->age_ms = age_of(account->published_ns);
    process->threads = account->threads;
    process->thread_count = account->thread_count;
}

void process_bury(struct reader_process *process)
{
    process->pid = process->namespace_pid;
    process->state = READER_DEAD;
    process->run_state = 'X';
    process->resident_bytes = READER_UNKNOWN;
    process->rss_bytes = READER_UNKNOWN;
}

static void identity_set(struct reader_process *process,
                         const struct segment *segment)
{
    const struct gcshim_header *header = &segment->header;

    process->pid = header->pid;
    process->namespace_pid = header->pid;
    process->parent_pid = header->parent_pid;
    process->uid = segment->owner;
    process->file_uid = segment->owner;
    process->start_time_ticks = header->start_time_ticks;
    process->created_ns = header->created_ns;
    process_bury(process);
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

static uint32_t tid_seen(const struct proc_tid *tids, size_t count,
                         uint32_t namespace_tid)
{
    struct proc_tid key = {.namespace_tid = namespace_tid};
    const struct proc_tid *found =
        count > 0 ? bsearch(&key, tids, count, sizeof(*tids), tid_compare)
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
    struct proc_tid first = {process->pid, process->namespace_pid};
    struct proc_tid *tids = &first;
    size_t count = 1;
    bool is_alone = proc->stat.thread_count <= 1;
    int err = is_alone ? 0 : proc_tids_read(proc, &tids, &count);

    if (err)
        return err;
    if (count > 0)
        qsort(tids, count, sizeof(*tids), tid_compare);
    for (size_t i = 0; i < process->thread_count; i++) {
        struct reader_thread *thread = &process->threads[i];

        thread->tid = tid_seen(tids, count, thread->tid);
    }
    if (process->thread_count > 0)
        qsort(process->threads, process->thread_count,
              sizeof(*process->threads), thread_compare);
    if (tids != &first)
        free(tids);
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

/* Finds out which pid a process has here: 0, or -ESRCH where it has none any
 * more.  Ids mean something within one pid namespace only; and what lies in a
 * container's directory may be about those alone who see it. */
static int process_locate(struct reader_process *process,
                          const struct gcshim_header *header,
                          const struct process_source *source,
                          char reason[READER_REASON_BYTES])
{
    uint64_t theirs = header->pid_namespace;
    uint64_t ours = proc_pid_namespace();
    bool is_ours = theirs == 0 || ours == 0 || theirs == ours;

    process->pid_namespace = is_ours ? 0 : theirs;
    if (!source->directory && is_ours)
        return 0;
    int err = source->world
                  ? world_find(source->world, source->directory, theirs,
                               header->pid, header->created_ns, &process->pid)
                  : -ENXIO;

    if (err != -ENXIO)
        return err;
    return refuse(reason, is_ours ? "is about a process that does not see it"
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
                        const struct segment_account *account, bool exists,
                        enum process_trust trust,
                        char reason[READER_REASON_BYTES])
{
    struct proc proc;
    bool is_open = exists && proc_open(&proc, process->pid) == 0;
    bool live = is_open && is_live(segment, account, &proc);
    int err = live ? live_join(process, &proc, trust, reason) : 0;

    if (err == -ENOENT || err == -ESRCH) { /* it ended this instant */
        live = false;
        err = 0;
    }
    if (!live)
        process_bury(process);
    if (err == 0 && !live && is_unlinked(segment))
        err = -ENOENT;
    if (err == 0)
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

int process_read(struct reader_process *ret_process,
                 const struct process_source *source, const char *name,
                 char ret_reason[READER_REASON_BYTES])
{
    struct reader_process process = {0};
    struct segment segment;
    struct segment_account account = {0};
    const char *slash = strrchr(name, '/');
    const char *base = slash ? slash + 1 : name;
    int err = segment_open(&segment, source->dirfd, name, ret_reason);

    if (err)
        return err;
    if (is_left_over(&segment)) {
        err = -ENOENT;
        goto close;
    }
    identity_set(&process, &segment);
    process.root_pid = source->directory ? source->directory->pid : 0;
    err = process_locate(&process, &segment.header, source, ret_reason);
    bool exists = err == 0;

    if (err && err != -ESRCH)
        goto close;
    err = stray_admit(&process, exists, source);
    if (err == 0)
        err = segment_snapshot(&segment, &account, ret_reason);
    if (err)
        goto close;
    text_copy(process.segment, sizeof(process.segment), base, strlen(base));
    figures_set(&process, &account);
    err = process_join(&process, &segment, &account, exists, source->trust,
                       ret_reason);
    if (err)
        free(account.threads);
    else
        *ret_process = process;

close:
    segment_close(&segment);
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
    process->threads = NULL;
    process->thread_count = 0;
}
