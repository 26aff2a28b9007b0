/* What one scrape finds: see scrape.h. */
#include "export/scrape.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { NS_PER_S = 1000000000 };

/* How long a scrape may read mappings: a scraper waits for 10 s, and those
 * whose turn it was not have it at the next. */
enum { EXPLAIN_NS = 500000000 };

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec now = {0};

    (void)clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

/* -------------------------------------------------------------- choosing */

static int compare(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

/* 0 for two that all labels name alike. */
static int label_compare(const struct reader_process *a,
                         const struct reader_process *b)
{
    int order = compare(a->pid, b->pid);

    if (order == 0)
        order = compare(a->pid_namespace, b->pid_namespace);
    if (order == 0)
        order = compare(a->uid, b->uid);
    return order ? order : strcmp(a->comm, b->comm);
}

static int namesake_compare(const void *left, const void *right)
{
    const struct reader_process *a =
        ((const struct scrape_subject *)left)->process;
    const struct reader_process *b =
        ((const struct scrape_subject *)right)->process;
    int order = label_compare(a, b);

    if (order == 0)
        order = compare(a->state, b->state);
    return order ? order : compare(b->created_ns, a->created_ns);
}

static int size_compare(const void *left, const void *right)
{
    const struct reader_process *a =
        ((const struct scrape_subject *)left)->process;
    const struct reader_process *b =
        ((const struct scrape_subject *)right)->process;
    int order = compare(a->state, b->state);

    if (order == 0)
        order = compare(b->allocated_bytes, a->allocated_bytes);
    return order ? order : label_compare(a, b);
}

/* Of each name the first. */
static void namesakes_drop(struct scrape *scrape)
{
    struct scrape_subject *subjects = scrape->subjects;
    size_t left = 0;

    for (size_t i = 0; i < scrape->count; i++) {
        if (left == 0 ||
            label_compare(subjects[left - 1].process, subjects[i].process) != 0)
            subjects[left++] = subjects[i];
    }
    scrape->namesakes = scrape->count - left;
    scrape->count = left;
}

static void subjects_choose(struct scrape *scrape, size_t processes_max)
{
    qsort(scrape->subjects, scrape->count, sizeof(*scrape->subjects),
          namesake_compare);
    namesakes_drop(scrape);
    qsort(scrape->subjects, scrape->count, sizeof(*scrape->subjects),
          size_compare);
    if (scrape->count > processes_max) {
        scrape->left_out = scrape->count - processes_max;
        scrape->count = processes_max;
    }
}

static int threads_set(struct scrape *scrape, enum threads_by by)
{
    int err = 0;

    for (size_t i = 0; by != THREADS_NOT && err == 0 && i < scrape->count;
         i++) {
        struct scrape_subject *subject = &scrape->subjects[i];

        err =
            threads_group(subject->process, by, &subject->threads,
                          &subject->thread_groups, &subject->threads_left_out);
    }
    return err;
}

static void subjects_free(struct scrape *scrape)
{
    for (size_t i = 0; i < scrape->count; i++)
        free(scrape->subjects[i].threads);
    free(scrape->subjects);
}

int scrape_init(struct scrape *ret_scrape, const struct scrape_wish *wish,
                struct reader_survey *survey)
{
    struct scrape scrape = {.wish = wish};

    /* One more, as there may be none and calloc may then give NULL. */
    scrape.subjects =
        calloc(survey->process_count + 1, sizeof(*scrape.subjects));
    if (!scrape.subjects)
        return -ENOMEM;
    for (size_t i = 0; i < survey->process_count; i++) {
        if (choice_has(&wish->choice, &survey->processes[i]))
            scrape.subjects[scrape.count++].process = &survey->processes[i];
    }
    subjects_choose(&scrape, wish->processes_max);
    int err = threads_set(&scrape, wish->threads);

    if (err) {
        subjects_free(&scrape);
        return err;
    }
    scrape.survey = *survey;
    *survey = (struct reader_survey){0};
    *ret_scrape = scrape;
    return 0;
}

void scrape_fini(struct scrape *scrape)
{
    subjects_free(scrape);
    reader_survey_fini(&scrape->survey);
}

/* --------------------------------------------------------------- scraping */

void scraper_init(struct scraper *scraper, const struct scrape_wish *wish)
{
    *scraper = (struct scraper){
        .wish = wish,
        .boot_time_ns = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_BOOTTIME),
    };
}

void scraper_fini(struct scraper *scraper)
{
    explanations_fini(&scraper->explained);
}

/* The subjects look at the survey, which is the scrape's own. */
static struct reader_process *process_of(const struct scrape *scrape, size_t i)
{
    return &scrape->survey.processes[scrape->subjects[i].process -
                                     scrape->survey.processes];
}

static int explain(struct scraper *scraper, struct scrape *scrape)
{
    uint64_t began = clock_ns(CLOCK_MONOTONIC);
    uint64_t deadline = began + EXPLAIN_NS;
    int err = 0;

    explanations_apply(&scraper->explained, &scrape->survey);
    for (size_t i = 0; err == 0 && i < scrape->count && began < deadline; i++) {
        struct reader_process *process = process_of(scrape, i);

        if (!explanations_is_due(&scraper->explained, process,
                                 EXPLAIN_LISTED_MS, began))
            continue;
        /* What cannot be read stays unknown, and is not tried again soon. */
        (void)reader_process_explain(process);
        uint64_t ended = clock_ns(CLOCK_MONOTONIC);

        err = explanations_keep(&scraper->explained, process, began, ended);
        began = ended;
    }
    return err;
}

int scraper_take(struct scraper *scraper, struct scrape *ret_scrape)
{
    uint64_t began = clock_ns(CLOCK_MONOTONIC);
    struct reader_survey survey;
    struct scrape scrape;
    int err = scraper->wish->threads == THREADS_NOT
                  ? reader_survey_init_brief(&survey, NULL)
                  : reader_survey_init(&survey, NULL);

    if (err)
        return err;
    err = scrape_init(&scrape, scraper->wish, &survey);
    if (err) {
        reader_survey_fini(&survey);
        return err;
    }
    err = explain(scraper, &scrape);
    if (err) {
        scrape_fini(&scrape);
        return err;
    }
    scrape.boot_time_ns = scraper->boot_time_ns;
    scrape.duration_ns = clock_ns(CLOCK_MONOTONIC) - began;
    *ret_scrape = scrape;
    return 0;
}
