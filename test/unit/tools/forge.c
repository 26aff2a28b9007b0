/* Segments made by hand: see forge.h. */
#include "forge.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reader/proc.h"
#include "unit.h"

static char directory[FORGE_PATH_BYTES / 2];

const char *forge_dir(void)
{
    return directory;
}

const char *forge_path(const char *name)
{
    static char path[FORGE_PATH_BYTES];

    assert_true(snprintf(path, sizeof(path), "%s/%s", directory, name) <
                (int)sizeof(path));
    return path;
}

void forge_begin(void)
{
    strcpy(directory, "/tmp/gcshim-unit-XXXXXX");
    assert_non_null(mkdtemp(directory));
}

void forge_end(void)
{
    DIR *dir = opendir(directory);

    assert_non_null(dir);
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir))
        (void)unlinkat(dirfd(dir), entry->d_name,
                       entry->d_type == DT_DIR ? AT_REMOVEDIR : 0);
    closedir(dir);
    assert_int_equal(rmdir(directory), 0);
}

static void slot_fill(struct gcshim_slot *slot, uint32_t tid)
{
    slot->epoch = 2;
    slot->tid = tid;
    slot->total.allocated_bytes = 1000;
    slot->total.allocated_blocks = 10;
    slot->total.freed_bytes = 400;
    slot->total.freed_blocks = 4;
}

static void identity_fill(struct gcshim_header *header)
{
    struct proc proc;

    assert_int_equal(proc_open(&proc, (uint32_t)getpid()), 0);
    header->pid = (uint32_t)getpid();
    header->parent_pid = proc.stat.parent_pid;
    header->uid = geteuid();
    header->pid_namespace = proc_pid_namespace();
    header->start_time_ticks = proc.stat.start_time_ticks;
    header->stack_start = proc.stat.stack_start;
    header->created_ns = proc_now_ns();
    proc_close(&proc);
}

static void section_add(struct gcshim_header *header, uint32_t kind,
                        size_t entry_bytes, size_t offset, size_t entries)
{
    header->sections[header->section_count++] = (struct gcshim_section){
        .kind = kind,
        .entry_bytes = (uint32_t)entry_bytes,
        .offset = offset,
        .entries = entries,
    };
}

/* In the order of their kinds. */
static void sections_fill(struct gcshim_header *header)
{
    section_add(header, GCSHIM_SECTION_SLOTS, GCSHIM_SLOT_BYTES,
                offsetof(struct gcshim_segment, slots), GCSHIM_SLOTS);
    section_add(header, GCSHIM_SECTION_CENSUS, sizeof(struct gcshim_census),
                offsetof(struct gcshim_segment, censuses), GCSHIM_CENSUSES);
    section_add(header, GCSHIM_SECTION_HUGE, sizeof(struct gcshim_huge),
                offsetof(struct gcshim_segment, huge), GCSHIM_HUGE_ENTRIES);
    section_add(header, GCSHIM_SECTION_HISTORY, sizeof(struct gcshim_point),
                offsetof(struct gcshim_segment, history),
                GCSHIM_HISTORY_LEVELS * GCSHIM_HISTORY_POINTS);
    section_add(header, GCSHIM_SECTION_RANGES, sizeof(uint64_t),
                offsetof(struct gcshim_segment, ranges), GCSHIM_RANGE_WORDS);
    section_add(header, GCSHIM_SECTION_GC, sizeof(struct gcshim_gc),
                offsetof(struct gcshim_segment, gc), 1);
    section_add(header, GCSHIM_SECTION_GC_EVENTS,
                sizeof(struct gcshim_gc_event),
                offsetof(struct gcshim_segment, gc_events), GCSHIM_GC_EVENTS);
    section_add(header, GCSHIM_SECTION_PROFILE, sizeof(struct gcshim_profile),
                offsetof(struct gcshim_segment, profile), 1);
    section_add(header, GCSHIM_SECTION_SITES, sizeof(struct gcshim_site),
                offsetof(struct gcshim_segment, sites), GCSHIM_SITES);
    section_add(header, GCSHIM_SECTION_FRAMES, sizeof(struct gcshim_frame),
                offsetof(struct gcshim_segment, frames), GCSHIM_FRAMES);
    section_add(header, GCSHIM_SECTION_MODULES, sizeof(struct gcshim_module),
                offsetof(struct gcshim_segment, modules), GCSHIM_MODULES);
    section_add(header, GCSHIM_SECTION_NAMES, sizeof(struct gcshim_name),
                offsetof(struct gcshim_segment, names), GCSHIM_NAMES);
    section_add(header, GCSHIM_SECTION_SAMPLES, sizeof(struct gcshim_huge),
                offsetof(struct gcshim_segment, samples), GCSHIM_SAMPLES);
}

