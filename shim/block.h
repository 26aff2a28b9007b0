/* A block of memory, asked of mimalloc and counted: the one place where the
 * names that programs call (entry_*.c) meet the account.
 *
 * Every function sets errno as malloc(3) says and returns NULL, with nothing
 * counted, where memory cannot be had.
 */
#ifndef SHIM_BLOCK_H
#define SHIM_BLOCK_H

#include "account.h"
#include "request.h"

#include <errno.h>
#include <mimalloc.h>
#include <stdbool.h>
#include <stddef.h>

static inline void *block_counted(void *p)
{
    if (LIKELY(p))
        account_alloc(mi_usable_size(p));
    else
        errno = ENOMEM;
    return p;
}

/* The same where the size asked for tells the block's. */
static inline void *block_counted_by_request(void *p, size_t bytes)
{
    if (UNLIKELY(!p || bytes > REQUEST_SMALL_MAX))
        return block_counted(p);
    account_alloc(request_usable_bytes(p, bytes));
    return p;
}

static inline void *block_alloc(size_t bytes)
{
    return block_counted_by_request(mi_malloc(bytes), bytes);
}

/* If the product overflows, there is no block either. */
static inline void *block_alloc_zeroed(size_t count, size_t bytes)
{
    return block_counted_by_request(mi_calloc(count, bytes), count * bytes);
}

static inline bool is_power_of_two(size_t n)
{
    return n != 0 && (n & (n - 1)) == 0;
}

/* alignment: a power of two.  Not mi_malloc_aligned(): that of 2.0.9 returns
 * misaligned blocks for alignments of 256 to 1024 where the size is a power
 * of two up to 1024; with an offset it takes another path, which is right. */
static inline void *block_alloc_aligned(size_t alignment, size_t bytes)
{
    return block_counted(mi_malloc_aligned_at(bytes, alignment, 0));
}

static inline void *block_alloc_aligned_checked(size_t alignment, size_t bytes)
{
    if (UNLIKELY(!is_power_of_two(alignment))) {
        errno = EINVAL;
        return NULL;
    }
    return block_alloc_aligned(alignment, bytes);
}

/* Returns an error number and keeps errno. */
static inline int block_posix_memalign(void **ret_p, size_t alignment,
                                       size_t bytes)
{
    if (!is_power_of_two(alignment) || alignment % sizeof(void *) != 0)
        return EINVAL;
    int saved_errno = errno;
    void *p = block_alloc_aligned(alignment, bytes);
    errno = saved_errno;
    if (!p)
        return ENOMEM;
    *ret_p = p;
    return 0;
}

/* Before it is freed: after that it may be counted by its next owner.  errno
 * stays: programs free on their way out of an error. */
static inline void block_free(void *p)
{
    if (UNLIKELY(!p))
        return;
    account_free(mi_usable_size(p));
    int saved_errno = *thread.errno_location;
    mi_free(p);
    *thread.errno_location = saved_errno;
}

/* A free and an allocation.  As glibc's, and unlike mimalloc's, a size of 0
 * frees the block and returns NULL. */
static inline void *block_realloc(void *p, size_t bytes)
{
    if (!p)
        return block_alloc(bytes);
    if (bytes == 0) {
        block_free(p);
        return NULL;
    }
    size_t old_bytes = mi_usable_size(p);
    void *moved = mi_realloc(p, bytes);
    if (UNLIKELY(!moved)) {
        errno = ENOMEM;
        return NULL;
    }
    account_resize(old_bytes, mi_usable_size(moved));
    return moved;
}

static inline void *block_realloc_array(void *p, size_t count, size_t bytes)
{
    size_t total;
    if (UNLIKELY(__builtin_mul_overflow(count, bytes, &total))) {
        errno = ENOMEM;
        return NULL;
    }
    return block_realloc(p, total);
}

#endif
