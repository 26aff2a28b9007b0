/* The C++ operators, as C sees them. */
#ifndef SHIM_ENTRY_NEW_H
#define SHIM_ENTRY_NEW_H

#include <stddef.h>

typedef void *new_function(size_t bytes);
typedef void *new_aligned_function(size_t bytes, size_t alignment);
typedef void *new_nothrow_function(size_t bytes, const void *tag);
typedef void *new_aligned_nothrow_function(size_t bytes, size_t alignment,
                                           const void *tag);
typedef void delete_function(void *p);
typedef void delete_sized_function(void *p, size_t bytes);
typedef void delete_aligned_function(void *p, size_t alignment);
typedef void delete_sized_aligned_function(void *p, size_t bytes,
                                           size_t alignment);
typedef void delete_nothrow_function(void *p, const void *tag);
typedef void delete_aligned_nothrow_function(void *p, size_t alignment,
                                             const void *tag);

new_function _Znwm, _Znam;
new_aligned_function _ZnwmSt11align_val_t, _ZnamSt11align_val_t;
new_nothrow_function _ZnwmRKSt9nothrow_t, _ZnamRKSt9nothrow_t;
new_aligned_nothrow_function _ZnwmSt11align_val_tRKSt9nothrow_t,
    _ZnamSt11align_val_tRKSt9nothrow_t;

delete_function _ZdlPv, _ZdaPv;
delete_sized_function _ZdlPvm, _ZdaPvm;
delete_aligned_function _ZdlPvSt11align_val_t, _ZdaPvSt11align_val_t;
delete_sized_aligned_function _ZdlPvmSt11align_val_t, _ZdaPvmSt11align_val_t;
delete_nothrow_function _ZdlPvRKSt9nothrow_t, _ZdaPvRKSt9nothrow_t;
delete_aligned_nothrow_function _ZdlPvSt11align_val_tRKSt9nothrow_t,
    _ZdaPvSt11align_val_tRKSt9nothrow_t;

/* The basic four as they are defined here, whatever the program binds their
 * usual names to. */
new_function own_new __attribute__((visibility("hidden")));
new_aligned_function own_new_aligned __attribute__((visibility("hidden")));
delete_function own_delete __attribute__((visibility("hidden")));
delete_aligned_function own_delete_aligned
    __attribute__((visibility("hidden")));

#endif
