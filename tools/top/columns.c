/* The columns of the process list: see columns.h. */
#include "top/columns.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/size.h"
#include "common/users.h"

enum { COMMAND_WIDTH_MIN = 16 };

/* ------------------------------------------------------------ formats */

static void number_text(char text[COLUMN_TEXT_BYTES], uint64_t number)
{
    (void)snprintf(text, COLUMN_TEXT_BYTES, "%" PRIu64, number);
}

static void format_pid(char text[COLUMN_TEXT_BYTES], const struct row *row)
{
    number_text(text, row->thread ? row->thread->tid : row->process->pid);
}

static void format_namespace_pid(char text[COLUMN_TEXT_BYTES],
                                 const struct row *row)
{
    if (row->thread)
        *text = '\0';
    else if (row->process->pid_namespace == 0)
        (void)snprintf(text, COLUMN_TEXT_BYTES, "-");
    else
        number_text(text, row->process->namespace_pid);
}

static void format_user(char text[COLUMN_TEXT_BYTES], const struct row *row)
{
    (void)snprintf(text, COLUMN_TEXT_BYTES, "%s",
                   row->thread ? "" : users_name(row->process->uid));
}

static void format_state(char text[COLUMN_TEXT_BYTES], const struct row *row)
{
    char state = row->thread ? row->thread->state : row->process->run_state;

    if (row->process->state == READER_DEAD)
        (void)snprintf(text, COLUMN_TEXT_BYTES, "dead");
    else
        (void)snprintf(text, COLUMN_TEXT_BYTES, "%c", state);
}

/* Most figures are of the process, and are left empty in the row of a
 * thread. */
#define FORMAT_SIZE(name, value, is_of_threads)             \
    static void format_##name(char text[COLUMN_TEXT_BYTES], \
                              const struct row *row)        \
    {                                                       \
        if (row->thread && !(is_of_threads))                \
            *text = '\0';                                   \
        else                                                \
            size_format(text, value);                       \
    }

#define FORMAT_CHANGE(name, value)                          \
    static void format_##name(char text[COLUMN_TEXT_BYTES], \
                              const struct row *row)        \
    {                                                       \
        if (row->thread)                                    \
            *text = '\0';                                   \
        else                                                \
            size_format_change(text, value);                \
    }

static const struct reader_totals *totals_of(const struct row *row)
{
    return row->thread ? &row->thread->totals : &row->process->totals;
}

FORMAT_SIZE(used, row->process->used_bytes, false)
FORMAT_SIZE(peak, row->process->used_peak_bytes, false)
FORMAT_SIZE(allocated, row->process->allocated_bytes, false)
FORMAT_SIZE(resident, row->process->resident_bytes, false)
FORMAT_SIZE(rss, row->process->rss_bytes, false)
FORMAT_SIZE(rate, row->rate_bytes, true)
FORMAT_SIZE(total, totals_of(row)->allocated_bytes, true)
FORMAT_SIZE(freed, totals_of(row)->freed_bytes, true)
FORMAT_CHANGE(change, row->change_bytes)
FORMAT_CHANGE(growth, row->growth_bytes)

static unsigned use_permille(const struct row *row)
{
    return size_permille(row->process->used_bytes,
                         row->process->allocated_bytes);
}

static void format_use(char text[COLUMN_TEXT_BYTES], const struct row *row)
{
    if (row->thread)
        *text = '\0';
    else
        (void)snprintf(text, COLUMN_TEXT_BYTES, "%u%%", use_permille(row) / 10);
}

static void format_blocks(char text[COLUMN_TEXT_BYTES], const struct row *row)
{
    if (row->thread)
        *text = '\0';
    else
        count_format(text, reader_blocks(&row->process->totals));
}

static void format_threads(char text[COLUMN_TEXT_BYTES], const struct row *row)
{
    if (row->thread)
        *text = '\0';
    else
        number_text(text, row->process->thread_count);
}

