#include "huge.h"

#include "clock.h"
#include "compiler.h"
#include "counter.h"
#include "profile.h"
#include "ranges.h"
#include "region.h"
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

static struct {
    _Atomic uint64_t blocks, bytes, unlisted;
} sums;

static void count(uint64_t blocks, uint64_t bytes)
{
    struct gcshim_header *header = &region.segment.header;
    counter_add_shared(&sums.blocks, blocks);
    counter_add_shared(&sums.bytes, bytes);
    counter_add_shared(&header->huge_blocks, blocks);
    counter_add_shared(&header->huge_bytes, bytes);
}

static void count_unlisted(uint64_t blocks)
{
    counter_add_shared(&sums.unlisted, blocks);
    counter_add_shared(&region.segment.header.huge_unlisted, blocks);
}

static void add(const void *p, size_t bytes, const struct blocklist_note *note)
{
    count(1, bytes);
    if (!blocklist_add(&list, p, bytes, note))
        count_unlisted(1);
}

COLD void huge_add(const void *p, size_t bytes)
{
    int saved_errno = errno;
    struct blocklist_note note = {
        .allocated_ns = clock_boottime_ns(),
        .tid = thread.tid,
        .site = profile_site_of_huge(bytes),
    };
    add(p, bytes, &note);
    ranges_note(p, bytes);
    errno = saved_errno;
}

COLD void huge_restore(const void *p, size_t bytes,
                       const struct blocklist_note *note)
{
    int saved_errno = errno;
    add(p, bytes, note);
    errno = saved_errno;
}

COLD struct blocklist_note huge_remove(const void *p, size_t bytes)
{
    struct blocklist_note note = {0};
    count(-UINT64_C(1), -(uint64_t)bytes);
    if (!blocklist_remove(&list, p, &note))
        count_unlisted(-UINT64_C(1));
    return note;
}

void huge_sum(uint64_t *ret_blocks, uint64_t *ret_bytes)
{
    *ret_blocks = counter_read(&sums.blocks);
    *ret_bytes = counter_read(&sums.bytes);
}

void huge_inherit(void)
{
    struct gcshim_header *header = &region.segment.header;
    blocklist_inherit(&list);
    counter_set(&header->huge_blocks, counter_read(&sums.blocks));
    counter_set(&header->huge_bytes, counter_read(&sums.bytes));
    counter_set(&header->huge_unlisted, counter_read(&sums.unlisted));
}
