/* Blocks by their address: one entry each, in a hash table that finds a
 * block's entry at its free in constant time.
 *
 * An entry lies in one of two short windows on each level, or the block is not
 * listed.  The first level serves as long as it has room; a further one is
 * taken when a block does not fit into those before it.  Lock-free, any
 * context.
 *
 * The table itself is private, so that a fork child inherits it as of the
 * very instant of the fork; the segment has a copy for readers.
 */
#ifndef SHIM_BLOCKLIST_H
#define SHIM_BLOCKLIST_H

#include "compiler.h"
#include "gcshim/layout.h"

#include <stdbool.h>
#include <stddef.h>

struct blocklist_level {
    uint32_t first, entries; /* entries: a power of two, 65,536 at most */
};

struct blocklist {
    const struct blocklist_level *levels;
    int level_count;
    int shift; /* no two blocks begin within 1 << shift bytes */
    struct gcshim_huge *entries;
    struct gcshim_huge *shared;    /* readers' copy */
    _Atomic uint64_t *shared_high; /* entries that may be in use, for them */
    _Atomic uint64_t high;         /* entries of the levels in use */
    bool is_private;               /* there was no room for the copy */
};

/* What is noted of a block. */
struct blocklist_note {
    uint64_t allocated_ns;
    uint32_t tid;
    uint32_t site; /* and mean, as in struct gcshim_huge */
};

/* False where there is no room.  Nobody can free the block meanwhile. */
bool blocklist_add(struct blocklist *list, const void *p, size_t bytes,
                   const struct blocklist_note *note);

/* The number of its entry, from 1; 0: it is not listed. */
uint32_t blocklist_find(const struct blocklist *list, const void *p);

/* The block is about to be freed, and its address to be somebody else's.
 * False, ret_note untouched, if it is not listed. */
bool blocklist_remove(struct blocklist *list, const void *p,
                      struct blocklist_note *ret_note);

/* The same of a block that is likely to come back soon, with that entry: it is
 * kept for it, unseen. */
void blocklist_park(struct blocklist *list, const void *p, uint32_t number);

/* It has come back; as blocklist_add(), and without its cost.  number: of the
 * entry that was kept for it, or 0. */
bool blocklist_unpark(struct blocklist *list, const void *p, size_t bytes,
                      const struct blocklist_note *note, uint32_t number);

/* It will not: its entry is free.  Harmless if there is none. */
void blocklist_forget(struct blocklist *list, const void *p);

/* Number and bytes of those listed.  Exact at rest. */
void blocklist_sum(const struct blocklist *list, uint64_t *ret_blocks,
                   uint64_t *ret_bytes);

/* Forgets all blocks.  No other thread may be at the list. */
void blocklist_clear(struct blocklist *list);

/* In a fork child, when its own segment stands: its parent's blocks. */
void blocklist_inherit(struct blocklist *list);

#endif
