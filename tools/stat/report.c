/* One process's memory in words and tables: see report.h. */
#include "stat/report.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/bill.h"
#include "common/classes.h"
#include "common/gc.h"
#include "common/size.h"
#include "common/sparkline.h"
#include "common/wrap.h"
#include "reader/text.h"
#include "sites/text.h"

enum {
    WIDTH = 78,
    LABEL_WIDTH = 26,
    BAR_WIDTH = 74,
    NAME_WIDTH = 15,
    HISTORY_CELLS = 56,
};

/* A report in the making. */
struct report {
    FILE *out;
    const struct reader_process *process;
    const struct report_options *options;
    struct reader_class *classes; /* in order */
    const struct reader_thread **threads;
};

/* -------------------------------------------------------------- heading */

static void heading_print(const struct report *report)
{
    const struct reader_process *process = report->process;
    char command[WIDTH];

    (void)fprintf(
        report->out, "%s (pid %" PRIu32 "), %s\n", process->comm, process->pid,
        process->state == READER_LIVE ? "live" : "dead: its last figures");
    text_copy(command, sizeof(command), process->command,
              strlen(process->command));
    if (*command)
        (void)fprintf(report->out, "%s\n", command);
}

/* ------------------------------------------------- used, then allocated */

static void figure_print(FILE *out, const char *label, bool is_estimate,
                         uint64_t bytes)
{
    char size[SIZE_BYTES];

    (void)fprintf(out, "%-*s %c %*s", LABEL_WIDTH, label,
                  is_estimate && bytes != READER_UNKNOWN ? '~' : ' ',
                  SIZE_COLUMNS, size_format(size, bytes));
}

static void peak_print(FILE *out, uint64_t peak)
{
    char size[SIZE_BYTES];

    (void)fprintf(out, "   peak %*s", SIZE_COLUMNS, size_format(size, peak));
}

static uint64_t minus(uint64_t whole, uint64_t part)
{
    if (whole == READER_UNKNOWN || part == READER_UNKNOWN)
        return READER_UNKNOWN;
    return whole > part ? whole - part : 0;
}

static void blocks_print(FILE *out, uint64_t blocks)
{
    char count[COUNT_BYTES];

    (void)fprintf(out, "   in %s block%s\n", count_format(count, blocks),
                  blocks == 1 ? "" : "s");
}

static void huge_print(FILE *out, const struct reader_process *process)
{
    figure_print(out, "  in huge blocks", false, process->huge_bytes);
    blocks_print(out, process->huge_blocks);
}

static void used_print(const struct report *report)
{
    const struct reader_process *process = report->process;

    (void)fputc('\n', report->out);
    figure_print(report->out, "memory used", false, process->used_bytes);
    peak_print(report->out, process->used_peak_bytes);
    blocks_print(report->out, reader_blocks(&process->totals));
    figure_print(report->out, "  in pages of small blocks", false,
                 minus(process->used_bytes, process->huge_bytes));
    (void)fputc('\n', report->out);
    huge_print(report->out, process);
    figure_print(report->out, "  beside it, in caches", false,
                 process->bill.cached_bytes);
    (void)fprintf(report->out, "   freed already, kept for reuse\n");
}

static void allocated_print(const struct report *report)
{
    const struct reader_process *process = report->process;
    uint64_t unreturned = process->bill.unreturned_bytes;
    char age[AGE_BYTES];

    (void)fputc('\n', report->out);
    figure_print(report->out, "memory allocated", false,
                 process->allocated_bytes);
    peak_print(report->out, process->allocated_peak_bytes);
    if (process->age_ms != READER_UNKNOWN)
        (void)fprintf(report->out, "   as of %s ago",
                      age_format(age, process->age_ms));
    (void)fputc('\n', report->out);
    figure_print(report->out, "  in pages of small blocks", true,
                 minus(minus(process->allocated_bytes, process->huge_bytes),
                       unreturned));
    (void)fputc('\n', report->out);
    huge_print(report->out, process);
    figure_print(report->out, "  in wholly free pages", true, unreturned);
    (void)fputc('\n', report->out);
}