static void format_verdict(char text[COLUMN_TEXT_BYTES], const struct row *row)
{
    static const char *const words[] = {
        [READER_VERDICT_UNKNOWN] = "-",
        [READER_VERDICT_IN_USE] = "in use",
        [READER_VERDICT_UNRETURNED] = "unreturned",
        [READER_VERDICT_FRAGMENTED] = "fragmented",
        [READER_VERDICT_OUTSIDE] = "outside",
    };

    (void)snprintf(text, COLUMN_TEXT_BYTES, "%s",
                   row->thread ? "" : words[row->process->verdict]);
}

static const char *command_of(const struct row *row)
{
    const struct reader_process *process = row->process;

    return *process->command ? process->command : process->comm;
}

static void format_command(char text[COLUMN_TEXT_BYTES], const struct row *row)
{
    if (row->thread)
        (void)snprintf(text, COLUMN_TEXT_BYTES, "  %s", row->thread->name);
    else
        (void)snprintf(text, COLUMN_TEXT_BYTES, "%s", command_of(row));
}

/* ------------------------------------------------------------ compares */

/* What is unknown is less than everything. */
static int compare_figures(uint64_t a, uint64_t b)
{
    if ((a == READER_UNKNOWN) != (b == READER_UNKNOWN))
        return a == READER_UNKNOWN ? -1 : 1;
    return (a > b) - (a < b);
}

#define COMPARE_FIGURE(name, figure)                                           \
    static int compare_##name(const struct row *left, const struct row *right) \
    {                                                                          \
        const struct row *row = left;                                          \
        uint64_t a = figure;                                                   \
                                                                               \
        row = right;                                                           \
        return compare_figures(a, figure);                                     \
    }

COMPARE_FIGURE(pid, row->process->pid)
COMPARE_FIGURE(namespace_pid, row->process->pid_namespace == 0
                                  ? READER_UNKNOWN
                                  : row->process->namespace_pid)
COMPARE_FIGURE(used, row->process->used_bytes)
COMPARE_FIGURE(peak, row->process->used_peak_bytes)
COMPARE_FIGURE(allocated, row->process->allocated_bytes)
COMPARE_FIGURE(use, use_permille(row))
COMPARE_FIGURE(resident, row->process->resident_bytes)
COMPARE_FIGURE(rss, row->process->rss_bytes)
COMPARE_FIGURE(verdict, row->process->verdict)
COMPARE_FIGURE(rate, row->rate_bytes)
COMPARE_FIGURE(total, row->process->totals.allocated_bytes)
COMPARE_FIGURE(freed, row->process->totals.freed_bytes)
COMPARE_FIGURE(blocks, reader_blocks(&row->process->totals))
COMPARE_FIGURE(threads, row->process->thread_count)

static int compare_change(const struct row *a, const struct row *b)
{
    return (a->change_bytes > b->change_bytes) -
           (a->change_bytes < b->change_bytes);
}

static int compare_growth(const struct row *a, const struct row *b)
{
    return (a->growth_bytes > b->growth_bytes) -
           (a->growth_bytes < b->growth_bytes);
}

static int compare_user(const struct row *a, const struct row *b)
{
    return strcmp(users_name(a->process->uid), users_name(b->process->uid));
}

/* The dead after the living. */
static int compare_state(const struct row *a, const struct row *b)
{
    int order = (int)a->process->state - (int)b->process->state;

    return order ? order : a->process->run_state - b->process->run_state;
}

static int compare_command(const struct row *a, const struct row *b)
{
    return strcmp(command_of(a), command_of(b));
}

/* --------------------------------------------------------------- table */

