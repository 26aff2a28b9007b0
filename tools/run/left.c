/* What a child has left in /dev/shm: see left.h. */
#include "run/left.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reader/proc.h"

enum { PREFIX_BYTES = 32, PATH_BYTES = 512 };

/* The child is a zombie, of which the kernel still tells us this much. */
struct left left_by(const struct child *child, uint64_t began_ns)
{
    struct left left = {.pid = (uint32_t)child->pid,
                        .began_ns = began_ns,
                        .last_uid = geteuid()};
    struct proc proc;
    struct stat st;

    if (proc_open(&proc, left.pid) < 0)
        return left;
    left.start_time_ticks = proc.stat.start_time_ticks;
    if (fstat(proc.dirfd, &st) == 0)
        left.last_uid = st.st_uid;
    proc_close(&proc);
    return left;
}

/* One that is older, or tells of another start, was left by another process,
 * which had the same pid before. */
static bool is_left_by(const struct left *left,
                       const struct reader_process *process)
{
    bool is_same_start = left->start_time_ticks == 0 ||
                         process->start_time_ticks == 0 ||
                         process->start_time_ticks == left->start_time_ticks;

    return process->state == READER_DEAD && process->pid_namespace == 0 &&
           process->pid == left->pid && is_same_start &&
           process->created_ns >= left->began_ns;
}

/* Anybody may put a file into the directory: only who the child was, first or
 * last, is believed. */
static bool is_believed(const struct left *left,
                        const struct reader_process *process)
{
    return process->file_uid == geteuid() ||
           process->file_uid == left->last_uid;
}

static void path_make(char path[PATH_BYTES], const char *name)
{
    (void)snprintf(path, PATH_BYTES, "%s/%s", READER_DIR, name);
}

/* The next one that says it was left by the child, whoever owns it. */
static bool segment_next(DIR *dir, const struct left *left,
                         struct reader_process *ret_process)
{
    char prefix[PREFIX_BYTES];
    char path[PATH_BYTES];

    (void)snprintf(prefix, sizeof(prefix), READER_PREFIX "%" PRIu32 ".",
                   left->pid);
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
        struct reader_process process;

        if (strncmp(entry->d_name, prefix, strlen(prefix)) != 0)
            continue;
        path_make(path, entry->d_name);
        if (reader_process_init(&process, path, NULL) < 0)
            continue;
        if (is_left_by(left, &process)) {
            *ret_process = process;
            return true;
        }
        reader_process_fini(&process);
    }
    return false;
}

int left_find(const struct left *left, struct reader_process *ret_process)
{
    struct reader_process best = {0};
    struct reader_process process;
    bool is_found = false;
    DIR *dir = opendir(READER_DIR);

    if (!dir)
        return -errno;
    while (segment_next(dir, left, &process)) {
        if (!is_believed(left, &process) ||
            (is_found && process.created_ns <= best.created_ns)) {
            reader_process_fini(&process);
            continue;
        }
        reader_process_fini(&best);
        best = process;
        is_found = true;
    }
    (void)closedir(dir);
    if (!is_found)
        return -ENOENT;
    *ret_process = best;
    return 0;
}

void left_remove(const struct left *left)
{
    struct reader_process process;
    char path[PATH_BYTES];
    DIR *dir = opendir(READER_DIR);

    if (!dir)
        return;
    while (segment_next(dir, left, &process)) {
        path_make(path, process.segment);
        (void)unlink(path);
        reader_process_fini(&process);
    }
    (void)closedir(dir);
}
