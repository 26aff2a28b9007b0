/* The account: a block is counted when it is handed out and when it is given
 * back, in the calling thread's slot, whoever asked for it first.
 *
 * One comparison with what is left (see region.h) decides between the fast
 * path and the slow one, which serves whatever is rare: the first call of a
 * process, of a thread, of a fork child; a thread without a slot; the tick.
 */
#ifndef SHIM_ACCOUNT_H
#define SHIM_ACCOUNT_H

#include "process.h"
#include "slot.h"
#include "thread.h"

#include <stdbool.h>

/* Bytes allocated or freed by a thread from one tick to the next. */
enum { TICK_BYTES = RECENT_LEFT_MAX };

/* False where the block is not to be handed out, and is not counted: beyond
 * GCSHIM_GC_MAX. */
bool account_alloc_slow(const void *p, uint64_t bytes);
void account_free_slow(uint64_t bytes);
void account_resize_slow(const void *p, uint64_t old_bytes,
                         uint64_t new_bytes);

/* The same for large blocks, of which each, or each second one, would bring a
 * tick by its size alone, far more often than anything is due. */
static inline bool account_is_large(uint64_t bytes)
{
    return bytes > TICK_BYTES / 2;
}
bool account_alloc_large(const void *p, uint64_t bytes);
void account_free_large(uint64_t bytes);

/* Time has gone on since the last tick: the next large block brings one. */
static inline void account_note_time(uint64_t coarse_ns)
{
    if (coarse_ns != thread.ticked_ns)
        thread.to_tick = 0;
}

/* The calling thread's next call takes the slow path. */
void account_hasten(void);

/* Bytes in use over all slots; exact at rest.  Any context. */
uint64_t account_used(void);

/* Of a process that has begun: for RECENT_BYTES_MIN to TICK_BYTES bytes;
 * recent: what they add to the twin's word.  False, with nothing counted,
 * where it is time for the slow path. */
static inline bool account_alloc_fast(uint64_t bytes, uint64_t recent)
{
    struct gcshim_slot *slot = thread.slot;
    if (UNLIKELY(!slot_has_left(slot, recent)))
        return false;
    slot_count_alloc_fast(slot, bytes, recent);
    return true;
}

static inline bool account_free_fast(uint64_t bytes, uint64_t recent)
{
    struct gcshim_slot *slot = thread.slot;
    if (UNLIKELY(!slot_has_left(slot, recent)))
        return false;
    slot_count_free_fast(slot, bytes, recent);
    return true;
}

/* In a fork child nothing has begun. */
static inline bool account_may_be_fast(uint64_t bytes)
{
    return process_has_begun() &&
           bytes - RECENT_BYTES_MIN <= TICK_BYTES - RECENT_BYTES_MIN;
}

/* p: the block, still the caller's; NULL: there is none to be looked at.
 * False where it, not counted, is not to be handed out. */
static inline bool account_alloc(const void *p, uint64_t bytes)
{
    return (account_may_be_fast(bytes) &&
            account_alloc_fast(bytes, recent_of_alloc(bytes))) ||
           account_alloc_slow(p, bytes);
}

static inline void account_free(uint64_t bytes)
{
    if (!account_may_be_fast(bytes) ||
        !account_free_fast(bytes, recent_of_free(bytes)))
        account_free_slow(bytes);
}

/* A free and an allocation, the allocation first: used is never too small.
 * p: what the block has become. */
static inline void account_resize(const void *p, uint64_t old_bytes,
                                  uint64_t new_bytes)
{
    struct gcshim_slot *slot = thread.slot;
    uint64_t allocated = recent_of_alloc(new_bytes);
    uint64_t freed = recent_of_free(old_bytes);
    if (account_may_be_fast(old_bytes) && account_may_be_fast(new_bytes) &&
        old_bytes + new_bytes <= TICK_BYTES &&
        slot_has_left(slot, allocated + freed)) {
        slot_count_alloc_fast(slot, new_bytes, allocated);
        slot_count_free_fast(slot, old_bytes, freed);
    } else {
        account_resize_slow(p, old_bytes, new_bytes);
    }
}

#endif
