/* What gcshim-top knows: see model.h. */
#include "top/model.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/classes.h"
#include "common/users.h"

#define INTERVAL_DEFAULT 1.0
#define NS_PER_S         1e9

/* ------------------------------------------------------------- in, out */

void model_init(struct model *model, const struct choice *choice)
{
    *model = (struct model){
        .choice = *choice,
        .interval_s = INTERVAL_DEFAULT,
        .sort = COLUMN_USED,
        .totals.growth_bytes = INT64_MIN,
    };
}

void model_fini(struct model *model)
{
    reader_survey_fini(&model->survey);
    samples_fini(&model->now);
    samples_fini(&model->before);
    samples_fini(&model->baseline);
    explanations_fini(&model->explained);
    free(model->list.rows);
    free(model->panels[PANEL_THREADS].rows);
    free(model->classes);
    *model = (struct model){0};
}

bool model_has_baseline(const struct model *model)
{
    return model->baseline.time_ns != 0;
}

void model_say(struct model *model, uint64_t until_ns, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(model->message, sizeof(model->message), format, args);
    va_end(args);
    model->message_until_ns = until_ns;
}

/* -------------------------------------------------------------- rates */

/* Seconds between the last two refreshes; 0 where there is but one. */
static double seconds_between(const struct model *model)
{
    if (model->before.time_ns == 0 ||
        model->now.time_ns <= model->before.time_ns)
        return 0;
    return (double)(model->now.time_ns - model->before.time_ns) / NS_PER_S;
}

/* The difference of two figures, which may come from a hostile file. */
static int64_t change(uint64_t now, uint64_t then)
{
    int64_t difference = 0;

    if (__builtin_sub_overflow(now, then, &difference))
        return now > then ? INT64_MAX : -INT64_MAX;
    return difference;
}

/* In a second; kept within what an int64_t holds. */
static int64_t per_second(int64_t difference, double seconds)
{
    double rate = (double)difference / seconds;

    if (rate >= (double)INT64_MAX)
        return INT64_MAX;
    return rate <= -(double)INT64_MAX ? -INT64_MAX : (int64_t)rate;
}

static struct row row_of(const struct model *model,
                         const struct reader_process *process,
                         const struct reader_thread *thread)
{
    const struct reader_totals *totals =
        thread ? &thread->totals : &process->totals;
    const struct sample *before = samples_find(&model->before, process, thread);
    const struct sample *baseline =
        samples_find(&model->baseline, process, thread);
    double seconds = seconds_between(model);
    struct row row = {process, thread, INT64_MIN, INT64_MIN, READER_UNKNOWN};

    if (process->state == READER_LIVE && before && seconds > 0) {
        int64_t growth = change(process->used_bytes, before->used_bytes);
        int64_t rate = change(totals->allocated_bytes, before->allocated_bytes);

        row.growth_bytes = per_second(growth, seconds);
        row.rate_bytes = rate < 0 ? 0 : (uint64_t)per_second(rate, seconds);
    }
    /* What was not there when the baseline was set has come since. */
    if (model_has_baseline(model))
        row.change_bytes =
            change(process->used_bytes, baseline ? baseline->used_bytes : 0);
    return row;
}

/* Whether any of what names a row holds the text, in either case. */
static bool row_matches(const struct row *row, const char *text)
{
    static const enum column_id names[] = {COLUMN_PID, COLUMN_USER,
                                           COLUMN_COMMAND};
    char shown[COLUMN_TEXT_BYTES];

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        columns[names[i]].format(shown, row);
        if (strcasestr(shown, text))
            return true;
    }
    return strcasestr(row->process->comm, text) != NULL;
}

/* --------------------------------------------------------------- rows */

static int sort_compare(const void *left, const void *right, void *context)
{
    const struct model *model = context;

    return column_order(model->sort, model->inverted, left, right);
}

/* Threads have figures of their own in a few columns only; they go by what
 * they have done, unless it is the pids that count. */
