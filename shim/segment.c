#include "segment.h"

#include "clock.h"
#include "counter.h"
#include "region.h"
#include "sys.h"
#include "text.h"

#include <string.h>

enum {
    /* Reserved at creation: header and the slots of the first threads. */
    FIRST_SLOTS = 96,
    /* Reserved at a time when more threads come. */
    MORE_SLOTS = 128,
    /* Reserved when no more can be, for a sandbox is entered. */
    SANDBOX_SLOTS = 512,
    PATH_BYTES = 96,
    CREATE_TRIES = 8,
};

static struct {
    bool shared;
    bool closed; /* no more slots can be reserved */
    char path[PATH_BYTES];
    _Atomic uint64_t slots_reserved;
} segment;

static_assert(sizeof(struct gcshim_segment) % GCSHIM_HEADER_BYTES == 0,
              "the segment ends with a page");

static uint64_t slots_end(uint64_t slots)
{
    return offsetof(struct gcshim_segment, slots) + slots * GCSHIM_SLOT_BYTES;
}

void segment_describe(const struct identity *identity, const char *settings)
{
    struct gcshim_header *header = &region.segment.header;
    header->layout_version = GCSHIM_LAYOUT_VERSION;
    header->header_bytes = GCSHIM_HEADER_BYTES;
    header->file_bytes = sizeof(struct gcshim_segment);
    header->pid = identity->pid;
    header->parent_pid = identity->parent_pid;
    header->uid = identity->uid;
    header->flags = 0;
    header->pid_namespace = identity->pid_namespace;
    header->start_time_ticks = identity->start_time_ticks;
    header->stack_start = identity->stack_start;
    header->created_ns = clock_boottime_ns();
    memcpy(header->comm, identity->comm, sizeof(header->comm));
    header->section_count = 1;
    header->sections[0] = (struct gcshim_section){
        .kind = GCSHIM_SECTION_SLOTS,
        .entry_bytes = GCSHIM_SLOT_BYTES,
        .offset = offsetof(struct gcshim_segment, slots),
        .entries = GCSHIM_SLOTS,
    };
    text_copy(header->settings, sizeof(header->settings), settings);
}

/* Pid, start time and namespace name one process of this machine, over exec
 * too: what lies there under that name is our own from before an exec, or
 * somebody else's doing, which a further number steps around. */
static void path_make(const struct identity *identity, unsigned attempt)
{
    struct text text = text_on(segment.path, sizeof(segment.path));
    text_put(&text, GCSHIM_SEGMENT_DIR "/" GCSHIM_SEGMENT_PREFIX);
    text_put_number(&text, identity->pid);
    text_put(&text, ".");
    text_put_number(&text, identity->start_time_ticks);
    text_put(&text, ".");
    text_put_number(&text, identity->pid_namespace);
    if (attempt > 0) {
        text_put(&text, ".");
        text_put_number(&text, attempt);
    }
}

static int file_open(void)
{
    return sys_open(segment.path,
                    O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
}

/* Unlinking fails on what is not ours: /dev/shm is sticky. */
static int file_create(const struct identity *identity)
{
    int fd = -EEXIST;
    for (unsigned i = 0; i < CREATE_TRIES && fd == -EEXIST; i++) {
        path_make(identity, i);
        fd = file_open();
        if (fd == -EEXIST && sys_unlink(segment.path) == 0)
            fd = file_open();
    }
    return fd;
}

static int bytes_copy(int fd, uint64_t bytes)
{
    const char *from = (const char *)&region.segment;
    for (uint64_t done = 0; done < bytes;) {
        ssize_t n = sys_pwrite(fd, from + done, bytes - done, (off_t)done);
        if (n <= 0)
            return n < 0 ? (int)n : -EIO;
        done += (uint64_t)n;
    }
    return 0;
}

static int file_fill(int fd, uint64_t reserved_bytes, uint64_t used_bytes)
{
    int error = sys_ftruncate(fd, sizeof(struct gcshim_segment));
    if (!error)
        error = sys_fallocate(fd, 0, (off_t)reserved_bytes);
    if (!error)
        error = bytes_copy(fd, used_bytes);
    return error;
}

static int file_map(int fd)
{
    return sys_map_over(&region.segment, sizeof(region.segment), MAP_SHARED,
                        fd);
}

int segment_publish(const struct identity *identity, uint64_t used_slots)
{
    uint64_t reserved = used_slots > FIRST_SLOTS ? used_slots : FIRST_SLOTS;

    /* A file larger than allowed would be a SIGXFSZ, not an error. */
    if (sys_file_size_limit() < sizeof(struct gcshim_segment))
        return -EFBIG;

    int fd = file_create(identity);
    int error = fd < 0 ? fd : 0;
    if (!error)
        error = file_fill(fd, slots_end(reserved), slots_end(used_slots));
    if (!error)
        error = file_map(fd);
    if (fd >= 0)
        sys_close(fd);
    if (error) {
        if (fd >= 0)
            sys_unlink(segment.path);
        segment.path[0] = '\0';
        return error;
    }
    segment.shared = true;
    counter_set(&segment.slots_reserved, reserved);
    /* Release: whoever sees the magic sees the rest.  P: [magic] */
    atomic_store_explicit(&region.segment.header.magic, GCSHIM_MAGIC,
                          memory_order_release);
    return 0;
}

/* Cannot fail for want of memory or of mappings: it replaces one. */
void segment_detach(void)
{
    if (!segment.shared)
        return;
    sys_map_over(&region.segment, sizeof(region.segment),
                 MAP_PRIVATE | MAP_ANONYMOUS, -1);
    segment.shared = false;
    segment.path[0] = '\0';
}

/* Whole pages; another thread may reserve the same ones, which is harmless. */
static bool slots_populate(uint64_t first, uint64_t end)
{
    uintptr_t base = (uintptr_t)&region.segment;
    uintptr_t from = (base + slots_end(first)) & ~(uintptr_t)0xfff;
    uintptr_t to = (base + slots_end(end) + 0xfff) & ~(uintptr_t)0xfff;
    return sys_madvise((void *)from, to - from, MADV_POPULATE_WRITE) == 0;
}

bool segment_reserve_slot(uint64_t index)
{
    uint64_t reserved = counter_read(&segment.slots_reserved);
    if (!segment.shared || index < reserved)
        return true;
    if (segment.closed)
        return false;
    uint64_t end = index + MORE_SLOTS;
    if (end > GCSHIM_SLOTS)
        end = GCSHIM_SLOTS;
    if (!slots_populate(reserved, end))
        return false;
    counter_raise(&segment.slots_reserved, end);
    return true;
}

void segment_remove(bool may_unlink)
{
    if (!segment.shared)
        return;
    if (!may_unlink || sys_unlink(segment.path) != 0)
        atomic_store_explicit(&region.segment.header.flags,
                              GCSHIM_FLAG_LEFT_OVER, memory_order_release);
}

void segment_reserve_for_sandbox(void)
{
    segment_reserve_slot(SANDBOX_SLOTS - 1);
    segment.closed = true;
}

bool segment_is_shared(void)
{
    return segment.shared;
}

const char *segment_path(void)
{
    return segment.path;
}
