/* Huge blocks: those that have a page of their own, one entry each.
 *
 * A hash table by address finds a block's entry at its free in constant time:
 * it lies within one of a few neighbours on each level, or is not listed.
 * The first level serves as long as it has room; a further one is taken when
 * a block does not fit into those before it.  Lock-free, any context.
 *
 * The table itself is private, so that a fork child inherits it as of the
 * very instant of the fork; the segment has a copy for readers.
 */
#ifndef SHIM_HUGE_H
#define SHIM_HUGE_H

#include "compiler.h"
#include "gcshim/layout.h"

#include <stdbool.h>
#include <stddef.h>

static inline bool is_huge(size_t usable_bytes)
{
    return UNLIKELY(usable_bytes > GCSHIM_HUGE_ABOVE);
}

/* A huge block has been handed out; not yet to the program, so that nobody
 * can free it meanwhile. */
COLD void huge_add(const void *p, size_t bytes);

/* It is about to be freed, and its address to be somebody else's.  Returns
 * when it had been allocated. */
COLD uint64_t huge_remove(const void *p, size_t bytes);

/* It was not freed after all. */
COLD void huge_restore(const void *p, size_t bytes, uint64_t allocated_ns);

/* Number and bytes of those in use. */
void huge_sum(uint64_t *ret_blocks, uint64_t *ret_bytes);

/* In a fork child, when its own segment stands: its parent's blocks. */
void huge_inherit(void);

#endif