static int thread_compare(const void *left, const void *right, void *context)
{
    const struct row *a = left;
    const struct row *b = right;
    const struct model *model = context;
    bool by_rate = model->sort == COLUMN_RATE;
    uint64_t x = by_rate ? a->rate_bytes : a->thread->totals.allocated_bytes;
    uint64_t y = by_rate ? b->rate_bytes : b->thread->totals.allocated_bytes;
    int order = (y > x) - (y < x);

    if (order == 0 || model->sort == COLUMN_PID)
        order = (a->thread->tid > b->thread->tid) -
                (a->thread->tid < b->thread->tid);
    return model->inverted ? -order : order;
}

static int rows_alloc(struct row **ret_rows, size_t count)
{
    struct row *rows = calloc(count + 1, sizeof(*rows));

    if (!rows)
        return -ENOMEM;
    *ret_rows = rows;
    return 0;
}

/* The threads of a process, sorted, into rows.  Returns how many. */
static size_t threads_add(struct model *model, struct row *rows,
                          const struct reader_process *process)
{
    for (size_t i = 0; i < process->thread_count; i++)
        rows[i] = row_of(model, process, &process->threads[i]);
    qsort_r(rows, process->thread_count, sizeof(*rows), thread_compare, model);
    return process->thread_count;
}

/* The processes that are to be seen, sorted, into rows.  Returns how many. */
static size_t processes_add(struct model *model, struct row *rows)
{
    size_t count = 0;

    for (size_t i = 0; i < model->survey.process_count; i++) {
        const struct reader_process *process = &model->survey.processes[i];

        if (!choice_has(&model->choice, process))
            continue;
        rows[count] = row_of(model, process, NULL);
        if (!*model->filter || row_matches(&rows[count], model->filter))
            count++;
    }
    qsort_r(rows, count, sizeof(*rows), sort_compare, model);
    return count;
}

static size_t rows_most(const struct model *model)
{
    size_t count = model->survey.process_count;

    for (size_t i = 0; i < model->survey.process_count; i++)
        count += model->survey.processes[i].thread_count;
    return count;
}

static int list_build(struct model *model, struct row **ret_rows,
                      size_t *ret_count)
{
    struct row *processes = NULL;
    struct row *rows = NULL;
    size_t count = 0;

    if (rows_alloc(&processes, model->survey.process_count) < 0)
        return -ENOMEM;
    size_t process_count = processes_add(model, processes);

    if (!model->show_threads) {
        *ret_rows = processes;
        *ret_count = process_count;
        return 0;
    }
    if (rows_alloc(&rows, rows_most(model)) < 0) {
        free(processes);
        return -ENOMEM;
    }
    for (size_t i = 0; i < process_count; i++) {
        rows[count++] = processes[i];
        count += threads_add(model, rows + count, processes[i].process);
    }
    free(processes);
    *ret_rows = rows;
    *ret_count = count;
    return 0;
}

/* ----------------------------------------------------------- selection */

/* What a row is about, in a form that outlives the survey. */
struct row_key {
    bool any;
    uint32_t pid, tid;
    uint64_t created_ns;
};

static struct row_key key_of(const struct row *row)
{
    if (!row)
        return (struct row_key){0};
    return (struct row_key){
        .any = true,
        .pid = row->process->pid,
        .tid = row->thread ? row->thread->tid : 0,
        .created_ns = row->process->created_ns,
    };
}

static bool is_key_of(const struct row_key *key, const struct row *row)
{
    return key->pid == row->process->pid &&
           key->created_ns == row->process->created_ns &&
           key->tid == (row->thread ? row->thread->tid : 0);
}

static const struct row *list_selected(const struct model_list *list)
{
    return list->selected < list->count && list->rows
               ? &list->rows[list->selected]
               : NULL;
}

const struct row *model_selected(const struct model *model)
{
    return list_selected(&model->list);
}

static bool list_select(struct model_list *list, const struct row_key *key)
{
    for (size_t i = 0; key->any && i < list->count; i++) {
        if (is_key_of(key, &list->rows[i])) {
            list->selected = i;
            return true;
        }
    }
    return false;
}

/* Puts new rows into a list; the selection stays with what it is about, a
 * thread's at least with its process, or where it is when that is gone. */
