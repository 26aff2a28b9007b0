/* A block of memory, asked of mimalloc and counted: the one place where the
 * names that programs call (entry_*.c) meet the account.
 *
 * Every function sets errno as malloc(3) says and returns NULL, with nothing
 * counted, where memory cannot be had.
 */
#ifndef SHIM_BLOCK_H
#define SHIM_BLOCK_H

#include "account.h"
#include "collector.h"
#include "huge.h"
#include "request.h"
#include "samples.h"
#include "settings.h"

#include <errno.h>
#include <mimalloc.h>
#include <stdbool.h>
#include <stddef.h>

/* While a thread is inside mimalloc, a signal handler that comes there may
 * allocate (programs do), but must not walk the heap or trim it.  Put back and
 * not cleared: a handler's own calls pass through here too. */
static inline bool mimalloc_enter(void)
{
    bool was_inside = thread.in_mimalloc;
    thread.in_mimalloc = true;
    atomic_signal_fence(memory_order_seq_cst);
    return was_inside;
}

static inline void mimalloc_leave(bool was_inside)
{
    atomic_signal_fence(memory_order_seq_cst);
    thread.in_mimalloc = was_inside;
}

/* Beyond the limit: as if it had never been. */
COLD static void *block_refuse(void *p)
{
    bool was_inside = mimalloc_enter();
    mi_free(p);
    mimalloc_leave(was_inside);
    errno = ENOMEM;
    return NULL;
}

static inline void *block_counted(void *p)
{
    if (UNLIKELY(!p)) {
        errno = ENOMEM;
        return NULL;
    }
    size_t bytes = mi_usable_size(p);
    if (UNLIKELY(!account_alloc(p, bytes)))
        return block_refuse(p);
    if (is_huge(bytes))
        huge_add(p, bytes);
    return p;
}

/* The same where the size asked for tells the block's. */
static inline void *block_counted_by_request(void *p, size_t bytes)
{
    if (UNLIKELY(!p || bytes > REQUEST_SMALL_MAX))
        return block_counted(p);
    size_t usable = request_usable_bytes(p, bytes);
    return LIKELY(account_alloc(p, usable)) ? p : block_refuse(p);
}

static inline void *block_alloc(size_t bytes)
{
    bool was_inside = mimalloc_enter();
    void *p = mi_malloc(bytes);
    mimalloc_leave(was_inside);
    return block_counted_by_request(p, bytes);
}

/* If the product overflows, there is no block either. */
static inline void *block_alloc_zeroed(size_t count, size_t bytes)
{
    bool was_inside = mimalloc_enter();
    void *p = mi_calloc(count, bytes);
    mimalloc_leave(was_inside);
    return block_counted_by_request(p, count * bytes);
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
    bool was_inside = mimalloc_enter();
    void *p = mi_malloc_aligned_at(bytes, alignment, 0);
    mimalloc_leave(was_inside);
    return block_counted(p);
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

/* What lists the block forgets it.  False if nothing does. */
static inline bool block_unlist(void *p, size_t bytes,
                                struct blocklist_note *ret_note)
{
    if (is_huge(bytes)) {
        *ret_note = huge_remove(p, bytes);
        return true;
    }
    return samples_may_hold(p) && samples_remove(p, ret_note);
}

/* It was not freed after all. */
static inline void block_relist(void *p, size_t bytes,
                                const struct blocklist_note *note)
{
    if (is_huge(bytes))
        huge_restore(p, bytes, note);
    else
        samples_add(p, bytes, note);
}

/* Before it is freed: after that it may be counted by its next owner.  errno
 * stays: programs free on their way out of an error. */
static inline void block_free(void *p)
{
    if (UNLIKELY(!p))
        return;
    size_t bytes = mi_usable_size(p);
    account_free(bytes);
    if (is_listed(bytes))
        block_unlist(p, bytes, &(struct blocklist_note){0});
    int saved_errno = *thread.errno_location;
    bool was_inside = mimalloc_enter();
    mi_free(p);
    mimalloc_leave(was_inside);
    *thread.errno_location = saved_errno;
}

/* A block leaves its list before it is moved, as its address may be somebody
 * else's at once; and is put back if it stayed. */
static inline void *block_moved(void *p, size_t old_bytes, size_t bytes)
{
    struct blocklist_note note;
    bool was_listed = is_listed(old_bytes) && block_unlist(p, old_bytes, &note);
    bool was_inside = mimalloc_enter();
    void *moved = mi_realloc(p, bytes);
    mimalloc_leave(was_inside);
    if (UNLIKELY(!moved && was_listed))
        block_relist(p, old_bytes, &note);
    return moved;
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
    if (UNLIKELY(settings.gc_max) && bytes > old_bytes &&
        collector_refuses(bytes - old_bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    void *moved = block_moved(p, old_bytes, bytes);
    if (UNLIKELY(!moved)) {
        errno = ENOMEM;
        return NULL;
    }
    size_t new_bytes = mi_usable_size(moved);
    account_resize(moved, old_bytes, new_bytes);
    if (is_huge(new_bytes))
        huge_add(moved, new_bytes);
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
