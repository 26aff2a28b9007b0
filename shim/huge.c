#include "huge.h"

#include "clock.h"
#include "counter.h"
#include "ranges.h"
#include "region.h"
#include "segment.h"
#include "thread.h"

#include <errno.h>

enum {
    /* The entries that an address may lie in on one level. */
    WINDOW = 8,
    PAGE_SHIFT = 16, /* no two huge blocks begin within 64 KiB */
    BUSY = 1,        /* an address with this bit: its entry is being filled */
};

static const struct level {
    uint32_t first, entries;
} levels[GCSHIM_HUGE_LEVELS] = {
    {0, GCSHIM_HUGE_LEVEL_0},
    {GCSHIM_HUGE_LEVEL_0, GCSHIM_HUGE_LEVEL_1},
    {GCSHIM_HUGE_LEVEL_0 + GCSHIM_HUGE_LEVEL_1, GCSHIM_HUGE_LEVEL_2},
};

static_assert(GCSHIM_HUGE_LEVEL_0 % WINDOW == 0 &&
                  (GCSHIM_HUGE_LEVEL_0 & (GCSHIM_HUGE_LEVEL_0 - 1)) == 0 &&
                  (GCSHIM_HUGE_LEVEL_1 & (GCSHIM_HUGE_LEVEL_1 - 1)) == 0 &&
                  (GCSHIM_HUGE_LEVEL_2 & (GCSHIM_HUGE_LEVEL_2 - 1)) == 0,
              "a hash is cut to a level by a mask");

static struct {
    struct gcshim_huge entries[GCSHIM_HUGE_ENTRIES];
    _Atomic uint64_t high; /* entries of the levels in use */
    _Atomic uint64_t blocks, bytes, unlisted;
} table;

/* Fibonacci hashing: the upper half of the product is the mixed one. */
static uint32_t hash(const void *p)
{
    uint64_t page = (uintptr_t)p >> PAGE_SHIFT;
    return (uint32_t)(page * UINT64_C(0x9e3779b97f4a7c15) >> 32);
}

static uint32_t window_of(const struct level *level, const void *p)
{
    return level->first + (hash(p) & (level->entries - 1) &
                           ~(uint32_t)(WINDOW - 1));
}

static struct gcshim_huge *shared(const struct gcshim_huge *entry)
{
    return &region.segment.huge[entry - table.entries];
}

/* The address last: who sees it sees the rest.  P: [huge] */
static void fill(struct gcshim_huge *entry, const void *p, uint64_t bytes,
                 uint64_t allocated_ns, uint32_t tid)
{
    counter_set(&entry->bytes, bytes);
    counter_set(&entry->allocated_ns, allocated_ns);
    atomic_store_explicit(&entry->tid, tid, memory_order_release);
    counter_set(&entry->address, (uintptr_t)p);
}

static bool level_open(const struct level *level)
{
    uint64_t end = level->first + level->entries;
    if (counter_read(&table.high) >= end)
        return true;
    if (!segment_reserve(&region.segment.huge[level->first],
                         level->entries * sizeof(struct gcshim_huge)))
        return false;
    counter_raise(&table.high, end);
    counter_raise(&region.segment.header.huge_high, end);
    return true;
}

/* A free entry of the window, now the caller's; or NULL. */
static struct gcshim_huge *window_claim(uint32_t first, const void *p)
{
    for (uint32_t i = first; i < first + WINDOW; i++) {
        struct gcshim_huge *entry = &table.entries[i];
        uint64_t none = 0;
        /* Acquire: after its last owner is through with the copy. */
        if (counter_read(&entry->address) == 0 &&
            atomic_compare_exchange_strong_explicit(
                &entry->address, &none, (uintptr_t)p | BUSY,
                memory_order_acquire, memory_order_relaxed))
            return entry;
    }
    return NULL;
}

