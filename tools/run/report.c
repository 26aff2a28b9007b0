/* What a program's memory came to: see report.h. */
#include "run/report.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/gc.h"
#include "common/size.h"
#include "common/wrap.h"
#include "reader/proc.h"
#include "reader/reader.h"
#include "reader/text.h"

enum {
    ENDING_BYTES = 64,
    PREFIX_BYTES = 32,
    PATH_BYTES = 512,
    EVIDENCE_WIDTH = 74,
    EVIDENCE_INDENT = 4,
};

/* ------------------------------------------------------------- segments */

/* By what a segment is known as the child's.  Of one process that has exec'ed
 * there may be several: one that has become another user's cannot remove what
 * it left as the first. */
struct origin {
    uint32_t pid;
    uint64_t began_ns;
    uint64_t start_time_ticks; /* 0: not known */
    uid_t last_uid;            /* whose the child was at its end */
};

/* The child is a zombie, of which the kernel still tells us this much. */
static struct origin origin_of(const struct child *child, uint64_t began_ns)
{
    struct origin origin = {.pid = (uint32_t)child->pid,
                            .began_ns = began_ns,
                            .last_uid = geteuid()};
    struct proc proc;
    struct stat st;

    if (proc_open(&proc, origin.pid) < 0)
        return origin;
    origin.start_time_ticks = proc.stat.start_time_ticks;
    if (fstat(proc.dirfd, &st) == 0)
        origin.last_uid = st.st_uid;
    proc_close(&proc);
    return origin;
}

/* One that is older, or tells of another start, was left by another process,
 * which had the same pid before. */
static bool is_left_by(const struct origin *origin,
                       const struct reader_process *process)
{
    bool is_same_start = origin->start_time_ticks == 0 ||
                         process->start_time_ticks == 0 ||
                         process->start_time_ticks == origin->start_time_ticks;

    return process->state == READER_DEAD && process->pid_namespace == 0 &&
           process->pid == origin->pid && is_same_start &&
           process->created_ns >= origin->began_ns;
}

/* Anybody may put a file into the directory: only who the child was, first or
 * last, is believed. */
static bool is_believed(const struct origin *origin,
                        const struct reader_process *process)
{
    return process->file_uid == geteuid() ||
           process->file_uid == origin->last_uid;
}

static void path_make(char path[PATH_BYTES], const char *name)
{
    (void)snprintf(path, PATH_BYTES, "%s/%s", READER_DIR, name);
}

/* The next one that says it was left by the child, whoever owns it. */
static bool segment_next(DIR *dir, const struct origin *origin,
                         struct reader_process *ret_process)
{
    char prefix[PREFIX_BYTES];
    char path[PATH_BYTES];

    (void)snprintf(prefix, sizeof(prefix), READER_PREFIX "%" PRIu32 ".",
                   origin->pid);
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
        struct reader_process process;

        if (strncmp(entry->d_name, prefix, strlen(prefix)) != 0)
            continue;
        path_make(path, entry->d_name);
        if (reader_process_init(&process, path, NULL) < 0)
            continue;
        if (is_left_by(origin, &process)) {
            *ret_process = process;
            return true;
        }
        reader_process_fini(&process);
    }
    return false;
}

/* The newest one, of the program that the child was at its end: 0 or
 * -errno. */
static int segment_find(const struct origin *origin,
                        struct reader_process *ret_process)
{
    struct reader_process best = {0};
    struct reader_process process;
    bool is_found = false;
    DIR *dir = opendir(READER_DIR);

    if (!dir)
        return -errno;
    while (segment_next(dir, origin, &process)) {
        if (!is_believed(origin, &process) ||
            (is_found && process.created_ns <= best.created_ns)) {
            reader_process_fini(&process);
            continue;
        }
        reader_process_fini(&best);
        best = process;
        is_found = true;
    }
    (void)closedir(dir);
    if (!is_found)
        return -ENOENT;
    *ret_process = best;
    return 0;
}

/* As far as we may. */
static void segments_remove(const struct origin *origin)
{
    struct reader_process process;
    char path[PATH_BYTES];
    DIR *dir = opendir(READER_DIR);

    if (!dir)
        return;
    while (segment_next(dir, origin, &process)) {
        path_make(path, process.segment);
        (void)unlink(path);
        reader_process_fini(&process);
    }
    (void)closedir(dir);
}

