/* One process: its figures as a small bill, then its threads. */
#include "top/view.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/size.h"
#include "top/users.h"

enum {
    ROW_BILL = 2,
    ROW_TITLES = 9,
    ROW_LIST = 10,
    ROWS_BELOW = 1,
    COL_LABEL = 2,
    COL_FIGURE = 15,
    COL_SECOND = 27,
    COL_SECOND_FIGURE = 35,
    COL_REMARK = 48,
    BAR_WIDTH = 24,
    REMARK_BYTES = 64,
};

int view_detail_rows(int rows)
{
    return rows - ROW_LIST - ROWS_BELOW;
}

/* In a container a process has two ids, and once dead only its own. */
static int pid_draw(struct canvas *canvas, const struct reader_process *process)
{
    int col =
        canvas_print(canvas, 1, 0, ATTR_NORMAL, "pid %" PRIu32, process->pid);

    if (process->pid_namespace == 0)
        return col;
    if (process->state == READER_DEAD)
        return canvas_print(canvas, 1, col, ATTR_NORMAL, " in its namespace");
    return canvas_print(canvas, 1, col, ATTR_NORMAL,
                        " (%" PRIu32 " in its namespace)",
                        process->namespace_pid);
}

static void heading_draw(const struct model *model, struct canvas *canvas,
                         const struct reader_process *process)
{
    bool dead = process->state == READER_DEAD;
    int room = canvas->cols - (int)strlen(model->clock) - 2;

    canvas_put_right(canvas, 0, 0, canvas->cols,
                     model->paused ? ATTR_WARNING : ATTR_NORMAL,
                     model->paused ? "paused" : model->clock);
    canvas_put(canvas, 0, 0, room, ATTR_BOLD,
               *process->command ? process->command : process->comm);
    int col = pid_draw(canvas, process);

    col = canvas_print(canvas, 1, col, ATTR_NORMAL,
                       ", parent %" PRIu32 ", user %s, ", process->parent_pid,
                       users_name(process->uid));
    canvas_print(canvas, 1, col, dead ? ATTR_WARNING : ATTR_NORMAL, "%s",
                 dead ? "dead: its last figures" : "live");
}

/* label figure, label figure, remark */
static void line_draw(struct canvas *canvas, int line, const char *label,
                      const char *figure, const char *second_label,
                      const char *second)
{
    int row = ROW_BILL + line;

    canvas_print(canvas, row, COL_LABEL, ATTR_NORMAL, "%s", label);
    canvas_put_right(canvas, row, COL_FIGURE, SIZE_COLUMNS, ATTR_BOLD, figure);
    canvas_print(canvas, row, COL_SECOND, ATTR_NORMAL, "%s", second_label);
    canvas_put_right(canvas, row, COL_SECOND_FIGURE, SIZE_COLUMNS + 2,
                     ATTR_NORMAL, second);
}

static void remark_draw(struct canvas *canvas, int line, const char *remark)
{
    canvas_put(canvas, ROW_BILL + line, COL_REMARK, canvas->cols, ATTR_DIM,
               remark);
}

static void use_draw(struct canvas *canvas, int line,
                     const struct reader_process *process)
{
    unsigned share =
        size_permille(process->used_bytes, process->allocated_bytes);
    int col = canvas_print(canvas, ROW_BILL + line, COL_REMARK, ATTR_NORMAL,
                           "%3u%% ", share / 10);

    if (col + BAR_WIDTH <= canvas->cols)
        canvas_bar(canvas, ROW_BILL + line, col, BAR_WIDTH, share);
}

static void age_remark(char remark[REMARK_BYTES], uint64_t age_ms)
{
    if (age_ms == READER_UNKNOWN)
        (void)snprintf(remark, REMARK_BYTES, "not yet told by the process");
    else
        (void)snprintf(remark, REMARK_BYTES, "as of %.1f s ago",
                       (double)age_ms / 1e3);
}

static void rate_remark(char remark[REMARK_BYTES], uint64_t rate)
{
    char size[SIZE_BYTES];

    (void)snprintf(remark, REMARK_BYTES, "%s%s", size_format(size, rate),
                   rate == READER_UNKNOWN ? "" : "/s");
}

static void change_remark(char remark[REMARK_BYTES], const struct row *row)
{
    char growth[SIZE_BYTES];
    char change[SIZE_BYTES];

    size_format_change(growth, row->growth_bytes);
    size_format_change(change, row->change_bytes);
    if (row->change_bytes != INT64_MIN)
        (void)snprintf(remark, REMARK_BYTES, "%s since the baseline", change);
    else
        (void)snprintf(remark, REMARK_BYTES, "%s%s", growth,
                       row->growth_bytes == INT64_MIN ? "" : "/s");
}

