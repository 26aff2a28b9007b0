/* What a program's memory came to: see report.h. */
#include "run/report.h"

#include <string.h>

#include "common/gc.h"
#include "common/size.h"
#include "common/wrap.h"
#include "reader/reader.h"
#include "reader/text.h"
#include "run/left.h"

enum {
    ENDING_BYTES = 64,
    EVIDENCE_WIDTH = 74,
    EVIDENCE_INDENT = 4,
};

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
    struct left left = left_by(child, began_ns);
    enum leaks_result leaks = LEAKS_UNKNOWN;
    struct reader_process process;

    if (left_find(&left, &process) < 0) {
        nothing_print(out, child, program, obstacle);
    } else {
        account_print(out, child, &process);
        if (suppressions)
            leaks = leaks_print(out, &process, suppressions);
        reader_process_fini(&process);
    }
    if (!keep)
        left_remove(&left);
    return leaks;
}
