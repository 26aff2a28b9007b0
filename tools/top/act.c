/* What the user does, key by key: see model_key in model.h. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "top/find.h"
#include "top/model.h"

enum { WHEEL_ROWS = 3 };

/* ------------------------------------------------------------ movement */

/* A help page has no selected line: the keys move the page itself. */
static void step(struct model *model, size_t rows, bool down)
{
    if (model->screen == SCREEN_HELP)
        list_scroll(&model->help, model->page_rows, rows, down);
    else
        list_move(model_list(model), rows, down);
}

static void wheel(struct model *model, bool down)
{
    list_scroll(model_list(model), model->page_rows, WHEEL_ROWS, down);
}

/* -------------------------------------------------------------- actions */

static int sort_by(struct model *model, enum column_id id)
{
    model->sort = id;
    model->inverted = false;
    return model_reorder(model);
}

/* The columns to choose from, the present one selected; again: back. */
static void sort_choose(struct model *model)
{
    enum column_id ids[COLUMN_COUNT];

    if (model->screen == SCREEN_SORT) {
        model->screen = SCREEN_LIST;
        return;
    }
    if (model->screen != SCREEN_LIST)
        return;
    model->screen = SCREEN_SORT;
    list_resize(&model->sorts, model_sort_columns(model, ids));
    for (size_t i = 0; i < model->sorts.count; i++) {
        if (ids[i] == model->sort)
            model->sorts.selected = i;
    }
}

static int sort_chosen(struct model *model)
{
    enum column_id ids[COLUMN_COUNT];
    size_t count = model_sort_columns(model, ids);

    model->screen = SCREEN_LIST;
    return model->sorts.selected < count
               ? sort_by(model, ids[model->sorts.selected])
               : 0;
}

/* A click on the title of a column; another one inverts the order. */
static int column_click(struct model *model, enum column_id id)
{
    if (model->screen != SCREEN_LIST || id >= COLUMN_COUNT ||
        !columns[id].compare)
        return 0;
    if (id != model->sort)
        return sort_by(model, id);
    model->inverted = !model->inverted;
    return model_reorder(model);
}

static void row_click(struct model *model, size_t row)
{
    struct list *list = model_list(model);

    if (model->screen != SCREEN_HELP && list->first + row < list->count)
        list->selected = list->first + row;
}

/* The next column to either side, around the corner too. */
static int sort_step(struct model *model, int by)
{
    struct columns_wish wish = model_columns(model);
    int id = (int)model->sort;

    do
        id = (id + by + COLUMN_COUNT) % COLUMN_COUNT;
    while (!columns[id].compare ||
           !column_is_wanted((enum column_id)id, &wish));
    return sort_by(model, (enum column_id)id);
}

/* The next row that matches, from the index from on. */
static void search_from(struct model *model, size_t from)
{
    if (!*model->search)
        return;
    if (find_next(&model->list, model->search, from))
        model->message[0] = '\0';
    else
        model_say(model, 0, "nothing matches \"%s\"", model->search);
}

static void prompt_open(struct model *model, enum model_prompt prompt)
{
    if (model->screen != SCREEN_LIST)
        return;
    model->prompt = prompt;
    if (prompt == PROMPT_SEARCH)
        model->search[0] = '\0';
}

/* Without a tree there are no families to sort by. */
static int tree_toggle(struct model *model)
{
    bool by_family = model->sort == COLUMN_FAMILY_USED ||
                     model->sort == COLUMN_FAMILY_ALLOCATED;

    if (model->screen != SCREEN_LIST)
        return 0;
    model->show_tree = !model->show_tree;
    if (!model->show_tree && by_family)
        model->sort = COLUMN_USED;
    return model_reorder(model);
}

/* The selected row in the tree; NULL where there is no tree to be seen. */
static const struct row *tree_row(const struct model *model)
{
    return model->screen == SCREEN_LIST && model->show_tree
               ? model_selected(model)
               : NULL;
}

static int fold_toggle(struct model *model)
{
    const struct row *row = tree_row(model);

    if (!row || row->thread || !row->branch.is_parent)
        return 0;
    if (folds_toggle(&model->folds, row->process) < 0)
        return -ENOMEM;
    return model_reorder(model);
}

/* Above the selected row the nearest that is not so deep. */
static void parent_select(struct model *model)
{
    const struct list *list = &model->list;
    unsigned depth = list->rows[list->selected].branch.depth;

    for (size_t i = list->selected; i-- > 0 && depth > 0;) {
        if (!list->rows[i].thread && list->rows[i].branch.depth < depth) {
            model->list.selected = i;
            return;
        }
    }
}

