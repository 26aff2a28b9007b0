#include "huge.h"

#include "account.h"
#include "clock.h"
#include "compiler.h"
#include "profile.h"
#include "ranges.h"
#include "thread.h"

#include <errno.h>

static const struct blocklist_level levels[GCSHIM_HUGE_LEVELS] = {
    {0, GCSHIM_HUGE_LEVEL_0},
    {GCSHIM_HUGE_LEVEL_0, GCSHIM_HUGE_LEVEL_1},
    {GCSHIM_HUGE_LEVEL_0 + GCSHIM_HUGE_LEVEL_1, GCSHIM_HUGE_LEVEL_2},
};

TABLE static struct gcshim_huge entries[GCSHIM_HUGE_ENTRIES];

static struct blocklist list = {
    .levels = levels,
    .level_count = GCSHIM_HUGE_LEVELS,
    .shift = 16,
    .entries = entries,
    .shared = region.segment.huge,
    .shared_high = &region.segment.header.huge_high,
};

/* Of those not listed, in private memory for a fork child to find. */
static struct {
    _Atomic uint64_t blocks, bytes;
} unlisted;

/* Right after the list has changed: a handler that forks in between leaves its
 * child with one counted twice or not at all. */
static void count(uint64_t blocks, uint64_t bytes)
{
    struct gcshim_header *header = &region.segment.header;
    counter_add_shared(&header->huge_blocks, blocks);
    counter_add_shared(&header->huge_bytes, bytes);
}

static void count_unlisted(uint64_t blocks, uint64_t bytes)
{
    counter_add_shared(&unlisted.blocks, blocks);
    counter_add_shared(&unlisted.bytes, bytes);
    counter_add_shared(&region.segment.header.huge_unlisted, blocks);
}

static void add(const void *p, size_t bytes, const struct blocklist_note *note)
{
    if (!blocklist_add(&list, p, bytes, note))
        count_unlisted(1, bytes);
    count(1, bytes);
}

static struct blocklist_note note_now(size_t bytes)
{
    uint64_t now_ns = clock_coarse_ns();
    account_note_time(now_ns);
    return (struct blocklist_note){
        .allocated_ns = clock_boottime_at(now_ns),
        .tid = thread.tid,
        .site = profile_site_of_huge(bytes),
    };
}

void huge_add(const void *p, size_t bytes)
{
    int saved_errno = *thread.errno_location;
    struct blocklist_note note = note_now(bytes);
    add(p, bytes, &note);
    ranges_note(p, bytes);
    *thread.errno_location = saved_errno;
}

void huge_readd(const void *p, size_t bytes, uint32_t entry)
{
    int saved_errno = *thread.errno_location;
    struct blocklist_note note = note_now(bytes);
    if (!blocklist_unpark(&list, p, bytes, &note, entry))
        count_unlisted(1, bytes);
    count(1, bytes);
    *thread.errno_location = saved_errno;
}

COLD void huge_restore(const void *p, size_t bytes,
                       const struct blocklist_note *note)
{
    int saved_errno = errno;
    add(p, bytes, note);
    errno = saved_errno;
}

uint32_t huge_entry_of(const void *p)
{
    return blocklist_find(&list, p);
}

size_t huge_entry_bytes(uint32_t entry)
{
    return counter_read(&entries[entry - 1].bytes);
}

static void uncount(size_t bytes, bool is_listed)
{
    if (!is_listed)
        count_unlisted(-UINT64_C(1), -(uint64_t)bytes);
    count(-UINT64_C(1), -(uint64_t)bytes);
}

struct blocklist_note huge_remove(const void *p, size_t bytes)
{
    struct blocklist_note note = {0};
    uncount(bytes, blocklist_remove(&list, p, &note));
    return note;
}

void huge_park(const void *p, size_t bytes, uint32_t entry)
{
    if (entry)
        blocklist_park(&list, p, entry);
    uncount(bytes, entry);
}

COLD void huge_forget(const void *p)
{
    blocklist_forget(&list, p);
}

void huge_sum(uint64_t *ret_blocks, uint64_t *ret_bytes)
{
    *ret_blocks = counter_read(&region.segment.header.huge_blocks);
    *ret_bytes = huge_bytes();
}

void huge_inherit(void)
{
    struct gcshim_header *header = &region.segment.header;
    uint64_t blocks, bytes, unlisted_blocks = counter_read(&unlisted.blocks);
    blocklist_inherit(&list);
    blocklist_sum(&list, &blocks, &bytes);
    counter_set(&header->huge_blocks, blocks + unlisted_blocks);
    counter_set(&header->huge_bytes, bytes + counter_read(&unlisted.bytes));
    counter_set(&header->huge_unlisted, unlisted_blocks);
}
