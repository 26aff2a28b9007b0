/* The help page: keys, columns, and what was refused and why. */
#include "top/view.h"

#include <stdio.h>

enum {
    ROW_LIST = 1,
    ROWS_BELOW = 1,
    TWO_COLUMNS_FROM = 80, /* columns of the window */
    LABEL_WIDTH = 9,
    TITLE_WIDTH = 10,
};

int view_help_rows(int rows)
{
    return rows - ROW_LIST - ROWS_BELOW;
}

/* A section of the page, all of whose lines are drawn alike. */
struct section {
    const char *title;
    size_t (*lines)(const struct model *model, int cols);
    void (*draw)(const struct model *model, struct canvas *canvas, int row,
                 size_t line);
};

/* ---------------------------------------------------------------- keys */

static size_t keys_lines(const struct model *model, int cols)
{
    (void)model;
    return cols >= TWO_COLUMNS_FROM ? (key_binding_count + 1) / 2
                                    : key_binding_count;
}

static void key_draw(struct canvas *canvas, int row, int col, size_t index)
{
    if (index >= key_binding_count)
        return;
    canvas_put_right(canvas, row, col, LABEL_WIDTH, ATTR_BOLD,
                     key_bindings[index].label);
    canvas_put(canvas, row, col + LABEL_WIDTH + 2, canvas->cols, ATTR_NORMAL,
               key_bindings[index].help);
}

static void keys_draw(const struct model *model, struct canvas *canvas, int row,
                      size_t line)
{
    size_t lines = keys_lines(model, canvas->cols);

    key_draw(canvas, row, 0, line);
    if (lines < key_binding_count)
        key_draw(canvas, row, canvas->cols / 2 - 2, line + lines);
}

/* ------------------------------------------------------------- columns */

static size_t columns_lines(const struct model *model, int cols)
{
    (void)model;
    (void)cols;
    return COLUMN_COUNT;
}

static void columns_draw(const struct model *model, struct canvas *canvas,
                         int row, size_t line)
{
    (void)model;
    canvas_put_right(canvas, row, 0, TITLE_WIDTH, ATTR_BOLD,
                     columns[line].title);
    canvas_put(canvas, row, TITLE_WIDTH + 2, canvas->cols, ATTR_NORMAL,
               columns[line].help);
}

/* ------------------------------------------------------------- refused */

static size_t refused_lines(const struct model *model, int cols)
{
    (void)cols;
    return model->survey.refusal_count + 1;
}

static void refused_draw(const struct model *model, struct canvas *canvas,
                         int row, size_t line)
{
    const struct reader_survey *survey = &model->survey;

    if (line < survey->refusal_count)
        canvas_print(canvas, row, 2, ATTR_WARNING, "%s %s",
                     survey->refusals[line].segment,
                     survey->refusals[line].reason);
    else
        canvas_print(canvas, row, 2, ATTR_NORMAL,
                     "%zu refused; %zu of other users passed over",
                     survey->refusal_count + survey->beyond_count,
                     survey->denied_count);
}

/* ---------------------------------------------------------------- page */

static const struct section sections[] = {
    {"Keys", keys_lines, keys_draw},
    {"Columns", columns_lines, columns_draw},
    {"Files in /dev/shm that are not shown", refused_lines, refused_draw},
};

enum { SECTIONS = sizeof(sections) / sizeof(sections[0]) };

/* Each section has its title above it and a blank line below. */
size_t view_help_lines(const struct model *model, int cols)
{
    size_t lines = 0;

    for (size_t i = 0; i < SECTIONS; i++)
        lines += sections[i].lines(model, cols) + 2;
    return lines - 1;
}

static void line_draw(const struct model *model, struct canvas *canvas, int row,
                      size_t line)
{
    for (size_t i = 0; i < SECTIONS; i++) {
        size_t lines = sections[i].lines(model, canvas->cols) + 2;

        if (line >= lines) {
            line -= lines;
            continue;
        }
        if (line == 0)
            canvas_put(canvas, row, 0, canvas->cols, ATTR_BOLD,
                       sections[i].title);
        else if (line < lines - 1)
            sections[i].draw(model, canvas, row, line - 1);
        return;
    }
}

void view_help_draw(const struct model *model, struct canvas *canvas)
{
    size_t lines = view_help_lines(model, canvas->cols);
    size_t page = (size_t)view_help_rows(canvas->rows);
    size_t first = model->help.first;

    canvas_print(canvas, 0, 0, ATTR_BOLD, "gcshim-top: help");
    for (size_t i = 0; i < page && first + i < lines; i++)
        line_draw(model, canvas, ROW_LIST + (int)i, first + i);
    if (first + page < lines)
        canvas_put_right(canvas, 0, 0, canvas->cols, ATTR_DIM, "more below");
}
