/* Names that glibc does not have: BSD's, C23's, and those that mimalloc adds.
 * libmimalloc.so exports most of them, so that they are to be ours; but a
 * program's own library may well have a function called vfree() that is about
 * something else.  Where the next definition in the program's scope is not
 * libmimalloc's, the call is meant for that one and is passed on.
 */
#include "block.h"
#include "entry.h"

#include <dlfcn.h>

typedef void any_function(void);

/* Relaxed: a lookup that is done twice finds the same. */
struct successor {
    const char *name;
    _Atomic(any_function *) function; /* NULL: not looked up */
};

static void none(void)
{
}

static bool is_of_mimalloc(any_function *function)
{
    Dl_info ours, theirs;
    return dladdr(*(void **)&function, &theirs) &&
           dladdr(*(void **)&(any_function *){(any_function *)mi_malloc},
                  &ours) &&
           ours.dli_fbase == theirs.dli_fbase;
}

COLD static any_function *successor_find(struct successor *successor)
{
    any_function *function = NULL;
    *(void **)&function = dlsym(RTLD_NEXT, successor->name);
    if (!function) {
        dlerror(); /* the message that it allocated, and */
        dlerror(); /* away with it */
    }
    if (!function || is_of_mimalloc(function))
        function = none;
    atomic_store_explicit(&successor->function, function,
                          memory_order_relaxed);
    return function;
}

/* The function that the call is meant for, or NULL if that is ours. */
static any_function *successor_of(struct successor *successor)
{
    any_function *function = atomic_load_explicit(&successor->function,
                                                  memory_order_relaxed);
    if (UNLIKELY(!function))
        function = successor_find(successor);
    return function == none ? NULL : function;
}

/* The name's successor, as a function of the given type, or NULL. */
#define SUCCESSOR(type, symbol)                                              \
    static struct successor successor = {.name = #symbol};                   \
    type *next = (type *)successor_of(&successor)

typedef void free_function(void *p);
typedef void free_sized_function(void *p, size_t bytes);
typedef void free_aligned_sized_function(void *p, size_t alignment,
                                         size_t bytes);
typedef void *resize_function(void *p, size_t bytes);
typedef int resize_array_function(void *pointer, size_t count, size_t bytes);
typedef size_t size_function(const void *p);
typedef size_t good_size_function(size_t bytes);
typedef void *alloc_aligned_function(size_t alignment, size_t bytes);

EXPORT void vfree(void *p)
{
    SUCCESSOR(free_function, vfree);
    if (UNLIKELY(next))
        next(p);
    else
        block_free(p);
}

/* C23; the sizes are the caller's word, which we need not take. */
EXPORT void free_sized(void *p, size_t bytes)
{
    SUCCESSOR(free_sized_function, free_sized);
    if (UNLIKELY(next))
        next(p, bytes);
    else
        block_free(p);
}

EXPORT void free_aligned_sized(void *p, size_t alignment, size_t bytes)
{
    SUCCESSOR(free_aligned_sized_function, free_aligned_sized);
    if (UNLIKELY(next))
        next(p, alignment, bytes);
    else
        block_free(p);
}

/* BSD: frees the block where it cannot be resized. */
EXPORT void *reallocf(void *p, size_t bytes)
{
    SUCCESSOR(resize_function, reallocf);
    if (UNLIKELY(next))
        return next(p, bytes);
    void *moved = block_realloc(p, bytes);
    if (!moved && bytes != 0)
        block_free(p);
    return moved;
}

/* NetBSD: takes the pointer's address, returns an error number and keeps
 * errno; a size of 0 frees. */
EXPORT int reallocarr(void *pointer, size_t count, size_t bytes)
{
    SUCCESSOR(resize_array_function, reallocarr);
    if (UNLIKELY(next))
        return next(pointer, count, bytes);
    void **p = pointer;
    int saved_errno = errno;
    size_t total;
    if (__builtin_mul_overflow(count, bytes, &total))
        return ENOMEM;
    void *moved = *p || total ? block_realloc(*p, total) : NULL;
    errno = saved_errno;
    if (!moved && total != 0)
        return ENOMEM;
    *p = moved;
    return 0;
}

EXPORT size_t malloc_size(const void *p)
{
    SUCCESSOR(size_function, malloc_size);
    if (UNLIKELY(next))
        return next(p);
    return mi_usable_size(p);
}

EXPORT size_t malloc_good_size(size_t bytes)
{
    SUCCESSOR(good_size_function, malloc_good_size);
    if (UNLIKELY(next))
        return next(bytes);
    return mi_good_size(bytes);
}

EXPORT void *_aligned_malloc(size_t alignment, size_t bytes)
{
    SUCCESSOR(alloc_aligned_function, _aligned_malloc);
    if (UNLIKELY(next))
        return next(alignment, bytes);
    return block_alloc_aligned_checked(alignment, bytes);
}
