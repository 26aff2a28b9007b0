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

/* Whether nothing rare is due with so many bytes; RECENT_BYTES_MIN to
 * TICK_BYTES of them.  In a fork child nothing has begun. */
static inline bool account_is_fast(struct gcshim_slot *slot, uint64_t bytes)
{
    return LIKELY(process_has_begun() && slot_has_left(slot, bytes));
}

/* For a block of a size class.  False, with nothing counted, where it is time
 * for the slow path. */
static inline bool account_alloc_fast(uint64_t bytes)
{
    struct gcshim_slot *slot = thread.slot;
    if (!account_is_fast(slot, bytes))
        return false;
    slot_count_alloc_fast(slot, bytes);
    return true;
}

static inline bool account_free_fast(uint64_t bytes)
{
    struct gcshim_slot *slot = thread.slot;
    if (!account_is_fast(slot, bytes))
        return false;
    slot_count_free_fast(slot, bytes);
    return true;
}

static inline bool is_countable_fast(uint64_t bytes)
{
    return bytes - RECENT_BYTES_MIN <= TICK_BYTES - RECENT_BYTES_MIN;
}

/* p: the block, still the caller's; NULL: there is none to be looked at.
 * False where it, not counted, is not to be handed out. */
static inline bool account_alloc(const void *p, uint64_t bytes)
{
    return (is_countable_fast(bytes) && account_alloc_fast(bytes)) ||
           account_alloc_slow(p, bytes);
}

static inline void account_free(uint64_t bytes)
{
    if (!is_countable_fast(bytes) || !account_free_fast(bytes))
        account_free_slow(bytes);
}

/* A free and an allocation, the allocation first: used is never too small.
 * p: what the block has become. */
static inline void account_resize(const void *p, uint64_t old_bytes,
                                  uint64_t new_bytes)
{
    struct gcshim_slot *slot = thread.slot;
    if (is_countable_fast(old_bytes) && is_countable_fast(new_bytes) &&
        old_bytes + new_bytes <= TICK_BYTES &&
        account_is_fast(slot, old_bytes + new_bytes)) {
        slot_count_alloc_fast(slot, new_bytes);
        slot_count_free_fast(slot, old_bytes);
    } else {
        account_resize_slow(p, old_bytes, new_bytes);
    }
}

#endif
