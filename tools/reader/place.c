/* Where the segment of a process lies: see place.h. */
#include "reader/place.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "reader/world.h"

enum { PATH_BYTES = 64 };

/* A container's /dev/shm, on a way that it cannot bend. */
static int root_directory_open(uint32_t root_pid, int *ret_fd)
{
    char path[PATH_BYTES];

    (void)snprintf(path, sizeof(path), "/proc/%" PRIu32 "/root", root_pid);
    int root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

    if (root < 0)
        return -errno;
    int err = world_directory_open(root, ret_fd);

    close(root);
    return err;
}

int place_open(const struct reader_process *process, int *ret_fd)
{
    int fd = -1;

    if (process->root_pid != 0)
        return root_directory_open(process->root_pid, ret_fd);
    if (process->directory[0] == '\0')
        return -ENAMETOOLONG;
    fd = open(process->directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    *ret_fd = fd;
    return 0;
}

bool place_holds(const struct segment *segment,
                 const struct reader_process *process)
{
    const struct gcshim_header *header = &segment->header;

    return header->pid == process->namespace_pid &&
           header->start_time_ticks == process->start_time_ticks &&
           header->created_ns == process->created_ns &&
           segment->owner == process->file_uid;
}
