/* What gcshim-top knows: see model.h. */
#include "top/model.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/classes.h"
#include "top/rows.h"

#define INTERVAL_DEFAULT 1.0

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
    tree_fini(&model->tree);
    folds_fini(&model->folds);
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

struct columns_wish model_columns(const struct model *model)
{
    return (struct columns_wish){
        .with_change = model_has_baseline(model),
        .with_family = model->show_tree,
        .with_namespace = model->totals.contained > 0,
        .sort = model->sort,
    };
}

size_t model_sort_columns(const struct model *model,
                          enum column_id ret_ids[COLUMN_COUNT])
{
    struct columns_wish wish = model_columns(model);
    size_t count = 0;

    for (enum column_id id = 0; id < COLUMN_COUNT; id++) {
        if (columns[id].compare && column_is_wanted(id, &wish))
            ret_ids[count++] = id;
    }
    return count;
}

void model_say(struct model *model, uint64_t until_ns, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(model->message, sizeof(model->message), format, args);
    va_end(args);
    model->message_until_ns = until_ns;
}

const struct row *model_selected(const struct model *model)
{
    return list_selected(&model->list);
}

/* --------------------------------------------------------------- build */

/* The lists of the process in detail, or of none. */
static int panels_build(struct model *model,
                        const struct reader_process *process,
                        const struct row_key *thread)
{
    static const struct reader_process none;
    const struct reader_process *shown = process ? process : &none;
    struct row *threads = NULL;
    struct reader_class *classes = classes_sorted(shown);

    if (!classes || rows_of_threads(model, shown, &threads) < 0) {
        free(classes);
        return -ENOMEM;
    }
    free(model->classes);
    model->classes = classes;
    list_resize(&model->panels[PANEL_CLASSES], shown->class_count);
    list_resize(&model->panels[PANEL_HUGE], shown->huge_count);
    list_resize(&model->panels[PANEL_GC], shown->gc.event_count);
    list_set(&model->panels[PANEL_THREADS], thread, threads,
             shown->thread_count);
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
    int err = rows_build(model, &rows, &count);

    if (err)
        return err;
    list_set(&model->list, process, rows, count);

    const struct row *selected = model_selected(model);
    const struct reader_process *shown = selected ? selected->process : NULL;

    model->shown = shown ? row_of(model, shown, NULL) : (struct row){0};
    err = panels_build(model, shown, thread);
    if (err)
        return err;
    model->totals = rows_totals(model);
    return 0;
}

static struct row_key selected_thread(const struct model *model)
{
    return row_key_of(list_selected(&model->panels[PANEL_THREADS]));
}

int model_reorder(struct model *model)
{
    struct row_key process = row_key_of(model_selected(model));
    struct row_key thread = selected_thread(model);

    return rebuild(model, &process, &thread);
}

int model_reopen(struct model *model)
{
    struct row_key process = row_key_of(model_selected(model));
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
    struct row_key process = row_key_of(model_selected(model));
    struct row_key thread = selected_thread(model);
    struct reader_survey old = model->survey;
    struct samples samples;
    struct tree tree;

    if (samples_init(&samples, survey, time_ns) < 0)
        return -ENOMEM;
    if (tree_init(&tree, survey) < 0) {
        samples_fini(&samples);
        return -ENOMEM;
    }
    samples_fini(&model->before);
    model->before = model->now;
    model->now = samples;
    model->survey = *survey;
    *survey = (struct reader_survey){0};
    tree_fini(&model->tree);
    model->tree = tree;
    folds_forget(&model->folds, &model->survey);
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
    const struct list *list = &model->list;
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

/* -------------------------------------------------------------- window */

struct list *model_list(struct model *model)
{
    switch (model->screen) {
    case SCREEN_DETAIL:
        return &model->panels[model->panel];
    case SCREEN_HELP:
        return &model->help;
    case SCREEN_SORT:
        return &model->sorts;
    case SCREEN_LIST:
    default:
        return &model->list;
    }
}

void model_fit(struct model *model, size_t page_rows)
{
    model->page_rows = page_rows > 0 ? page_rows : 1;
    list_fit(model_list(model), model->page_rows);
}
