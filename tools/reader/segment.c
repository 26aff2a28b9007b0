/* One segment file: see segment.h.  Whoever wrote it may be malicious, and
 * may be changing it under our eyes: every word is fetched once, checked, and
 * used from our own copy. */
#include "reader/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reader/refuse.h"
#include "reader/text.h"

enum {
    FILE_BYTES_MAX = 1 << 30, /* far above any segment of ours */
    LINK_BYTES = 32,
};

static int read_exactly(int fd, void *buffer, size_t bytes, uint64_t offset,
                        char reason[READER_REASON_BYTES])
{
    size_t done = 0;

    while (done < bytes) {
        ssize_t got = pread(fd, (char *)buffer + done, bytes - done,
                            (off_t)(offset + done));

        if (got == 0)
            return refuse(reason, "is cut short");
        if (got > 0)
            done += (size_t)got;
        else if (errno != EINTR)
            return -errno;
    }
    return 0;
}

/* ----------------------------------------------------------- validation */

static int header_check(const struct gcshim_header *header, uint64_t size,
                        char reason[READER_REASON_BYTES])
{
    if (header->layout_version != GCSHIM_LAYOUT_VERSION)
        return refuse(reason, "has layout version %u, not %d",
                      header->layout_version, GCSHIM_LAYOUT_VERSION);
    if (header->file_bytes > size)
        return refuse(reason, "is cut short: %llu of %llu bytes",
                      (unsigned long long)size,
                      (unsigned long long)header->file_bytes);
    if (header->header_bytes < GCSHIM_HEADER_BYTES ||
        header->header_bytes > header->file_bytes)
        return refuse(reason, "has a header of %u bytes", header->header_bytes);
    if (header->pid == 0 || header->pid > INT_MAX)
        return refuse(reason, "is of the impossible process %u", header->pid);
    if (header->section_count > GCSHIM_SECTIONS)
        return refuse(reason, "has %u sections", header->section_count);
    return 0;
}

/* A table must lie between the header and the end of the file. */
static bool section_fits(const struct gcshim_header *header,
                         const struct gcshim_section *section)
{
    uint64_t bytes = 0;
    uint64_t end = 0;

    return !__builtin_mul_overflow(section->entries,
                                   (uint64_t)section->entry_bytes, &bytes) &&
           !__builtin_add_overflow(section->offset, bytes, &end) &&
           section->offset >= header->header_bytes && end <= header->file_bytes;
}

#define HISTORY_ENTRIES \
    ((uint64_t)GCSHIM_HISTORY_LEVELS * GCSHIM_HISTORY_POINTS)

/* What a table must be like.  One entry more than we know is another form:
 * to read on into what is not understood would be to guess. */
struct form {
    const char *name;
    uint32_t entry_bytes;
    uint32_t align;
    uint64_t entries_min;
    uint64_t entries_max;
};

static const struct form forms[SEGMENT_KINDS] = {
    [GCSHIM_SECTION_SLOTS] = {"slots", GCSHIM_SLOT_BYTES, GCSHIM_SLOT_BYTES, 1,
                              GCSHIM_SLOTS},
    [GCSHIM_SECTION_CENSUS] = {"censuses", GCSHIM_CENSUS_BYTES,
                               sizeof(uint64_t), 1, GCSHIM_CENSUSES},
    [GCSHIM_SECTION_HUGE] = {"huge blocks", sizeof(struct gcshim_huge),
                             sizeof(uint64_t), 1, GCSHIM_HUGE_ENTRIES},
    [GCSHIM_SECTION_HISTORY] = {"points", sizeof(struct gcshim_point),
                                sizeof(uint64_t), HISTORY_ENTRIES,
                                HISTORY_ENTRIES},
    [GCSHIM_SECTION_RANGES] = {"ranges", sizeof(uint64_t), sizeof(uint64_t),
                               GCSHIM_RANGE_WORDS, GCSHIM_RANGE_WORDS},
    [GCSHIM_SECTION_GC] = {"collections", sizeof(struct gcshim_gc),
                           sizeof(uint64_t), 1, 1},
    [GCSHIM_SECTION_GC_EVENTS] = {"events", sizeof(struct gcshim_gc_event),
                                  sizeof(uint64_t), GCSHIM_GC_EVENTS,
                                  GCSHIM_GC_EVENTS},
    [GCSHIM_SECTION_PROFILE] = {"profiles", sizeof(struct gcshim_profile),
                                sizeof(uint64_t), 1, 1},
    [GCSHIM_SECTION_SITES] = {"sites", sizeof(struct gcshim_site),
                              sizeof(uint64_t), GCSHIM_SITE_FIRST,
                              GCSHIM_SITES},
    [GCSHIM_SECTION_FRAMES] = {"frames", sizeof(struct gcshim_frame),
                               sizeof(uint64_t), 1, GCSHIM_FRAMES},
    [GCSHIM_SECTION_MODULES] = {"modules", sizeof(struct gcshim_module),
                                sizeof(uint64_t), 1, GCSHIM_MODULES},
    [GCSHIM_SECTION_NAMES] = {"names", sizeof(struct gcshim_name),
                              sizeof(uint64_t), 1, GCSHIM_NAMES},
    [GCSHIM_SECTION_SAMPLES] = {"samples", sizeof(struct gcshim_huge),
                                sizeof(uint64_t), 1, GCSHIM_SAMPLES},
};

