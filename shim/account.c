#include "account.h"

#include "figures.h"
#include "process.h"

#include <errno.h>

/* A thread that has given its slot back is at its end: what it still frees
 * is counted late, what it still allocates makes it an owner again, as it
 * makes mimalloc give it a heap again. */
static bool wants_slot(bool allocates)
{
    return thread.slot == SLOT_LATE && (allocates || !thread.released);
}

static bool has_slot(void)
{
    return thread.slot != SLOT_LATE;
}

/* False: count late.  Signal handlers find the thread busy and do so too. */
static bool slow_enter(bool allocates)
{
    if (!thread.errno_location)
        thread.errno_location = &errno;
    if (thread.busy)
        return false;
    thread.busy = true;
    int saved_errno = errno;
    process_enter();
    if (process_has_begun() && wants_slot(allocates))
        thread_claim();
    errno = saved_errno;
    return has_slot();
}

static void slow_leave(void)
{
    int saved_errno = errno;
    if (has_slot()) {
        atomic_store_explicit(slot_countdown(thread.slot), TICK_BYTES,
                              memory_order_relaxed);
        figures_tick();
    }
    errno = saved_errno;
    thread.busy = false;
}

COLD void account_alloc_slow(uint64_t bytes)
{
    bool was_busy = thread.busy;
    if (slow_enter(true))
        slot_count_alloc(thread.slot, bytes);
    else
        slot_count_alloc_late(bytes);
    if (!was_busy)
        slow_leave();
}

COLD void account_free_slow(uint64_t bytes)
{
    bool was_busy = thread.busy;
    if (slow_enter(false))
        slot_count_free(thread.slot, bytes);
    else
        slot_count_free_late(bytes);
    if (!was_busy)
        slow_leave();
}

uint64_t account_used(void)
{
    struct slots_sum sum;
    slots_sum(&sum);
    return sum.allocated_bytes - sum.freed_bytes;
}