static void panel_step(struct model *model, int by)
{
    int panel = ((int)model->panel + by + PANEL_COUNT) % PANEL_COUNT;

    model->panel = (enum model_panel)panel;
}

static int go_left(struct model *model)
{
    const struct row *row = tree_row(model);

    if (model->screen == SCREEN_DETAIL)
        panel_step(model, -1);
    if (!row)
        return 0;
    if (!row->thread && row->branch.is_parent && row->branch.folded == 0)
        return fold_toggle(model);
    parent_select(model);
    return 0;
}

static int go_right(struct model *model)
{
    const struct row *row = tree_row(model);

    if (model->screen == SCREEN_DETAIL)
        panel_step(model, 1);
    if (!row || row->thread || !row->branch.is_parent)
        return 0;
    if (row->branch.folded > 0)
        return fold_toggle(model);
    list_move(&model->list, 1, true);
    return 0;
}

static int baseline_toggle(struct model *model)
{
    bool had = model_has_baseline(model);

    samples_fini(&model->baseline);
    if (had && model->sort == COLUMN_CHANGE)
        model->sort = COLUMN_USED;
    if (!had &&
        samples_init(&model->baseline, &model->survey, model->now.time_ns) < 0)
        return -ENOMEM;
    return model_reorder(model);
}

static int go_back(struct model *model)
{
    if (model->screen == SCREEN_HELP) {
        model->screen = model->screen_before;
        return 0;
    }
    if (model->screen != SCREEN_LIST) {
        model->screen = SCREEN_LIST;
        return 0;
    }
    model->filter[0] = '\0';
    return model_reorder(model);
}

/* From wherever: in the list, of the selected process. */
static int panel_open(struct model *model, enum model_panel panel)
{
    bool is_here =
        model->screen == SCREEN_LIST || model->screen == SCREEN_DETAIL;

    if (!is_here || !model_selected(model))
        return 0;
    model->panel = panel;
    if (model->screen == SCREEN_DETAIL)
        return 0;
    model->screen = SCREEN_DETAIL;
    return model_reopen(model);
}

static int detail_open(struct model *model)
{
    if (model->screen == SCREEN_HELP)
        return go_back(model);
    if (model->screen == SCREEN_SORT)
        return sort_chosen(model);
    if (model->screen == SCREEN_DETAIL)
        return 0;
    return panel_open(model, PANEL_OVERVIEW);
}

/* Asks first: a program may be slower for it for a while. */
static void trim_ask(struct model *model)
{
    const struct row *selected = model_selected(model);
    const struct reader_process *process = selected ? selected->process : NULL;

    bool is_here =
        model->screen == SCREEN_LIST || model->screen == SCREEN_DETAIL;

    if (!is_here || !process)
        return;
    if (process->state == READER_DEAD) {
        model_say(model, 0, "process %" PRIu32 " is dead", process->pid);
        return;
    }
    model->trim = (struct model_trim){false, process->pid, process->created_ns};
    model->prompt = PROMPT_TRIM;
}

static void help_toggle(struct model *model)
{
    if (model->screen == SCREEN_HELP) {
        model->screen = model->screen_before;
        return;
    }
    model->screen_before = model->screen;
    model->screen = SCREEN_HELP;
    model->help.first = 0;
    model->help.selected = 0;
}

static void interval_scale(struct model *model, double by)
{
    double interval = model->interval_s * by;

    if (interval < MODEL_INTERVAL_LEAST)
        interval = MODEL_INTERVAL_LEAST;
    if (interval > MODEL_INTERVAL_MOST)
        interval = MODEL_INTERVAL_MOST;
    model->interval_s = interval;
}