static struct gcshim_huge *entry_claim(const void *p)
{
    for (int i = 0; i < GCSHIM_HUGE_LEVELS; i++) {
        if (!level_open(&levels[i]))
            return NULL;
        struct gcshim_huge *entry = window_claim(window_of(&levels[i], p), p);
        if (entry)
            return entry;
    }
    return NULL;
}

static struct gcshim_huge *entry_find(const void *p)
{
    for (int i = 0; i < GCSHIM_HUGE_LEVELS; i++) {
        if (levels[i].first >= counter_read(&table.high))
            return NULL;
        uint32_t first = window_of(&levels[i], p);
        for (uint32_t k = first; k < first + WINDOW; k++)
            if (counter_read(&table.entries[k].address) == (uintptr_t)p)
                return &table.entries[k];
    }
    return NULL;
}

static void count(uint64_t blocks, uint64_t bytes)
{
    struct gcshim_header *header = &region.segment.header;
    counter_add_shared(&table.blocks, blocks);
    counter_add_shared(&table.bytes, bytes);
    counter_add_shared(&header->huge_blocks, blocks);
    counter_add_shared(&header->huge_bytes, bytes);
}

static void count_unlisted(uint64_t blocks)
{
    counter_add_shared(&table.unlisted, blocks);
    counter_add_shared(&region.segment.header.huge_unlisted, blocks);
}

static void add(const void *p, size_t bytes, uint64_t allocated_ns)
{
    struct gcshim_huge *entry = entry_claim(p);
    count(1, bytes);
    if (!entry) {
        count_unlisted(1);
        return;
    }
    fill(entry, p, bytes, allocated_ns, thread.tid);
    fill(shared(entry), p, bytes, allocated_ns, thread.tid);
}

COLD void huge_add(const void *p, size_t bytes)
{
    int saved_errno = errno;
    add(p, bytes, clock_boottime_ns());
    ranges_note(p, bytes);
    errno = saved_errno;
}

COLD void huge_restore(const void *p, size_t bytes, uint64_t allocated_ns)
{
    int saved_errno = errno;
    add(p, bytes, allocated_ns);
    errno = saved_errno;
}

COLD uint64_t huge_remove(const void *p, size_t bytes)
{
    struct gcshim_huge *entry = entry_find(p);
    count(-UINT64_C(1), -(uint64_t)bytes);
    if (!entry) {
        count_unlisted(-UINT64_C(1));
        return 0;
    }
    uint64_t allocated_ns = counter_read(&entry->allocated_ns);
    counter_set(&shared(entry)->address, 0);
    /* Release: the next owner's stores come after this one's. */
    counter_set(&entry->address, 0);
    return allocated_ns;
}

void huge_sum(uint64_t *ret_blocks, uint64_t *ret_bytes)
{
    *ret_blocks = counter_read(&table.blocks);
    *ret_bytes = counter_read(&table.bytes);
}

/* What a thread of the parent was just filling in has no owner here. */
static void entry_inherit(struct gcshim_huge *entry)
{
    uint64_t address = counter_read(&entry->address);
    if (address & BUSY)
        counter_set(&entry->address, 0);
    else if (address)
        fill(shared(entry), (void *)(uintptr_t)address,
             counter_read(&entry->bytes), counter_read(&entry->allocated_ns),
             atomic_load_explicit(&entry->tid, memory_order_relaxed));
}

void huge_inherit(void)
{
    struct gcshim_header *header = &region.segment.header;
    uint64_t high = counter_read(&table.high);
    bool is_listed = segment_reserve(region.segment.huge,
                                     high * sizeof(struct gcshim_huge));
    if (is_listed)
        counter_set(&header->huge_high, high);
    for (uint64_t i = 0; is_listed && i < high; i++)
        entry_inherit(&table.entries[i]);
    counter_set(&header->huge_blocks, counter_read(&table.blocks));
    counter_set(&header->huge_bytes, counter_read(&table.bytes));
    counter_set(&header->huge_unlisted, counter_read(&table.unlisted));
}
