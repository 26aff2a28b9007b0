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

/* Whatever the cache does not keep; also NULL. */
void block_free_uncached(void *p);

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
 * from the cache, or is to go there. */
COLD void *block_alloc_slow(void *p, unsigned class);
COLD void block_free_slow(void *p, unsigned class);

static inline void *block_alloc(size_t bytes)
{
    if (UNLIKELY(bytes > REQUEST_SMALL_MAX))
        return block_alloc_larger(bytes);
    unsigned class = class_of_request(bytes);
    void *p = cache_take(class);
    if (UNLIKELY(!p))
        return block_alloc_uncached(bytes, class);
    if (UNLIKELY(!account_alloc_fast(class_bytes[class])))
        return block_alloc_slow(p, class);
    return p;
}

/* Counted before it is freed: after that it may be its next owner's.  errno
 * stays: programs free on their way out of an error. */
static inline void block_free(void *p)
{
    unsigned class = class_of_block(p);
    if (UNLIKELY(!is_class(class))) {
        block_free_uncached(p);
        return;
    }
    INVARIANT(class_bytes[class] == mi_usable_size(p));
    if (UNLIKELY(is_listed(class_bytes[class]) ||
                 !account_free_fast(class_bytes[class]))) {
        block_free_slow(p, class);
        return;
    }
    cache_put(p, class);
}

#endif
