/* Who there is, in which namespaces: see world.h. */
#include "reader/world.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gcshim/layout.h"
#include "reader/array.h"
#include "reader/proc.h"

enum { PATH_BYTES = 64 };

#define NOWHERE SIZE_MAX
#define GONE    UINT32_MAX /* the pid of one that ended while we asked */

void world_init(struct world *world)
{
    *world = (struct world){.proc_fd = -1};
}

void world_fini(struct world *world)
{
    for (size_t i = 0; i < world->directory_count; i++)
        close(world->directories[i].fd);
    free(world->directories);
    free(world->roots);
    free(world->processes);
    if (world->proc_fd >= 0)
        close(world->proc_fd);
    world_init(world);
}

/* ---------------------------------------------------------- namespaces */

/* The inode of a file behind /proc/PID. */
static int inode_of(const struct world *world, const char *path,
                    uint64_t *ret_inode)
{
    struct stat st;

    if (fstatat(world->proc_fd, path, &st, 0) < 0)
        return -errno;
    *ret_inode = st.st_ino;
    return 0;
}

/* A first thread that has ended before the others has left its namespaces:
 * any of the others tells them. */
static int namespace_of_others(const struct world *world, uint32_t pid,
                               const char *kind, uint64_t *ret_inode)
{
    char path[PATH_BYTES];
    int err = -ENOENT;

    (void)snprintf(path, sizeof(path), "%" PRIu32 "/task", pid);

    DIR *dir = proc_directory_open(world->proc_fd, path);

    if (!dir)
        return -ENOENT;
    for (struct dirent *entry = readdir(dir); entry && err;
         entry = readdir(dir)) {
        (void)snprintf(path, sizeof(path), "%" PRIu32 "/task/%.16s/ns/%s", pid,
                       entry->d_name, kind);
        err = inode_of(world, path, ret_inode);
    }
    closedir(dir);
    return err;
}

/* kind: "mnt" or "pid".  An error where we may not know. */
static int namespace_of(const struct world *world, uint32_t pid,
                        const char *kind, uint64_t *ret_inode)
{
    char path[PATH_BYTES];

    (void)snprintf(path, sizeof(path), "%" PRIu32 "/ns/%s", pid, kind);

    int err = inode_of(world, path, ret_inode);

    /* -EACCES is the answer to most of what an ordinary user asks. */
    return err == -ENOENT ? namespace_of_others(world, pid, kind, ret_inode)
                          : err;
}

/* --------------------------------------------------------- directories */

int world_directory_open(int root_fd, int *ret_fd)
{
    enum { FLAGS = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC };

    /* One name at a time, none of them "..": what openat2 would add, to
     * stay below the root and to follow no link, holds of each step. */
    int dev = openat(root_fd, "dev", FLAGS);

    if (dev < 0)
        return -errno;
    int shm = openat(dev, "shm", FLAGS);
    int err = shm < 0 ? -errno : 0;

    close(dev);
    if (err)
        return err;
    *ret_fd = shm;
    return 0;
}

static size_t directory_known(const struct world *world, const struct stat *st)
{
    for (size_t i = 0; i < world->directory_count; i++) {
        if (world->directories[i].device == st->st_dev &&
            world->directories[i].inode == st->st_ino)
            return i;
    }
    return NOWHERE;
}

/* Keeps a directory that is neither our own nor known: takes over fd. */
static int directory_add(struct world *world, int fd, uint32_t pid,
                         size_t *ret_index)
{
    struct stat st;
    void *array = world->directories;
    size_t index = NOWHERE;
    int err = 0;

    if (fstat(fd, &st) < 0 ||
        (st.st_dev == world->own_device && st.st_ino == world->own_inode))
        goto close;
    index = directory_known(world, &st);
    if (index != NOWHERE)
        goto close;
    if (world->directory_count == WORLD_DIRECTORIES_MAX) {
        world->beyond_count++;
        goto close;
    }
    err =
        array_grow(&array, world->directory_count, sizeof(*world->directories));
    world->directories = array;
    if (err)
        goto close;
    index = world->directory_count++;
    world->directories[index] =
        (struct world_directory){fd, st.st_dev, st.st_ino, pid};
    *ret_index = index;
    return 0;

close:
    close(fd);
    *ret_index = index;
    return err;
}

