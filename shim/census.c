#include "census.h"

#include "account.h"
#include "cache.h"
#include "class.h"
#include "clock.h"
#include "counter.h"
#include "ranges.h"
#include "segment.h"
#include "shelf.h"
#include "settings.h"
#include "slot.h"
#include "thread.h"

#include <mimalloc.h>
#include <stdbool.h>
#include <string.h>

enum {
    /* What mimalloc's pages take up: 64 KiB, 512 KiB, or for a huge block as
     * many times 64 KiB as it needs. */
    SMALL_PAGE_BYTES = 64 * 1024,
    MEDIUM_PAGE_BYTES = 512 * 1024,

    /* More pages than a heap can have: a list that has become a ring, in a
     * program that writes where it should not, must not hold us for ever. */
    PAGES_MAX = 1 << 26,

    COPY_TRIES = 4,
};

static uint64_t slot_index(const struct gcshim_slot *slot)
{
    return (uint64_t)(slot - region.segment.slots);
}

/* Relaxed: before the count is published, nobody reads it. */
static void add(_Atomic uint64_t *sum, uint64_t n)
{
    uint64_t old = atomic_load_explicit(sum, memory_order_relaxed);
    atomic_store_explicit(sum, old + n, memory_order_relaxed);
}

static void add32(_Atomic uint32_t *sum, uint32_t n)
{
    uint32_t old = atomic_load_explicit(sum, memory_order_relaxed);
    atomic_store_explicit(sum, old + n, memory_order_relaxed);
}

static uint64_t page_bytes_of(const mi_heap_area_t *area)
{
    if (area->reserved <= SMALL_PAGE_BYTES)
        return SMALL_PAGE_BYTES;
    if (area->full_block_size <= GCSHIM_HUGE_ABOVE)
        return MEDIUM_PAGE_BYTES;
    return (area->reserved + SMALL_PAGE_BYTES - 1) &
           ~(uint64_t)(SMALL_PAGE_BYTES - 1);
}

/* Capacity and reserved in bytes as yet: see classes_finish. */
static void count_blocks(struct gcshim_class *class,
                         const mi_heap_area_t *area)
{
    atomic_store_explicit(&class->block_bytes, area->full_block_size,
                          memory_order_relaxed);
    add32(&class->pages, 1);
    if (area->used == 0) {
        add32(&class->empty_pages, 1);
        return;
    }
    if (area->used * area->full_block_size == area->reserved)
        add32(&class->full_pages, 1);
    add(&class->used_blocks, area->used);
    add(&class->capacity_blocks, area->committed);
    add(&class->reserved_blocks, area->reserved);
}

struct walk {
    struct gcshim_count *count;
    uint32_t pages;
};

static bool count_page(const mi_heap_t *heap, const mi_heap_area_t *area,
                       void *block, size_t block_bytes, void *arg)
{
    struct walk *walk = arg;
    struct gcshim_count *count = walk->count;
    (void)heap;
    (void)block;
    (void)block_bytes;
    ranges_note(area->blocks, area->reserved);
    if (++walk->pages >= PAGES_MAX)
        return false;
    if (shelf_holds(area->blocks, area->full_block_size))
        return true;
    if (area->used > 0)
        add(&count->page_bytes, page_bytes_of(area));
    else
        add(&count->empty_page_bytes, page_bytes_of(area));
    if (area->full_block_size <= GCSHIM_HUGE_ABOVE) {
        count_blocks(&count->classes[class_index(area->full_block_size)],
                     area);
    } else if (area->used > 0) {
        add(&count->huge_blocks, 1);
        add(&count->huge_bytes, area->full_block_size);
    }
    return true;
}

/* A division a class instead of one a page. */
static void classes_finish(struct gcshim_count *count)
{
    for (int i = 0; i < GCSHIM_CLASSES; i++) {
        struct gcshim_class *class = &count->classes[i];
        uint64_t bytes = counter_read(&class->block_bytes);
        if (bytes == 0)
            continue;
        counter_set(&class->capacity_blocks,
                    counter_read(&class->capacity_blocks) / bytes);
        counter_set(&class->reserved_blocks,
                    counter_read(&class->reserved_blocks) / bytes);
    }
}

static void count_heap(struct gcshim_count *count)
{
    struct walk walk = {.count = count};
    uint64_t begin = clock_boottime_ns();
    memset(count, 0, sizeof(*count));
    mi_heap_visit_blocks(thread.heap, false, count_page, &walk);
    classes_finish(count);
    uint64_t end = clock_boottime_ns();
    counter_set(&count->taken_ns, end);
    counter_set(&count->cost_ns, end - begin);
}

static uint64_t own_total_bytes(void)
{
    struct gcshim_counters own;
    slot_totals(thread.slot, &own);
    return counter_read(&own.allocated_bytes) + counter_read(&own.freed_bytes);
}

static void note_owner(struct gcshim_count *count)
{
    struct gcshim_counters own;
    slot_totals(thread.slot, &own);
    counter_set(&count->allocated_bytes, counter_read(&own.allocated_bytes));
    counter_set(&count->freed_bytes, counter_read(&own.freed_bytes));
    counter_set(&count->cached_bytes, cache_bytes());
    atomic_store_explicit(&count->slot_epoch,
                          atomic_load_explicit(&thread.slot->epoch,
                                               memory_order_relaxed),
                          memory_order_relaxed);
}

