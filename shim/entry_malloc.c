/* The names of glibc: malloc and its kin.  libmimalloc.so stands in the global
 * scope too, so that a name of its own which we left out would be bound behind
 * our back.
 *
 * May be called from the program's first instruction on, before any
 * constructor, in any thread, and to its last.  No name here calls another by
 * its symbol: that may be bound to a library that was preloaded before us and
 * calls us back.
 */
#include "block.h"
#include "entry.h"

#include <unistd.h>

static size_t page_bytes(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

static void *pages_alloc(size_t bytes)
{
    size_t page = page_bytes();
    if (bytes > SIZE_MAX - page) {
        errno = ENOMEM;
        return NULL;
    }
    return block_alloc_aligned(page, (bytes + page - 1) & ~(page - 1));
}

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
    return block_realloc_array(p, count, bytes);
}

EXPORT void *memalign(size_t alignment, size_t bytes)
{
    return block_alloc_aligned_checked(alignment, bytes);
}

EXPORT void *aligned_alloc(size_t alignment, size_t bytes)
{
    return block_alloc_aligned_checked(alignment, bytes);
}

EXPORT int posix_memalign(void **ret_p, size_t alignment, size_t bytes)
{
    return block_posix_memalign(ret_p, alignment, bytes);
}

EXPORT void *valloc(size_t bytes)
{
    return block_alloc_aligned(page_bytes(), bytes);
}

EXPORT void *pvalloc(size_t bytes)
{
    return pages_alloc(bytes);
}

EXPORT void cfree(void *p)
{
    block_free(p);
}

EXPORT size_t malloc_usable_size(void *p)
{
    return mi_usable_size(p);
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
    return block_realloc_array(p, count, bytes);
}

EXPORT void *__libc_memalign(size_t alignment, size_t bytes)
{
    return block_alloc_aligned_checked(alignment, bytes);
}

EXPORT void *__libc_valloc(size_t bytes)
{
    return block_alloc_aligned(page_bytes(), bytes);
}

EXPORT void *__libc_pvalloc(size_t bytes)
{
    return pages_alloc(bytes);
}

EXPORT int __posix_memalign(void **ret_p, size_t alignment, size_t bytes)
{
    return block_posix_memalign(ret_p, alignment, bytes);
}
