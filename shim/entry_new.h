/* Prototypes of the C++ operators, as C sees their symbols. */
#ifndef SHIM_ENTRY_NEW_H
#define SHIM_ENTRY_NEW_H

#include <stddef.h>

void *_Znwm(size_t bytes);
void *_Znam(size_t bytes);
void *_ZnwmSt11align_val_t(size_t bytes, size_t alignment);
void *_ZnamSt11align_val_t(size_t bytes, size_t alignment);
void *_ZnwmRKSt9nothrow_t(size_t bytes, const void *tag);
void *_ZnamRKSt9nothrow_t(size_t bytes, const void *tag);
void *_ZnwmSt11align_val_tRKSt9nothrow_t(size_t bytes, size_t alignment,
                                         const void *tag);
void *_ZnamSt11align_val_tRKSt9nothrow_t(size_t bytes, size_t alignment,
                                         const void *tag);

void _ZdlPv(void *p);
void _ZdaPv(void *p);
void _ZdlPvm(void *p);
void _ZdaPvm(void *p);
void _ZdlPvSt11align_val_t(void *p);
void _ZdaPvSt11align_val_t(void *p);
void _ZdlPvmSt11align_val_t(void *p);
void _ZdaPvmSt11align_val_t(void *p);
void _ZdlPvRKSt9nothrow_t(void *p);
void _ZdaPvRKSt9nothrow_t(void *p);
void _ZdlPvSt11align_val_tRKSt9nothrow_t(void *p);
void _ZdaPvSt11align_val_tRKSt9nothrow_t(void *p);

#endif
