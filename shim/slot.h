/* Slots: who owns which, and how a block is counted in one.
 *
 * Ownership is a bit in a private map; the slot itself tells readers about
 * it.  The lowest free slot is taken, so that the used part of the table
 * stays short and readers have little to read.
 */
#ifndef SHIM_SLOT_H
#define SHIM_SLOT_H

#include "counter.h"
#include "region.h"

#include <stdbool.h>

/* A free slot, now the caller's, its at_claim set to its totals; NULL where
 * all are taken or the file cannot grow.  Lock-free, any context. */
struct gcshim_slot *slot_claim(uint32_t tid);

/* The same slot again, if nobody had it since its release at that epoch: its
 * owner's figures then go on.  Else NULL. */
struct gcshim_slot *slot_reclaim(struct gcshim_slot *slot, uint32_t epoch,
                                 uint32_t tid);

/* Back to whoever comes next.  Totals stay.  Returns the slot's epoch. */
uint32_t slot_release(struct gcshim_slot *slot);

/* Once a process image: nothing has been counted yet. */
void slots_start(void);

/* In a fork child, where only the calling thread is left: sets the slots to
 * what their twins say and frees all of them but keep (NULL: all), which goes
 * on under tid, its owner's figures starting anew.  The segment must not be
 * the parent's any more. */
void slots_inherit(struct gcshim_slot *keep, uint32_t tid);

/* The number of slots ever used, the late one included. */
uint64_t slots_high(void);

/* In a fork child: sets the calling owner's slot to what its twin says.  A
 * handler that forked between the two counts of a block comes back to count
 * the second, which inheriting has already done. */
void slot_mend(struct gcshim_slot *slot);

/* Bytes and blocks over all slots, freed read before allocated: used, their
 * difference, is never below the truth by a block that changed hands.  It is
 * above it by what was allocated in between; where that is much, the sum is
 * taken again, a few times at most, and the least taken. */
struct slots_sum {
    uint64_t allocated_bytes;
    uint64_t allocated_blocks;
    uint64_t freed_bytes;
    uint64_t freed_blocks;
};
void slots_sum(struct slots_sum *ret_sum);

/* A lower bound of used at this moment: allocated read before freed. */
uint64_t slots_used_at_least(void);

enum {
    RECENT_LEFT_SHIFT = 46,
    RECENT_TOTAL_SHIFT = 45,
    RECENT_BYTES_SHIFT = 28,
    RECENT_BLOCKS_SHIFT = 14,
    /* Blocks of at least so many bytes, and at most so many bytes until the
     * slow path is due: then no field runs over. */
    RECENT_BYTES_MIN = 8,
    RECENT_LEFT_MAX = 64 * 1024,
};

/* What the twin says: the slot's totals, in private memory. */
void slot_totals(const struct gcshim_slot *slot,
                 struct gcshim_counters *ret_totals);

/* By the owner: the fast path has so many bytes from now on, up to
 * RECENT_LEFT_MAX. */
void slot_arm(struct gcshim_slot *slot, uint64_t bytes);

/* How many of them it has used. */
uint64_t slot_passed(const struct gcshim_slot *slot);

/* What a block adds to the twin's word when it is allocated or freed. */
static inline uint64_t recent_of_free(uint64_t bytes)
{
    return UINT64_C(1) - (bytes << RECENT_LEFT_SHIFT);
}

static inline uint64_t recent_of_alloc(uint64_t bytes)
{
    return (bytes << RECENT_BYTES_SHIFT) +
           (UINT64_C(1) << RECENT_BLOCKS_SHIFT) - (bytes << RECENT_LEFT_SHIFT);
}

/* Whether the fast path may add that. */
static inline bool slot_has_left(struct gcshim_slot *slot, uint64_t recent)
{
    return (int64_t)(atomic_load_explicit(&slot_twin(slot)->recent,
                                          memory_order_relaxed) +
                     recent) >= 0;
}

/* By the owner, on the fast path; recent: as above, of so many bytes. */
static inline void slot_count_alloc_fast(struct gcshim_slot *slot,
                                         uint64_t bytes, uint64_t recent)
{
    counter_add(&slot_twin(slot)->recent, recent);
    counter_add(&slot->total.allocated_bytes, bytes);
    counter_add(&slot->total.allocated_blocks, 1);
}

static inline void slot_count_free_fast(struct gcshim_slot *slot,
                                        uint64_t bytes, uint64_t recent)
{
    counter_add(&slot_twin(slot)->recent, recent);
    counter_add(&slot->total.freed_bytes, bytes);
    counter_add(&slot->total.freed_blocks, 1);
}

/* By the owner, any number of bytes. */
void slot_count_alloc(struct gcshim_slot *slot, uint64_t bytes);
void slot_count_free(struct gcshim_slot *slot, uint64_t bytes);

/* Into the late slot, by anybody. */
void slot_count_alloc_late(uint64_t bytes);
void slot_count_free_late(uint64_t bytes);

#endif
