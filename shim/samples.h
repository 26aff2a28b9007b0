/* The samples that live, and how a free tells one from other blocks.
 *
 * While there are none a free compares its block's size with a limit, as it
 * has to for huge blocks anyway, and is done.  While there are some no block
 * is below the limit, and a table of small counts by address says of nearly
 * all blocks that they are none.
 */
#ifndef SHIM_SAMPLES_H
#define SHIM_SAMPLES_H

#include "blocklist.h"
#include "region.h"

#include <stdatomic.h>

enum { SAMPLES_FILTER_BITS = 16 };

/* Samples at addresses that hash to the same; 255: too many to count. */
extern _Atomic uint8_t samples_filter[1 << SAMPLES_FILTER_BITS];

static inline uint32_t samples_hash(const void *p)
{
    return (uint32_t)(((uintptr_t)p >> 4) * UINT64_C(0x9e3779b97f4a7c15) >>
                      (64 - SAMPLES_FILTER_BITS));
}

/* Whether a block of that size may be: here, or as a huge one.  Relaxed: set
 * before the block was handed out, by whatever way it came. */
static inline bool is_listed(size_t usable_bytes)
{
    return UNLIKELY(usable_bytes >=
                    atomic_load_explicit(&region.wiped.unlisted_below,
                                         memory_order_relaxed));
}

static inline bool samples_may_hold(const void *p)
{
    return UNLIKELY(atomic_load_explicit(&samples_filter[samples_hash(p)],
                                         memory_order_relaxed));
}

/* False, and counted, where the list is full. */
bool samples_add(const void *p, size_t bytes,
                 const struct blocklist_note *note);

/* The block is about to be freed; false, ret_note untouched, if it is none. */
COLD bool samples_remove(const void *p, struct blocklist_note *ret_note);

/* If there are no more, frees need not look for them: when sampling is off, and
 * when a process has begun. */
void samples_rest(void);

/* In a fork child, when its own segment stands: its parent's samples; or none
 * of them, where it cannot have them. */
void samples_forget(void);
void samples_inherit(void);

#endif