/* --------------------------------------------------------------- print */

static void ending_format(char text[ENDING_BYTES], const struct child *child)
{
    const char *name = child->was_killed ? sigabbrev_np(child->code) : NULL;

    if (!child->was_killed)
        (void)snprintf(text, ENDING_BYTES, "exited with status %d",
                       child->code);
    else
        (void)snprintf(text, ENDING_BYTES, "was killed by signal %d%s%s%s",
                       child->code, name ? " (SIG" : "", name ? name : "",
                       name ? ")" : "");
}

static void peak_line(FILE *out, const char *label, uint64_t now, uint64_t peak)
{
    char size[SIZE_BYTES];
    char most[SIZE_BYTES];

    (void)fprintf(out, "  %-18s%*s   peak%*s\n", label, SIZE_COLUMNS,
                  size_format(size, now), SIZE_COLUMNS + 1,
                  size_format(most, peak));
}

static void total_line(FILE *out, const char *label, uint64_t bytes,
                       uint64_t blocks)
{
    char size[SIZE_BYTES];
    char count[COUNT_BYTES];

    (void)fprintf(out, "  %-18s%*s   in %s block%s\n", label, SIZE_COLUMNS,
                  size_format(size, bytes), count_format(count, blocks),
                  blocks == 1 ? "" : "s");
}

static void collections_line(FILE *out, const struct reader_gc *gc)
{
    char count[COUNT_BYTES];
    char freed[SIZE_BYTES];
    char pause[AGE_BYTES];
    uint64_t collections = gc_collections(gc);

    if (!gc->is_there || collections == 0)
        return;
    (void)fprintf(out, "  %-18s%*s   in %s collection%s (%s), longest %s\n",
                  "garbage", SIZE_COLUMNS,
                  size_format(freed, gc->freed_total_bytes),
                  count_format(count, collections), collections == 1 ? "" : "s",
                  gc_name(gc), pause_format(pause, gc->pause_ns_max));
}

/* Of a process that has ended there are no mappings to be read any more: this
 * is what its bill says. */
static void verdict_print(FILE *out, const struct reader_process *process)
{
    const char *verdict = reader_verdict_name(process->verdict);

    (void)fprintf(out, "  %-18s%s\n", "verdict", verdict ? verdict : "-");
    wrap_print(out, process->evidence, EVIDENCE_WIDTH, EVIDENCE_INDENT);
}

static void account_print(FILE *out, const struct child *child,
                          const struct reader_process *process)
{
    char ending[ENDING_BYTES];
    const struct reader_totals *totals = &process->totals;

    ending_format(ending, child);
    (void)fprintf(out, "gcshim: %s (pid %d) %s\n", process->comm, child->pid,
                  ending);
    peak_line(out, "memory used", process->used_bytes,
              process->used_peak_bytes);
    peak_line(out, "memory allocated", process->allocated_bytes,
              process->allocated_peak_bytes);
    total_line(out, "handed out", totals->allocated_bytes,
               totals->allocated_blocks);
    total_line(out, "freed", totals->freed_bytes, totals->freed_blocks);
    collections_line(out, &process->gc);
    verdict_print(out, process);
}

static void nothing_print(FILE *out, const struct child *child,
                          const char *program, const char *obstacle)
{
    char ending[ENDING_BYTES];
    char name[READER_COMMAND_BYTES];

    ending_format(ending, child);
    text_copy(name, sizeof(name), program, strlen(program));
    (void)fprintf(out,
                  "gcshim: %s (pid %d) %s; there is no account of its memory"
                  "%s%s\n",
                  name, child->pid, ending, *obstacle ? ": " : "", obstacle);
}

enum leaks_result report_print(FILE *out, const struct child *child,
                               const char *program, uint64_t began_ns,
                               const char *obstacle, bool keep,
                               const struct suppressions *suppressions)
{
    struct origin origin = origin_of(child, began_ns);
    enum leaks_result leaks = LEAKS_UNKNOWN;
    struct reader_process process;

    if (segment_find(&origin, &process) < 0) {
        nothing_print(out, child, program, obstacle);
    } else {
        account_print(out, child, &process);
        if (suppressions)
            leaks = leaks_print(out, &process, suppressions);
        reader_process_fini(&process);
    }
    if (!keep)
        segments_remove(&origin);
    return leaks;
}