/* What the dev/shm of a root leads to. */
static int root_follow(struct world *world, int root_fd, uint32_t pid,
                       size_t *ret_index)
{
    int fd = -1;
    int err = world_directory_open(root_fd, &fd);

    if (err == 0)
        return directory_add(world, fd, pid, ret_index);
    if (err == -EMFILE || err == -ENFILE)
        world->beyond_count++;
    *ret_index = NOWHERE;
    return 0;
}

static bool is_root_known(const struct world *world, uint64_t mount_namespace,
                          const struct stat *st)
{
    for (size_t i = 0; i < world->root_count; i++) {
        const struct world_root *root = &world->roots[i];

        if (root->mount_namespace == mount_namespace &&
            root->device == st->st_dev && root->inode == st->st_ino)
            return true;
    }
    return false;
}

static int root_add(struct world *world, int root_fd,
                    const struct world_process *process)
{
    struct stat st;
    void *array = world->roots;
    size_t directory = NOWHERE;

    if (fstat(root_fd, &st) < 0 ||
        is_root_known(world, process->mount_namespace, &st))
        return 0;
    if (world->root_count == WORLD_ROOTS_MAX) {
        world->beyond_count++;
        return 0;
    }
    int err = array_grow(&array, world->root_count, sizeof(*world->roots));

    world->roots = array;
    if (err == 0)
        err = root_follow(world, root_fd, process->pid, &directory);
    if (err == 0)
        world->roots[world->root_count++] = (struct world_root){
            process->mount_namespace, st.st_dev, st.st_ino, directory};
    return err;
}

/* The processes of a mount namespace may still differ in their root, and one
 * without a /dev/shm must not hide the one that the others see. */
static int root_look(struct world *world, const struct world_process *process)
{
    char path[PATH_BYTES];
    struct stat st;
    uint64_t again = 0;
    int err = 0;

    (void)snprintf(path, sizeof(path), "%" PRIu32 "/root", process->pid);
    if (fstatat(world->proc_fd, path, &st, 0) < 0 ||
        is_root_known(world, process->mount_namespace, &st))
        return 0;
    int fd = openat(world->proc_fd, path, O_PATH | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0) {
        world->beyond_count += errno == EMFILE || errno == ENFILE;
        return 0;
    }
    /* The pid may have been given to another process meanwhile. */
    if (namespace_of(world, process->pid, "mnt", &again) == 0 &&
        again == process->mount_namespace)
        err = root_add(world, fd, process);
    close(fd);
    return err;
}

/* ---------------------------------------------------------------- scan */

static int process_add(struct world *world, const struct world_process *process)
{
    void *array = world->processes;
    int err =
        array_grow(&array, world->process_count, sizeof(*world->processes));

    world->processes = array;
    if (err == 0)
        world->processes[world->process_count++] = *process;
    return err;
}

static int process_look(struct world *world, uint32_t pid)
{
    struct world_process process = {.pid = pid};

    if (namespace_of(world, pid, "mnt", &process.mount_namespace) < 0)
        return 0;
    int err = process_add(world, &process);

    if (err == 0 && process.mount_namespace != world->own_mount_namespace)
        err = root_look(world, &process);
    return err;
}

/* Whether there is anything to be looked at. */
static bool scan_begin(struct world *world)
{
    struct stat st;

    world->scanned = true;
    world->scanned_ns = proc_now_ns();
    world->own_pid_namespace = proc_pid_namespace();
    if (stat(READER_DIR, &st) == 0) {
        world->own_device = st.st_dev;
        world->own_inode = st.st_ino;
    }
    world->proc_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return world->proc_fd >= 0 &&
           inode_of(world, "self/ns/mnt", &world->own_mount_namespace) == 0;
}

