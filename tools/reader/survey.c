/* All segments in a directory: the survey, and the search for one pid. */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gcshim/layout.h"
#include "reader/process.h"
#include "reader/reader.h"
#include "reader/text.h"

enum { PREFIX_BYTES = 32 };

/* ------------------------------------------------------------ growing */

/* Makes room for one more element; capacity doubles at powers of two, so it
 * need not be stored. */
static int grow(void **array, size_t count, size_t element_bytes)
{
    if (count != 0 && (count & (count - 1)) != 0)
        return 0;

    void *larger =
        reallocarray(*array, count == 0 ? 1 : 2 * count, element_bytes);

    if (!larger)
        return -ENOMEM;
    *array = larger;
    return 0;
}

static int process_add(struct reader_survey *survey,
                       const struct reader_process *process)
{
    void *array = survey->processes;
    int err = grow(&array, survey->process_count, sizeof(*process));

    survey->processes = array;
    if (err == 0)
        survey->processes[survey->process_count++] = *process;
    return err;
}

static int refusal_add(struct reader_survey *survey, const char *name,
                       const char *reason)
{
    void *array = survey->refusals;
    int err = 0;

    if (survey->refusal_count == READER_REFUSALS_MAX) {
        survey->beyond_count++;
        return 0;
    }
    err = grow(&array, survey->refusal_count, sizeof(*survey->refusals));
    survey->refusals = array;
    if (err)
        return err;

    struct reader_refusal *refusal = &survey->refusals[survey->refusal_count++];

    text_copy(refusal->segment, sizeof(refusal->segment), name, strlen(name));
    (void)snprintf(refusal->reason, sizeof(refusal->reason), "%s", reason);
    return 0;
}

/* ------------------------------------------------------------- one file */

/* A name that we could not show as it is was not given by gcshim. */
static bool is_plain(const char *name)
{
    return strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                        "0123456789._-") == strlen(name);
}

static int file_add(struct reader_survey *survey, int dirfd, const char *name)
{
    struct reader_process process;
    char reason[READER_REASON_BYTES];
    int err = 0;

    if (!is_plain(name))
        return refusal_add(survey, name, "is no name that gcshim gives");
    if (survey->process_count == READER_PROCESSES_MAX) {
        survey->beyond_count++;
        return 0;
    }
    err = process_read(&process, dirfd, name, PROCESS_OWN_ONLY, reason);
    switch (err) {
    case 0:
        err = process_add(survey, &process);
        if (err)
            reader_process_fini(&process);
        return err;
    case -EPROTO:
        return refusal_add(survey, name, reason);
    case -EACCES:
    case -EPERM:
        survey->denied_count++;
        return 0;
    case -ENOENT: /* gone since the directory was read */
    case -EAGAIN: /* not there yet */
        return 0;
    case -ENOMEM:
    case -EMFILE:
    case -ENFILE:
        return err;
    default:
        return refusal_add(survey, name, strerror(-err));
    }
}

/* ------------------------------------------------------------- order */

static int compare(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

/* By pid; of one pid the living first, then what belongs to one process
 * stands together, its newest first. */
static int process_compare(const void *left, const void *right)
{
    const struct reader_process *a = left;
    const struct reader_process *b = right;
    int order = compare(a->pid, b->pid);

    if (order == 0)
        order = compare(a->state, b->state);
    if (order == 0)
        order = compare(a->start_time_ticks, b->start_time_ticks);
    if (order == 0)
        order = compare(a->file_uid, b->file_uid);
    if (order == 0)
        order = compare(b->created_ns, a->created_ns);
    return order;
}

/* Whether earlier is what the same process left behind at an exec.  Only its
 * own user's word counts: nobody else can hide a process this way. */
static bool is_superseded(const struct reader_process *earlier,
                          const struct reader_process *later)
{
    return earlier->pid == later->pid && earlier->start_time_ticks != 0 &&
           earlier->start_time_ticks == later->start_time_ticks &&
           earlier->file_uid == later->file_uid;
}

/* It is not the one that lives now. */
static void bury(struct reader_process *process)
{
    process->state = READER_DEAD;
    process->run_state = 'X';
    process->resident_bytes = READER_UNKNOWN;
    process->rss_bytes = READER_UNKNOWN;
}

/* Passes over what is superseded.  Of one pid only one can be alive. */
static void survey_tidy(struct reader_survey *survey)
{
    struct reader_process *kept = survey->processes;
    size_t count = 0;
    size_t first = 0; /* of the same pid */

    for (size_t i = 0; i < survey->process_count; i++) {
        struct reader_process *process = &survey->processes[i];

        if (count > 0 && kept[first].pid != process->pid)
            first = count;
        if (count > first && (is_superseded(process, &kept[first]) ||
                              is_superseded(process, &kept[count - 1]))) {
            reader_process_fini(process);
            continue;
        }
        if (count > first && kept[first].state == READER_LIVE)
            bury(process);
        kept[count++] = *process;
    }
    survey->process_count = count;
}

/* ------------------------------------------------------------- survey */

/* Every file whose name starts with prefix. */
static int survey_read(struct reader_survey *ret_survey, const char *path,
                       const char *prefix)
{
    struct reader_survey survey = {0};
    DIR *dir = opendir(path ? path : GCSHIM_SEGMENT_DIR);
    int err = 0;

    if (!dir)
        return -errno;
    for (struct dirent *entry = readdir(dir); entry && err == 0;
         entry = readdir(dir)) {
        if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0)
            err = file_add(&survey, dirfd(dir), entry->d_name);
    }
    closedir(dir);
    if (err) {
        reader_survey_fini(&survey);
        return err;
    }
    if (survey.process_count > 0)
        qsort(survey.processes, survey.process_count, sizeof(*survey.processes),
              process_compare);
    survey_tidy(&survey);
    *ret_survey = survey;
    return 0;
}

int reader_survey_init(struct reader_survey *ret_survey, const char *dir)
{
    return survey_read(ret_survey, dir, GCSHIM_SEGMENT_PREFIX);
}

void reader_survey_fini(struct reader_survey *survey)
{
    for (size_t i = 0; i < survey->process_count; i++)
        reader_process_fini(&survey->processes[i]);
    free(survey->processes);
    free(survey->refusals);
    *survey = (struct reader_survey){0};
}

/* --------------------------------------------------------------- find */

/* Whether a is the one that a user means rather than b. */
static bool is_better(const struct reader_process *a,
                      const struct reader_process *b)
{
    bool own_a = a->file_uid == geteuid();
    bool own_b = b->file_uid == geteuid();

    if (a->state != b->state)
        return a->state == READER_LIVE;
    if (own_a != own_b)
        return own_a;
    return a->created_ns > b->created_ns;
}

int reader_process_find(struct reader_process *ret_process, const char *dir,
                        uint32_t pid)
{
    struct reader_survey survey = {0};
    struct reader_process *best = NULL;
    char prefix[PREFIX_BYTES];

    (void)snprintf(prefix, sizeof(prefix), GCSHIM_SEGMENT_PREFIX "%" PRIu32 ".",
                   pid);
    int err = survey_read(&survey, dir, prefix);

    if (err)
        return err;
    for (size_t i = 0; i < survey.process_count; i++) {
        struct reader_process *process = &survey.processes[i];

        if (process->pid == pid && (!best || is_better(process, best)))
            best = process;
    }
    if (best) {
        *ret_process = *best;
        best->threads = NULL; /* now the caller's */
        best->thread_count = 0;
    }
    reader_survey_fini(&survey);
    return best ? 0 : -ENOENT;
}
