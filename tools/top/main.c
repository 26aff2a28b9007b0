/* gcshim-top: surveys go into the model, the model goes on the screen. */
#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/cli.h"
#include "top/batch.h"
#include "top/callsites.h"
#include "top/canvas.h"
#include "top/model.h"
#include "top/options.h"
#include "top/term.h"
#include "top/trim.h"
#include "top/view.h"

enum {
    NS_PER_S = 1000000000,
    EXPLAIN_NS = 20000000, /* at most so long at once, or one process */
    TRIM_POLL_NS = 50000000,
};

static const char command[] = "gcshim-top";

static uint64_t now_ns(void)
{
    struct timespec now = {0};

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static void clock_set(struct model *model)
{
    time_t now = time(NULL);
    struct tm local;

    model->clock[0] = '\0';
    if (localtime_r(&now, &local))
        (void)strftime(model->clock, sizeof(model->clock), "%H:%M:%S", &local);
}

static int refresh_model(struct model *model)
{
    struct reader_survey survey;
    int err = reader_survey_init(&survey, NULL);

    if (err)
        return err;
    clock_set(model);
    err = model_refresh(model, &survey, now_ns());
    if (err)
        reader_survey_fini(&survey);
    return err;
}

/* Reads what is mapped of those processes whose turn it is, until the time is
 * over: the rest has its turn at the next refresh. */
static int explain(struct model *model, uint64_t time_ns)
{
    uint64_t deadline = now_ns() + time_ns;
    struct reader_process *process = NULL;
    uint64_t began = 0;
    int err = 0;

    while (err == 0 && (began = now_ns()) < deadline &&
           (process = model_unexplained(model, began)) != NULL) {
        /* What cannot be read stays unknown, and is not tried again soon. */
        (void)reader_process_explain(process);
        err = model_explained(model, process, began, now_ns());
    }
    return err;
}

static uint64_t interval_ns(const struct model *model)
{
    return (uint64_t)(model->interval_s * NS_PER_S);
}

static int survey_failure(int err)
{
    return cli_failure(command, "/dev/shm cannot be read: %s", strerror(-err));
}

/* --------------------------------------------------------------- batch */

static void sleep_until(uint64_t deadline_ns)
{
    struct timespec deadline = {
        .tv_sec = (time_t)(deadline_ns / NS_PER_S),
        .tv_nsec = (long)(deadline_ns % NS_PER_S),
    };

    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &deadline, NULL) ==
           EINTR)
        continue;
}

static int batch_once(struct model *model, const struct options *options)
{
    int err = 0;

    batch_print_refusals(model);
    if (options->json)
        err = batch_print_json(model, options->refreshes == 1);
    else
        err = batch_print(model);
    if (err)
        return cli_failure(command, "writing: %s", strerror(-err));
    return CLI_DONE;
}

/* Exit status 1 where no process was seen in any of the refreshes. */
static int run_batch(struct model *model, const struct options *options)
{
    uint64_t deadline = now_ns();
    bool any = false;

    for (uint64_t n = 0; options->refreshes == 0 || n < options->refreshes;
         n++) {
        if (n > 0) {
            deadline += interval_ns(model);
            sleep_until(deadline);
            if (!options->json)
                (void)putchar('\n');
        }
        int err = refresh_model(model);

        if (err)
            return survey_failure(err);
        model_fit(model, model->list.count);
        err = explain(model, UINT64_MAX / 2);
        if (err)
            return cli_failure(command, "%s", strerror(-err));
        any |= model->list.count > 0;
        if (batch_once(model, options) != CLI_DONE)
            return CLI_FAILED;
    }
    return any ? CLI_DONE : CLI_FAILED;
}

/* ---------------------------------------------------------------- live */

static int draw(struct model *model, struct callsites *callsites, bool afresh)
{
    struct canvas canvas;
    int rows = 0;
    int cols = 0;

    term_size(&rows, &cols);
    int err = canvas_init(&canvas, rows, cols);

    if (err)
        return err;
    callsites_follow(callsites, model, now_ns());
    model_fit(model, view_page_rows(model, rows, cols));
    err = model->paused ? 0 : explain(model, EXPLAIN_NS);
    view_draw(model, &canvas);
    term_put(&canvas, afresh);
    canvas_fini(&canvas);
    return err;
}

/* One turn: waits for a key or the time of the next refresh, and follows it.
 * Sets *ret_status where it was the last. */
static bool is_last_turn(struct model *model, uint64_t deadline_ns,
                         bool *afresh, int *ret_error)
{
    uint32_t key = 0;

    switch (term_wait(deadline_ns, &key)) {
    case TERM_KEY:
        *ret_error = model_key(model, key);
        *afresh |= model->redraw;
        model->redraw = false;
        return model->quit || *ret_error;
    case TERM_REDRAW:
        *afresh = true;
        return false;
    case TERM_GONE:
    case TERM_SIGNAL:
        return true;
    case TERM_TIMEOUT:
    default:
        return false;
    }
}

/* When there is something to be done though no key comes. */
static uint64_t next_turn_ns(const struct model *model, const struct trim *trim,
                             uint64_t refreshed_ns)
{
    uint64_t refresh =
        model->paused ? UINT64_MAX : refreshed_ns + interval_ns(model);
    uint64_t look = trim->is_open ? now_ns() + TRIM_POLL_NS : UINT64_MAX;

    return refresh < look ? refresh : look;
}

/* Until the user, a signal, or -n has had enough: 0 or -errno. */
static int live_loop(struct model *model, struct trim *trim,
                     struct callsites *callsites, uint64_t refreshes)
{
    uint64_t refreshed_ns = 0;
    uint64_t count = 0;
    bool afresh = false;
    int err = 0;

    for (;;) {
        bool due = now_ns() >= refreshed_ns + interval_ns(model);

        due |= trim_follow(trim, model, now_ns());
        if (count == 0 || (due && !model->paused)) {
            if (refreshes > 0 && count == refreshes)
                return 0;
            err = refresh_model(model);
            if (err)
                return err;
            refreshed_ns = now_ns();
            count++;
        }
        err = draw(model, callsites, afresh);
        afresh = false;
        if (err)
            return err;
        if (is_last_turn(model, next_turn_ns(model, trim, refreshed_ns),
                         &afresh, &err))
            return err;
    }
}

static int run_live(struct model *model, const struct options *options)
{
    const char *problem = term_init();

    if (problem)
        return cli_failure(command, "%s", problem);
    struct trim trim = {0};
    struct callsites callsites = {0};
    int err = live_loop(model, &trim, &callsites, options->refreshes);

    trim_close(&trim);
    callsites_fini(&callsites);
    term_fini();
    term_end();
    return err ? survey_failure(err) : CLI_DONE;
}

/* ---------------------------------------------------------------- main */

int main(int argc, char **argv)
{
    struct options options;
    struct model model;

    (void)setlocale(LC_ALL, "");
    (void)setlocale(LC_NUMERIC, "C"); /* -d 0.5 everywhere */
    int status = options_init(&options, argc, argv);

    if (status >= 0)
        return status;
    model_init(&model, &options.choice);
    model.show_threads = options.threads;
    if (options.interval_s > 0)
        model.interval_s = options.interval_s;
    if (options.sort != COLUMN_COUNT)
        model.sort = options.sort;
    status = options.batch ? run_batch(&model, &options)
                           : run_live(&model, &options);
    model_fini(&model);
    options_fini(&options);
    return status;
}
