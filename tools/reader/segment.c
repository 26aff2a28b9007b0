/* One segment file: see segment.h.  Whoever wrote it may be malicious, and
 * may be changing it under our eyes: every word is fetched once, checked, and
 * used from our own copy. */
#include "reader/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reader/refuse.h"
#include "reader/text.h"

enum {
    FILE_BYTES_MAX = 1 << 30, /* far above any segment of ours */
    SLOT_TRIES = 16,          /* before a restless slot is given up on */
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

static int slots_check(const struct gcshim_section *section,
                       char reason[READER_REASON_BYTES])
{
    if (section->entry_bytes != GCSHIM_SLOT_BYTES ||
        section->offset % GCSHIM_SLOT_BYTES != 0)
        return refuse(reason, "has slots of another form");
    if (section->entries == 0 || section->entries > GCSHIM_SLOTS)
        return refuse(reason, "has a table of %llu slots",
                      (unsigned long long)section->entries);
    return 0;
}

/* Checks every section, and finds the one table of slots. */
static int sections_check(const struct gcshim_header *header,
                          struct gcshim_section *ret_slots,
                          char reason[READER_REASON_BYTES])
{
    const struct gcshim_section *slots = NULL;

    for (uint32_t i = 0; i < header->section_count; i++) {
        const struct gcshim_section *section = &header->sections[i];

        if (section->kind == GCSHIM_SECTION_NONE)
            continue;
        if (!section_fits(header, section))
            return refuse(reason, "has section %u outside of the file", i);
        if (section->kind != GCSHIM_SECTION_SLOTS)
            continue;
        if (slots)
            return refuse(reason, "has two tables of slots");
        slots = section;
    }
    if (!slots)
        return refuse(reason, "has no table of slots");

    int err = slots_check(slots, reason);

    if (err == 0)
        *ret_slots = *slots;
    return err;
}

/* Reads slots_high afresh, as it grows.  P: [slots-high] */
static int slots_high_read(const struct segment *segment, size_t *ret_high,
                           char reason[READER_REASON_BYTES])
{
    uint64_t high = 0;
    int err = read_exactly(segment->fd, &high, sizeof(high),
                           offsetof(struct gcshim_header, slots_high), reason);

    if (err)
        return err;
    if (high > segment->slots.entries)
        return refuse(reason, "claims %llu slots of %llu in use",
                      (unsigned long long)high,
                      (unsigned long long)segment->slots.entries);
    *ret_high = (size_t)high;
    return 0;
}

/* ------------------------------------------------------------- open */

/* Opens a descriptor anew for reading.  Without /proc there is no such way,
 * and none into a container either: then the name has to do. */
static int reopen(int path_fd, int dirfd, const char *name)
{
    enum { FLAGS = O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY };
    char link[LINK_BYTES];

    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", path_fd);

    int fd = open(link, FLAGS & ~O_NOFOLLOW);

    return fd < 0 && errno == ENOENT ? openat(dirfd, name, FLAGS) : fd;
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
static int file_open(int dirfd, const char *name, int *ret_fd,
                     char reason[READER_REASON_BYTES])
{
    int path_fd = openat(dirfd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

    if (path_fd < 0)
        return -errno;
    int err = kind_check(path_fd, reason);
    int fd = err ? -1 : reopen(path_fd, dirfd, name);

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

int segment_open(struct segment *ret_segment, int dirfd, const char *name,
                 char ret_reason[READER_REASON_BYTES])
{
    struct segment segment = {.fd = -1};
    struct stat st = {0};
    size_t high = 0;
    int err = file_open(dirfd, name, &segment.fd, ret_reason);

    if (err)
        return err;
    err = file_check(segment.fd, &st, ret_reason);
    if (err)
        goto close;
    segment.owner = st.st_uid;
    err = header_read(segment.fd, &segment.header, ret_reason);
    if (err)
        goto close;
    err = header_check(&segment.header, (uint64_t)st.st_size, ret_reason);
    if (err)
        goto close;
    err = sections_check(&segment.header, &segment.slots, ret_reason);
    if (err)
        goto close;
    err = slots_high_read(&segment, &high, ret_reason);
    if (err)
        goto close;
    *ret_segment = segment;
    return 0;

close:
    close(segment.fd);
    return err;
}

void segment_close(struct segment *segment)
{
    close(segment->fd);
    segment->fd = -1;
}

/* ---------------------------------------------------------- snapshot */

/* One copy of the slots in use, as of one moment for each slot. */
struct pass {
    struct gcshim_slot *slots;
    size_t count;
};

static uint64_t slot_offset(const struct segment *segment, size_t index)
{
    return segment->slots.offset + (uint64_t)index * GCSHIM_SLOT_BYTES;
}

/* The kernel copies aligned words whole, and a later pread sees no less than
 * an earlier one, as each ends in a barrier at the latest on return. */
static int pass_read(struct pass *ret_pass, const struct segment *segment,
                     char reason[READER_REASON_BYTES])
{
    struct pass pass = {0};
    int err = slots_high_read(segment, &pass.count, reason);

    if (err)
        return err;
    pass.slots =
        aligned_alloc(GCSHIM_SLOT_BYTES, (pass.count + 1) * GCSHIM_SLOT_BYTES);
    if (!pass.slots)
        return -ENOMEM;
    err = read_exactly(segment->fd, pass.slots, pass.count * GCSHIM_SLOT_BYTES,
                       slot_offset(segment, 0), reason);
    if (err) {
        free(pass.slots);
        return err;
    }
    *ret_pass = pass;
    return 0;
}

static bool pass_sum_freed(const struct pass *pass, struct reader_totals *sum)
{
    bool overflow = false;

    for (size_t i = 0; i < pass->count; i++) {
        struct gcshim_counters *total = &pass->slots[i].total;

        overflow |= __builtin_add_overflow(
            sum->freed_bytes, (uint64_t)total->freed_bytes, &sum->freed_bytes);
        overflow |= __builtin_add_overflow(sum->freed_blocks,
                                           (uint64_t)total->freed_blocks,
                                           &sum->freed_blocks);
    }
    return !overflow;
}

static bool pass_sum_allocated(const struct pass *pass,
                               struct reader_totals *sum)
{
    bool overflow = false;

    for (size_t i = 0; i < pass->count; i++) {
        struct gcshim_counters *total = &pass->slots[i].total;

        overflow |= __builtin_add_overflow(sum->allocated_bytes,
                                           (uint64_t)total->allocated_bytes,
                                           &sum->allocated_bytes);
        overflow |= __builtin_add_overflow(sum->allocated_blocks,
                                           (uint64_t)total->allocated_blocks,
                                           &sum->allocated_blocks);
    }
    return !overflow;
}

/* P: [freed-first]: the freed counters come from the earlier pass, so every
 * free that was seen has its allocation in the later one. */
static int totals_sum(const struct pass *earlier, const struct pass *later,
                      struct reader_totals *ret_totals,
                      char reason[READER_REASON_BYTES])
{
    struct reader_totals sum = {0};

    if (!pass_sum_freed(earlier, &sum) || !pass_sum_allocated(later, &sum))
        return refuse(reason, "has counters that overflow");
    if (sum.freed_bytes > sum.allocated_bytes)
        return refuse(reason, "has more bytes freed than were allocated");
    if (sum.freed_blocks > sum.allocated_blocks)
        return refuse(reason, "has more blocks freed than were allocated");
    *ret_totals = sum;
    return 0;
}

static uint64_t used_of(const struct reader_totals *totals)
{
    return totals->allocated_bytes - totals->freed_bytes;
}

/* Used comes out too large by what was allocated between two passes, much if
 * we were interrupted there: of two sums the smaller is nearer the truth. */
static int totals_best(const struct pass *before, const struct pass *copy,
                       const struct pass *after,
                       struct reader_totals *ret_totals,
                       char reason[READER_REASON_BYTES])
{
    struct reader_totals first = {0};
    struct reader_totals second = {0};
    int err = totals_sum(before, copy, &first, reason);

    if (err == 0)
        err = totals_sum(copy, after, &second, reason);
    if (err == 0)
        *ret_totals = used_of(&second) < used_of(&first) ? second : first;
    return err;
}

static bool is_settled(uint32_t before, uint32_t copy, uint32_t after)
{
    return copy % 2 == 0 && before == copy && after == copy;
}

/* A slot that changed hands during the copy, read again by itself. P:
 * [slot-epoch]  Returns 0, -EBUSY after SLOT_TRIES, or what read_exactly
 * says. */
static int slot_reread(const struct segment *segment, size_t index,
                       struct gcshim_slot *slot,
                       char reason[READER_REASON_BYTES])
{
    uint64_t offset = slot_offset(segment, index);

    for (int try = 0; try < SLOT_TRIES; try++) {
        uint32_t before = 0;
        uint32_t after = 0;
        int err =
            read_exactly(segment->fd, &before, sizeof(before), offset, reason);

        if (err == 0)
            err =
                read_exactly(segment->fd, slot, sizeof(*slot), offset, reason);
        if (err == 0)
            err = read_exactly(segment->fd, &after, sizeof(after), offset,
                               reason);
        if (err)
            return err;
        if (is_settled(before, slot->epoch, after))
            return 0;
    }
    return -EBUSY;
}

static uint64_t since(uint64_t total, uint64_t at_claim)
{
    return total > at_claim ? total - at_claim : 0;
}

static struct reader_thread thread_of(struct gcshim_slot *slot)
{
    struct gcshim_counters *now = &slot->total;
    struct gcshim_counters *then = &slot->at_claim;

    return (struct reader_thread){
        .tid = slot->tid,
        .state = '?',
        .totals =
            {
                since(now->allocated_bytes, then->allocated_bytes),
                since(now->allocated_blocks, then->allocated_blocks),
                since(now->freed_bytes, then->freed_bytes),
                since(now->freed_blocks, then->freed_blocks),
            },
    };
}

static int thread_compare(const void *a, const void *b)
{
    uint32_t left = ((const struct reader_thread *)a)->tid;
    uint32_t right = ((const struct reader_thread *)b)->tid;

    return (left > right) - (left < right);
}

/* The threads of the slots in copy, which must have stood still from before
 * to after; the few that did not are read again, one by one. */
/* Slots that were used once and are free now are many where threads come and
 * go. */
static void threads_fit(struct segment_account *account)
{
    void *fitting = reallocarray(account->threads, account->thread_count + 1,
                                 sizeof(*account->threads));

    if (fitting)
        account->threads = fitting;
}

static int threads_collect(const struct segment *segment,
                           const struct pass *before, const struct pass *copy,
                           const struct pass *after,
                           struct segment_account *account,
                           char reason[READER_REASON_BYTES])
{
    account->threads = calloc(copy->count + 1, sizeof(*account->threads));
    if (!account->threads)
        return -ENOMEM;
    /* The late slot, 0, has no owner. */
    for (size_t i = GCSHIM_SLOT_LATE + 1; i < copy->count; i++) {
        struct gcshim_slot *slot = &copy->slots[i];
        bool settled = i < before->count && i < after->count &&
                       is_settled(before->slots[i].epoch, slot->epoch,
                                  after->slots[i].epoch);
        int err = settled ? 0 : slot_reread(segment, i, slot, reason);

        if (err == -EBUSY)
            account->dropped_threads++;
        else if (err)
            return err;
        else if (slot->tid != 0)
            account->threads[account->thread_count++] = thread_of(slot);
    }
    qsort(account->threads, account->thread_count, sizeof(*account->threads),
          thread_compare);
    threads_fit(account);
    return 0;
}

/* The process-wide figures, each good by itself. */
static int figures_read(const struct segment *segment,
                        struct segment_account *account,
                        char reason[READER_REASON_BYTES])
{
    struct gcshim_header header;
    int err = read_exactly(segment->fd, &header, sizeof(header), 0, reason);

    if (err)
        return err;
    account->committed_bytes = header.committed_bytes;
    account->committed_peak_bytes = header.committed_peak_bytes;
    account->used_peak_bytes = header.used_peak_bytes;
    account->published_ns = header.published_ns;
    account->ended_ns = header.ended_ns;
    account->dropped_threads = header.dropped_threads;
    return 0;
}

int segment_snapshot(const struct segment *segment,
                     struct segment_account *ret_account,
                     char ret_reason[READER_REASON_BYTES])
{
    struct segment_account account = {0};
    struct pass before = {0};
    struct pass copy = {0};
    struct pass after = {0};
    int err = pass_read(&before, segment, ret_reason);

    if (err == 0)
        err = pass_read(&copy, segment, ret_reason);
    if (err == 0)
        err = pass_read(&after, segment, ret_reason);
    if (err == 0)
        err =
            totals_best(&before, &copy, &after, &account.totals, ret_reason);
    if (err == 0)
        err = figures_read(segment, &account, ret_reason);
    if (err == 0)
        err = threads_collect(segment, &before, &copy, &after, &account,
                              ret_reason);
    free(before.slots);
    free(copy.slots);
    free(after.slots);
    if (err) {
        free(account.threads);
        return err;
    }
    account.used_bytes = used_of(&account.totals);
    *ret_account = account;
    return 0;
}
