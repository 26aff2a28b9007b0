#include "account.h"

#include "cache.h"
#include "collector.h"
#include "figures.h"
#include "huge.h"
#include "process.h"
#include "profile.h"
#include "ranges.h"
#include "settings.h"
#include "tick.h"

#include <errno.h>

/* For the tick a large block is as so many bytes, if that is all there is to
 * it. */
enum { LARGE_PASSES_BYTES = TICK_BYTES / 16 };

/* What one call changes. */
struct change {
    const void *p; /* what is allocated, if it is a block */
    bool allocates, frees;
    uint64_t allocated_bytes, freed_bytes;
};

static bool has_slot(void)
{
    return thread.slot != SLOT_LATE;
}

/* A thread that has given its slot back is at its end: what it still frees
 * is counted late, what it still allocates makes it an owner again, as it
 * makes mimalloc give it a heap again.  A thread that got no slot does not
 * ask again: it would be slow for ever. */
static bool wants_slot(bool allocates)
{
    return !has_slot() && !thread.refused && (allocates || !thread.released);
}

static void slow_enter(bool allocates)
{
    process_enter();
    if (wants_slot(allocates))
        thread_claim();
    if (has_slot() && process_is_child())
        slot_mend(thread.slot);
}

/* Near the limit the next question comes as soon as it could be reached. */
static int64_t bytes_to_next_tick(void)
{
    if (LIKELY(!settings.gc_max))
        return TICK_BYTES;
    uint64_t room = collector_room();
    return room < TICK_BYTES ? (int64_t)room : TICK_BYTES;
}

/* To the tick, or to the next sample. */
static void arm(void)
{
    int64_t to_sample = sampler_left(&thread.sampler);
    slot_arm(thread.slot, (uint64_t)(thread.to_tick < to_sample
                                         ? thread.to_tick
                                         : to_sample));
}

void account_hasten(void)
{
    if (has_slot()) {
        thread.to_tick = 0;
        slot_arm(thread.slot, 0);
    }
}

static uint64_t bytes_of(const struct change *change)
{
    return change->allocated_bytes + change->freed_bytes;
}

static bool is_block(const struct change *change)
{
    return change->p && change->allocates;
}

/* Huge blocks are looked at where they are listed. */
static void sample(const struct change *change, uint64_t passed)
{
    struct sampler *sampler = &thread.sampler;
    if (!profile_follow(sampler))
        sampler_pass(sampler, passed);
    bool is_hit = sampler_pass_block(sampler, change->allocated_bytes,
                                     change->freed_bytes);
    if (UNLIKELY(is_hit) && is_block(change) &&
        !is_huge(change->allocated_bytes))
        profile_take(change->p, change->allocated_bytes);
}

static void slow_leave(const struct change *change)
{
    if (!has_slot())
        return;
    cache_open();
    uint64_t passed = slot_passed(thread.slot);
    sample(change, passed);
    if (is_block(change) && !is_huge(change->allocated_bytes))
        ranges_note(change->p, change->allocated_bytes);
    thread.to_tick -= (int64_t)(passed + bytes_of(change));
    bool is_due = thread.to_tick <= 0;
    if (is_due)
        thread.to_tick = bytes_to_next_tick();
    arm();
    if (is_due) {
        cache_tick(passed > 0); /* which the fast path makes, as a rule */
        tick();
    }
}

/* The allocation first: used is never too small. */
static void count(const struct change *change)
{
    if (change->allocates)
        slot_count_alloc(thread.slot, change->allocated_bytes);
    if (change->frees)
        slot_count_free(thread.slot, change->freed_bytes);
}

static void count_late(const struct change *change)
{
    if (change->allocates)
        slot_count_alloc_late(change->allocated_bytes);
    if (change->frees)
        slot_count_free_late(change->freed_bytes);
}

/* A signal handler finds the thread busy, keeps off what is being done, and
 * counts late; unless what is being done is to leave a parent's segment, which
 * a handler must not count in either. */
static void count_slowly(const struct change *change)
{
    int saved_errno = errno;
    thread.errno_location = &errno;
    if (thread.busy) {
        process_enter();
        count_late(change);
        errno = saved_errno;
        return;
    }
    thread.busy = true;
    slow_enter(change->allocates);
    if (has_slot())
        count(change);
    else
        count_late(change);
    slow_leave(change);
    thread.busy = false;
    errno = saved_errno;
}

/* Each of these is a reason for the slow path.  Samplers pass over huge blocks,
 * which are all known; where the next hit is does not depend on them. */
static bool is_plain(uint64_t bytes)
{
    return process_has_begun() && has_slot() && !thread.busy &&
           thread.to_tick > 0 && !settings.gc_max &&
           (is_huge(bytes) || !profile_is_on());
}

static void count_plainly(const struct change *change)
{
    thread.busy = true;
    atomic_signal_fence(memory_order_seq_cst);
    count(change);
    thread.to_tick -= LARGE_PASSES_BYTES;
    atomic_signal_fence(memory_order_seq_cst);
    thread.busy = false;
}

/* A handler that came in the middle of anything here triggers nothing. */
static bool is_refused(uint64_t bytes)
{
    if (LIKELY(!settings.gc_max) || thread.busy || thread.in_mimalloc)
        return false;
    int saved_errno = errno;
    bool is = collector_refuses(bytes);
    errno = saved_errno;
    return is;
}

/* Before it is counted: what is refused has never been in use. */
COLD bool account_alloc_slow(const void *p, uint64_t bytes)
{
    if (is_refused(bytes))
        return false;
    count_slowly(&(struct change){.p = p,
                                  .allocates = true,
                                  .allocated_bytes = bytes});
    return true;
}

COLD void account_free_slow(uint64_t bytes)
{
    count_slowly(&(struct change){.frees = true, .freed_bytes = bytes});
}

COLD void account_resize_slow(const void *p, uint64_t old_bytes,
                              uint64_t new_bytes)
{
    count_slowly(&(struct change){.p = p,
                                  .allocates = true,
                                  .allocated_bytes = new_bytes,
                                  .frees = true,
                                  .freed_bytes = old_bytes});
}

bool account_alloc_large(const void *p, uint64_t bytes)
{
    if (UNLIKELY(!is_plain(bytes) || figures_would_grow(bytes)))
        return account_alloc_slow(p, bytes);
    count_plainly(&(struct change){.p = p,
                                   .allocates = true,
                                   .allocated_bytes = bytes});
    return true;
}

void account_free_large(uint64_t bytes)
{
    if (UNLIKELY(!is_plain(bytes)))
        account_free_slow(bytes);
    else
        count_plainly(&(struct change){.frees = true, .freed_bytes = bytes});
}

uint64_t account_used(void)
{
    struct slots_sum sum;
    slots_sum(&sum);
    return sum.allocated_bytes - sum.freed_bytes;
}