static int form_check(const struct form *form,
                      const struct gcshim_section *section,
                      char reason[READER_REASON_BYTES])
{
    if (section->entry_bytes != form->entry_bytes ||
        section->offset % form->align != 0)
        return refuse(reason, "has %s of another form", form->name);
    if (section->entries < form->entries_min ||
        section->entries > form->entries_max)
        return refuse(reason, "has a table of %llu %s",
                      (unsigned long long)section->entries, form->name);
    return 0;
}

static int section_check(const struct gcshim_header *header, uint32_t index,
                         struct gcshim_section sections[SEGMENT_KINDS],
                         char reason[READER_REASON_BYTES])
{
    const struct gcshim_section *section = &header->sections[index];

    if (section->kind == GCSHIM_SECTION_NONE)
        return 0;
    if (!section_fits(header, section))
        return refuse(reason, "has section %u outside of the file", index);
    if (section->kind >= SEGMENT_KINDS)
        return 0;
    if (sections[section->kind].entries != 0)
        return refuse(reason, "has two tables of %s",
                      forms[section->kind].name);

    int err = form_check(&forms[section->kind], section, reason);

    if (err == 0)
        sections[section->kind] = *section;
    return err;
}

/* Checks every section, and finds those that we know. */
static int sections_check(const struct gcshim_header *header,
                          struct gcshim_section sections[SEGMENT_KINDS],
                          char reason[READER_REASON_BYTES])
{
    for (uint32_t i = 0; i < header->section_count; i++) {
        int err = section_check(header, i, sections, reason);

        if (err)
            return err;
    }
    if (sections[GCSHIM_SECTION_SLOTS].entries == 0)
        return refuse(reason, "has no table of slots");
    return 0;
}

/* ------------------------------------------------------------- open */

/* Opens a descriptor anew for use.  Without /proc there is no such way, and
 * none into a container either: then the name has to do. */
static int reopen(int path_fd, int dirfd, const char *name, int access)
{
    enum { FLAGS = O_CLOEXEC | O_NONBLOCK | O_NOCTTY };
    char link[LINK_BYTES];

    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", path_fd);

    int fd = open(link, access | FLAGS);

    return fd < 0 && errno == ENOENT
               ? openat(dirfd, name, access | O_NOFOLLOW | FLAGS)
               : fd;
}

static int kind_check(int path_fd, char reason[READER_REASON_BYTES])
{
    struct stat st;

    if (fstat(path_fd, &st) < 0)
        return -errno;
    if (S_ISLNK(st.st_mode))
        return refuse(reason, "is a symbolic link");
    if (!S_ISREG(st.st_mode))
        return refuse(reason, "is not a regular file");
    return 0;
}

/* To open a device can be to act on it, and in a container's directory there
 * may be any: what a file is must be known before it is opened. */
static int file_open(int dirfd, const char *name, int access, int *ret_fd,
                     char reason[READER_REASON_BYTES])
{
    int path_fd = openat(dirfd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

    if (path_fd < 0)
        return -errno;
    int err = kind_check(path_fd, reason);
    int fd = err ? -1 : reopen(path_fd, dirfd, name, access);

    if (err == 0 && fd < 0)
        err = -errno;
    close(path_fd);
    if (err == 0)
        *ret_fd = fd;
    return err;
}

static int file_check(int fd, struct stat *ret_stat,
                      char reason[READER_REASON_BYTES])
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode))
        return refuse(reason, "is not a regular file");
    if (st.st_size == 0)
        return -EAGAIN;
    if (st.st_size < GCSHIM_HEADER_BYTES)
        return refuse(reason, "is too short for a segment");
    if (st.st_size > FILE_BYTES_MAX)
        return refuse(reason, "is too large for a segment");
    *ret_stat = st;
    return 0;
}