/* ------------------------------------ the bill, and resident beside it */

enum { LINE_BYTES = 64, BILL_WIDTH = 40, NAMES_WIDTH = 14 };

static void line_format(char line[LINE_BYTES], const char *name,
                        bool is_estimate, uint64_t bytes, unsigned permille)
{
    char size[SIZE_BYTES];
    char share[SIZE_BYTES] = "-";

    if (bytes != READER_UNKNOWN)
        (void)snprintf(share, sizeof(share), "%u.%u%%", permille / 10,
                       permille % 10);
    (void)snprintf(line, LINE_BYTES, "%-*s %c %*s %7s", NAMES_WIDTH, name,
                   is_estimate ? '~' : ' ', SIZE_COLUMNS,
                   size_format(size, bytes), share);
}

static void bill_line(const struct report *report, int part,
                      char line[LINE_BYTES])
{
    const struct reader_process *process = report->process;
    unsigned shares[BILL_PARTS];
    char label[LINE_BYTES];

    bill_shares(process, shares);
    (void)snprintf(label, sizeof(label), "%c %s", bill_entries[part].letter,
                   bill_entries[part].name);
    line_format(line, label, bill_is_marked(process, (enum bill_part)part),
                bill_bytes(process, (enum bill_part)part), shares[part]);
}

static void mapping_line(const struct report *report, int part,
                         char line[LINE_BYTES])
{
    const struct reader_mappings *mappings = &report->process->mappings;
    unsigned shares[MAPPING_PARTS];

    mapping_shares(mappings, shares);
    line_format(line, mapping_entries[part].name, false,
                mapping_bytes(mappings, (enum mapping_part)part), shares[part]);
}

static uint64_t mapped_bytes(const struct reader_mappings *mappings)
{
    return mappings_are_known(mappings)
               ? mappings->malloc_bytes + mappings->outside_bytes
               : READER_UNKNOWN;
}

static_assert((int)BILL_PARTS == (int)MAPPING_PARTS, "they stand side by side");

static void bill_print(const struct report *report)
{
    const struct reader_process *process = report->process;
    char bar[BAR_WIDTH + 1];
    char left[LINE_BYTES];
    char right[LINE_BYTES];
    char remark[BILL_REMARK_BYTES];

    bill_bar(process, BAR_WIDTH, bar);
    (void)fprintf(report->out, "\n%-*s%s\n  [%s]\n", BILL_WIDTH,
                  "where the allocated memory is", "what is resident", bar);
    for (int part = 0; part < BILL_PARTS; part++) {
        bill_line(report, part, left);
        mapping_line(report, part, right);
        (void)fprintf(report->out, "  %-*s%s\n", BILL_WIDTH - 2, left, right);
    }
    line_format(left, "  allocated", false, process->allocated_bytes, 1000);
    line_format(right, "resident", false, mapped_bytes(&process->mappings),
                1000);
    (void)fprintf(report->out, "  %-*s%s\n", BILL_WIDTH - 2, left, right);
    bill_remark(process, remark);
    (void)fprintf(report->out, "  %s\n", remark);
}

/* --------------------------------------------------------------- tables */

/* How many of count lines are shown. */
static size_t lines_of(const struct report *report, size_t count)
{
    return report->options->all || count <= REPORT_TABLE_LINES
               ? count
               : REPORT_TABLE_LINES;
}

static void more_print(const struct report *report, size_t count)
{
    if (lines_of(report, count) < count)
        (void)fprintf(report->out, "  and %zu more (--all shows them)\n",
                      count - lines_of(report, count));
}

static void class_print(FILE *out, const struct reader_class *class)
{
    char block[SIZE_BYTES];
    char pages[COUNT_BYTES];
    char full[COUNT_BYTES];
    char empty[COUNT_BYTES];
    char used[COUNT_BYTES];
    char free_size[SIZE_BYTES];

    (void)fprintf(out, "  %*s %9s %9s %9s %14s %5u%% %11s\n", SIZE_COLUMNS,
                  size_format(block, class->block_bytes),
                  count_format(pages, class->pages),
                  count_format(full, class->full_pages),
                  count_format(empty, class->empty_pages),
                  count_format(used, class->used_blocks),
                  class_fill(class) / 10,
                  size_format(free_size, class_free_bytes(class)));
}

