/* Removing the segments of processes that are no more: see control.h.
 *
 * A name says which process its file belongs to, by pid and start time, and no
 * other process ever makes a file of that name.  So once that process is
 * gone, nobody can put a living one's file in the place of the one that was
 * looked at, and there is no race between looking and removing.  This is why
 * a file whose process runs another program by now is left alone: it may come
 * back to a program under the shim at any moment, under the same name. */
#include "reader/control.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reader/proc.h"
#include "reader/process.h"
#include "reader/segment.h"
#include "reader/world.h"

struct clean {
    struct process_source source;
    size_t removed;
    uint64_t bytes;
    size_t kept;
};

enum { STAT_BLOCK_BYTES = 512 };

enum fate {
    FATE_LIVES,
    FATE_OVER,
    FATE_HIDDEN, /* it may live where we cannot see it */
};

static enum fate fate_of(const struct segment *segment,
                         const struct process_source *source)
{
    char ignored[READER_REASON_BYTES];
    struct proc proc;
    uint32_t pid = 0;
    int err = process_locate(&segment->header, source, &pid, ignored);

    if (err == -ESRCH)
        return FATE_OVER;
    if (err)
        return err == -EAGAIN ? FATE_LIVES : FATE_HIDDEN;
    /* /proc may hide what belongs to others; kill does not. */
    if (kill((pid_t)pid, 0) < 0 && errno == ESRCH)
        return FATE_OVER;
    if (proc_open(&proc, pid) < 0)
        return FATE_HIDDEN;
    bool lives =
        proc_is_running(&proc) && process_is_same(&segment->header, &proc.stat);

    proc_close(&proc);
    return lives ? FATE_LIVES : FATE_OVER;
}

/* Whether the name still is that of the file that was opened. */
static bool is_its_name(const struct segment *segment, int dirfd,
                        const char *name, struct stat *ret_stat)
{
    struct stat named;

    return fstat(segment->fd, ret_stat) == 0 &&
           fstatat(dirfd, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
           named.st_dev == ret_stat->st_dev && named.st_ino == ret_stat->st_ino;
}

static void segment_remove(struct clean *clean, const struct segment *segment,
                           const char *name)
{
    int dirfd = clean->source.dirfd;
    struct stat st;

    if (!is_its_name(segment, dirfd, name, &st))
        return;
    if (unlinkat(dirfd, name, 0) < 0) {
        clean->kept += errno != ENOENT;
        return;
    }
    clean->removed++;
    clean->bytes += (uint64_t)st.st_blocks * STAT_BLOCK_BYTES;
}

static void segment_clean(struct clean *clean, const struct segment *segment,
                          const char *name)
{
    switch (fate_of(segment, &clean->source)) {
    case FATE_OVER:
        segment_remove(clean, segment, name);
        break;
    case FATE_HIDDEN:
        clean->kept++;
        break;
    case FATE_LIVES:
        break;
    }
}

static bool is_ours(uid_t owner)
{
    return geteuid() == 0 || owner == geteuid();
}

static void file_clean(struct clean *clean, const char *name)
{
    char ignored[READER_REASON_BYTES];
    struct segment segment;
    struct stat st;

    if (fstatat(clean->source.dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
        !is_ours(st.st_uid))
        return;
    int err = segment_open(&segment, clean->source.dirfd, name, ignored);

    if (err) { /* gone, or still being made */
        clean->kept += err != -ENOENT && err != -EAGAIN;
        return;
    }
    if (is_ours(segment.owner))
        segment_clean(clean, &segment, name);
    segment_close(&segment);
}

static int directory_clean(struct clean *clean)
{
    DIR *dir = proc_directory_open(clean->source.dirfd, ".");

    if (!dir)
        return -errno;
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
        if (strncmp(entry->d_name, READER_PREFIX, strlen(READER_PREFIX)) == 0)
            file_clean(clean, entry->d_name);
    }
    closedir(dir);
    return 0;
}

int control_clean(const char *dir, size_t *ret_removed, uint64_t *ret_bytes,
                  size_t *ret_kept)
{
    const char *path = dir ? dir : READER_DIR;
    struct world world;
    struct clean clean = {
        .source = {.path = path, .trust = PROCESS_OWN_ONLY, .world = &world},
    };
    int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return -errno;
    clean.source.dirfd = fd;
    world_init(&world);
    int err = directory_clean(&clean);

    world_fini(&world);
    close(fd);
    if (err)
        return err;
    *ret_removed = clean.removed;
    *ret_bytes = clean.bytes;
    *ret_kept = clean.kept;
    return 0;
}