struct gcshim_segment *forge_segment(void)
{
    struct gcshim_segment *segment =
        aligned_alloc(GCSHIM_HEADER_BYTES, sizeof(*segment));
    struct gcshim_header *header = &segment->header;

    assert_non_null(segment);
    memset(segment, 0, sizeof(*segment));
    header->magic = GCSHIM_MAGIC;
    header->layout_version = GCSHIM_LAYOUT_VERSION;
    header->header_bytes = GCSHIM_HEADER_BYTES;
    header->file_bytes = sizeof(*segment);
    identity_fill(header);
    strcpy(header->comm, "forged");
    sections_fill(header);
    header->slots_high = 2;
    header->published_ns = header->created_ns;
    slot_fill(&segment->slots[1], header->pid);
    return segment;
}

static bool is_zero(const char *bytes, size_t count)
{
    return count == 0 ||
           (*bytes == 0 && memcmp(bytes, bytes + 1, count - 1) == 0);
}

/* Most of a segment is holes, in the file too. */
void forge_write(const char *name, const struct gcshim_segment *segment,
                 size_t bytes)
{
    const char *from = (const char *)segment;
    int fd =
        open(forge_path(name), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (off_t)bytes), 0);
    for (size_t at = 0; at < bytes; at += GCSHIM_HEADER_BYTES) {
        size_t count =
            bytes - at < GCSHIM_HEADER_BYTES ? bytes - at : GCSHIM_HEADER_BYTES;

        if (!is_zero(from + at, count))
            assert_int_equal(pwrite(fd, from + at, count, (off_t)at), count);
    }
    assert_int_equal(close(fd), 0);
}

void forge_put(const char *name, struct gcshim_segment *segment)
{
    forge_write(name, segment, sizeof(*segment));
    free(segment);
}

struct gcshim_segment *forge_map(const char *name)
{
    int fd = open(forge_path(name), O_RDWR);
    struct gcshim_segment *segment =
        mmap(NULL, sizeof(*segment), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    assert_ptr_not_equal(segment, MAP_FAILED);
    assert_int_equal(close(fd), 0);
    return segment;
}

void forge_unmap(struct gcshim_segment *segment)
{
    assert_int_equal(munmap(segment, sizeof(*segment)), 0);
}

static int put_and_read(struct gcshim_segment *segment,
                        struct reader_process *ret_process,
                        char ret_reason[READER_REASON_BYTES])
{
    static const char name[] = "gcshim.1.2.3";

    forge_put(name, segment);
    return reader_process_init(ret_process, forge_path(name), ret_reason);
}

struct reader_process forge_read(struct gcshim_segment *segment)
{
    char reason[READER_REASON_BYTES] = "";
    struct reader_process process;
    int err = put_and_read(segment, &process, reason);

    if (err)
        fail_msg("refused: %d %s", err, reason);
    return process;
}

void forge_refuse(struct gcshim_segment *segment, const char *why)
{
    char reason[READER_REASON_BYTES] = "";
    struct reader_process process;

    assert_int_equal(put_and_read(segment, &process, reason), -EPROTO);
    if (!strstr(reason, why))
        fail_msg("refused with \"%s\", not \"%s\"", reason, why);
}
