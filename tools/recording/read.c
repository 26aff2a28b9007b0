/* A recording's file, read: see recording.h. */
#include "recording/recording.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reader/refuse.h"

enum { SENTENCE_BYTES = 100 };

/* What is behind the last newline was cut off, and is NULL. */
struct lines {
    FILE *file;
    char *line;
    size_t room;
    size_t number;
};

static int line_next(struct lines *lines, const char **ret_line,
                     char reason[READER_REASON_BYTES])
{
    ssize_t length = getline(&lines->line, &lines->room, lines->file);

    if (length < 0 && ferror(lines->file))
        return -EIO;
    lines->number++;
    if (length < 0 || lines->line[length - 1] != '\n') {
        *ret_line = NULL;
        return 0;
    }
    lines->line[length - 1] = '\0';
    if (length > RECORDING_LINE_BYTES_MAX)
        return refuse(reason, "line %zu: is too long", lines->number);
    if (strlen(lines->line) + 1 != (size_t)length)
        return refuse(reason, "line %zu: holds a zero", lines->number);
    *ret_line = lines->line;
    return 0;
}

/* Within a kind time must go on. */
static int order_check(const struct recording_entry *entry,
                       uint64_t times_ns[RECORDING_KINDS],
                       char reason[READER_REASON_BYTES])
{
    if (entry->time_ns < times_ns[entry->kind])
        return refuse(reason, "time_s goes back");
    times_ns[entry->kind] = entry->time_ns;
    return 0;
}

static int entry_add(struct recording *recording, const char *line,
                     uint64_t times_ns[RECORDING_KINDS],
                     char reason[READER_REASON_BYTES])
{
    struct recording_entry entry;
    int err = recording_entry_parse(&entry, line, reason);

    if (err)
        return err == -ENOMSG ? 0 : err;
    err = order_check(&entry, times_ns, reason);
    if (err == 0 && recording->count == RECORDING_ENTRIES_MAX)
        err = refuse(reason, "is one of too many");
    if (err) {
        recording_entry_fini(&entry);
        return err;
    }
    return recording_add(recording, entry);
}

static int lines_read(struct recording *recording, struct lines *lines,
                      char reason[READER_REASON_BYTES])
{
    uint64_t times_ns[RECORDING_KINDS] = {0};
    char wrong[READER_REASON_BYTES];
    const char *line = NULL;
    int err = line_next(lines, &line, reason);

    if (err == 0)
        err = line ? recording_head_parse(recording, line, reason)
                   : refuse(reason, "is not a recording of gcshim");
    while (err == 0) {
        err = line_next(lines, &line, reason);
        if (err || !line)
            break;
        err = entry_add(recording, line, times_ns, wrong);
        if (err == -EPROTO)
            (void)refuse(reason, "line %zu: %.*s", lines->number,
                         (int)SENTENCE_BYTES, wrong);
    }
    return err;
}

/* A pipe or a device could go on for ever. */
static int file_open(const char *path, FILE **ret_file,
                     char reason[READER_REASON_BYTES])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat st;
    int err = 0;

    if (fd < 0)
        return -errno;
    if (fstat(fd, &st) < 0)
        err = -errno;
    else if (!S_ISREG(st.st_mode))
        err = refuse(reason, "is not a regular file");
    else if (st.st_size > RECORDING_FILE_BYTES_MAX)
        err = refuse(reason, "is too large for a recording");
    FILE *file = err ? NULL : fdopen(fd, "r");

    if (err == 0 && !file)
        err = -errno;
    if (err)
        close(fd);
    else
        *ret_file = file;
    return err;
}

int recording_read(struct recording *ret_recording, const char *path,
                   char ret_reason[READER_REASON_BYTES])
{
    struct recording recording = {0};
    struct lines lines = {0};
    int err = file_open(path, &lines.file, ret_reason);

    if (err)
        return err;
    err = lines_read(&recording, &lines, ret_reason);
    free(lines.line);
    (void)fclose(lines.file);
    if (err)
        recording_fini(&recording);
    else
        *ret_recording = recording;
    return err;
}
