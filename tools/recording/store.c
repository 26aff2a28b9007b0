/* The file of a recording while it grows: see store.h. */
#include "recording/store.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "recording/thin.h"

enum { MODE = 0666, MODE_BITS = 0777 };

static int write_all(int fd, const char *text, size_t length)
{
    while (length > 0) {
        ssize_t written = write(fd, text, length);

        if (written < 0 && errno != EINTR)
            return -errno;
        if (written > 0) {
            text += written;
            length -= (size_t)written;
        }
    }
    return 0;
}

/* ------------------------------------------------------------- the whole */

static int head_write(int fd, const struct recording *recording,
                      uint64_t *ret_bytes)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);

    if (!out)
        return -ENOMEM;
    recording_head_print(out, recording);
    int err = fclose(out) == EOF ? -ENOMEM : write_all(fd, text, length);

    free(text);
    if (err == 0)
        *ret_bytes = length;
    return err;
}

static int file_write(FILE *out, const struct recording *recording,
                      uint64_t bytes[RECORDING_KINDS])
{
    long at = 0;

    recording_head_print(out, recording);
    for (size_t i = 0; i < recording->count; i++) {
        long before = ftell(out);

        recording_entry_print(out, &recording->entries[i]);
        at = ftell(out);
        if (before < 0 || at < before)
            return -EIO;
        bytes[recording->entries[i].kind] += (uint64_t)(at - before);
    }
    return fflush(out) == EOF ? -errno : 0;
}

/* What each kind of entry takes, in bytes. */
static int measure(const struct recording *recording,
                   uint64_t bytes[RECORDING_KINDS])
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);

    if (!out)
        return -ENOMEM;
    int err = file_write(out, recording, bytes);

    if (fclose(out) == EOF && err == 0)
        err = -ENOMEM;
    free(text);
    return err;
}

/* -------------------------------------------------------------- thinning */

static const struct share {
    enum recording_kind kind;
    unsigned tenths;
} shares[] = {
    {RECORDING_SAMPLE, 5},
    {RECORDING_CLASSES, 2},
    {RECORDING_GC, 2},
    {RECORDING_GAP, 1},
};

enum { SHARES = sizeof(shares) / sizeof(shares[0]), TENTHS = 10 };

/* Of those that take more than their share, each gives what is too much; a
 * share that is not used up stays free. */
static int thin_to(struct recording *recording, uint64_t target_bytes)
{
    uint64_t bytes[RECORDING_KINDS] = {0};
    int err = measure(recording, bytes);

    if (err)
        return err;
    for (size_t i = 0; i < SHARES; i++) {
        enum recording_kind kind = shares[i].kind;
        uint64_t share = target_bytes * shares[i].tenths / TENTHS;
        size_t count = recording_count(recording, kind);

        if (bytes[kind] > share)
            thin(recording, kind,
                 (size_t)((double)count * (double)share / (double)bytes[kind]));
    }
    return 0;
}

/* A file beside it takes its place in one step, so that whoever is killed, or
 * has no room on the disk, leaves the one or the other. */
static int replace(struct store *store)
{
    char path[PATH_MAX];
    uint64_t bytes[RECORDING_KINDS] = {0};

    if (snprintf(path, sizeof(path), "%s.XXXXXX", store->path) >= PATH_MAX)
        return -ENAMETOOLONG;
    int fd = mkostemp(path, O_CLOEXEC | O_APPEND);

    if (fd < 0)
        return -errno;
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    FILE *out = copy < 0 ? NULL : fdopen(copy, "w");
    int err = out ? file_write(out, &store->recording, bytes) : -errno;

    if (out && fclose(out) == EOF && err == 0)
        err = -errno;
    if (err == 0 &&
        (fchmod(fd, store->mode) < 0 || rename(path, store->path) < 0))
        err = -errno;
    if (err) {
        (void)unlink(path);
        (void)close(fd);
        return err;
    }
    struct stat st;

    (void)close(store->fd);
    store->fd = fd;
    store->bytes = fstat(fd, &st) == 0 ? (uint64_t)st.st_size : 0;
    return 0;
}

/* What is left may have become longer lines, so once more if need be; what
 * cannot be thinned is far below the least of limits. */
static int store_thin(struct store *store)
{
    enum { TRIES = 6 };
    uint64_t target = store->bytes_max / 2;
    int err = 0;

    for (int i = 0; i < TRIES && err == 0; i++) {
        err = thin_to(&store->recording, target);
        if (err == 0)
            err = replace(store);
        if (store->bytes <= store->bytes_max * 3 / 4)
            break;
        target /= 2;
    }
    return err;
}

/* ------------------------------------------------------------------ file */

static int file_check(int fd, mode_t *ret_mode)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode))
        return -EPROTO;
    *ret_mode = st.st_mode & MODE_BITS;
    return ftruncate(fd, 0) < 0 ? -errno : 0;
}

static int file_open(const char *path, int *ret_fd, mode_t *ret_mode)
{
    enum { FLAGS = O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY };
    int fd = open(path, O_WRONLY | FLAGS, MODE);
    int err = fd < 0 ? -errno : file_check(fd, ret_mode);

    if (err && fd >= 0)
        (void)close(fd);
    if (err == 0)
        *ret_fd = fd;
    return err;
}

int store_open(struct store *ret_store, const char *path, uint64_t bytes_max,
               const struct recording *head)
{
    struct store store = {.recording = *head, .fd = -1, .bytes_max = bytes_max};
    int err = file_open(path, &store.fd, &store.mode);

    if (err)
        return err;
    store.path = realpath(path, NULL);
    err = store.path ? head_write(store.fd, head, &store.bytes) : -errno;
    if (err)
        (void)store_close(&store);
    else
        *ret_store = store;
    return err;
}

static int line_of(const struct recording_entry *entry, char **ret_text,
                   size_t *ret_length)
{
    FILE *out = open_memstream(ret_text, ret_length);

    if (!out)
        return -ENOMEM;
    recording_entry_print(out, entry);
    return fclose(out) == EOF ? -ENOMEM : 0;
}

static int line_write(struct store *store, const char *line, size_t length)
{
    int err = write_all(store->fd, line, length);

    if (err == 0)
        store->bytes += length;
    return err;
}

int store_add(struct store *store, struct recording_entry entry)
{
    char *line = NULL;
    size_t length = 0;
    int err = line_of(&entry, &line, &length);

    if (err) {
        recording_entry_fini(&entry);
        free(line);
        return err;
    }
    err = recording_add(&store->recording, entry);
    if (err == 0 && store->bytes + length > store->bytes_max)
        err = store_thin(store);
    else if (err == 0)
        err = line_write(store, line, length);
    free(line);
    return err;
}

int store_close(struct store *store)
{
    int err = store->fd >= 0 && close(store->fd) < 0 ? -errno : 0;

    recording_fini(&store->recording);
    free(store->path);
    store->path = NULL;
    store->fd = -1;
    return err;
}