static void classes_print(const struct report *report)
{
    size_t count = report->process->class_count;

    if (count == 0)
        return;
    (void)fprintf(report->out, "\nsize classes, by what is free in them\n"
                               "      block     pages      full     empty"
                               "    blocks used   fill        free\n");
    for (size_t i = 0; i < lines_of(report, count); i++)
        class_print(report->out, &report->classes[i]);
    more_print(report, count);
}

static const char *thread_name(const struct reader_process *process,
                               uint32_t tid)
{
    for (size_t i = 0; i < process->thread_count; i++) {
        if (process->threads[i].tid == tid)
            return process->threads[i].name;
    }
    return "";
}

/* A name of any length within the rest of a line. */
static void name_print(const struct report *report, const char *name,
                       size_t width)
{
    char shown[WIDTH];

    text_copy(shown, width < sizeof(shown) ? width + 1 : sizeof(shown), name,
              strlen(name));
    (void)fprintf(report->out, "%s\n", shown);
}

static struct sites_entry *entry_of(const struct report *report,
                                    uint32_t number)
{
    struct sites *sites = report->options->sites;

    for (size_t i = 0; sites && i < sites->count; i++) {
        if (sites->entries[i].site->number == number)
            return &sites->entries[i];
    }
    return NULL;
}

/* Its site may be gone from what was read, or memory short for its name. */
static void huge_site_print(const struct report *report, uint32_t number)
{
    struct sites_entry *entry = entry_of(report, number);

    if (number == READER_SITE_NONE || !entry ||
        sites_resolve(report->options->sites, entry) < 0)
        return;
    int length = fprintf(report->out, "  %18s site %" PRIu32 ", ", "", number);

    name_print(report, sites_entry_name(entry), (size_t)(WIDTH - length));
}

static void huge_line(const struct report *report,
                      const struct reader_huge *huge)
{
    char size[SIZE_BYTES];
    char age[AGE_BYTES];

    (void)fprintf(report->out, "  %#18" PRIx64 " %11s  %13s  %7" PRIu32 " %s\n",
                  huge->address, size_format(size, huge->bytes),
                  age_format(age, huge->age_ms), huge->tid,
                  thread_name(report->process, huge->tid));
    huge_site_print(report, huge->site);
}

static void huge_blocks_print(const struct report *report)
{
    const struct reader_process *process = report->process;
    char count[COUNT_BYTES];

    if (process->huge_count == 0)
        return;
    (void)fprintf(report->out, "\nhuge blocks, the largest first\n"
                               "             address        size            age"
                               "  allocated by\n");
    for (size_t i = 0; i < lines_of(report, process->huge_count); i++)
        huge_line(report, &process->huge[i]);
    more_print(report, process->huge_count);
    if (process->huge_unlisted > 0 && process->huge_unlisted != READER_UNKNOWN)
        (void)fprintf(report->out, "  %s more had no room in the list\n",
                      count_format(count, process->huge_unlisted));
}

static void thread_print(FILE *out, const struct reader_thread *thread)
{
    const struct reader_census *census = &thread->census;
    bool known = census->age_ms != READER_UNKNOWN;
    char owned[SIZE_BYTES];
    char full[SIZE_BYTES];
    char total[SIZE_BYTES];
    char pages[COUNT_BYTES];
    char age[AGE_BYTES];

    (void)fprintf(
        out, "  %7" PRIu32 " %c %-*s %9s %9s %9s %8s %13s\n", thread->tid,
        thread->state, NAME_WIDTH, thread->name,
        size_format(total, thread->totals.allocated_bytes),
        size_format(owned, known ? census->used_bytes : READER_UNKNOWN),
        size_format(full, known ? census->full_page_bytes : READER_UNKNOWN),
        count_format(pages, known ? census->pages : READER_UNKNOWN),
        age_format(age, census->age_ms));
}