static void list_set(struct model_list *list, const struct row_key *selected,
                     struct row *rows, size_t count)
{
    struct row_key process = *selected;

    process.tid = 0;
    free(list->rows);
    list->rows = rows;
    list->count = count;
    if (list_select(list, selected) || list_select(list, &process))
        return;
    if (list->selected >= count)
        list->selected = count > 0 ? count - 1 : 0;
}

/* --------------------------------------------------------------- build */

static struct model_totals totals_of(const struct model *model)
{
    struct model_totals totals = {.growth_bytes = INT64_MIN};

    for (size_t i = 0; i < model->survey.process_count; i++) {
        const struct reader_process *process = &model->survey.processes[i];
        struct row row = row_of(model, process, NULL);

        if (!choice_has(&model->choice, process))
            continue;
        totals.threads += process->thread_count;
        totals.live += process->state == READER_LIVE;
        totals.dead += process->state == READER_DEAD;
        if (process->state == READER_DEAD)
            continue;
        totals.used_bytes += process->used_bytes;
        totals.allocated_bytes += process->allocated_bytes;
        if (process->resident_bytes != READER_UNKNOWN)
            totals.resident_bytes += process->resident_bytes;
        if (row.growth_bytes == INT64_MIN)
            continue;
        if (totals.growth_bytes == INT64_MIN)
            totals.growth_bytes = 0;
        if (__builtin_add_overflow(totals.growth_bytes, row.growth_bytes,
                                   &totals.growth_bytes))
            totals.growth_bytes = INT64_MAX;
    }
    return totals;
}

/* A list that has no rows of its own. */
static void list_resize(struct model_list *list, size_t count)
{
    list->count = count;
    if (list->selected >= count)
        list->selected = count > 0 ? count - 1 : 0;
}

/* The lists of the process in detail, or of none. */
static int panels_build(struct model *model,
                        const struct reader_process *process,
                        const struct row_key *thread)
{
    static const struct reader_process none;
    const struct reader_process *shown = process ? process : &none;
    struct row *threads = NULL;
    struct reader_class *classes = classes_sorted(shown);

    if (!classes || rows_alloc(&threads, shown->thread_count) < 0) {
        free(classes);
        return -ENOMEM;
    }
    free(model->classes);
    model->classes = classes;
    list_resize(&model->panels[PANEL_CLASSES], shown->class_count);
    list_resize(&model->panels[PANEL_HUGE], shown->huge_count);
    list_resize(&model->panels[PANEL_GC], shown->gc.event_count);
    list_set(&model->panels[PANEL_THREADS], thread, threads,
             threads_add(model, threads, shown));
    return 0;
}

/* Those with something in use, which come first. */
void model_sites_set(struct model *model, const struct sites *sites)
{
    size_t count = 0;

    while (sites && count < sites->count && count < MODEL_SITES &&
           sites->entries[count].site->live_samples > 0)
        count++;
    model->sites = sites;
    list_resize(&model->panels[PANEL_SITES], count);
}

/* Rebuilds all lists after anything that they depend on has changed.
 * process and thread: what was selected, as rows may point into a survey
 * that is gone. */
static int rebuild(struct model *model, const struct row_key *process,
                   const struct row_key *thread)
{
    struct row *rows = NULL;
    size_t count = 0;
    int err = list_build(model, &rows, &count);

    if (err)
        return err;
    list_set(&model->list, process, rows, count);

    const struct row *selected = model_selected(model);
    const struct reader_process *shown = selected ? selected->process : NULL;

    model->shown = shown ? row_of(model, shown, NULL) : (struct row){0};
    err = panels_build(model, shown, thread);
    if (err)
        return err;
    model->totals = totals_of(model);
    return 0;
}

static struct row_key selected_thread(const struct model *model)
{
    return key_of(list_selected(&model->panels[PANEL_THREADS]));
}

/* After a change of order or filter, the survey being the same. */
static int reorder(struct model *model)
{
    struct row_key process = key_of(model_selected(model));
    struct row_key thread = selected_thread(model);

    return rebuild(model, &process, &thread);
}

