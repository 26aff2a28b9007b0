/* Prototypes of interposed names that no system header declares, or declares
 * for another standard only. */
#ifndef SHIM_ENTRY_H
#define SHIM_ENTRY_H

#include <malloc.h>
#include <stddef.h>
#include <stdlib.h>

void *reallocf(void *p, size_t bytes);
int reallocarr(void *pointer, size_t count, size_t bytes);
void cfree(void *p);
void vfree(void *p);
void free_sized(void *p, size_t bytes);
void free_aligned_sized(void *p, size_t alignment, size_t bytes);
size_t malloc_size(const void *p);
size_t malloc_good_size(size_t bytes);
void *_aligned_malloc(size_t alignment, size_t bytes);

void *__libc_malloc(size_t bytes);
void __libc_free(void *p);
void __libc_cfree(void *p);
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_realloc(void *p, size_t bytes);
void *__libc_reallocarray(void *p, size_t count, size_t bytes);
void *__libc_memalign(size_t alignment, size_t bytes);
void *__libc_valloc(size_t bytes);
void *__libc_pvalloc(size_t bytes);
int __posix_memalign(void **ret_p, size_t alignment, size_t bytes);
struct mallinfo __libc_mallinfo(void);
int __libc_mallopt(int option, int value);

#endif