static void threads_print(const struct report *report)
{
    size_t count = report->process->thread_count;

    if (count == 0)
        return;
    (void)fprintf(report->out, "\nthreads, by what their pages hold\n"
                               "      tid S name                total     owned"
                               " full pages   pages   counted ago\n");
    for (size_t i = 0; i < lines_of(report, count); i++)
        thread_print(report->out, report->threads[i]);
    more_print(report, count);
}

/* ----------------------------------------------------------- call sites */

static void site_print(const struct report *report,
                       const struct sites_entry *entry)
{
    const struct reader_site *site = entry->site;
    double unit = (double)report->options->sites->profile.most_mean_bytes;
    char size[SIZE_BYTES];
    char range[SITES_TEXT_BYTES];
    int length =
        fprintf(report->out, "  %*s   %-*s %5" PRIu32 "  ", SIZE_COLUMNS,
                sites_size(size, site->live_bytes.value), 2 * SIZE_COLUMNS + 4,
                sites_range_text(range, site->live_bytes, unit), site->number);

    name_print(report, sites_entry_name(entry), (size_t)(WIDTH - length));
}

static void sites_print(const struct report *report)
{
    struct sites *sites = report->options->sites;
    size_t most = report->options->all ? SIZE_MAX : REPORT_SITES;
    char state[SITES_TEXT_BYTES];

    if (!sites || sites->count == 0)
        return;
    (void)fprintf(report->out,
                  "\ncall sites, by what is in use (%s; gcshim-prof)\n"
                  "     in use   95 of 100 within      "
                  " site  innermost function\n",
                  sites_state_text(state, sites->profile.state,
                                   sites->profile.mean_bytes));
    for (size_t i = 0; i < sites->count && i < most; i++) {
        struct sites_entry *entry = &sites->entries[i];

        if (entry->site->live_samples == 0 || sites_resolve(sites, entry) < 0)
            break;
        site_print(report, entry);
    }
}

/* ---------------------------------------------------------- collections */

static void event_print(FILE *out, const struct reader_gc_event *event)
{
    char age[AGE_BYTES];
    char pause[AGE_BYTES];
    char before[SIZE_BYTES];
    char after[SIZE_BYTES];
    char objects[COUNT_BYTES];

    (void)fprintf(out, "  %12s %3" PRIu32 " %9s %10s -> %-9s %12s  %s\n",
                  age_format(age, event->age_ms), event->generation,
                  pause_format(pause, event->pause_ns),
                  size_format(before, event->used_before),
                  size_format(after, event->used_after),
                  count_format(objects, event->objects), gc_asker(event));
}

static void events_print(const struct report *report)
{
    const struct reader_gc *gc = &report->process->gc;

    if (gc->event_count == 0)
        return;
    (void)fprintf(report->out, "  %12s %3s %9s %10s -> %-9s %12s  %s\n", "ago",
                  "gen", "pause", "used", "after", "objects", "asked by");
    for (size_t i = 0; i < lines_of(report, gc->event_count); i++)
        event_print(report->out, &gc->events[gc->event_count - 1 - i]);
    more_print(report, gc->event_count);
}

static void gc_print(const struct report *report)
{
    const struct reader_gc *gc = &report->process->gc;
    char text[GC_TEXT_BYTES];

    if (!gc->is_there)
        return;
    (void)fprintf(report->out, "\ncollections of %s\n", gc_title(text, gc));
    for (int line = 0; line < GC_LINES; line++) {
        if (gc_line(text, gc, line))
            wrap_print(report->out, text, WIDTH - 2, 2);
    }
    events_print(report);
}

/* -------------------------------------------------------- earlier times */

static void change_print(FILE *out, const char *label, uint64_t now,
                         uint64_t then)
{
    char change[SIZE_BYTES];

    (void)fprintf(out, "  %s %s", label,
                  size_format_change(change, size_change(now, then)));
}