/* The magic goes first and by itself: the creator writes it last, so that
 * all else is complete once it is there.  P: [magic] */
static int header_read(int fd, struct gcshim_header *header,
                       char reason[READER_REASON_BYTES])
{
    uint64_t magic = 0;
    int err = read_exactly(fd, &magic, sizeof(magic), 0, reason);

    if (err)
        return err;
    if (magic == 0)
        return -EAGAIN;
    if (magic != GCSHIM_MAGIC)
        return refuse(reason, "is not a segment of gcshim");
    err = read_exactly(fd, header, sizeof(*header), 0, reason);
    if (err)
        return err;
    header->comm[GCSHIM_COMM_BYTES - 1] = '\0';
    header->settings[GCSHIM_SETTINGS_BYTES - 1] = '\0';
    text_clean(header->comm);
    text_clean(header->settings);
    return 0;
}

/* Reads and validates what has been opened. */
static int segment_enter(struct segment *segment,
                         char reason[READER_REASON_BYTES])
{
    struct stat st = {0};
    int err = file_check(segment->fd, &st, reason);

    if (err)
        return err;
    segment->owner = st.st_uid;
    err = header_read(segment->fd, &segment->header, reason);
    if (err == 0)
        err = header_check(&segment->header, (uint64_t)st.st_size, reason);
    if (err == 0)
        err = sections_check(&segment->header, segment->sections, reason);
    return err;
}

static int open_for(struct segment *ret_segment, int dirfd, const char *name,
                    int access, char reason[READER_REASON_BYTES])
{
    struct segment segment = {.fd = -1};
    int err = file_open(dirfd, name, access, &segment.fd, reason);

    if (err)
        return err;
    err = segment_enter(&segment, reason);
    if (err)
        close(segment.fd);
    else
        *ret_segment = segment;
    return err;
}

int segment_open(struct segment *ret_segment, int dirfd, const char *name,
                 char ret_reason[READER_REASON_BYTES])
{
    return open_for(ret_segment, dirfd, name, O_RDONLY, ret_reason);
}

int segment_open_writable(struct segment *ret_segment, int dirfd,
                          const char *name,
                          char ret_reason[READER_REASON_BYTES])
{
    struct segment segment;
    struct stat st;
    int err = open_for(&segment, dirfd, name, O_RDWR, ret_reason);

    if (err)
        return err;
    if (fstat(segment.fd, &st) < 0)
        err = -errno;
    else if (st.st_nlink != 1)
        err = st.st_nlink == 0 ? -ENOENT : -EPERM;
    if (err)
        segment_close(&segment);
    else
        *ret_segment = segment;
    return err;
}

int segment_open_again(struct segment *ret_segment,
                       const struct segment *segment,
                       char ret_reason[READER_REASON_BYTES])
{
    struct segment again = {.fd = fcntl(segment->fd, F_DUPFD_CLOEXEC, 0)};

    if (again.fd < 0)
        return -errno;
    int err = segment_enter(&again, ret_reason);

    if (err)
        segment_close(&again);
    else
        *ret_segment = again;
    return err;
}

void segment_close(struct segment *segment)
{
    close(segment->fd);
    segment->fd = -1;
}

int segment_read(const struct segment *segment, void *buffer, size_t bytes,
                 uint64_t offset, char ret_reason[READER_REASON_BYTES])
{
    return read_exactly(segment->fd, buffer, bytes, offset, ret_reason);
}

int segment_header_read(const struct segment *segment,
                        struct gcshim_header *ret_header,
                        char ret_reason[READER_REASON_BYTES])
{
    int err = read_exactly(segment->fd, ret_header, sizeof(*ret_header), 0,
                           ret_reason);

    memcpy(ret_header->comm, segment->header.comm, sizeof(ret_header->comm));
    memcpy(ret_header->settings, segment->header.settings,
           sizeof(ret_header->settings));
    return err;
}

uint64_t segment_data_find(const struct segment *segment, uint64_t offset)
{
    off_t found = lseek(segment->fd, (off_t)offset, SEEK_DATA);

    if (found < 0)
        return errno == ENXIO ? segment->header.file_bytes : offset;
    return (uint64_t)found;
}
