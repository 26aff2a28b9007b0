/* The list of processes, under a summary of them all.
 *
 *     gcshim-top - 3 processes (1 dead), 14 threads     every 1.0 s  12:34:56
 *     used      196.3 MiB of 512.0 MiB allocated   38% [||||||||           ]
 *     resident  530.1 MiB   growth +1.2 MiB/s   2 refused (F1)
 *
 *         PID S         USED     ALLOC  USE  RESIDENT ... COMMAND
 */
#include "top/view.h"

#include <stdio.h>

#include "common/size.h"

enum {
    ROW_TITLES = 4,
    ROW_LIST = 5,
    ROWS_BELOW = 1,
    BAR_WIDTH_MIN = 12,
    BAR_WIDTH_MAX = 62,
    CORNER_BYTES = 64,
};

int view_list_rows(int rows)
{
    return rows - ROW_LIST - ROWS_BELOW;
}

/* ------------------------------------------------------------ summary */

static void corner_draw(const struct model *model, struct canvas *canvas)
{
    char text[CORNER_BYTES];

    (void)snprintf(text, sizeof(text), "%s%.1f s  %s",
                   model->paused ? "paused, every " : "every ",
                   model->interval_s, model->clock);
    canvas_put_right(canvas, 0, 0, canvas->cols,
                     model->paused ? ATTR_WARNING : ATTR_NORMAL, text);
}

static void heading_draw(const struct model *model, struct canvas *canvas)
{
    const struct model_totals *totals = &model->totals;
    size_t processes = totals->live + totals->dead;
    int col = canvas_print(canvas, 0, 0, ATTR_BOLD, "gcshim-top");

    corner_draw(model, canvas);
    col = canvas_print(canvas, 0, col, ATTR_NORMAL, " - %zu process%s",
                       processes, processes == 1 ? "" : "es");
    if (totals->dead > 0)
        col = canvas_print(canvas, 0, col, ATTR_NORMAL, " (%zu dead)",
                           totals->dead);
    canvas_print(canvas, 0, col, ATTR_NORMAL, ", %zu thread%s ",
                 totals->threads, view_plural(totals->threads));
}

static void used_draw(const struct model *model, struct canvas *canvas)
{
    const struct model_totals *totals = &model->totals;
    unsigned share = size_permille(totals->used_bytes, totals->allocated_bytes);
    char used[SIZE_BYTES];
    char allocated[SIZE_BYTES];
    int col = canvas_print(canvas, 1, 0, ATTR_NORMAL, "used      ");

    col = canvas_print(canvas, 1, col, ATTR_BOLD, "%*s", SIZE_COLUMNS,
                       size_format(used, totals->used_bytes));
    col = canvas_print(canvas, 1, col, ATTR_NORMAL, " of %s allocated  %3u%% ",
                       size_format(allocated, totals->allocated_bytes),
                       share / 10);
    int width = canvas->cols - col;

    if (width >= BAR_WIDTH_MIN)
        canvas_bar(canvas, 1, col,
                   width < BAR_WIDTH_MAX ? width : BAR_WIDTH_MAX, share);
}

static void resident_draw(const struct model *model, struct canvas *canvas)
{
    char size[SIZE_BYTES];
    size_t refused = model->survey.refusal_count;
    int col =
        canvas_print(canvas, 2, 0, ATTR_NORMAL, "resident  %*s", SIZE_COLUMNS,
                     size_format(size, model->totals.resident_bytes));

    col = canvas_print(canvas, 2, col, ATTR_NORMAL, "   growth %s%s",
                       size_format_change(size, model->totals.growth_bytes),
                       model->totals.growth_bytes == INT64_MIN ? "" : "/s");
    if (*model->filter)
        col = canvas_print(canvas, 2, col, ATTR_WARNING, "   filter \"%s\"",
                           model->filter);
    if (refused > 0)
        canvas_print(canvas, 2, col, ATTR_WARNING, "   %zu file%s refused (F1)",
                     refused, view_plural(refused));
}