/* A new process is shown in detail: its lists from the first on. */
static int reopen(struct model *model)
{
    struct row_key process = key_of(model_selected(model));
    struct row_key none = {0};

    for (int panel = 0; panel < PANEL_COUNT; panel++) {
        model->panels[panel].selected = 0;
        model->panels[panel].first = 0;
    }
    return rebuild(model, &process, &none);
}

/* The process in detail has gone: there is nothing left to be shown. */
static void detail_check(struct model *model, const struct row_key *before)
{
    const struct row *selected = model_selected(model);

    if (model->screen != SCREEN_DETAIL || !before->any)
        return;
    if (selected && selected->process->pid == before->pid &&
        selected->process->created_ns == before->created_ns)
        return;
    model->screen = SCREEN_LIST;
    model_say(model, 0, "process %" PRIu32 " has ended", before->pid);
}

static void lists_empty(struct model *model)
{
    model->list.count = 0;
    for (int panel = 0; panel < PANEL_COUNT; panel++)
        model->panels[panel].count = 0;
    model->shown = (struct row){0};
}

int model_refresh(struct model *model, struct reader_survey *survey,
                  uint64_t time_ns)
{
    struct row_key process = key_of(model_selected(model));
    struct row_key thread = selected_thread(model);
    struct reader_survey old = model->survey;
    struct samples samples;

    if (samples_init(&samples, survey, time_ns) < 0)
        return -ENOMEM;
    samples_fini(&model->before);
    model->before = model->now;
    model->now = samples;
    model->survey = *survey;
    *survey = (struct reader_survey){0};
    explanations_apply(&model->explained, &model->survey);
    if (time_ns >= model->message_until_ns)
        model->message[0] = '\0';

    int err = rebuild(model, &process, &thread);

    if (err) /* no row may point into what is released now */
        lists_empty(model);
    reader_survey_fini(&old);
    detail_check(model, &process);
    return err;
}

/* --------------------------------------------------------- explanations */

const struct reader_process *model_process(const struct model *model,
                                           uint32_t pid, uint64_t created_ns)
{
    for (size_t i = 0; i < model->survey.process_count; i++) {
        const struct reader_process *process = &model->survey.processes[i];

        if (process->pid == pid && process->created_ns == created_ns)
            return process;
    }
    return NULL;
}

static bool is_due(const struct model *model,
                   const struct reader_process *process, uint64_t now_ns)
{
    bool is_shown =
        model->screen == SCREEN_DETAIL && process == model->shown.process;

    return explanations_is_due(&model->explained, process,
                               is_shown ? EXPLAIN_SHOWN_MS : EXPLAIN_LISTED_MS,
                               now_ns);
}

/* The survey is the model's own: rows only promise not to change it. */
static struct reader_process *process_of(const struct model *model,
                                         const struct reader_process *process)
{
    return &model->survey.processes[process - model->survey.processes];
}

struct reader_process *model_unexplained(const struct model *model,
                                         uint64_t now_ns)
{
    const struct model_list *list = &model->list;
    const struct reader_process *shown = model->shown.process;

    if (model->screen != SCREEN_LIST)
        return shown && is_due(model, shown, now_ns) ? process_of(model, shown)
                                                     : NULL;
    for (size_t i = 0; i < model->page_rows && list->first + i < list->count;
         i++) {
        const struct row *row = &list->rows[list->first + i];

        if (!row->thread && is_due(model, row->process, now_ns))
            return process_of(model, row->process);
    }
    return NULL;
}

int model_explained(struct model *model, const struct reader_process *process,
                    uint64_t began_ns, uint64_t ended_ns)
{
    return explanations_keep(&model->explained, process, began_ns, ended_ns);
}

/* ------------------------------------------------------------ movement */

static struct model_list *current_list(struct model *model)
{
    switch (model->screen) {
    case SCREEN_DETAIL:
        return &model->panels[model->panel];
    case SCREEN_HELP:
        return &model->help;
    case SCREEN_LIST:
    default:
        return &model->list;
    }
}