int world_scan(struct world *world)
{
    int err = 0;

    if (world->scanned || !scan_begin(world))
        return 0;
    DIR *dir = proc_directory_open(world->proc_fd, ".");

    if (!dir)
        return 0;
    for (struct dirent *entry = readdir(dir); entry && err == 0;
         entry = readdir(dir)) {
        uint64_t pid = strtoull(entry->d_name, NULL, 10);

        if (pid > 0 && pid <= INT32_MAX)
            err = process_look(world, (uint32_t)pid);
    }
    closedir(dir);
    return err;
}

int world_scan_process(struct world *world, uint32_t pid)
{
    if (world->scanned || !scan_begin(world))
        return 0;
    return process_look(world, pid);
}

/* ---------------------------------------------------------------- find */

static int process_compare(const void *left, const void *right)
{
    const struct world_process *a = left;
    const struct world_process *b = right;

    if (a->pid_namespace != b->pid_namespace)
        return a->pid_namespace < b->pid_namespace ? -1 : 1;
    return (a->pid > b->pid) - (a->pid < b->pid);
}

static void index_make(struct world *world)
{
    if (world->indexed)
        return;
    world->indexed = true;
    for (size_t i = 0; i < world->process_count; i++) {
        struct world_process *process = &world->processes[i];

        if (namespace_of(world, process->pid, "pid", &process->pid_namespace))
            process->pid_namespace = 0;
    }
    if (world->process_count > 0)
        qsort(world->processes, world->process_count, sizeof(*world->processes),
              process_compare);
}

/* The first process of a pid namespace, or where it would stand. */
static size_t index_find(const struct world *world, uint64_t pid_namespace)
{
    size_t low = 0;
    size_t high = world->process_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (world->processes[middle].pid_namespace < pid_namespace)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Asked only of those whose pid namespace has a segment. */
static uint32_t namespace_pid_of(const struct world *world,
                                 struct world_process *process)
{
    if (process->namespace_pid == 0 &&
        process->pid_namespace == world->own_pid_namespace)
        process->namespace_pid = process->pid;
    if (process->namespace_pid == 0 &&
        proc_namespace_pid(world->proc_fd, process->pid,
                           &process->namespace_pid) < 0)
        process->namespace_pid = GONE;
    return process->namespace_pid;
}

/* By its mount namespace, not by its root: one that has changed its root
 * since it began has left its segment behind. */
static bool does_see(const struct world *world,
                     const struct world_process *process,
                     const struct world_directory *directory)
{
    size_t index = directory ? (size_t)(directory - world->directories) : 0;

    for (size_t i = 0; directory && i < world->root_count; i++) {
        if (world->roots[i].mount_namespace == process->mount_namespace &&
            world->roots[i].directory == index)
            return true;
    }
    return directory == NULL;
}

int world_find(struct world *world, const struct world_directory *directory,
               uint64_t pid_namespace, uint32_t namespace_pid,
               uint64_t created_ns, uint32_t *ret_pid)
{
    int err = world_scan(world);
    bool is_in_sight = false;

    if (err)
        return err;
    index_make(world);
    for (size_t i = index_find(world, pid_namespace);
         i < world->process_count &&
         world->processes[i].pid_namespace == pid_namespace;
         i++) {
        struct world_process *process = &world->processes[i];

        if (is_in_sight && namespace_pid_of(world, process) != namespace_pid)
            continue;
        if (!does_see(world, process, directory))
            continue;
        is_in_sight = true;
        if (namespace_pid_of(world, process) == namespace_pid) {
            *ret_pid = process->pid;
            return 0;
        }
    }
    if (created_ns >= world->scanned_ns && created_ns <= proc_now_ns())
        return -EAGAIN;
    return is_in_sight ? -ESRCH : -ENXIO;
}
