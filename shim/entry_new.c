/* The four basic operators of C++ by their symbols: new and delete, plain and
 * with an alignment.  (In symbols m is std::size_t, St11align_val_t
 * std::align_val_t, RKSt9nothrow_t std::nothrow_t const&.)
 *
 * Where memory cannot be had, the new-handler is to be called and then
 * std::bad_alloc thrown, which C cannot.  The program's own C++ runtime can:
 * its operator new asks our malloc again, calls the handler and throws.
 */
#include "block.h"
#include "cxx_runtime.h"
#include "entry_new.h"
#include "text.h"

#include <stdlib.h>

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

COLD static void *runtime_new(size_t bytes)
{
    new_function *operator_new =
        (new_function *)cxx_runtime_function("_Znwm");
    if (!operator_new)
        no_runtime();
    return operator_new(bytes);
}

/* libstdc++ rounds a size up to its alignment and does not mind overflow. */
COLD static void *runtime_new_aligned(size_t bytes, size_t alignment)
{
    new_aligned_function *operator_new =
        (new_aligned_function *)cxx_runtime_function("_ZnwmSt11align_val_t");
    if (!operator_new)
        no_runtime();
    return operator_new(bytes > PTRDIFF_MAX ? (size_t)PTRDIFF_MAX + 1 : bytes,
                        alignment);
}

EXPORT void *_Znwm(size_t bytes)
{
    void *p = block_alloc(bytes);
    return LIKELY(p) ? p : runtime_new(bytes);
}

EXPORT void *_ZnwmSt11align_val_t(size_t bytes, size_t alignment)
{
    void *p = block_alloc_aligned(alignment, bytes);
    return LIKELY(p) ? p : runtime_new_aligned(bytes, alignment);
}

EXPORT void _ZdlPv(void *p)
{
    block_free(p);
}

EXPORT void _ZdlPvSt11align_val_t(void *p, size_t alignment)
{
    (void)alignment;
    block_free(p);
}

/* Names for the same that nobody can bind to anything else. */
new_function own_new __attribute__((alias("_Znwm")));
new_aligned_function own_new_aligned
    __attribute__((alias("_ZnwmSt11align_val_t")));
delete_function own_delete __attribute__((alias("_ZdlPv")));
delete_aligned_function own_delete_aligned
    __attribute__((alias("_ZdlPvSt11align_val_t")));
