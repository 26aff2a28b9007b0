/* What stands where: which screen, and the bar at the bottom of each. */
#include "top/view.h"

#include <inttypes.h>
#include <stdio.h>

enum { LEAST_ROWS = 6, LEAST_COLS = 30 };

const char *view_plural(size_t count)
{
    return count == 1 ? "" : "s";
}

size_t view_page_rows(struct model *model, int rows, int cols)
{
    int page = 0;

    switch (model->screen) {
    case SCREEN_DETAIL:
        page = view_detail_rows(model, rows, cols);
        break;
    case SCREEN_HELP:
        model->help.count = view_help_lines(model, cols);
        page = view_help_rows(rows);
        break;
    case SCREEN_LIST:
    default:
        page = view_list_rows(rows);
        break;
    }
    return page > 0 ? (size_t)page : 1;
}

/* ------------------------------------------------------------- bottom */

struct label {
    const char *key, *text;
};

static void labels_draw(struct canvas *canvas, const struct label *labels)
{
    int row = canvas->rows - 1;
    int col = 0;

    for (; labels->key; labels++) {
        int width =
            canvas_text_width(labels->key) + canvas_text_width(labels->text);

        if (col + width > canvas->cols)
            break;
        col = canvas_put(canvas, row, col, canvas->cols, ATTR_NORMAL,
                         labels->key);
        col = canvas_put(canvas, row, col, canvas->cols, ATTR_LABEL,
                         labels->text) +
              1;
    }
}

/* What is asked for may have ended meanwhile; the question stays the same. */
static void question_draw(const struct model *model, struct canvas *canvas)
{
    int row = canvas->rows - 1;
    int col = canvas_print(canvas, row, 0, ATTR_BOLD,
                           "Have process %" PRIu32 " give back what memory it "
                           "can? (y/n) ",
                           model->trim.pid);

    canvas_put(canvas, row, col, 1, ATTR_SELECTED, " ");
}

static void prompt_draw(const struct model *model, struct canvas *canvas)
{
    bool is_filter = model->prompt == PROMPT_FILTER;
    int row = canvas->rows - 1;
    int col = canvas_print(canvas, row, 0, ATTR_BOLD, "%s: %s",
                           is_filter ? "Filter" : "Search",
                           is_filter ? model->filter : model->search);

    canvas_put(canvas, row, col, 1, ATTR_SELECTED, " ");
    if (*model->message)
        canvas_put(canvas, row, col + 3, canvas->cols, ATTR_WARNING,
                   model->message);
}

static void bottom_draw(const struct model *model, struct canvas *canvas)
{
    static const struct label list[] = {{"F1", "Help"},   {"Enter", "Detail"},
                                        {"F3", "Search"}, {"F4", "Filter"},
                                        {"F6", "Sort"},   {"H", "Threads"},
                                        {"Z", "Pause"},   {"z", "Baseline"},
                                        {"F10", "Quit"},  {NULL, NULL}};
    static const struct label detail[] = {
        {"Esc", "Back"},   {"F1", "Help"},   {"1-6", "Panels"}, {"R", "Trim"},
        {"T", "by total"}, {"P", "by rate"}, {"N", "by tid"},   {"Z", "Pause"},
        {"F10", "Quit"},   {NULL, NULL}};
    static const struct label help[] = {{"Esc", "Back"},
                                        {"Up Down PgUp PgDn", "Scroll"},
                                        {"F10", "Quit"},
                                        {NULL, NULL}};

    canvas_print(canvas, canvas->rows - 1, 0, ATTR_NORMAL, "%*s", canvas->cols,
                 "");
    if (model->prompt == PROMPT_TRIM)
        question_draw(model, canvas);
    else if (model->prompt != PROMPT_NONE)
        prompt_draw(model, canvas);
    else if (*model->message)
        canvas_put(canvas, canvas->rows - 1, 0, canvas->cols, ATTR_WARNING,
                   model->message);
    else if (model->screen == SCREEN_HELP)
        labels_draw(canvas, help);
    else
        labels_draw(canvas, model->screen == SCREEN_DETAIL ? detail : list);
}

/* -------------------------------------------------------------- screen */

void view_draw(const struct model *model, struct canvas *canvas)
{
    if (canvas->rows < LEAST_ROWS || canvas->cols < LEAST_COLS) {
        canvas_put(canvas, 0, 0, canvas->cols, ATTR_NORMAL, "window too small");
        return;
    }
    switch (model->screen) {
    case SCREEN_DETAIL:
        view_detail_draw(model, canvas);
        break;
    case SCREEN_HELP:
        view_help_draw(model, canvas);
        break;
    case SCREEN_LIST:
    default:
        view_list_draw(model, canvas);
        break;
    }
    bottom_draw(model, canvas);
}
