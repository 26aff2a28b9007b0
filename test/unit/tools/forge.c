/* Segments made by hand: see forge.h. */
#include "forge.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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
    header->section_count = 1;
    header->sections[0] = (struct gcshim_section){
        .kind = GCSHIM_SECTION_SLOTS,
        .entry_bytes = GCSHIM_SLOT_BYTES,
        .offset = offsetof(struct gcshim_segment, slots),
        .entries = GCSHIM_SLOTS,
    };
    header->slots_high = 2;
    header->published_ns = header->created_ns;
    slot_fill(&segment->slots[1], header->pid);
    return segment;
}

void forge_write(const char *name, const struct gcshim_segment *segment,
                 size_t bytes)
{
    int fd =
        open(forge_path(name), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, segment, bytes), bytes);
    assert_int_equal(close(fd), 0);
}

void forge_put(const char *name, struct gcshim_segment *segment)
{
    forge_write(name, segment, sizeof(*segment));
    free(segment);
}
