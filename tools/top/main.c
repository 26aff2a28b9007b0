/* gcshim-top: surveys go into the model, the model is printed, or goes on the
 * screen. */
#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/cli.h"
#include "top/batch.h"
#include "top/live.h"
#include "top/model.h"
#include "top/options.h"
#include "top/term.h"

enum { NS_PER_S = 1000000000 };

static const char command[] = "gcshim-top";

/* Names of threads are read where they are printed. */
static int refresh_model(struct model *model, const struct options *options)
{
    struct reader_survey survey;
    int err = options->threads || options->json
                  ? reader_survey_init(&survey, NULL)
                  : reader_survey_init_brief(&survey, NULL);

    if (err)
        return err;
    live_clock_set(model);
    err = model_refresh(model, &survey, live_now_ns());
    if (err)
        reader_survey_fini(&survey);
    return err;
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
    uint64_t deadline = live_now_ns();
    bool any = false;

    for (uint64_t n = 0; options->refreshes == 0 || n < options->refreshes;
         n++) {
        if (n > 0) {
            deadline += live_interval_ns(model);
            sleep_until(deadline);
            if (!options->json)
                (void)putchar('\n');
        }
        int err = refresh_model(model, options);

        if (err)
            return survey_failure(err);
        model_fit(model, model->list.count);
        err = live_explain(model, UINT64_MAX / 2);
        if (err)
            return cli_failure(command, "%s", strerror(-err));
        any |= model->list.count > 0;
        if (batch_once(model, options) != CLI_DONE)
            return CLI_FAILED;
    }
    return any ? CLI_DONE : CLI_FAILED;
}

/* ---------------------------------------------------------------- main */

static int run_live(struct model *model, const struct options *options)
{
    const char *problem = term_init(options->mouse);

    if (problem)
        return cli_failure(command, "%s", problem);
    int err = live_run(model, options->refreshes);

    term_fini();
    term_end();
    return err ? survey_failure(err) : CLI_DONE;
}

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
    model.show_tree = options.tree;
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
