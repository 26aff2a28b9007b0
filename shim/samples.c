#include "samples.h"

#include "compiler.h"
#include "counter.h"
#include "region.h"

enum {
    TOO_MANY = UINT8_MAX,
    ALL_MAY_BE_LISTED = 0,
    NONE_BUT_HUGE = GCSHIM_HUGE_ABOVE + 1,
};

TABLE _Atomic uint8_t samples_filter[1 << SAMPLES_FILTER_BITS];

static const struct blocklist_level levels[GCSHIM_SAMPLE_LEVELS] = {
    {0, GCSHIM_SAMPLE_LEVEL_0},
    {GCSHIM_SAMPLE_LEVEL_0, GCSHIM_SAMPLE_LEVEL_1},
    {GCSHIM_SAMPLE_LEVEL_0 + GCSHIM_SAMPLE_LEVEL_1, GCSHIM_SAMPLE_LEVEL_2},
};

TABLE static struct gcshim_huge entries[GCSHIM_SAMPLES];

static struct blocklist list = {
    .levels = levels,
    .level_count = GCSHIM_SAMPLE_LEVELS,
    .shift = 4,
    .entries = entries,
    .shared = region.segment.samples,
    .shared_high = &region.segment.profile.samples_high,
};

static _Atomic uint64_t living, unlisted;

static void limit_set(uint64_t unlisted_below)
{
    atomic_store_explicit(&region.wiped.unlisted_below, unlisted_below,
                          memory_order_seq_cst);
}

/* A count that has been too high for once stays so: frees of blocks there
 * look into the list in vain, no more. */
static void filter_change(const void *p, int by)
{
    _Atomic uint8_t *count = &samples_filter[samples_hash(p)];
    uint8_t old = atomic_load_explicit(count, memory_order_relaxed);
    while (old != TOO_MANY && !atomic_compare_exchange_weak_explicit(
                                  count, &old, (uint8_t)(old + by),
                                  memory_order_relaxed,
                                  memory_order_relaxed)) {
    }
}

/* The number first, then the limit; samples_rest() the other way round, so
 * that one of both sees the other.  P: [samples-rest] */
bool samples_add(const void *p, size_t bytes,
                 const struct blocklist_note *note)
{
    atomic_fetch_add_explicit(&living, 1, memory_order_seq_cst);
    limit_set(ALL_MAY_BE_LISTED);
    filter_change(p, 1);
    if (blocklist_add(&list, p, bytes, note))
        return true;
    filter_change(p, -1);
    counter_add_shared(&unlisted, 1);
    counter_add_shared(&region.segment.profile.samples_unlisted, 1);
    atomic_fetch_sub_explicit(&living, 1, memory_order_seq_cst);
    return false;
}

COLD bool samples_remove(const void *p, struct blocklist_note *ret_note)
{
    if (!blocklist_remove(&list, p, ret_note))
        return false;
    filter_change(p, -1);
    atomic_fetch_sub_explicit(&living, 1, memory_order_seq_cst);
    return true;
}

static bool are_living(void)
{
    return atomic_load_explicit(&living, memory_order_seq_cst) != 0;
}

void samples_rest(void)
{
    if (!is_listed(GCSHIM_HUGE_ABOVE) || are_living())
        return;
    limit_set(NONE_BUT_HUGE);
    if (are_living())
        limit_set(ALL_MAY_BE_LISTED);
}

void samples_forget(void)
{
    blocklist_clear(&list);
    for (size_t i = 0; i < sizeof(samples_filter); i++)
        atomic_store_explicit(&samples_filter[i], 0, memory_order_relaxed);
    atomic_store_explicit(&living, 0, memory_order_seq_cst);
}

void samples_inherit(void)
{
    blocklist_inherit(&list);
    counter_set(&region.segment.profile.samples_unlisted,
                counter_read(&unlisted));
}
