#include "account.h"

#include "collector.h"
#include "process.h"
#include "settings.h"
#include "tick.h"

#include <errno.h>

/* What one call changes. */
struct change {
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

static void slow_leave(void)
{
    if (!has_slot())
        return;
    atomic_store_explicit(slot_countdown(thread.slot), bytes_to_next_tick(),
                          memory_order_relaxed);
    tick();
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
    slow_leave();
    thread.busy = false;
    errno = saved_errno;
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
COLD bool account_alloc_slow(uint64_t bytes)
{
    if (is_refused(bytes))
        return false;
    count_slowly(&(struct change){.allocates = true,
                                  .allocated_bytes = bytes});
    return true;
}

COLD void account_free_slow(uint64_t bytes)
{
    count_slowly(&(struct change){.frees = true, .freed_bytes = bytes});
}

COLD void account_resize_slow(uint64_t old_bytes, uint64_t new_bytes)
{
    count_slowly(&(struct change){.allocates = true,
                                  .allocated_bytes = new_bytes,
                                  .frees = true,
                                  .freed_bytes = old_bytes});
}

uint64_t account_used(void)
{
    struct slots_sum sum;
    slots_sum(&sum);
    return sum.allocated_bytes - sum.freed_bytes;
}
