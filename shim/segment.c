#include "segment.h"

#include "clock.h"
#include "counter.h"
#include "region.h"
#include "settings.h"
#include "sys.h"
#include "text.h"

#include <string.h>

enum {
    /* Reserved at creation: header and the slots of the first threads, which
     * are two pages. */
    FIRST_SLOTS = 32,
    /* Reserved at a time when more threads come. */
    MORE_SLOTS = 128,
    /* Reserved when no more can be, for a sandbox is entered. */
    SANDBOX_SLOTS = 512,
    SANDBOX_CENSUSES = 16,
    PATH_BYTES = 96,
    CREATE_TRIES = 8,
    PAGE_BYTES = 4096,
    PAGES = sizeof(struct gcshim_segment) / PAGE_BYTES,
    WORD_BITS = 64,
};

static struct {
    bool shared;
    bool closed; /* nothing more can be reserved */
    char path[PATH_BYTES];
    /* One bit a page of the file: whether it exists. */
    _Atomic uint64_t reserved[(PAGES + WORD_BITS - 1) / WORD_BITS];
} segment;

static_assert(sizeof(struct gcshim_segment) % GCSHIM_HEADER_BYTES == 0,
              "the segment ends with a page");

static uint64_t slots_end(uint64_t slots)
{
    return offsetof(struct gcshim_segment, slots) + slots * GCSHIM_SLOT_BYTES;
}

#define SECTION(section_kind, table, number, entry)                           \
    (struct gcshim_section){                                                 \
        .kind = (section_kind), .entry_bytes = sizeof(entry),                \
        .offset = offsetof(struct gcshim_segment, table),                    \
        .entries = (number)}

static void sections_describe(struct gcshim_header *header)
{
    const struct gcshim_section sections[] = {
        SECTION(GCSHIM_SECTION_SLOTS, slots, GCSHIM_SLOTS,
                struct gcshim_slot),
        SECTION(GCSHIM_SECTION_CENSUS, censuses, GCSHIM_CENSUSES,
                struct gcshim_census),
        SECTION(GCSHIM_SECTION_HUGE, huge, GCSHIM_HUGE_ENTRIES,
                struct gcshim_huge),
        SECTION(GCSHIM_SECTION_HISTORY, history,
                (uint64_t)GCSHIM_HISTORY_LEVELS * GCSHIM_HISTORY_POINTS,
                struct gcshim_point),
        SECTION(GCSHIM_SECTION_RANGES, ranges, GCSHIM_RANGE_WORDS, uint64_t),
        SECTION(GCSHIM_SECTION_GC, gc, 1, struct gcshim_gc),
        SECTION(GCSHIM_SECTION_GC_EVENTS, gc_events, GCSHIM_GC_EVENTS,
                struct gcshim_gc_event),
        SECTION(GCSHIM_SECTION_PROFILE, profile, 1, struct gcshim_profile),
        SECTION(GCSHIM_SECTION_SITES, sites, GCSHIM_SITES,
                struct gcshim_site),
        SECTION(GCSHIM_SECTION_FRAMES, frames, GCSHIM_FRAMES,
                struct gcshim_frame),
        SECTION(GCSHIM_SECTION_MODULES, modules, GCSHIM_MODULES,
                struct gcshim_module),
        SECTION(GCSHIM_SECTION_NAMES, names, GCSHIM_NAMES,
                struct gcshim_name),
        SECTION(GCSHIM_SECTION_SAMPLES, samples, GCSHIM_SAMPLES,
                struct gcshim_huge),
    };
    header->section_count = sizeof(sections) / sizeof(sections[0]);
    memcpy(header->sections, sections, sizeof(sections));
}

void segment_describe(const struct identity *identity)
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
    sections_describe(header);
    settings_describe(header->settings, sizeof(header->settings));
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

static int file_map(int fd)
{
    return sys_map_over(&region.segment, sizeof(region.segment), MAP_SHARED,
                        fd);
}

/* Cannot fail for want of memory or of mappings: it replaces one. */
static void be_private(void)
{
    sys_map_over(&region.segment, sizeof(region.segment),
                 MAP_PRIVATE | MAP_ANONYMOUS, -1);
    segment.shared = false;
    segment.path[0] = '\0';
}