static void figures_draw(struct canvas *canvas, const struct row *row)
{
    const struct reader_process *process = row->process;
    char first[SIZE_BYTES];
    char second[COUNT_BYTES];
    char remark[REMARK_BYTES];

    line_draw(canvas, 0, "used", size_format(first, process->used_bytes),
              "peak", size_format(second, process->used_peak_bytes));
    use_draw(canvas, 0, process);
    line_draw(canvas, 1, "allocated",
              size_format(first, process->allocated_bytes), "peak",
              size_format(second, process->allocated_peak_bytes));
    age_remark(remark, process->age_ms);
    remark_draw(canvas, 1, remark);
    line_draw(canvas, 2, "resident",
              size_format(first, process->resident_bytes), "rss",
              size_format(second, process->rss_bytes));
    line_draw(canvas, 3, "handed out",
              size_format(first, process->totals.allocated_bytes), "blocks",
              count_format(second, process->totals.allocated_blocks));
    rate_remark(remark, row->rate_bytes);
    remark_draw(canvas, 3, remark);
    line_draw(canvas, 4, "freed",
              size_format(first, process->totals.freed_bytes), "blocks",
              count_format(second, process->totals.freed_blocks));
    line_draw(canvas, 5, "still in use",
              size_format(first, process->used_bytes), "blocks",
              count_format(second, reader_blocks(&process->totals)));
    change_remark(remark, row);
    remark_draw(canvas, 5, remark);
}

/* -------------------------------------------------------------- threads */

enum {
    COL_TID = 0,
    COL_STATE = 8,
    COL_NAME = 10,
    COL_ALLOCATED = 27,
    COL_BLOCKS = 37,
    COL_FREED = 51,
    COL_RATE = 62,
    NAME_WIDTH = 16,
    BLOCKS_WIDTH = 13,
};

static void titles_draw(struct canvas *canvas)
{
    static const struct {
        int col, width;
        bool left;
        const char *title;
    } titles[] = {
        {COL_TID, 7, false, "TID"},
        {COL_STATE, 1, true, "S"},
        {COL_NAME, NAME_WIDTH, true, "NAME"},
        {COL_ALLOCATED, SIZE_COLUMNS, false, "TOTAL"},
        {COL_BLOCKS, BLOCKS_WIDTH, false, "BLOCKS"},
        {COL_FREED, SIZE_COLUMNS, false, "FREED"},
        {COL_RATE, SIZE_COLUMNS, false, "RATE/s"},
    };

    for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++) {
        if (titles[i].left)
            canvas_put(canvas, ROW_TITLES, titles[i].col, titles[i].width,
                       ATTR_TITLE, titles[i].title);
        else
            canvas_put_right(canvas, ROW_TITLES, titles[i].col, titles[i].width,
                             ATTR_TITLE, titles[i].title);
    }
    canvas_row(canvas, ROW_TITLES, ATTR_TITLE);
}

static void thread_draw(struct canvas *canvas, int at, const struct row *row)
{
    const struct reader_thread *thread = row->thread;
    enum canvas_attr attr = thread->state == 'X' ? ATTR_DIM : ATTR_NORMAL;
    char text[COUNT_BYTES];

    (void)snprintf(text, sizeof(text), "%" PRIu32, thread->tid);
    canvas_put_right(canvas, at, COL_TID, 7, attr, text);
    canvas_print(canvas, at, COL_STATE, attr, "%c", thread->state);
    canvas_put(canvas, at, COL_NAME, NAME_WIDTH, attr, thread->name);
    canvas_put_right(canvas, at, COL_ALLOCATED, SIZE_COLUMNS, attr,
                     size_format(text, thread->totals.allocated_bytes));
    canvas_put_right(canvas, at, COL_BLOCKS, BLOCKS_WIDTH, attr,
                     count_format(text, thread->totals.allocated_blocks));
    canvas_put_right(canvas, at, COL_FREED, SIZE_COLUMNS, attr,
                     size_format(text, thread->totals.freed_bytes));
    canvas_put_right(canvas, at, COL_RATE, SIZE_COLUMNS, attr,
                     size_format(text, row->rate_bytes));
}

static void threads_draw(const struct model *model, struct canvas *canvas)
{
    const struct model_list *list = &model->detail;
    uint64_t dropped = model->shown.process->dropped;
    int page = view_detail_rows(canvas->rows);

    canvas_print(canvas, ROW_TITLES - 1, 0, ATTR_BOLD, "%zu thread%s",
                 list->count, view_plural(list->count));
    if (dropped > 0)
        canvas_print(canvas, ROW_TITLES - 1, COL_LABEL + COL_FIGURE,
                     ATTR_WARNING,
                     "and %" PRIu64 " without figures of their own", dropped);
    titles_draw(canvas);
    for (int i = 0; i < page && list->first + (size_t)i < list->count; i++) {
        size_t index = list->first + (size_t)i;

        thread_draw(canvas, ROW_LIST + i, &list->rows[index]);
        if (index == list->selected)
            canvas_row(canvas, ROW_LIST + i, ATTR_SELECTED);
    }
}

void view_detail_draw(const struct model *model, struct canvas *canvas)
{
    const struct row *row = &model->shown;

    if (!row->process)
        return;
    heading_draw(model, canvas, row->process);
    figures_draw(canvas, row);
    threads_draw(model, canvas);
}
