/* The C++ operators that the standard defines by the basic four: a program
 * may replace those alone, and the others must then call its own.
 *
 * A name here is what the dynamic linker binds it to.  Where it is ours, the
 * short way is taken.
 */
#include "block.h"
#include "cxx_runtime.h"
#include "entry_new.h"

/* ------------------------------------------------------------------ new */

EXPORT void *_Znam(size_t bytes)
{
    void *p = LIKELY(_Znwm == own_new) ? block_alloc(bytes) : NULL;
    return LIKELY(p) ? p : _Znwm(bytes);
}

EXPORT void *_ZnamSt11align_val_t(size_t bytes, size_t alignment)
{
    void *p = LIKELY(_ZnwmSt11align_val_t == own_new_aligned)
                  ? block_alloc_aligned(alignment, bytes)
                  : NULL;
    return LIKELY(p) ? p : _ZnwmSt11align_val_t(bytes, alignment);
}

/* The runtime's own knows how to catch what a basic operator throws. */
COLD static void *runtime_nothrow(const char *name, size_t bytes,
                                  const void *tag)
{
    new_nothrow_function *operator_new =
        (new_nothrow_function *)cxx_runtime_function(name);
    return operator_new ? operator_new(bytes, tag) : NULL;
}

COLD static void *runtime_aligned_nothrow(const char *name, size_t bytes,
                                          size_t alignment, const void *tag)
{
    new_aligned_nothrow_function *operator_new =
        (new_aligned_nothrow_function *)cxx_runtime_function(name);
    if (!operator_new || bytes > PTRDIFF_MAX)
        return NULL;
    return operator_new(bytes, alignment, tag);
}

#define NEW_NOTHROW(name, is_basic_ours)                                     \
    EXPORT void *name(size_t bytes, const void *tag)                         \
    {                                                                        \
        void *p = LIKELY(is_basic_ours) ? block_alloc(bytes) : NULL;         \
        return LIKELY(p) ? p : runtime_nothrow(#name, bytes, tag);           \
    }

#define NEW_ALIGNED_NOTHROW(name, is_basic_ours)                             \
    EXPORT void *name(size_t bytes, size_t alignment, const void *tag)       \
    {                                                                        \
        void *p = LIKELY(is_basic_ours)                                      \
                      ? block_alloc_aligned(alignment, bytes)                \
                      : NULL;                                                \
        return LIKELY(p)                                                     \
                   ? p                                                       \
                   : runtime_aligned_nothrow(#name, bytes, alignment, tag);  \
    }

#define IS_NEW_OURS (_Znwm == own_new)
#define IS_NEW_ALIGNED_OURS (_ZnwmSt11align_val_t == own_new_aligned)

NEW_NOTHROW(_ZnwmRKSt9nothrow_t, IS_NEW_OURS)
NEW_NOTHROW(_ZnamRKSt9nothrow_t, IS_NEW_OURS)
NEW_ALIGNED_NOTHROW(_ZnwmSt11align_val_tRKSt9nothrow_t, IS_NEW_ALIGNED_OURS)
NEW_ALIGNED_NOTHROW(_ZnamSt11align_val_tRKSt9nothrow_t, IS_NEW_ALIGNED_OURS)

/* --------------------------------------------------------------- delete */

static void free_plain(void *p)
{
    if (LIKELY(_ZdlPv == own_delete))
        block_free(p);
    else
        _ZdlPv(p);
}

static void free_aligned(void *p, size_t alignment)
{
    if (LIKELY(_ZdlPvSt11align_val_t == own_delete_aligned))
        block_free(p);
    else
        _ZdlPvSt11align_val_t(p, alignment);
}

EXPORT void _ZdaPv(void *p)
{
    free_plain(p);
}

EXPORT void _ZdlPvm(void *p, size_t bytes)
{
    (void)bytes;
    free_plain(p);
}

EXPORT void _ZdlPvRKSt9nothrow_t(void *p, const void *tag)
{
    (void)tag;
    free_plain(p);
}

EXPORT void _ZdaPvm(void *p, size_t bytes)
{
    (void)bytes;
    _ZdaPv(p);
}

EXPORT void _ZdaPvRKSt9nothrow_t(void *p, const void *tag)
{
    (void)tag;
    _ZdaPv(p);
}

EXPORT void _ZdaPvSt11align_val_t(void *p, size_t alignment)
{
    free_aligned(p, alignment);
}

EXPORT void _ZdlPvmSt11align_val_t(void *p, size_t bytes, size_t alignment)
{
    (void)bytes;
    free_aligned(p, alignment);
}

EXPORT void _ZdlPvSt11align_val_tRKSt9nothrow_t(void *p, size_t alignment,
                                                const void *tag)
{
    (void)tag;
    free_aligned(p, alignment);
}

EXPORT void _ZdaPvmSt11align_val_t(void *p, size_t bytes, size_t alignment)
{
    (void)bytes;
    _ZdaPvSt11align_val_t(p, alignment);
}

EXPORT void _ZdaPvSt11align_val_tRKSt9nothrow_t(void *p, size_t alignment,
                                                const void *tag)
{
    (void)tag;
    _ZdaPvSt11align_val_t(p, alignment);
}