static uint64_t max(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static void plan_next(const struct gcshim_count *count)
{
    uint64_t pause = counter_read(&count->cost_ns) * CENSUS_SPARING;
    uint64_t change = counter_read(&count->page_bytes) / CENSUS_CHANGE_SHARE;
    thread.census_due_ns =
        clock_coarse_ns() + max(pause, CENSUS_SPACING_NS);
    thread.census_due_bytes =
        own_total_bytes() + max(change, CENSUS_CHANGE_MIN_BYTES);
}

void census_plan_first(void)
{
    thread.census_due_ns = clock_coarse_ns() + CENSUS_SPACING_NS;
    thread.census_due_bytes = own_total_bytes();
}

/* The calling thread's place for a count, NULL where it has none. */
static struct gcshim_census *own_census(void)
{
    uint64_t index = slot_index(thread.slot);
    if (!settings.census || index == GCSHIM_SLOT_LATE ||
        index >= GCSHIM_CENSUSES)
        return NULL;
    struct gcshim_census *census = &region.segment.censuses[index];
    return segment_reserve(census, sizeof(*census)) ? census : NULL;
}

/* Into the one of two places that readers do not look at.  P: [census] */
static const struct gcshim_count *take(void)
{
    struct gcshim_census *census = own_census();
    if (!census || clock_is_stopped())
        return NULL;
    uint64_t taken = counter_read(&census->taken);
    struct gcshim_count *count = &census->counts[taken % 2];
    count_heap(count);
    note_owner(count);
    cache_publish();
    counter_set(&census->taken, taken + 1);
    plan_next(count);
    return count;
}

void census_take(void)
{
    take();
}

static void sum_count(struct census_sum *sum, const struct gcshim_count *count)
{
    for (int i = 0; i < GCSHIM_CLASSES; i++) {
        const struct gcshim_class *class = &count->classes[i];
        uint64_t bytes = counter_read(&class->block_bytes);
        uint64_t used = counter_read(&class->used_blocks);
        uint64_t free = counter_read(&class->capacity_blocks) - used;
        sum->used_blocks += used;
        sum->used_bytes += used * bytes;
        sum->free_blocks += free;
        sum->free_bytes += free * bytes;
    }
    sum->page_bytes += counter_read(&count->page_bytes);
    sum->empty_page_bytes += counter_read(&count->empty_page_bytes);
    sum->huge_blocks += counter_read(&count->huge_blocks);
    sum->huge_bytes += counter_read(&count->huge_bytes);
}

void census_sum_of(const struct gcshim_count *count,
                   struct census_sum *ret_sum)
{
    struct census_sum sum = {0};
    sum_count(&sum, count);
    *ret_sum = sum;
}

/* Nobody has counted them: all that is in use may be theirs. */
void census_inherit(void)
{
    struct gcshim_header *header = &region.segment.header;
    uint64_t used = account_used();
    counter_set(&header->left_used_bytes, used);
    counter_set(&header->left_page_bytes, used);
}

void census_take_at_exit(void)
{
    const struct gcshim_count *count = take();
    struct gcshim_header *header = &region.segment.header;
    struct census_sum sum = {0};
    if (!count)
        return;
    sum_count(&sum, count);
    counter_add_shared(&header->left_used_bytes,
                       sum.used_bytes + sum.huge_bytes);
    counter_add_shared(&header->left_free_bytes, sum.free_bytes);
    counter_add_shared(&header->left_page_bytes, sum.page_bytes);
}

/* The order of these tests is that of their chances to be false. */
void census_tick(uint64_t now_ns)
{
    if (now_ns >= thread.census_due_ns &&
        own_total_bytes() >= thread.census_due_bytes)
        take();
}

static bool is_of(const struct gcshim_count *count,
                  const struct gcshim_slot *slot)
{
    return atomic_load_explicit(&slot->tid, memory_order_relaxed) != 0 &&
           atomic_load_explicit(&count->slot_epoch, memory_order_relaxed) ==
               atomic_load_explicit(&slot->epoch, memory_order_relaxed);
}

/* Acquire each: before taken is read again. */
static void copy_words(struct gcshim_count *to,
                       const struct gcshim_count *from)
{
    const _Atomic uint64_t *word = (const _Atomic uint64_t *)from;
    uint64_t *copy = (uint64_t *)to;
    for (size_t i = 0; i < sizeof(*from) / sizeof(*word); i++)
        copy[i] = counter_read(&word[i]);
}

/* P: [census] */
bool census_copy(const struct gcshim_slot *slot,
                 struct gcshim_count *ret_count)
{
    uint64_t index = slot_index(slot);
    if (index >= GCSHIM_CENSUSES)
        return false;
    const struct gcshim_census *census = &region.segment.censuses[index];
    for (int i = 0; i < COPY_TRIES; i++) {
        uint64_t taken = counter_read(&census->taken);
        if (taken == 0)
            return false;
        copy_words(ret_count, &census->counts[(taken - 1) % 2]);
        if (counter_read(&census->taken) == taken)
            return is_of(ret_count, slot);
    }
    return false;
}

void census_sum(struct census_sum *ret_sum)
{
    struct census_sum sum = {0};
    uint64_t high = slots_high();
    for (uint64_t i = 0; i < high && i < GCSHIM_CENSUSES; i++) {
        struct gcshim_count count;
        if (census_copy(&region.segment.slots[i], &count))
            sum_count(&sum, &count);
    }
    *ret_sum = sum;
}
