/* One process: see process.h. */
#include "reader/process.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "reader/proc.h"
#include "reader/segment.h"
#include "reader/text.h"

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

static void identity_set(struct reader_process *process,
                         const struct segment *segment)
{
    const struct gcshim_header *header = &segment->header;

    process->pid = header->pid;
    process->parent_pid = header->parent_pid;
    process->uid = segment->owner;
    process->file_uid = segment->owner;
    process->start_time_ticks = header->start_time_ticks;
    process->created_ns = header->created_ns;
    process->state = READER_DEAD;
    process->run_state = 'X';
    process->resident_bytes = READER_UNKNOWN;
    process->rss_bytes = READER_UNKNOWN;
    memcpy(process->comm, header->comm, sizeof(process->comm));
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
        (void)snprintf(reason, READER_REASON_BYTES,
                       "is owned by uid %" PRIu32 ", but process %" PRIu32
                       " belongs to uid %" PRIu32,
                       process->file_uid, process->pid, status.uid);
        return -EPROTO;
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

/* ---------------------------------------------------------------- join */

static int process_join(struct reader_process *process,
                        const struct segment *segment,
                        const struct segment_account *account,
                        enum process_trust trust,
                        char reason[READER_REASON_BYTES])
{
    struct proc proc;
    bool exists = proc_open(&proc, process->pid) == 0;
    bool live = exists && is_live(segment, account, &proc);
    int err = 0;

    if (live)
        err = live_set(process, &proc, trust, reason);
    if (err == -ENOENT || err == -ESRCH) { /* it ended this instant */
        live = false;
        err = 0;
    }
    if (err == 0 && !live && is_unlinked(segment))
        err = -ENOENT;
    if (err == 0)
        thread_names_set(process, live ? &proc : NULL);
    if (exists)
        proc_close(&proc);
    return err;
}

/* Ids mean something within one pid namespace only. */
static int namespace_check(const struct segment *segment,
                           char reason[READER_REASON_BYTES])
{
    uint64_t theirs = segment->header.pid_namespace;
    uint64_t ours = proc_pid_namespace();

    if (theirs == 0 || ours == 0 || theirs == ours)
        return 0;
    (void)snprintf(reason, READER_REASON_BYTES,
                   "belongs to another pid namespace");
    return -EPROTO;
}

int process_read(struct reader_process *ret_process, int dirfd,
                 const char *name, enum process_trust trust,
                 char ret_reason[READER_REASON_BYTES])
{
    struct reader_process process = {0};
    struct segment segment;
    struct segment_account account = {0};
    const char *slash = strrchr(name, '/');
    const char *base = slash ? slash + 1 : name;
    int err = segment_open(&segment, dirfd, name, ret_reason);

    if (err)
        return err;
    err = namespace_check(&segment, ret_reason);
    if (err)
        goto close;
    err = segment_snapshot(&segment, &account, ret_reason);
    if (err)
        goto close;
    identity_set(&process, &segment);
    text_copy(process.segment, sizeof(process.segment), base, strlen(base));
    figures_set(&process, &account);
    err = process_join(&process, &segment, &account, trust, ret_reason);
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

    return process_read(ret_process, AT_FDCWD, path, PROCESS_ANY_OWNER,
                        ret_reason ? ret_reason : ignored);
}

void reader_process_fini(struct reader_process *process)
{
    free(process->threads);
    process->threads = NULL;
    process->thread_count = 0;
}
