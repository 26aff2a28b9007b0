/* A block of memory, asked of the thread's cache or of mimalloc, and counted:
 * the one place where the names that programs call (entry_*.c) meet the
 * account.
 *
 * Every function sets errno as malloc(3) says and returns NULL, with nothing
 * counted, where memory cannot be had.
 */
#ifndef SHIM_BLOCK_H
#define SHIM_BLOCK_H

#include "account.h"
#include "cache.h"
#include "class.h"
#include "huge.h"
#include "samples.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* What the cache does not serve.  class: that of a request, or none. */
void *block_alloc_uncached(size_t bytes, unsigned class);

/* Above REQUEST_SMALL_MAX bytes. */
void *block_alloc_larger(size_t bytes);

/* Beyond the limit: as if it had never been. */
COLD void *block_refuse(void *p);

/* If the product overflows, there is no block either. */
void *block_alloc_zeroed(size_t count, size_t bytes);

/* alignment: a power of two. */
void *block_alloc_aligned(size_t alignment, size_t bytes);

void *block_alloc_aligned_checked(size_t alignment, size_t bytes);

/* Returns an error number and keeps errno. */
int block_posix_memalign(void **ret_p, size_t alignment, size_t bytes);

/* A free and an allocation.  As glibc's, and unlike mimalloc's, a size of 0
 * frees the block and returns NULL. */
void *block_realloc(void *p, size_t bytes);

void *block_realloc_array(void *p, size_t count, size_t bytes);

/* What lists the block forgets it.  False if nothing does. */
bool block_unlist(void *p, size_t bytes, struct blocklist_note *ret_note);

/* What is rare: a tick, a sample, a refusal.  The block, of that class, comes
 * from the cache. */
COLD void *block_alloc_slow(void *p, unsigned class);

/* The same, a full list, or a block that is of no class; also NULL.  class:
 * what class_of_block() says. */
void block_free_slow(void *p, unsigned class);

/* Counted while nobody can give the list up, or the slot. */
static inline void *block_alloc_of_class(size_t bytes, unsigned class)
{
    struct cache_lists *lists = cache_enter();
    struct cache_list *list = &lists->of[class];
    OPAQUE(list);
    if (UNLIKELY(list->count == 0)) {
        cache_leave(lists);
        return block_alloc_uncached(bytes, class);
    }
    void *p = list->blocks[--list->count];
    bool is_counted = account_alloc_fast(list->bytes, list->recent_of_alloc);
    cache_leave(lists);
    return LIKELY(is_counted) ? p : block_alloc_slow(p, class);
}

static inline void *block_alloc(size_t bytes)
{
    if (UNLIKELY(bytes > REQUEST_SMALL_MAX))
        return block_alloc_larger(bytes);
    return block_alloc_of_class(bytes, class_of_request(bytes));
}

/* Counted before it is freed: after that it may be its next owner's.  errno
 * stays: programs free on their way out of an error. */
ALWAYS_INLINE void block_free(void *p)
{
    unsigned class = class_of_block(p);
    if (UNLIKELY(class >= CLASS_VALUES)) {
        block_free_slow(p, class);
        return;
    }
    struct cache_lists *lists = cache_enter();
    struct cache_list *list = &lists->of[class];
    if (UNLIKELY(cache_is_full(list) || is_listed(list->bytes) ||
                 !account_free_fast(list->bytes, list->recent_of_free))) {
        cache_leave(lists);
        block_free_slow(p, class);
        return;
    }
    INVARIANT(class_bytes[class] == mi_usable_size(p));
    cache_push(list, p);
    cache_leave(lists);
}

#endif
