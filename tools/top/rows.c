/* The rows of the list: see rows.h. */
#include "top/rows.h"

#include <errno.h>
#include <stdlib.h>

#include "top/find.h"
#include "top/model.h"

#define NS_PER_S 1e9

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

struct row row_of(const struct model *model,
                  const struct reader_process *process,
                  const struct reader_thread *thread)
{
    const struct reader_totals *totals =
        thread ? &thread->totals : &process->totals;
    const struct sample *before = samples_find(&model->before, process, thread);
    const struct sample *baseline =
        samples_find(&model->baseline, process, thread);
    double seconds = seconds_between(model);
    const struct tree_node *node = tree_node_of(&model->tree, process);
    struct row row = {
        .process = process,
        .thread = thread,
        .growth_bytes = INT64_MIN,
        .change_bytes = INT64_MIN,
        .rate_bytes = READER_UNKNOWN,
        .family_used_bytes = node->used_bytes,
        .family_allocated_bytes = node->allocated_bytes,
    };

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
static size_t threads_add(const struct model *model, struct row *rows,
                          const struct reader_process *process)
{
    for (size_t i = 0; i < process->thread_count; i++)
        rows[i] = row_of(model, process, &process->threads[i]);
    qsort_r(rows, process->thread_count, sizeof(*rows), thread_compare,
            (void *)(uintptr_t)model);
    return process->thread_count;
}

/* The processes that are to be seen, sorted, into rows.  Returns how many. */
static size_t processes_add(const struct model *model, struct row *rows)
{
    size_t count = 0;

    for (size_t i = 0; i < model->survey.process_count; i++) {
        const struct reader_process *process = &model->survey.processes[i];

        if (!choice_has(&model->choice, process))
            continue;
        rows[count] = row_of(model, process, NULL);
        if (!*model->filter || find_matches(&rows[count], model->filter))
            count++;
    }
    qsort_r(rows, count, sizeof(*rows), sort_compare, (void *)(uintptr_t)model);
    return count;
}

static size_t rows_most(const struct model *model)
{
    size_t count = model->survey.process_count;

    for (size_t i = 0; i < model->survey.process_count; i++)
        count += model->survey.processes[i].thread_count;
    return count;
}

/* A thread stands where the children of its process begin. */
static struct row_branch thread_branch(const struct row *process)
{
    struct row_branch branch = process->branch;
    bool goes_on = branch.is_parent && branch.folded == 0;

    if (branch.depth < ROW_DEPTH_MAX)
        branch.depth++;
    branch.lines |= (uint64_t)goes_on << branch.depth;
    return branch;
}

/* Puts the threads of each process under it; the rows are replaced. */
static int threads_insert(const struct model *model, struct row **rows,
                          size_t *count)
{
    struct row *processes = *rows;
    struct row *all = NULL;
    size_t at = 0;

    if (rows_alloc(&all, rows_most(model)) < 0)
        return -ENOMEM;
    for (size_t i = 0; i < *count; i++) {
        size_t first = at + 1;

        all[at++] = processes[i];
        at += threads_add(model, all + at, processes[i].process);
        for (size_t k = first; model->show_tree && k < at; k++)
            all[k].branch = thread_branch(&processes[i]);
    }
    free(processes);
    *rows = all;
    *count = at;
    return 0;
}

int rows_build(const struct model *model, struct row **ret_rows,
               size_t *ret_count)
{
    struct row *rows = NULL;
    int err = rows_alloc(&rows, model->survey.process_count);

    if (err)
        return err;
    size_t count = processes_add(model, rows);

    if (model->show_tree)
        err = tree_arrange(&model->tree, &model->folds, rows, &count);
    if (err == 0 && model->show_threads)
        err = threads_insert(model, &rows, &count);
    if (err) {
        free(rows);
        return err;
    }
    *ret_rows = rows;
    *ret_count = count;
    return 0;
}

int rows_of_threads(const struct model *model,
                    const struct reader_process *process, struct row **ret_rows)
{
    struct row *rows = NULL;

    if (rows_alloc(&rows, process->thread_count) < 0)
        return -ENOMEM;
    (void)threads_add(model, rows, process);
    *ret_rows = rows;
    return 0;
}

/* -------------------------------------------------------------- totals */

struct model_totals rows_totals(const struct model *model)
{
    struct model_totals totals = {.growth_bytes = INT64_MIN};

    for (size_t i = 0; i < model->survey.process_count; i++) {
        const struct reader_process *process = &model->survey.processes[i];
        struct row row = row_of(model, process, NULL);

        if (!choice_has(&model->choice, process))
            continue;
        totals.threads += process->thread_count;
        totals.contained += process->pid_namespace != 0;
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