static void move(struct model *model, size_t rows, bool down)
{
    struct model_list *list = current_list(model);
    size_t last = list->count > 0 ? list->count - 1 : 0;

    if (!down)
        list->selected -= rows < list->selected ? rows : list->selected;
    else
        list->selected =
            rows < last - list->selected ? list->selected + rows : last;
}

void model_fit(struct model *model, size_t page_rows)
{
    struct model_list *list = current_list(model);
    size_t rows = page_rows > 0 ? page_rows : 1;

    model->page_rows = rows;
    if (list->first + rows > list->count)
        list->first = list->count > rows ? list->count - rows : 0;
    if (list->selected < list->first)
        list->first = list->selected;
    if (list->selected >= list->first + rows)
        list->first = list->selected - rows + 1;
}

/* A help page has no selected line: the keys move the page itself. */
static void scroll_help(struct model *model, size_t rows, bool down)
{
    struct model_list *help = &model->help;

    if (down)
        help->first += rows;
    else
        help->first -= rows < help->first ? rows : help->first;
    if (help->first + model->page_rows > help->count)
        help->first =
            help->count > model->page_rows ? help->count - model->page_rows : 0;
    help->selected = help->first;
}

static void step(struct model *model, size_t rows, bool down)
{
    if (model->screen == SCREEN_HELP)
        scroll_help(model, rows, down);
    else
        move(model, rows, down);
}

/* -------------------------------------------------------------- actions */

static int sort_by(struct model *model, enum column_id id)
{
    model->sort = id;
    model->inverted = false;
    return reorder(model);
}

/* The next column to either side, around the corner too. */
static int sort_step(struct model *model, int by)
{
    int id = (int)model->sort;

    do
        id = (id + by + COLUMN_COUNT) % COLUMN_COUNT;
    while (id == COLUMN_CHANGE && !model_has_baseline(model));
    return sort_by(model, (enum column_id)id);
}

/* The next row, from the one after from on, that matches. */
static void search_from(struct model *model, size_t from)
{
    struct model_list *list = &model->list;

    if (!*model->search)
        return;
    for (size_t i = 0; i < list->count; i++) {
        size_t at = (from + i) % list->count;

        if (row_matches(&list->rows[at], model->search)) {
            list->selected = at;
            model->message[0] = '\0';
            return;
        }
    }
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

static int baseline_toggle(struct model *model)
{
    bool had = model_has_baseline(model);

    samples_fini(&model->baseline);
    if (had && model->sort == COLUMN_CHANGE)
        model->sort = COLUMN_USED;
    if (!had &&
        samples_init(&model->baseline, &model->survey, model->now.time_ns) < 0)
        return -ENOMEM;
    return reorder(model);
}

static int go_back(struct model *model)
{
    if (model->screen == SCREEN_HELP) {
        model->screen = model->screen_before;
        return 0;
    }
    if (model->screen == SCREEN_DETAIL) {
        model->screen = SCREEN_LIST;
        return 0;
    }
    model->filter[0] = '\0';
    return reorder(model);
}

/* From wherever: in the list, of the selected process. */
static int panel_open(struct model *model, enum model_panel panel)
{
    if (model->screen == SCREEN_HELP || !model_selected(model))
        return 0;
    model->panel = panel;
    if (model->screen == SCREEN_DETAIL)
        return 0;
    model->screen = SCREEN_DETAIL;
    return reopen(model);
}

static int detail_open(struct model *model)
{
    if (model->screen == SCREEN_HELP)
        return go_back(model);
    if (model->screen == SCREEN_DETAIL)
        return 0;
    return panel_open(model, PANEL_OVERVIEW);
}

/* Asks first: a program may be slower for it for a while. */
static void trim_ask(struct model *model)
{
    const struct row *selected = model_selected(model);
    const struct reader_process *process = selected ? selected->process : NULL;

    if (model->screen == SCREEN_HELP || !process)
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
    case ACTION_INVERT:
        model->inverted = !model->inverted;
        return reorder(model);
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
        return reorder(model);
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
        return reorder(model);
    model->message[0] = '\0';
    search_from(model, model->list.selected);
    return 0;
}

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
        text_append(text, key);
        return prompt_changed(model);
    }
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
    return act(model, key_action(key));
}
