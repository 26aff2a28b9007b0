/* A process's segment, once more: see reopen.h. */
#include "reader/reopen.h"

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

static int directory_open(const struct reader_process *process, int *ret_fd)
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

/* Whether a segment is the very one that the process was read from. */
static bool is_its_segment(const struct segment *segment,
                           const struct reader_process *process)
{
    const struct gcshim_header *header = &segment->header;

    return header->pid == process->namespace_pid &&
           header->start_time_ticks == process->start_time_ticks &&
           header->created_ns == process->created_ns &&
           segment->owner == process->file_uid;
}

typedef int segment_opener(struct segment *ret_segment, int dirfd,
                           const char *name,
                           char ret_reason[READER_REASON_BYTES]);

static int open_by(segment_opener *open_it, struct segment *ret_segment,
                   const struct reader_process *process,
                   char reason[READER_REASON_BYTES])
{
    struct segment segment;
    int dirfd = -1;
    int err = directory_open(process, &dirfd);

    if (err)
        return err;
    err = open_it(&segment, dirfd, process->segment, reason);
    close(dirfd);
    if (err)
        return err;
    if (!is_its_segment(&segment, process)) {
        segment_close(&segment);
        return -ESRCH;
    }
    *ret_segment = segment;
    return 0;
}

int reopen(struct segment *ret_segment, const struct reader_process *process,
           char ret_reason[READER_REASON_BYTES])
{
    return open_by(segment_open, ret_segment, process, ret_reason);
}

int reopen_writable(struct segment *ret_segment,
                    const struct reader_process *process,
                    char ret_reason[READER_REASON_BYTES])
{
    return open_by(segment_open_writable, ret_segment, process, ret_reason);
}
