/* The names of C: malloc and its kin, as glibc and libmimalloc export them.
 * libmimalloc.so stands in the global scope too, so that a name of its own
 * which we left out would be bound behind our back.
 *
 * May be called from the program's first instruction on, before any
 * constructor, in any thread, and to its last.
 */
#include "block.h"
#include "entry.h"

#include <unistd.h>

EXPORT void *malloc(size_t bytes)
{
    return block_alloc(bytes);
}

EXPORT void free(void *p)
{
    block_free(p);
}

EXPORT void *calloc(size_t count, size_t bytes)
{
    return block_alloc_zeroed(count, bytes);
}

EXPORT void *realloc(void *p, size_t bytes)
{
    return block_realloc(p, bytes);
}

EXPORT void *reallocarray(void *p, size_t count, size_t bytes)
{
    size_t total;
    if (__builtin_mul_overflow(count, bytes, &total)) {
        errno = ENOMEM;
        return NULL;
    }
    return block_realloc(p, total);
}

/* BSD: frees the block where it cannot be resized. */
EXPORT void *reallocf(void *p, size_t bytes)
{
    void *moved = block_realloc(p, bytes);
    if (!moved && bytes != 0)
        block_free(p);
    return moved;
}

/* NetBSD: takes the pointer's address, returns an error number and keeps
 * errno; a size of 0 frees. */
EXPORT int reallocarr(void *pointer, size_t count, size_t bytes)
{
    void **p = pointer;
    int saved_errno = errno;
    size_t total;
    if (__builtin_mul_overflow(count, bytes, &total))
        return ENOMEM;
    void *moved = block_realloc(*p, total ? total : 1);
    errno = saved_errno;
    if (!moved)
        return ENOMEM;
    if (total == 0) {
        block_free(moved);
        moved = NULL;
    }
    *p = moved;
    return 0;
}

EXPORT void *memalign(size_t alignment, size_t bytes)
{
    if (!is_power_of_two(alignment)) {
        errno = EINVAL;
        return NULL;
    }
    return block_alloc_aligned(alignment, bytes);
}

EXPORT void *aligned_alloc(size_t alignment, size_t bytes)
{
    return memalign(alignment, bytes);
}

EXPORT int posix_memalign(void **ret_p, size_t alignment, size_t bytes)
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

static size_t page_bytes(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

EXPORT void *valloc(size_t bytes)
{
    return block_alloc_aligned(page_bytes(), bytes);
}

EXPORT void *pvalloc(size_t bytes)
{
    size_t page = page_bytes();
    if (bytes > SIZE_MAX - page) {
        errno = ENOMEM;
        return NULL;
    }
    return valloc((bytes + page - 1) & ~(page - 1));
}

EXPORT void cfree(void *p)
{
    block_free(p);
}

EXPORT void vfree(void *p)
{
    block_free(p);
}

/* C23; the sizes are the caller's word, which we need not take. */
EXPORT void free_sized(void *p, size_t bytes)
{
    (void)bytes;
    block_free(p);
}

EXPORT void free_aligned_sized(void *p, size_t alignment, size_t bytes)
{
    (void)alignment;
    (void)bytes;
    block_free(p);
}

EXPORT size_t malloc_usable_size(void *p)
{
    return mi_usable_size(p);
}

EXPORT size_t malloc_size(const void *p)
{
    return mi_usable_size(p);
}

EXPORT size_t malloc_good_size(size_t bytes)
{
    return mi_good_size(bytes);
}

EXPORT void *_aligned_malloc(size_t alignment, size_t bytes)
{
    return memalign(alignment, bytes);
}

/* The names by which parts of libc and old programs call the same. */

EXPORT void *__libc_malloc(size_t bytes)
{
    return block_alloc(bytes);
}

EXPORT void __libc_free(void *p)
{
    block_free(p);
}

EXPORT void __libc_cfree(void *p)
{
    block_free(p);
}

EXPORT void *__libc_calloc(size_t count, size_t bytes)
{
    return block_alloc_zeroed(count, bytes);
}

EXPORT void *__libc_realloc(void *p, size_t bytes)
{
    return block_realloc(p, bytes);
}

EXPORT void *__libc_reallocarray(void *p, size_t count, size_t bytes)
{
    return reallocarray(p, count, bytes);
}

EXPORT void *__libc_memalign(size_t alignment, size_t bytes)
{
    return memalign(alignment, bytes);
}

EXPORT void *__libc_valloc(size_t bytes)
{
    return valloc(bytes);
}

EXPORT void *__libc_pvalloc(size_t bytes)
{
    return pvalloc(bytes);
}

EXPORT int __posix_memalign(void **ret_p, size_t alignment, size_t bytes)
{
    return posix_memalign(ret_p, alignment, bytes);
}