static int act(struct model *model, enum action action)
{
    switch (action) {
    case ACTION_QUIT:
        model->quit = true;
        return 0;
    case ACTION_HELP:
        help_toggle(model);
        return 0;
    case ACTION_BACK:
        return go_back(model);
    case ACTION_OPEN:
        return detail_open(model);
    case ACTION_UP:
        step(model, 1, false);
        return 0;
    case ACTION_DOWN:
        step(model, 1, true);
        return 0;
    case ACTION_PAGE_UP:
        step(model, model->page_rows, false);
        return 0;
    case ACTION_PAGE_DOWN:
        step(model, model->page_rows, true);
        return 0;
    case ACTION_FIRST:
        step(model, SIZE_MAX / 2, false);
        return 0;
    case ACTION_LAST:
        step(model, SIZE_MAX / 2, true);
        return 0;
    case ACTION_SORT_BEFORE:
        return sort_step(model, -1);
    case ACTION_SORT_NEXT:
        return sort_step(model, 1);
    case ACTION_SORT_CHOOSE:
        sort_choose(model);
        return 0;
    case ACTION_INVERT:
        model->inverted = !model->inverted;
        return model_reorder(model);
    case ACTION_SORT_RATE:
        return sort_by(model, COLUMN_RATE);
    case ACTION_SORT_USED:
        return sort_by(model, COLUMN_USED);
    case ACTION_SORT_TOTAL:
        return sort_by(model, COLUMN_TOTAL);
    case ACTION_SORT_PID:
        return sort_by(model, COLUMN_PID);
    case ACTION_SEARCH:
        prompt_open(model, PROMPT_SEARCH);
        return 0;
    case ACTION_SEARCH_NEXT:
        search_from(model, model->list.selected + 1);
        return 0;
    case ACTION_FILTER:
        prompt_open(model, PROMPT_FILTER);
        return 0;
    case ACTION_THREADS:
        model->show_threads = !model->show_threads;
        return model_reorder(model);
    case ACTION_TREE:
        return tree_toggle(model);
    case ACTION_FOLD:
        return fold_toggle(model);
    case ACTION_LEFT:
        return go_left(model);
    case ACTION_RIGHT:
        return go_right(model);
    case ACTION_PAUSE:
        model->paused = !model->paused;
        return 0;
    case ACTION_BASELINE:
        return baseline_toggle(model);
    case ACTION_TRIM:
        trim_ask(model);
        return 0;
    case ACTION_PANEL_1:
    case ACTION_PANEL_2:
    case ACTION_PANEL_3:
    case ACTION_PANEL_4:
    case ACTION_PANEL_5:
    case ACTION_PANEL_6:
        return panel_open(model, (enum model_panel)(action - ACTION_PANEL_1));
    case ACTION_SLOWER:
        interval_scale(model, 2);
        return 0;
    case ACTION_FASTER:
        interval_scale(model, 0.5);
        return 0;
    case ACTION_REDRAW:
        model->redraw = true;
        return 0;
    case ACTION_NONE:
    default:
        return 0;
    }
}

/* -------------------------------------------------------------- prompts */

char *model_prompt_text(struct model *model)
{
    return model->prompt == PROMPT_FILTER ? model->filter : model->search;
}

static void text_append(char *text, uint32_t code)
{
    size_t length = strlen(text);

    /* Names are matched by bytes, and almost all are ASCII. */
    if (code < ' ' || code > '~' || length + 1 >= MODEL_TEXT_BYTES)
        return;
    text[length] = (char)code;
    text[length + 1] = '\0';
}

static void text_erase(char *text)
{
    size_t length = strlen(text);

    if (length > 0)
        text[length - 1] = '\0';
}

static int prompt_changed(struct model *model)
{
    if (model->prompt == PROMPT_FILTER)
        return model_reorder(model);
    model->message[0] = '\0';
    search_from(model, model->list.selected);
    return 0;
}

/* Ends it, or gives it up; other keys than those of a text end it too, and do
 * what they always do. */
static int prompt_key(struct model *model, uint32_t key)
{
    char *text = model_prompt_text(model);
    int err = 0;

    switch (key) {
    case KEY_RETURN:
    case '\r':
        model->prompt = PROMPT_NONE;
        return 0;
    case KEY_ESC:
        *text = '\0';
        model->message[0] = '\0';
        err = prompt_changed(model);
        model->prompt = PROMPT_NONE;
        return err;
    case KEY_ERASE:
    case '\b':
    case 0x7f:
        text_erase(text);
        return prompt_changed(model);
    case KEY_CTRL_U:
        *text = '\0';
        return prompt_changed(model);
    default:
        break;
    }
    if (key < KEY_SPECIAL) {
        text_append(text, key);
        return prompt_changed(model);
    }
    if (model->prompt != PROMPT_SEARCH || key_action(key) != ACTION_SEARCH) {
        model->prompt = PROMPT_NONE;
        return model_key(model, key);
    }
    search_from(model, model->list.selected + 1);
    return 0;
}

static int trim_answer(struct model *model, uint32_t key)
{
    model->prompt = PROMPT_NONE;
    model->trim.is_wanted = key == 'y' || key == 'Y';
    return 0;
}

int model_key(struct model *model, uint32_t key)
{
    if (model->prompt == PROMPT_TRIM)
        return trim_answer(model, key);
    if (model->prompt != PROMPT_NONE)
        return prompt_key(model, key);
    if (key == KEY_WHEEL_UP || key == KEY_WHEEL_DOWN)
        wheel(model, key == KEY_WHEEL_DOWN);
    else if (key >= KEY_ROW)
        row_click(model, key - KEY_ROW);
    else if (key >= KEY_COLUMN)
        return column_click(model, (enum column_id)(key - KEY_COLUMN));
    else
        return act(model, key_action(key));
    return 0;
}
