/* The columns of the process list: see columns.h. */
#include "top/columns.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/cli.h"
#include "common/size.h"
#include "common/sparkline.h"
#include "common/users.h"

enum {
    COMMAND_WIDTH_MIN = 16,
    /* So wide it is made before columns beyond these priorities are shown;
     * a branch of the tree takes room too. */
    COMMAND_WIDTH_GOOD = 28,
    PRIORITY_NEEDED = 5,
    PRIORITY_NEEDED_IN_TREE = 2,
    HISTORY_CELLS = 16,
};

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
FORMAT_SIZE(family_used, row->family_used_bytes, false)
FORMAT_SIZE(family_allocated, row->family_allocated_bytes, false)
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

/* What was used, as a share of the most that was ever allocated. */
static void format_history(char text[COLUMN_TEXT_BYTES], const struct row *row)
{
    const struct reader_process *process = row->process;
    uint64_t most = sparkline_most(process->history, process->history_count,
                                   sparkline_allocated);

    if (row->thread)
        *text = '\0';
    else if (process->history_count == 0)
        (void)snprintf(text, COLUMN_TEXT_BYTES, "-");
    else
        sparkline_format(text, HISTORY_CELLS, process->history,
                         process->history_count, sparkline_used, most,
                         cli_has_utf8());
}

static_assert((int)COLUMN_TEXT_BYTES >= HISTORY_CELLS * SPARKLINE_CELL_BYTES,
              "a history has room");

/* The lines that lead from the parent to a row, or past it. */
static char *branch_format(char *text, const struct row *row)
{
    static const char *const utf8[] = {"   ", "│  ", "└─ ", "├─ "};
    static const char *const ascii[] = {"   ", "|  ", "`- ", "|- "};
    const char *const *glyphs = cli_has_utf8() ? utf8 : ascii;
    const struct row_branch *branch = &row->branch;

    for (unsigned depth = 1; depth <= branch->depth; depth++) {
        bool goes_on = (branch->lines >> depth & 1) != 0;
        bool is_own = depth == branch->depth && !row->thread;

        text = stpcpy(text, glyphs[(is_own ? 2 : 0) + goes_on]);
    }
    return text;
}

/* The dead tell no more than their name, and until when they were heard of. */
static void format_command(char text[COLUMN_TEXT_BYTES], const struct row *row)
{
    const struct reader_process *process = row->process;
    char *end = branch_format(text, row);
    size_t room = (size_t)(text + COLUMN_TEXT_BYTES - end);
    char age[AGE_BYTES];

    if (row->branch.folded > 0 && !row->thread) {
        int length = snprintf(end, room, "[+%zu] ", row->branch.folded);

        end += length;
        room -= (size_t)length;
    }
    if (row->thread)
        (void)snprintf(end, room, "  %s", row->thread->name);
    else if (process->state == READER_DEAD && process->age_ms != READER_UNKNOWN)
        (void)snprintf(end, room, "%s (until %s ago)", command_of(row),
                       age_format(age, process->age_ms));
    else
        (void)snprintf(end, room, "%s", command_of(row));
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
COMPARE_FIGURE(family_used, row->family_used_bytes)
COMPARE_FIGURE(family_allocated, row->family_allocated_bytes)

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
    [COLUMN_HISTORY] = {
        "history", "HISTORY", HISTORY_CELLS, 6, true, false,
        "its whole life: used, as a share of the most allocated",
        format_history, NULL},
    [COLUMN_FAMILY_USED] = {
        "famused", "FAM USED", SIZE_COLUMNS, 2, false, false,
        "used by it and all that descend from it (key t)",
        format_family_used, compare_family_used},
    [COLUMN_FAMILY_ALLOCATED] = {
        "famalloc", "FAM ALLOC", SIZE_COLUMNS, 6, false, false,
        "allocated by it and all that descend from it (key t)",
        format_family_allocated, compare_family_allocated},
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

bool column_is_wanted(enum column_id id, const struct columns_wish *wish)
{
    switch (id) {
    case COLUMN_CHANGE:
        return wish->with_change;
    case COLUMN_FAMILY_USED:
    case COLUMN_FAMILY_ALLOCATED:
        return wish->with_family || wish->sort == id;
    case COLUMN_NAMESPACE_PID:
        return wish->with_namespace || wish->sort == id;
    default:
        return true;
    }
}

/* Takes its room from what is left, if that is enough. */
static void width_take(enum column_id id, int *left, int reserve,
                       int ret_widths[COLUMN_COUNT])
{
    int width = columns[id].width;

    if (ret_widths[id] > 0 || *left < width + 1 + reserve)
        return;
    ret_widths[id] = width;
    *left -= width + 1;
}

void columns_fit(int width, const struct columns_wish *wish,
                 int ret_widths[COLUMN_COUNT])
{
    int needed = wish->with_family ? PRIORITY_NEEDED_IN_TREE : PRIORITY_NEEDED;
    int left = width + 1; /* each column brings one blank, the first none */

    memset(ret_widths, 0, COLUMN_COUNT * sizeof(*ret_widths));
    for (int priority = 1; priority <= COLUMN_COUNT; priority++) {
        int reserve =
            priority > needed ? COMMAND_WIDTH_GOOD - COMMAND_WIDTH_MIN : 0;

        for (enum column_id id = 0; id < COLUMN_COUNT; id++) {
            if (columns[id].priority == priority && column_is_wanted(id, wish))
                width_take(id, &left, reserve, ret_widths);
        }
        if (priority == 1)
            width_take(wish->sort, &left, 0, ret_widths);
    }
    if (ret_widths[COLUMN_COMMAND] > 0)
        ret_widths[COLUMN_COMMAND] += left;
}