/* clang-format off */
const struct column columns[COLUMN_COUNT] = {
    [COLUMN_PID] = {
        "pid", "PID", 7, 1, false, true,
        "process id; with threads shown, a thread's id",
        format_pid, compare_pid},
    [COLUMN_USER] = {
        "user", "USER", 8, 7, true, true,
        "who the process belongs to",
        format_user, compare_user},
    [COLUMN_STATE] = {
        "state", "S", 4, 2, true, true,
        "as in ps, or dead: the process has crashed or was killed",
        format_state, compare_state},
    [COLUMN_USED] = {
        "used", "USED", SIZE_COLUMNS, 1, false, false,
        "bytes in blocks handed out and not yet freed",
        format_used, compare_used},
    [COLUMN_PEAK] = {
        "peak", "PEAK", SIZE_COLUMNS, 8, false, false,
        "the most that was ever used",
        format_peak, compare_peak},
    [COLUMN_ALLOCATED] = {
        "alloc", "ALLOC", SIZE_COLUMNS, 1, false, false,
        "bytes that the allocator has taken from the system",
        format_allocated, compare_allocated},
    [COLUMN_USE] = {
        "use", "USE", 4, 3, false, false,
        "used in percent of allocated",
        format_use, compare_use},
    [COLUMN_RESIDENT] = {
        "resident", "RESIDENT", SIZE_COLUMNS, 2, false, false,
        "anonymous memory of the process that is in RAM",
        format_resident, compare_resident},
    [COLUMN_RSS] = {
        "rss", "RSS", SIZE_COLUMNS, 9, false, false,
        "all memory of the process that is in RAM",
        format_rss, compare_rss},
    [COLUMN_VERDICT] = {
        "verdict", "VERDICT", 10, 4, true, false,
        "where the memory is: in use, unreturned, fragmented, outside malloc",
        format_verdict, compare_verdict},
    [COLUMN_CHANGE] = {
        "change", "CHANGE", SIZE_COLUMNS + 1, 2, false, false,
        "change of used since the baseline (key z)",
        format_change, compare_change},
    [COLUMN_GROWTH] = {
        "growth", "GROWTH/s", SIZE_COLUMNS + 1, 6, false, false,
        "change of used in a second, since the last refresh",
        format_growth, compare_growth},
    [COLUMN_RATE] = {
        "rate", "RATE/s", SIZE_COLUMNS, 10, false, false,
        "bytes handed out in a second: how busy it is",
        format_rate, compare_rate},
    [COLUMN_TOTAL] = {
        "total", "TOTAL", SIZE_COLUMNS, 10, false, false,
        "bytes handed out since the process began",
        format_total, compare_total},
    [COLUMN_FREED] = {
        "freed", "FREED", SIZE_COLUMNS, 11, false, false,
        "bytes freed since the process began",
        format_freed, compare_freed},
    [COLUMN_BLOCKS] = {
        "blocks", "BLOCKS", 11, 12, false, false,
        "blocks handed out and not yet freed",
        format_blocks, compare_blocks},
    [COLUMN_THREADS] = {
        "thr", "THR", 4, 5, false, false,
        "threads that have an account of their own",
        format_threads, compare_threads},
    [COLUMN_NAMESPACE_PID] = {
        "nspid", "NSPID", 7, 13, false, true,
        "process id in a container, as the process itself sees it",
        format_namespace_pid, compare_namespace_pid},
    [COLUMN_COMMAND] = {
        "command", "COMMAND", COMMAND_WIDTH_MIN, 1, true, true,
        "the program and its arguments; a thread's name",
        format_command, compare_command},
};
/* clang-format on */

enum column_id column_find(const char *name)
{
    for (int id = 0; id < COLUMN_COUNT; id++) {
        if (strcasecmp(columns[id].name, name) == 0)
            return (enum column_id)id;
    }
    return COLUMN_COUNT;
}

int column_order(enum column_id id, bool inverted, const struct row *a,
                 const struct row *b)
{
    int order = columns[id].compare(a, b);

    if (columns[id].rising == inverted)
        order = -order;
    return order ? order : compare_pid(a, b);
}

/* -------------------------------------------------------------- widths */

void columns_fit(int width, bool has_baseline, int ret_widths[COLUMN_COUNT])
{
    int left = width + 1; /* each column brings one blank, the first none */

    memset(ret_widths, 0, COLUMN_COUNT * sizeof(*ret_widths));
    for (int priority = 1; priority <= COLUMN_COUNT; priority++) {
        for (int id = 0; id < COLUMN_COUNT; id++) {
            const struct column *column = &columns[id];

            if (column->priority != priority || left < column->width + 1 ||
                (id == COLUMN_CHANGE && !has_baseline))
                continue;
            ret_widths[id] = column->width;
            left -= column->width + 1;
        }
    }
    if (ret_widths[COLUMN_COMMAND] > 0)
        ret_widths[COLUMN_COMMAND] += left;
}
