/* What is resident, by who handed it out: see mappings.h. */
#include "reader/mappings.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reader/ranges.h"

enum {
    PERMISSIONS_BYTES = 5, /* "rw-p" */
    NAME_BYTES = 64,       /* enough to tell one kind from another */
    KIB = 1024,
    UNCOUNTED_BYTES = 64 * KIB, /* what a thread touches at once */
};

/* glibc's guards are of one page, unless the program asks for more. */
#define GUARD_BYTES_MAX (UINT64_C(1) << 20)
/* What a program or library has beside its file: its zeroed data. */
#define BSS_BYTES_MAX (UINT64_C(4) << 20)

struct mapping {
    uint64_t begin;
    uint64_t end;
    char permissions[PERMISSIONS_BYTES];
    char name[NAME_BYTES];
    uint64_t anonymous_bytes;
    bool is_unreserved; /* MAP_NORESERVE, as mimalloc's are */
};

struct mappings {
    struct reader_mappings sum;
    const struct reader_process *process;
    struct mapping now; /* the one whose lines are being read */
    struct mapping before;
    size_t count;
    /* Of the other mappings, those that may be mimalloc's by their kind: some
     * systems take MAP_NORESERVE for nothing, and then any may. */
    bool has_unreserved;
    uint64_t unreserved_bytes;
};