static int file_fill(int fd, uint64_t bytes)
{
    int error = sys_ftruncate(fd, sizeof(struct gcshim_segment));
    if (!error)
        error = sys_fallocate(fd, 0, (off_t)bytes);
    if (!error)
        error = file_map(fd);
    return error;
}

static int file_make(const struct identity *identity, uint64_t bytes)
{
    /* A file larger than allowed would be a SIGXFSZ, not an error. */
    if (sys_file_size_limit() < sizeof(struct gcshim_segment))
        return -EFBIG;
    int fd = file_create(identity);
    if (fd < 0)
        return fd;
    int error = file_fill(fd, bytes);
    if (error)
        sys_unlink(segment.path);
    sys_close(fd);
    return error;
}

/* Relaxed: a page that exists stays, and to ask for it twice is harmless. */
static void pages_set_reserved(uint64_t begin, uint64_t end)
{
    for (uint64_t page = begin / PAGE_BYTES; page * PAGE_BYTES < end; page++)
        atomic_fetch_or_explicit(&segment.reserved[page / WORD_BITS],
                                 UINT64_C(1) << page % WORD_BITS,
                                 memory_order_relaxed);
}

static bool pages_are_reserved(uint64_t begin, uint64_t end)
{
    for (uint64_t page = begin / PAGE_BYTES; page * PAGE_BYTES < end; page++)
        if (!(atomic_load_explicit(&segment.reserved[page / WORD_BITS],
                                   memory_order_relaxed) >>
                  page % WORD_BITS &
              1))
            return false;
    return true;
}

int segment_open(const struct identity *identity, uint64_t used_slots)
{
    uint64_t slots = used_slots > FIRST_SLOTS ? used_slots : FIRST_SLOTS;
    int error = file_make(identity, slots_end(slots));
    if (error) {
        be_private();
        return error;
    }
    segment.shared = true;
    memset(segment.reserved, 0, sizeof(segment.reserved));
    pages_set_reserved(0, slots_end(slots));
    return 0;
}

/* Release: whoever sees the magic sees the rest.  P: [magic] */
void segment_publish(void)
{
    if (segment.shared)
        atomic_store_explicit(&region.segment.header.magic, GCSHIM_MAGIC,
                              memory_order_release);
}

void segment_detach(void)
{
    if (segment.shared)
        be_private();
}

/* Of the table that the bytes belong to, whole pages; another thread may
 * reserve the same ones, which is harmless. */
bool segment_reserve(const void *from, size_t bytes)
{
    uint64_t begin = (uint64_t)((const char *)from - (char *)&region.segment);
    if (!segment.shared || pages_are_reserved(begin, begin + bytes))
        return true;
    if (segment.closed)
        return false;
    uint64_t first = begin / PAGE_BYTES * PAGE_BYTES;
    uint64_t end = (begin + bytes + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
    if (sys_madvise((char *)&region.segment + first, end - first,
                    MADV_POPULATE_WRITE) != 0)
        return false;
    pages_set_reserved(begin, begin + bytes);
    return true;
}

bool segment_reserve_slot(uint64_t index)
{
    const struct gcshim_slot *slot = &region.segment.slots[index];
    if (pages_are_reserved(slots_end(index), slots_end(index + 1)))
        return true;
    uint64_t slots = GCSHIM_SLOTS - index;
    if (slots > MORE_SLOTS)
        slots = MORE_SLOTS;
    return segment_reserve(slot, slots * GCSHIM_SLOT_BYTES);
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
    const struct gcshim_segment *tables = &region.segment;
    segment_reserve(tables->slots, SANDBOX_SLOTS * sizeof(tables->slots[0]));
    segment_reserve(tables->censuses,
                    SANDBOX_CENSUSES * sizeof(tables->censuses[0]));
    segment_reserve(tables->huge,
                    GCSHIM_HUGE_LEVEL_0 * sizeof(struct gcshim_huge));
    segment_reserve(tables->history, sizeof(tables->history));
    segment_reserve(&tables->profile, sizeof(tables->profile));
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
