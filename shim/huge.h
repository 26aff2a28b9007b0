/* Huge blocks: those that have a page of their own, listed one by one.  Any
 * context. */
#ifndef SHIM_HUGE_H
#define SHIM_HUGE_H

#include "blocklist.h"
#include "counter.h"
#include "region.h"

static inline bool is_huge(size_t usable_bytes)
{
    return UNLIKELY(usable_bytes > GCSHIM_HUGE_ABOVE);
}

/* A huge block has been handed out; not yet to the program, so that nobody
 * can free it meanwhile. */
void huge_add(const void *p, size_t bytes);

/* It is about to be freed, and its address to be somebody else's.  Returns
 * what was noted of it. */
struct blocklist_note huge_remove(const void *p, size_t bytes);

/* The same where it is kept whole (shelf.h), and is likely to be handed out
 * again; by huge_readd() then, or else huge_forget().  entry: as of
 * huge_entry_of(). */
void huge_park(const void *p, size_t bytes, uint32_t entry);
void huge_readd(const void *p, size_t bytes, uint32_t entry);
COLD void huge_forget(const void *p);

/* The number of its entry in the list; 0: it is not listed. */
uint32_t huge_entry_of(const void *p);
size_t huge_entry_bytes(uint32_t entry);

/* It was not freed after all. */
COLD void huge_restore(const void *p, size_t bytes,
                       const struct blocklist_note *note);

/* Number and bytes of those in use. */
void huge_sum(uint64_t *ret_blocks, uint64_t *ret_bytes);

static inline uint64_t huge_bytes(void)
{
    return counter_read(&region.segment.header.huge_bytes);
}

/* In a fork child, when its own segment stands: its parent's blocks. */
void huge_inherit(void);

#endif
