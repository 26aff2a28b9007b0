/* What a program's memory came to: see report.h. */
#include "run/report.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "common/size.h"
#include "reader/reader.h"
#include "reader/text.h"

enum {
    SEGMENTS_MAX = 64, /* of one process, which has exec'ed so often */
    ENDING_BYTES = 64,
    PATH_BYTES = READER_NAME_BYTES + 16,
};

/* -------------------------------------------------------------- segment */

static void segment_remove(const struct reader_process *process)
{
    char path[PATH_BYTES];

    (void)snprintf(path, sizeof(path), "/dev/shm/%s", process->segment);
    (void)unlink(path);
}

/* The newest segment that this very child has left: 0 or -errno.  One that is
 * older was left by another process, which had the same pid before. */
static int segment_find(const struct child *child, uint64_t began_ns,
                        struct reader_process *ret_process)
{
    struct reader_process process;
    int err = reader_process_find(&process, NULL, (uint32_t)child->pid);

    if (err)
        return err;
    if (process.created_ns < began_ns || process.state != READER_DEAD ||
        (process.file_uid != geteuid() && geteuid() != 0)) {
        reader_process_fini(&process);
        return -ENOENT;
    }
    *ret_process = process;
    return 0;
}

/* Of one process that has exec'ed there may be several. */
static void segments_remove(const struct child *child, uint64_t began_ns)
{
    struct reader_process process;

    for (int i = 0; i < SEGMENTS_MAX; i++) {
        if (segment_find(child, began_ns, &process) < 0)
            return;
        segment_remove(&process);
        reader_process_fini(&process);
    }
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
    total_line(out, "handed out in all", totals->allocated_bytes,
               totals->allocated_blocks);
    total_line(out, "freed again", totals->freed_bytes, totals->freed_blocks);
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

void report_print(FILE *out, const struct child *child, const char *program,
                  uint64_t began_ns, const char *obstacle, bool keep)
{
    struct reader_process process;

    if (segment_find(child, began_ns, &process) < 0) {
        nothing_print(out, child, program, obstacle);
        return;
    }
    account_print(out, child, &process);
    reader_process_fini(&process);
    if (!keep)
        segments_remove(child, began_ns);
}