static void baseline_print(const struct report *report)
{
    const struct reader_process *process = report->process;
    const struct reader_baseline *baseline = &process->baseline;
    char age[AGE_BYTES];

    if (baseline->age_ms == READER_UNKNOWN)
        return;
    (void)fprintf(report->out, "\nsince the baseline of %s ago\n",
                  age_format(age, baseline->age_ms));
    change_print(report->out, "used", process->used_bytes,
                 baseline->used_bytes);
    change_print(report->out, " allocated", process->allocated_bytes,
                 baseline->allocated_bytes);
    change_print(report->out, " resident", process->resident_bytes,
                 baseline->resident_bytes);
    change_print(report->out, " handed out", process->totals.allocated_bytes,
                 baseline->allocated_total_bytes);
    (void)fputc('\n', report->out);
}

static void curve_print(const struct report *report, const char *label,
                        sparkline_figure *figure, uint64_t most)
{
    const struct reader_process *process = report->process;
    char curve[HISTORY_CELLS * SPARKLINE_CELL_BYTES];
    char size[SIZE_BYTES];

    (void)fprintf(
        report->out, "  %-10s%s %9s\n", label,
        sparkline_format(curve, HISTORY_CELLS, process->history,
                         process->history_count, figure, most,
                         report->options->utf8),
        size_format(size, sparkline_most(process->history,
                                         process->history_count, figure)));
}

static void history_print(const struct report *report)
{
    const struct reader_process *process = report->process;
    const struct reader_point *points = process->history;
    char span[AGE_BYTES];
    char title[LINE_BYTES];

    if (process->history_count < 2)
        return;
    uint64_t ns =
        points[process->history_count - 1].time_ns - points[0].time_ns;
    uint64_t most =
        sparkline_most(points, process->history_count, sparkline_allocated);

    (void)snprintf(title, sizeof(title), "history of %s",
                   age_format(span, ns / 1000000));
    (void)fprintf(report->out, "\n%-*s%9s\n", WIDTH - SIZE_COLUMNS, title,
                  "peak");
    curve_print(report, "used", sparkline_used, most);
    curve_print(report, "allocated", sparkline_allocated, most);
}

/* -------------------------------------------------------------- verdict */

static void verdict_print(const struct report *report)
{
    const char *verdict = reader_verdict_name(report->process->verdict);

    (void)fprintf(report->out, "\nverdict: %s\n", verdict ? verdict : "-");
    wrap_print(report->out, report->process->evidence, WIDTH - 2, 2);
}

/* --------------------------------------------------------------- report */

static void (*const sections[])(const struct report *report) = {
    heading_print, used_print,        allocated_print, bill_print,
    classes_print, huge_blocks_print, threads_print,   sites_print,
    gc_print,      baseline_print,    history_print,   verdict_print,
};

static int owned_compare(const void *left, const void *right)
{
    const struct reader_thread *const *a = left;
    const struct reader_thread *const *b = right;
    uint64_t x = (*a)->census.used_bytes;
    uint64_t y = (*b)->census.used_bytes;

    if (x != y)
        return x < y ? 1 : -1;
    return ((*a)->tid > (*b)->tid) - ((*a)->tid < (*b)->tid);
}

static const struct reader_thread **
threads_sorted(const struct reader_process *process)
{
    size_t count = process->thread_count;
    const struct reader_thread **threads =
        calloc(count + 1, sizeof(struct reader_thread *));

    for (size_t i = 0; threads && i < count; i++)
        threads[i] = &process->threads[i];
    if (threads)
        qsort(threads, count, sizeof(struct reader_thread *), owned_compare);
    return threads;
}

int report_print(FILE *out, const struct reader_process *process,
                 const struct report_options *options)
{
    struct report report = {.out = out,
                            .process = process,
                            .options = options,
                            .classes = classes_sorted(process),
                            .threads = threads_sorted(process)};
    bool is_ready = report.classes && report.threads;

    for (size_t i = 0; is_ready && i < sizeof(sections) / sizeof(*sections);
         i++)
        sections[i](&report);
    free(report.classes);
    free(report.threads);
    return is_ready ? 0 : -ENOMEM;
}
