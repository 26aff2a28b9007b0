/* The account: a block is counted when it is handed out and when it is given
 * back, in the calling thread's slot, whoever asked for it first.
 *
 * One subtraction from the countdown decides between the fast path and the
 * slow one, which serves whatever is rare: the first call of a process, of a
 * thread, of a fork child; a thread without a slot; the tick.
 */
#ifndef SHIM_ACCOUNT_H
#define SHIM_ACCOUNT_H

#include "slot.h"
#include "thread.h"

#include <stdbool.h>

/* Bytes allocated or freed by a thread from one tick to the next. */
enum { TICK_BYTES = 64 * 1024 };

/* False where the block is not to be handed out, and is not counted: beyond
 * GCSHIM_GC_MAX. */
bool account_alloc_slow(const void *p, uint64_t bytes);
void account_free_slow(uint64_t bytes);
void account_resize_slow(const void *p, uint64_t old_bytes,
                         uint64_t new_bytes);

/* Bytes in use over all slots; exact at rest.  Any context. */
uint64_t account_used(void);

/* Relaxed: the thread's own word.  A handler that comes between load and
 * store delays the next tick, no more. */
static inline bool account_is_due(struct gcshim_slot *slot, uint64_t bytes)
{
    _Atomic int64_t *countdown = slot_countdown(slot);
    int64_t left = atomic_load_explicit(countdown, memory_order_relaxed) -
                   (int64_t)bytes;
    if (UNLIKELY(left < 0))
        return true;
    atomic_store_explicit(countdown, left, memory_order_relaxed);
    return false;
}

/* p: the block, still the caller's; NULL: there is none to be looked at.
 * False where it, not counted, is not to be handed out. */
static inline bool account_alloc(const void *p, uint64_t bytes)
{
    struct gcshim_slot *slot = thread.slot;
    if (UNLIKELY(account_is_due(slot, bytes)))
        return account_alloc_slow(p, bytes);
    slot_count_alloc(slot, bytes);
    return true;
}

static inline void account_free(uint64_t bytes)
{
    struct gcshim_slot *slot = thread.slot;
    if (UNLIKELY(account_is_due(slot, bytes)))
        account_free_slow(bytes);
    else
        slot_count_free(slot, bytes);
}

/* A free and an allocation, the allocation first: used is never too small.
 * p: what the block has become. */
static inline void account_resize(const void *p, uint64_t old_bytes,
                                  uint64_t new_bytes)
{
    struct gcshim_slot *slot = thread.slot;
    if (UNLIKELY(account_is_due(slot, old_bytes + new_bytes))) {
        account_resize_slow(p, old_bytes, new_bytes);
    } else {
        slot_count_alloc(slot, new_bytes);
        slot_count_free(slot, old_bytes);
    }
}

#endif
