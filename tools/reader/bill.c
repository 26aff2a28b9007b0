/* The bill: see bill.h. */
#include "reader/bill.h"

/* mimalloc's own, at the head of each of its segments. */
#define SEGMENT_BYTES        (UINT64_C(32) << 20)
#define SEGMENT_HEADER_BYTES (UINT64_C(64) << 10)

__extension__ typedef unsigned __int128 wide;

static uint64_t min(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t less(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
}

/* part * numerator / denominator, and no more than limit. */
static uint64_t scale(uint64_t part, uint64_t numerator, uint64_t denominator,
                      uint64_t limit)
{
    if (denominator == 0)
        return 0;

    wide scaled = (wide)part * numerator / denominator;

    return scaled < limit ? (uint64_t)scaled : limit;
}

/* What is in use and in no page that was counted; below 0 where pages count
 * more than is in use. */
static census_change unowned(const struct bill_facts *facts)
{
    census_change owned = (census_change)facts->censuses->sum.used_bytes +
                          facts->censuses->grown_bytes;

    return (census_change)facts->used_bytes - owned;
}

static uint64_t clamp(census_change change, uint64_t most)
{
    if (change <= 0)
        return 0;
    return change < (census_change)most ? (uint64_t)change : most;
}

static uint64_t orphaned(const struct bill_facts *facts)
{
    return clamp(unowned(facts),
                 min(facts->used_bytes, facts->left_used_bytes));
}

static uint64_t fragmented(const struct bill_facts *facts, uint64_t orphans,
                           uint64_t limit)
{
    uint64_t own = min(facts->censuses->sum.free_bytes, limit);

    return own + scale(orphans, facts->left_free_bytes, facts->left_used_bytes,
                       limit - own);
}

static uint64_t overhead(const struct bill_facts *facts, uint64_t orphans,
                         uint64_t limit)
{
    const struct reader_census *sum = &facts->censuses->sum;
    uint64_t left = less(less(facts->left_page_bytes, facts->left_used_bytes),
                         facts->left_free_bytes);
    uint64_t headers =
        facts->allocated_bytes / SEGMENT_BYTES * SEGMENT_HEADER_BYTES;
    uint64_t total = min(
        less(less(sum->page_bytes, sum->used_bytes), sum->free_bytes), limit);

    total += min(headers, limit - total);
    return total + scale(orphans, left, facts->left_used_bytes, limit - total);
}

static uint64_t cached(const struct bill_facts *facts)
{
    return min(facts->cached_bytes, facts->allocated_bytes - facts->used_bytes);
}

static struct reader_bill unknown(const struct bill_facts *facts)
{
    return (struct reader_bill){
        .owned_bytes = READER_UNKNOWN,
        .orphaned_bytes = READER_UNKNOWN,
        .cached_bytes = cached(facts),
        .fragmented_bytes = READER_UNKNOWN,
        .unreturned_bytes = READER_UNKNOWN,
        .overhead_bytes = READER_UNKNOWN,
        .age_ms = READER_UNKNOWN,
        .changed_bytes = READER_UNKNOWN,
        .uncounted_threads = facts->censuses->uncounted_threads,
        .uncollected_bytes = READER_UNKNOWN,
    };
}

struct reader_bill bill_of(const struct bill_facts *facts)
{
    struct reader_bill bill = unknown(facts);
    uint64_t rest =
        facts->allocated_bytes - facts->used_bytes - bill.cached_bytes;

    if (facts->censuses->counted_threads == 0 &&
        facts->censuses->uncounted_bytes > BILL_UNCOUNTED_BYTES)
        return bill;
    bill.orphaned_bytes = orphaned(facts);
    bill.owned_bytes = facts->used_bytes - bill.orphaned_bytes;
    bill.fragmented_bytes = fragmented(facts, bill.orphaned_bytes, rest);
    rest -= bill.fragmented_bytes;
    bill.overhead_bytes = overhead(facts, bill.orphaned_bytes, rest);
    bill.unreturned_bytes = rest - bill.overhead_bytes;
    bill.uncollected_bytes = clamp(-unowned(facts), bill.unreturned_bytes);
    bill.age_ms = facts->censuses->sum.age_ms;
    bill.changed_bytes = facts->censuses->sum.changed_bytes;
    return bill;
}
