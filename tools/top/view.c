/* What stands where: which screen, and the bar at the bottom of each. */
#include "top/view.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>

enum { LEAST_ROWS = 6, LEAST_COLS = 30 };

const char *view_plural(size_t count)
{
    return count == 1 ? "" : "s";
}

size_t view_page_rows(struct model *model, int rows, int cols)
{
    enum column_id ids[COLUMN_COUNT];
    int page = 0;

    switch (model->screen) {
    case SCREEN_DETAIL:
        page = view_detail_rows(model, rows, cols);
        break;
    case SCREEN_HELP:
        model->help.count = view_help_lines(model, cols);
        page = view_help_rows(rows);
        break;
    case SCREEN_SORT:
        list_resize(&model->sorts, model_sort_columns(model, ids));
        page = view_sort_rows(rows);
        break;
    case SCREEN_LIST:
    default:
        page = view_list_rows(rows);
        break;
    }
    return page > 0 ? (size_t)page : 1;
}

/* ------------------------------------------------------------- bottom */

/* A key that does something here, and can be clicked on. */
struct label {
    const char *key, *text;
    uint32_t code;
    int from; /* shown in windows of at least so many columns */
};

static int label_width(const struct label *label)
{
    return canvas_text_width(label->key) + canvas_text_width(label->text);
}

static int label_draw(struct canvas *canvas, int col, const struct label *label)
{
    int row = canvas->rows - 1;
    int end =
        canvas_put(canvas, row, col, canvas->cols, ATTR_NORMAL, label->key);

    end = canvas_put(canvas, row, end, canvas->cols, ATTR_LABEL, label->text);
    canvas_key(canvas, row, col, end - col, label->code);
    return end + 1;
}

/* As many as fit; the last one always.  Returns the column behind them. */
static int labels_draw(struct canvas *canvas, const struct label *labels,
                       size_t count)
{
    const struct label *last = &labels[count - 1];
    int room = canvas->cols - label_width(last);
    int col = 0;

    for (size_t i = 0; i + 1 < count; i++) {
        if (canvas->cols >= labels[i].from &&
            col + label_width(&labels[i]) < room)
            col = label_draw(canvas, col, &labels[i]);
    }
    return label_draw(canvas, col, last);
}

#define F(n)          (KEY_FUNCTION + (n))
#define LABELS(array) array, sizeof(array) / sizeof((array)[0])

static void list_labels_draw(const struct model *model, struct canvas *canvas)
{
    const struct label labels[] = {
        {"F1", "Help", F(1), 0},
        {"F3", "Search", F(3), 0},
        {"F4", "Filter", F(4), 0},
        {"F5", model->show_tree ? "List" : "Tree", F(5), 0},
        {"F6", "Sort", F(6), 0},
        {"Enter", "Detail", KEY_RETURN, 0},
        {"H", "Threads", 'H', 0},
        {"Space", "Fold", ' ', model->show_tree ? 90 : INT_MAX},
        {"z", model_has_baseline(model) ? "No baseline" : "Baseline", 'z', 96},
        {"I", "Invert", 'I', 110},
        {"R", "Trim", 'R', 110},
        {"Z", model->paused ? "Go on" : "Pause", 'Z', 0},
        {"F10", "Quit", F(10), 0},
    };

    labels_draw(canvas, LABELS(labels));
}

static void detail_labels_draw(const struct model *model, struct canvas *canvas)
{
    int sorted = model->panel == PANEL_THREADS ? 0 : INT_MAX;
    const struct label labels[] = {
        {"Esc", "Back", KEY_ESC, 0},
        {"F1", "Help", F(1), 0},
        {"Left", "", KEY_ARROW_LEFT, 60},
        {"Right", "Panels", KEY_ARROW_RIGHT, 60},
        {"T", "By total", 'T', sorted},
        {"P", "By rate", 'P', sorted},
        {"N", "By tid", 'N', sorted},
        {"R", "Trim", 'R', 0},
        {"Z", model->paused ? "Go on" : "Pause", 'Z', 0},
        {"F10", "Quit", F(10), 0},
    };

    labels_draw(canvas, LABELS(labels));
}

static void help_labels_draw(struct canvas *canvas)
{
    static const struct label labels[] = {
        {"Esc", "Back", KEY_ESC, 0},
        {"PgUp", "Up", KEY_PAGE_UP, 0},
        {"PgDn", "Down", KEY_PAGE_DOWN, 0},
        {"F10", "Quit", F(10), 0},
    };

    labels_draw(canvas, LABELS(labels));
}

static void sort_labels_draw(struct canvas *canvas)
{
    static const struct label labels[] = {
        {"Enter", "Sort", KEY_RETURN, 0},
        {"Esc", "Back", KEY_ESC, 0},
        {"F10", "Quit", F(10), 0},
    };

    labels_draw(canvas, LABELS(labels));
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
    canvas_key(canvas, row, col - 6, 2, 'y'); /* of "(y/n) " */
}

static void prompt_draw(const struct model *model, struct canvas *canvas)
{
    static const struct label search[] = {{"F3", "Next", F(3), 60},
                                          {"Enter", "Done", KEY_RETURN, 50},
                                          {"Esc", "Cancel", KEY_ESC, 0}};
    static const struct label filter[] = {{"Enter", "Done", KEY_RETURN, 50},
                                          {"Esc", "Clear", KEY_ESC, 0}};
    bool is_filter = model->prompt == PROMPT_FILTER;
    int row = canvas->rows - 1;
    int col = is_filter ? labels_draw(canvas, LABELS(filter))
                        : labels_draw(canvas, LABELS(search));

    col = canvas_print(canvas, row, col + 1, ATTR_BOLD, "%s: %s",
                       is_filter ? "Filter" : "Search",
                       is_filter ? model->filter : model->search);
    canvas_put(canvas, row, col, 1, ATTR_SELECTED, " ");
    if (*model->message)
        canvas_put(canvas, row, col + 3, canvas->cols, ATTR_WARNING,
                   model->message);
}

static void bottom_draw(const struct model *model, struct canvas *canvas)
{
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
        help_labels_draw(canvas);
    else if (model->screen == SCREEN_SORT)
        sort_labels_draw(canvas);
    else if (model->screen == SCREEN_DETAIL)
        detail_labels_draw(model, canvas);
    else
        list_labels_draw(model, canvas);
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
    case SCREEN_SORT:
        view_sort_draw(model, canvas);
        break;
    case SCREEN_LIST:
    default:
        view_list_draw(model, canvas);
        break;
    }
    bottom_draw(model, canvas);
}
