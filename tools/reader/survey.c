/* All segments there are: the survey, and the search for one pid. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gcshim/layout.h"
#include "reader/array.h"
#include "reader/kin.h"
#include "reader/proc.h"
#include "reader/process.h"
#include "reader/reader.h"
#include "reader/text.h"
#include "reader/world.h"

enum { PREFIX_BYTES = 32, STRAYS_MAX = 256 };

/* ------------------------------------------------------------ growing */

static int process_add(struct reader_survey *survey,
                       const struct reader_process *process)
{
    void *array = survey->processes;
    int err = array_grow(&array, survey->process_count, sizeof(*process));

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
    err = array_grow(&array, survey->refusal_count, sizeof(*survey->refusals));
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

static int file_add(struct reader_survey *survey,
                    const struct process_source *source, const char *name)
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
    err = process_read(&process, source, name, reason);
    switch (err) {
    case 0:
        err = process_add(survey, &process);
        if (err)
            reader_process_fini(&process);
        return err;
    case -EPROTO:
        return refusal_add(survey, name, reason);
    case -EDQUOT:
        survey->beyond_count++;
        return 0;
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

/* By pid, as the process itself sees it; of one pid the living first, then
 * what belongs to one process stands together, its newest first. */
static int process_compare(const void *left, const void *right)
{
    const struct reader_process *a = left;
    const struct reader_process *b = right;
    int order = compare(a->pid_namespace, b->pid_namespace);

    if (order == 0)
        order = compare(a->namespace_pid, b->namespace_pid);
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

/* By pid, as we see it; of one pid the order stays as it is otherwise. */
static int pid_compare(const void *left, const void *right)
{
    const struct reader_process *a = left;
    const struct reader_process *b = right;
    int order = compare(a->pid, b->pid);

    return order ? order : process_compare(left, right);
}

static bool is_same_pid(const struct reader_process *a,
                        const struct reader_process *b)
{
    return a->pid_namespace == b->pid_namespace &&
           a->namespace_pid == b->namespace_pid;
}

/* Whether earlier is what the same process left behind at an exec.  Only its
 * own user's word counts: nobody else can hide a process this way. */
static bool is_superseded(const struct reader_process *earlier,
                          const struct reader_process *later)
{
    return is_same_pid(earlier, later) && earlier->start_time_ticks != 0 &&
           earlier->start_time_ticks == later->start_time_ticks &&
           earlier->file_uid == later->file_uid;
}

/* Passes over what is superseded.  Of one pid only one can be alive. */
static void survey_tidy(struct reader_survey *survey)
{
    struct reader_process *kept = survey->processes;
    size_t count = 0;
    size_t first = 0; /* of the same pid */

    for (size_t i = 0; i < survey->process_count; i++) {
        struct reader_process *process = &survey->processes[i];

        if (count > 0 && !is_same_pid(&kept[first], process))
            first = count;
        if (count > first && (is_superseded(process, &kept[first]) ||
                              is_superseded(process, &kept[count - 1]))) {
            reader_process_fini(process);
            continue;
        }
        if (count > first && kept[first].state == READER_LIVE)
            process_bury(process);
        kept[count++] = *process;
    }
    survey->process_count = count;
}

/* ------------------------------------------------------------- survey */

/* Every file of a directory whose name starts with prefix. */
static int directory_read(struct reader_survey *survey,
                          const struct process_source *source,
                          const char *prefix)
{
    DIR *dir = proc_directory_open(source->dirfd, ".");
    size_t count = 0;
    int err = 0;

    if (!dir)
        return -errno;
    for (struct dirent *entry = readdir(dir); entry && err == 0;
         entry = readdir(dir)) {
        if (strncmp(entry->d_name, prefix, strlen(prefix)) != 0)
            continue;
        /* One container must not take up all the room, or the time. */
        if (source->directory && ++count > WORLD_FILES_MAX)
            survey->beyond_count++;
        else
            err = file_add(survey, source, entry->d_name);
    }
    closedir(dir);
    return err;
}

/* What a survey is to be of. */
struct survey_wish {
    const char *path;     /* NULL: /dev/shm */
    const char *prefix;   /* of the names of files */
    struct world *world;  /* NULL: nobody of another pid namespace */
    bool reaches_others;  /* into the directories of containers too */
    bool is_brief;        /* without what takes a file of /proc a thread */
    struct recall recall; /* room for one after the other */
};

static int own_read(struct reader_survey *survey, struct survey_wish *wish)
{
    const char *path = wish->path ? wish->path : READER_DIR;
    int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    unsigned strays_left = STRAYS_MAX;
    struct process_source source = {.dirfd = fd,
                                    .path = path,
                                    .trust = PROCESS_OWN_ONLY,
                                    .world = wish->world,
                                    .strays_left = &strays_left,
                                    .recall = &wish->recall,
                                    .is_brief = wish->is_brief};

    if (fd < 0)
        return -errno;
    int err = directory_read(survey, &source, wish->prefix);

    close(fd);
    return err;
}

static bool is_shortage(int err)
{
    return err == -ENOMEM || err == -EMFILE || err == -ENFILE;
}

/* The containers' directories, as far as they let us in. */
static int others_read(struct reader_survey *survey, struct survey_wish *wish)
{
    struct world *world = wish->world;
    int err = world_scan(world);

    for (size_t i = 0; err == 0 && i < world->directory_count; i++) {
        const struct world_directory *directory = &world->directories[i];
        unsigned strays_left = STRAYS_MAX;
        struct process_source source = {.dirfd = directory->fd,
                                        .trust = PROCESS_OWN_ONLY,
                                        .world = world,
                                        .directory = directory,
                                        .strays_left = &strays_left,
                                        .recall = &wish->recall,
                                        .is_brief = wish->is_brief};

        err = directory_read(survey, &source, wish->prefix);
        if (!is_shortage(err)) /* whatever it is, it ends there */
            err = 0;
    }
    survey->beyond_count += world->beyond_count;
    return err;
}

static void survey_order(struct reader_survey *survey)
{
    if (survey->process_count == 0)
        return;
    qsort(survey->processes, survey->process_count, sizeof(*survey->processes),
          process_compare);
    survey_tidy(survey);
    qsort(survey->processes, survey->process_count, sizeof(*survey->processes),
          pid_compare);
}

static int files_read(struct reader_survey *survey, struct survey_wish *wish)
{
    int err = own_read(survey, wish);

    return err == 0 && wish->reaches_others ? others_read(survey, wish) : err;
}

static int survey_read(struct reader_survey *ret_survey,
                       struct survey_wish *wish)
{
    struct reader_survey survey = {0};
    int err = files_read(&survey, wish);

    recall_fini(&wish->recall);
    if (err) {
        reader_survey_fini(&survey);
        return err;
    }
    survey_order(&survey);
    *ret_survey = survey;
    return 0;
}

static int survey_init(struct reader_survey *ret_survey, const char *dir,
                       bool is_brief)
{
    struct world world;
    struct survey_wish wish = {.path = dir,
                               .prefix = READER_PREFIX,
                               .world = &world,
                               .reaches_others = dir == NULL,
                               .is_brief = is_brief};

    world_init(&world);
    int err = survey_read(ret_survey, &wish);

    world_fini(&world);
    if (err)
        return err;
    err = kin_find(ret_survey);
    if (err)
        reader_survey_fini(ret_survey);
    return err;
}

int reader_survey_init(struct reader_survey *ret_survey, const char *dir)
{
    return survey_init(ret_survey, dir, false);
}

int reader_survey_init_brief(struct reader_survey *ret_survey, const char *dir)
{
    return survey_init(ret_survey, dir, true);
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

/* The best one of that pid in a survey, taken out of it. */
static int survey_take(struct reader_survey *survey, uint32_t pid,
                       struct reader_process *ret_process)
{
    struct reader_process *best = NULL;

    for (size_t i = 0; i < survey->process_count; i++) {
        struct reader_process *process = &survey->processes[i];
        bool has_pid_here =
            process->pid_namespace == 0 || process->state == READER_LIVE;

        if (has_pid_here && process->pid == pid &&
            (!best || is_better(process, best)))
            best = process;
    }
    if (!best)
        return -ENOENT;
    *ret_process = *best;
    *best = (struct reader_process){0}; /* now the caller's */
    return 0;
}

/* name_pid: the pid in the file's name. */
static int find_in(struct reader_process *ret_process, const char *dir,
                   uint32_t pid, uint32_t name_pid, struct world *world)
{
    struct reader_survey survey = {0};
    char prefix[PREFIX_BYTES];
    struct survey_wish wish = {.path = dir,
                               .prefix = prefix,
                               .world = world,
                               .reaches_others = world != NULL};

    (void)snprintf(prefix, sizeof(prefix), READER_PREFIX "%" PRIu32 ".",
                   name_pid);
    int err = survey_read(&survey, &wish);

    if (err)
        return err;
    err = survey_take(&survey, pid, ret_process);
    reader_survey_fini(&survey);
    return err;
}

/* Looks where a living process itself looks, by the pid that it has there:
 * -ENOENT where it has no account. */
static int find_inside(struct reader_process *ret_process, uint32_t pid)
{
    struct world world;
    uint32_t name_pid = 0;

    world_init(&world);
    int err = world_scan_process(&world, pid);

    if (err == 0 && world.process_count == 0)
        err = -ENOENT;
    if (err == 0)
        err = proc_namespace_pid(world.proc_fd, pid, &name_pid);
    if (err == 0)
        err = find_in(ret_process, NULL, pid, name_pid, &world);
    world_fini(&world);
    if (err == 0 && ret_process->state == READER_DEAD) {
        reader_process_fini(ret_process);
        err = -ENOENT;
    }
    return err;
}

static int find_everywhere(struct reader_process *ret_process, uint32_t pid)
{
    struct world world;

    world_init(&world);
    int err = find_in(ret_process, NULL, pid, pid, &world);

    world_fini(&world);
    return err;
}

/* Looks at the cheapest place first. */
int reader_process_find(struct reader_process *ret_process, const char *dir,
                        uint32_t pid)
{
    struct reader_process best;
    struct reader_process inside;
    int err = find_in(&best, dir, pid, pid, NULL);
    bool is_dead = err == 0 && best.state == READER_DEAD;

    if (!dir && (err == -ENOENT || is_dead) && find_inside(&inside, pid) == 0) {
        if (is_dead)
            reader_process_fini(&best);
        best = inside;
        err = 0;
    }
    if (!dir && err == -ENOENT)
        err = find_everywhere(&best, pid);
    if (err == 0)
        *ret_process = best;
    return err;
}
