/* Where a process's files are to be found: see place.h. */
#include "symbols/place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/openat2.h>

void place_init(struct place *place, const struct reader_process *process)
{
    uint32_t pid = !process                        ? 0
                   : process->state == READER_LIVE ? process->pid
                                                   : process->root_pid;

    *place = (struct place){.root_fd = -1};
    if (pid != 0) {
        (void)snprintf(place->root, sizeof(place->root), "/proc/%u/root", pid);
        place->root_fd = open(place->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    }
    if (place->root_fd < 0) {
        place->root[0] = '\0';
        place->root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    }
}

void place_fini(struct place *place)
{
    if (place->root_fd >= 0)
        close(place->root_fd);
    place->root_fd = -1;
}

/* Opens what an O_PATH descriptor stands for, and closes that: to look first
 * and open then, and yet open nothing else than was looked at. */
static int reopen(int path_fd, int *ret_fd)
{
    char self[PLACE_ROOT_BYTES];
    struct stat st;
    int fd = -1;

    (void)snprintf(self, sizeof(self), "/proc/self/fd/%d", path_fd);
    int r = fstat(path_fd, &st) < 0 ? -errno : 0;

    if (r == 0 && !S_ISREG(st.st_mode))
        r = -EINVAL;
    if (r == 0 && (fd = open(self, O_RDONLY | O_CLOEXEC)) < 0)
        r = -errno;
    close(path_fd);
    if (r == 0)
        *ret_fd = fd;
    return r;
}

int place_file_open(const struct place *place, const char *path, int *ret_fd)
{
    struct open_how how = {
        .flags = O_PATH | O_CLOEXEC,
        .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
    };
    long fd = syscall(SYS_openat2, place->root_fd, path, &how, sizeof(how));

    /* Kernels before 5.6, and sandboxes of their time, do not know the call.
     * In a root of our own links may lead where they like. */
    if (fd < 0 && (errno == ENOSYS || errno == EPERM) && !*place->root)
        return place_open_here(path, ret_fd);
    return fd < 0 ? -errno : reopen((int)fd, ret_fd);
}

int place_open_here(const char *path, int *ret_fd)
{
    int fd = open(path, O_PATH | O_CLOEXEC);

    return fd < 0 ? -errno : reopen(fd, ret_fd);
}

char *place_name(const struct place *place, const char *path, int fd)
{
    struct stat found;
    struct stat here;
    char *name = NULL;

    if (fstat(fd, &found) == 0 && stat(path, &here) == 0 &&
        found.st_dev == here.st_dev && found.st_ino == here.st_ino)
        return strdup(path);
    return asprintf(&name, "%s%s", place->root, path) < 0 ? NULL : name;
}