/* --------------------------------------------------------------- table */

static void cell_draw(struct canvas *canvas, int row, int col, int width,
                      enum canvas_attr attr, bool left, const char *text)
{
    if (left)
        canvas_put(canvas, row, col, width, attr, text);
    else
        canvas_put_right(canvas, row, col, width, attr, text);
}

static void titles_draw(const struct model *model, struct canvas *canvas,
                        const int widths[COLUMN_COUNT])
{
    int col = 0;

    for (int id = 0; id < COLUMN_COUNT; id++) {
        if (widths[id] == 0)
            continue;
        cell_draw(canvas, ROW_TITLES, col, widths[id], ATTR_TITLE,
                  columns[id].left, columns[id].title);
        canvas_key(canvas, ROW_TITLES, col, widths[id] + 1,
                   KEY_COLUMN + (uint32_t)id);
        col += widths[id] + 1;
    }
    canvas_row(canvas, ROW_TITLES, ATTR_TITLE);
    col = 0;
    for (int id = 0; id < COLUMN_COUNT; id++) {
        if (id == (int)model->sort && widths[id] > 0)
            cell_draw(canvas, ROW_TITLES, col, widths[id], ATTR_SELECTED,
                      columns[id].left, columns[id].title);
        col += widths[id] > 0 ? widths[id] + 1 : 0;
    }
}

static enum canvas_attr cell_attr(const struct row *row, enum column_id id)
{
    if (row->process->state == READER_DEAD)
        return ATTR_DIM;
    if (id == COLUMN_USED)
        return ATTR_BOLD;
    if (id == COLUMN_HISTORY)
        return ATTR_BAR;
    return row->thread ? ATTR_DIM : ATTR_NORMAL;
}

static void row_draw(struct canvas *canvas, int at, const struct row *row,
                     const int widths[COLUMN_COUNT])
{
    char text[COLUMN_TEXT_BYTES];
    int col = 0;

    for (enum column_id id = 0; id < COLUMN_COUNT; id++) {
        if (widths[id] == 0)
            continue;
        columns[id].format(text, row);
        cell_draw(canvas, at, col, widths[id], cell_attr(row, id),
                  columns[id].left, text);
        col += widths[id] + 1;
    }
}

static void empty_draw(const struct model *model, struct canvas *canvas)
{
    if (*model->filter)
        canvas_print(canvas, ROW_LIST + 1, 2, ATTR_NORMAL,
                     "Nothing matches the filter; Esc lifts it.");
    else if (model->choice.pid_count > 0 || model->choice.by_user)
        canvas_print(canvas, ROW_LIST + 1, 2, ATTR_NORMAL,
                     "None of the processes asked for runs under gcshim.");
    else
        canvas_print(canvas, ROW_LIST + 1, 2, ATTR_NORMAL,
                     "No process runs under gcshim.  "
                     "Start one: gcshim-run COMMAND");
}

static void table_draw(const struct model *model, struct canvas *canvas)
{
    const struct list *list = &model->list;
    struct columns_wish wish = model_columns(model);
    int widths[COLUMN_COUNT];
    int page = view_list_rows(canvas->rows);

    columns_fit(canvas->cols, &wish, widths);
    titles_draw(model, canvas, widths);
    if (list->count == 0)
        empty_draw(model, canvas);
    for (int i = 0; i < page && list->first + (size_t)i < list->count; i++) {
        size_t index = list->first + (size_t)i;

        row_draw(canvas, ROW_LIST + i, &list->rows[index], widths);
        canvas_key(canvas, ROW_LIST + i, 0, canvas->cols,
                   KEY_ROW + (uint32_t)i);
        if (index == list->selected)
            canvas_row(canvas, ROW_LIST + i, ATTR_SELECTED);
    }
}

void view_list_draw(const struct model *model, struct canvas *canvas)
{
    heading_draw(model, canvas);
    used_draw(model, canvas);
    resident_draw(model, canvas);
    table_draw(model, canvas);
}