static uint64_t min(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t max(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* ----------------------------------------------------------- what it is */

static bool starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

/* Of no file: without a name, or with one that the program gave it. */
static bool is_unnamed(const struct mapping *mapping)
{
    return mapping->name[0] == '\0' || starts_with(mapping->name, "[anon:");
}

static bool is_executable(const struct mapping *mapping)
{
    return mapping->permissions[2] == 'x';
}

static bool is_writable(const struct mapping *mapping)
{
    return mapping->permissions[1] == 'w';
}

/* The names of memory that is shared look like those of files. */
static bool is_file(const struct mapping *mapping)
{
    const char *name = mapping->name;

    return name[0] == '/' && !starts_with(name, "/dev/zero") &&
           !starts_with(name, "/dev/shm/") && !starts_with(name, "/memfd:") &&
           !starts_with(name, "/SYSV");
}

static bool is_guard(const struct mapping *mapping)
{
    return is_unnamed(mapping) && strcmp(mapping->permissions, "---p") == 0 &&
           mapping->end - mapping->begin <= GUARD_BYTES_MAX;
}

/* The stack of a thread other than the first is memory like any other.  glibc
 * and musl map it together with a guard, a page that nobody may touch, right
 * below: hardly anything else looks so.  (libc's arenas have untouchable
 * memory below them as well, but a thousand pages of it; and mimalloc's
 * segments, but unreserved.)  Newer libcs tell by a name.  What is missed is
 * counted among the others. */
static bool is_thread_stack(const struct mapping *mapping,
                            const struct mapping *before)
{
    return is_writable(mapping) &&
           (strstr(mapping->name, "stack") != NULL ||
            (is_guard(before) && before->end == mapping->begin &&
             !mapping->is_unreserved));
}

/* Zeroed data lies right behind the written pages of its file.  So may any
 * mapping, but then it is as a rule larger. */
static bool is_bss(const struct mapping *mapping, const struct mapping *before)
{
    return is_writable(mapping) && is_file(before) && is_writable(before) &&
           before->end == mapping->begin &&
           mapping->end - mapping->begin <= BSS_BYTES_MAX;
}

static uint64_t *part_of(struct mappings *mappings)
{
    struct reader_mappings *sum = &mappings->sum;
    const struct mapping *now = &mappings->now;

    if (strcmp(now->name, "[stack]") == 0)
        return &sum->stack_bytes;
    if (strcmp(now->name, "[heap]") == 0)
        return &sum->heap_bytes;
    if (is_file(now))
        return &sum->file_bytes;
    if (!is_unnamed(now))
        return &sum->other_bytes;
    if (is_executable(now))
        return &sum->code_bytes;
    if (is_thread_stack(now, &mappings->before))
        return &sum->stack_bytes;
    if (is_bss(now, &mappings->before))
        return &sum->file_bytes;
    return &sum->other_bytes;
}

/* The kernel joins neighbours that are alike, and does not tell which part of
 * the whole is resident.  What it joins to a range of mimalloc's and is
 * unreserved too is a range that has not been noted yet; else each gets its
 * share. */
static uint64_t malloc_share(const struct mappings *mappings)
{
    __extension__ typedef unsigned __int128 wide;
    const struct mapping *now = &mappings->now;
    uint64_t overlap =
        ranges_overlap(mappings->process->ranges,
                       mappings->process->range_count, now->begin, now->end);

    if (!is_unnamed(now) || is_executable(now) || overlap == 0)
        return 0;
    if (now->is_unreserved)
        return now->anonymous_bytes;
    return (uint64_t)((wide)now->anonymous_bytes * overlap /
                      (now->end - now->begin));
}

/* ----------------------------------------------------- what is not told */

/* What is allocated and cannot lie in the ranges that are known. */
static uint64_t beyond_ranges(const struct reader_process *process)
{
    uint64_t beyond = process->allocated_bytes;

    for (size_t i = 0; i < process->range_count; i++)
        beyond -=
            min(beyond, process->ranges[i].end - process->ranges[i].begin);
    return beyond;
}

/* What the threads that have not been counted have touched, as far as it goes
 * beyond those of whom that is known: as good as surely, and at the most. */
static void uncounted_sum(const struct reader_process *process,
                          uint64_t *ret_least, uint64_t *ret_most)
{
    uint64_t least = 0;
    uint64_t most = 0;

    for (size_t i = 0; i < process->thread_count; i++) {
        const struct reader_thread *thread = &process->threads[i];
        uint64_t allocated =
            min(thread->totals.allocated_bytes, SEGMENT_BYTES_MAX);

        if (thread->census.age_ms != READER_UNKNOWN)
            continue;
        least += allocated - min(allocated, thread->totals.freed_bytes) +
                 UNCOUNTED_BYTES;
        most += allocated + UNCOUNTED_BYTES;
    }
    *ret_least = least;
    *ret_most = most;
}

/* What of the other mappings is malloc's: not more than it has allocated, but
 * that figure is of the last tick, and used blocks are of now. */
static uint64_t missing_bytes(const struct mappings *mappings)
{
    const struct reader_process *process = mappings->process;
    uint64_t allocated = process->allocated_bytes;
    uint64_t untold = allocated - min(allocated, mappings->sum.malloc_bytes);
    uint64_t least = 0;
    uint64_t most = 0;

    uncounted_sum(process, &least, &most);
    return max(beyond_ranges(process), min(most, max(least, untold)));
}

static void mappings_complete(struct mappings *mappings)
{
    struct reader_mappings *sum = &mappings->sum;
    uint64_t missing = min(missing_bytes(mappings),
                           mappings->has_unreserved ? mappings->unreserved_bytes
                                                    : sum->other_bytes);

    sum->malloc_bytes += missing;
    sum->other_bytes -= missing;
    sum->outside_bytes -= missing;
}

/* ------------------------------------------------------------- reading */

/* The lines of a mapping have all been read. */
static void mapping_finish(struct mappings *mappings)
{
    const struct mapping *now = &mappings->now;
    uint64_t share = malloc_share(mappings);
    uint64_t outside = now->anonymous_bytes - share;
    uint64_t *part = part_of(mappings);

    mappings->sum.malloc_bytes += share;
    mappings->sum.outside_bytes += outside;
    *part += outside;
    mappings->has_unreserved |= now->is_unreserved;
    if (now->is_unreserved && part == &mappings->sum.other_bytes)
        mappings->unreserved_bytes += outside;
    mappings->before = mappings->now;
}

/* "55e0c8a00000-55e0c8a21000 rw-p 00000000 00:00 0     [heap]" */
static bool head_parse(const char *line, struct mapping *ret_mapping)
{
    struct mapping mapping = {0};
    char *at = NULL;

    mapping.begin = strtoull(line, &at, 16);
    if (at == line || *at != '-')
        return false;
    mapping.end = strtoull(at + 1, &at, 16);
    if (*at != ' ' || mapping.end <= mapping.begin || strlen(at) <= 4)
        return false;
    memcpy(mapping.permissions, at + 1, PERMISSIONS_BYTES - 1);
    for (int field = 0; field < 4; field++) {
        at += strspn(at, " ");
        at += strcspn(at, " \n");
    }
    at += strspn(at, " ");
    strncpy(mapping.name, at, NAME_BYTES - 1);
    mapping.name[strcspn(mapping.name, "\n")] = '\0';
    *ret_mapping = mapping;
    return true;
}

/* No mapping has more than its own size that is anonymous. */
static void anonymous_parse(const char *value, struct mapping *mapping)
{
    uint64_t kib = strtoull(value, NULL, 10);

    mapping->anonymous_bytes =
        min(kib, (mapping->end - mapping->begin) / KIB) * KIB;
}

/* A line of two letters a flag, " rd wr mr mw me nr" */
static void flags_parse(const char *flags, struct mapping *mapping)
{
    mapping->is_unreserved = strstr(flags, " nr") != NULL;
}

static void line_parse(struct mappings *mappings, const char *line)
{
    static const char anonymous[] = "Anonymous:";
    static const char flags[] = "VmFlags:";
    struct mapping mapping;

    if (head_parse(line, &mapping)) {
        if (mappings->count++ > 0)
            mapping_finish(mappings);
        mappings->now = mapping;
    } else if (starts_with(line, anonymous)) {
        anonymous_parse(line + sizeof(anonymous) - 1, &mappings->now);
    } else if (starts_with(line, flags)) {
        flags_parse(line + sizeof(flags) - 1, &mappings->now);
    }
}

int mappings_parse(FILE *smaps, const struct reader_process *process,
                   struct reader_mappings *ret_mappings)
{
    struct mappings mappings = {.process = process};
    char *line = NULL;
    size_t room = 0;

    errno = 0;
    while (getline(&line, &room, smaps) > 0)
        line_parse(&mappings, line);
    int err = ferror(smaps) ? -errno : 0;

    free(line);
    if (err)
        return err;
    if (mappings.count == 0)
        return -EPROTO;
    mapping_finish(&mappings);
    mappings_complete(&mappings);
    *ret_mappings = mappings.sum;
    return 0;
}

int mappings_read(const struct proc *proc, const struct reader_process *process,
                  struct reader_mappings *ret_mappings)
{
    int fd = proc_file_open(proc, "smaps");
    FILE *smaps = fd < 0 ? NULL : fdopen(fd, "r");
    int err = 0;

    if (fd < 0)
        return fd;
    if (!smaps) {
        err = -errno;
        close(fd);
        return err;
    }
    err = mappings_parse(smaps, process, ret_mappings);
    (void)fclose(smaps);
    /* The process has ended: there is nothing mapped any more. */
    return err == -EPROTO ? -ESRCH : err;
}

struct reader_mappings mappings_unknown(void)
{
    return (struct reader_mappings){
        .malloc_bytes = READER_UNKNOWN,
        .stack_bytes = READER_UNKNOWN,
        .code_bytes = READER_UNKNOWN,
        .file_bytes = READER_UNKNOWN,
        .heap_bytes = READER_UNKNOWN,
        .other_bytes = READER_UNKNOWN,
        .outside_bytes = READER_UNKNOWN,
    };
}
