/* The names of C++: operator new and delete in all their forms, by their
 * symbols (S: std::size_t, A: std::align_val_t, N: std::nothrow_t const&).
 *
 * Where memory cannot be had, the new-handler is to be called and then
 * std::bad_alloc thrown, which C cannot.  The program's own C++ runtime can:
 * its operator new asks our malloc again, calls the handler and throws.  It
 * is looked up only then, as a C program may load C++ at any time, and in a
 * scope of its own.
 */
#include "block.h"
#include "entry_new.h"
#include "text.h"

#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>

/* Runtimes by the names of their libraries: GNU's and LLVM's. */
static const char *const runtimes[] = {"libstdc++.so.6", "libc++.so.1",
                                       "libc++abi.so.1"};

typedef void any_function(void);

static any_function *runtime_function(const char *name)
{
    any_function *function = NULL;
    for (size_t i = 0; i < sizeof(runtimes) / sizeof(runtimes[0]); i++) {
        void *runtime = dlopen(runtimes[i], RTLD_LAZY | RTLD_NOLOAD);
        if (!runtime)
            continue;
        /* POSIX's own way round what ISO C has no cast for. */
        *(void **)&function = dlsym(runtime, name);
        dlclose(runtime);
        if (function)
            break;
    }
    return function;
}

/* No library of this process could catch what we should throw. */
static _Noreturn void no_runtime(void)
{
    char buffer[128];
    struct text text = text_on(buffer, sizeof(buffer));
    text_put(&text, "operator new: out of memory, and no C++ runtime to "
                    "throw std::bad_alloc");
    text_warn(&text);
    abort();
}

/* libstdc++ rounds a size up to its alignment and does not mind overflow. */
static size_t size_refused(size_t bytes)
{
    return bytes > PTRDIFF_MAX ? (size_t)PTRDIFF_MAX + 1 : bytes;
}

COLD static void *runtime_new(const char *name, size_t bytes)
{
    void *(*operator_new)(size_t) =
        (void *(*)(size_t))runtime_function(name);
    if (!operator_new)
        no_runtime();
    return operator_new(bytes);
}

COLD static void *runtime_new_aligned(const char *name, size_t bytes,
                                      size_t alignment)
{
    void *(*operator_new)(size_t, size_t) =
        (void *(*)(size_t, size_t))runtime_function(name);
    if (!operator_new)
        no_runtime();
    return operator_new(size_refused(bytes), alignment);
}

COLD static void *runtime_new_nothrow(const char *name, size_t bytes,
                                      const void *tag)
{
    void *(*operator_new)(size_t, const void *) =
        (void *(*)(size_t, const void *))runtime_function(name);
    return operator_new ? operator_new(bytes, tag) : NULL;
}

COLD static void *runtime_new_aligned_nothrow(const char *name, size_t bytes,
                                              size_t alignment,
                                              const void *tag)
{
    void *(*operator_new)(size_t, size_t, const void *) =
        (void *(*)(size_t, size_t, const void *))runtime_function(name);
    return operator_new ? operator_new(size_refused(bytes), alignment, tag)
                        : NULL;
}

#define NEW(name)                                                            \
    EXPORT void *name(size_t bytes)                                          \
    {                                                                        \
        void *p = block_alloc(bytes);                                        \
        return LIKELY(p) ? p : runtime_new(#name, bytes);                    \
    }

#define NEW_ALIGNED(name)                                                    \
    EXPORT void *name(size_t bytes, size_t alignment)                        \
    {                                                                        \
        void *p = block_alloc_aligned(alignment, bytes);                     \
        return LIKELY(p) ? p : runtime_new_aligned(#name, bytes, alignment); \
    }

#define NEW_NOTHROW(name)                                                    \
    EXPORT void *name(size_t bytes, const void *tag)                         \
    {                                                                        \
        void *p = block_alloc(bytes);                                        \
        return LIKELY(p) ? p : runtime_new_nothrow(#name, bytes, tag);       \
    }

#define NEW_ALIGNED_NOTHROW(name)                                            \
    EXPORT void *name(size_t bytes, size_t alignment, const void *tag)       \
    {                                                                        \
        void *p = block_alloc_aligned(alignment, bytes);                     \
        return LIKELY(p) ? p                                                 \
                         : runtime_new_aligned_nothrow(#name, bytes,         \
                                                       alignment, tag);      \
    }

NEW(_Znwm)                                  /* new(S) */
NEW(_Znam)                                  /* new[](S) */
NEW_ALIGNED(_ZnwmSt11align_val_t)           /* new(S, A) */
NEW_ALIGNED(_ZnamSt11align_val_t)           /* new[](S, A) */
NEW_NOTHROW(_ZnwmRKSt9nothrow_t)            /* new(S, N) */
NEW_NOTHROW(_ZnamRKSt9nothrow_t)            /* new[](S, N) */
NEW_ALIGNED_NOTHROW(_ZnwmSt11align_val_tRKSt9nothrow_t) /* new(S, A, N) */
NEW_ALIGNED_NOTHROW(_ZnamSt11align_val_tRKSt9nothrow_t) /* new[](S, A, N) */

/* Whatever a delete is told of size and alignment, the block knows better;
 * on this ABI the further arguments lie in registers that nobody reads. */
#define DELETE(name)                                                         \
    EXPORT void name(void *p)                                                \
    {                                                                        \
        block_free(p);                                                       \
    }

DELETE(_ZdlPv)                                /* delete(p) */
DELETE(_ZdaPv)                                /* delete[](p) */
DELETE(_ZdlPvm)                               /* delete(p, S) */
DELETE(_ZdaPvm)                               /* delete[](p, S) */
DELETE(_ZdlPvSt11align_val_t)                 /* delete(p, A) */
DELETE(_ZdaPvSt11align_val_t)                 /* delete[](p, A) */
DELETE(_ZdlPvmSt11align_val_t)                /* delete(p, S, A) */
DELETE(_ZdaPvmSt11align_val_t)                /* delete[](p, S, A) */
DELETE(_ZdlPvRKSt9nothrow_t)                  /* delete(p, N) */
DELETE(_ZdaPvRKSt9nothrow_t)                  /* delete[](p, N) */
DELETE(_ZdlPvSt11align_val_tRKSt9nothrow_t)   /* delete(p, A, N) */
DELETE(_ZdaPvSt11align_val_tRKSt9nothrow_t)   /* delete[](p, A, N) */
