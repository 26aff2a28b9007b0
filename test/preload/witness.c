/* Preloaded in front of the shim, so that every malloc of an unmodified
 * program passes here first, from the very first one.  It sums what
 * malloc_usable_size says into a file, $WITNESS, by nothing but atomic adds:
 * a second account that has no slots, no threads and no exits.
 *
 * The program must speak of no allocation behind malloc's back; so C++'s
 * operators are here too, in their simplest form. */
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);
void *__libc_memalign(size_t align, size_t size);
void __libc_free(void *block);
void cfree(void *block);

struct account {
    _Atomic uint64_t bytes;
    _Atomic uint64_t blocks;
};

static struct account early;
static struct account *account = &early;

static void *count(void *block)
{
    if (!block)
        return block;
    atomic_fetch_add(&account->bytes, malloc_usable_size(block));
    atomic_fetch_add(&account->blocks, 1);
    return block;
}

static void discount(void *block, size_t bytes)
{
    if (!block)
        return;
    atomic_fetch_sub(&account->bytes, bytes);
    atomic_fetch_sub(&account->blocks, 1);
}

/* A forked child must not write into its parent's file. */
static void stop(void)
{
    account = &early;
}

/* One thread only, as yet. */
__attribute__((constructor)) static void open_file(void)
{
    const char *path = getenv("WITNESS");
    int file = path ? open(path, O_RDWR | O_CREAT | O_EXCL, 0600) : -1;
    if (file < 0)
        return;
    void *at = ftruncate(file, sizeof *account)
                   ? MAP_FAILED
                   : mmap(NULL, sizeof *account, PROT_READ | PROT_WRITE,
                          MAP_SHARED, file, 0);
    close(file);
    if (at == MAP_FAILED)
        return;
    struct account *shared = at;
    atomic_store(&shared->bytes, early.bytes);
    atomic_store(&shared->blocks, early.blocks);
    account = shared;
    pthread_atfork(NULL, NULL, stop);
}

void *malloc(size_t size)
{
    return count(__libc_malloc(size));
}

void *calloc(size_t number, size_t size)
{
    return count(__libc_calloc(number, size));
}

void *realloc(void *block, size_t size)
{
    size_t before = malloc_usable_size(block);
    void *moved = __libc_realloc(block, size);
    if (moved || !size)
        discount(block, before);
    return count(moved);
}

void *reallocarray(void *block, size_t number, size_t size)
{
    size_t all;
    if (__builtin_mul_overflow(number, size, &all))
        return NULL;
    return realloc(block, all);
}

void *memalign(size_t align, size_t size)
{
    return count(__libc_memalign(align, size));
}

void *aligned_alloc(size_t align, size_t size)
{
    return memalign(align, size);
}

int posix_memalign(void **at, size_t align, size_t size)
{
    void *block = memalign(align, size);
    if (!block)
        return 12;
    *at = block;
    return 0;
}

void *valloc(size_t size)
{
    return memalign(4096, size);
}

void free(void *block)
{
    discount(block, malloc_usable_size(block));
    __libc_free(block);
}

void cfree(void *block)
{
    free(block);
}

/* operator new(unsigned long) and so on, by their mangled names. */
#define NEW(name, ...) \
    void *name(size_t size, ##__VA_ARGS__); \
    void *name(size_t size, ##__VA_ARGS__) { return malloc(size ? size : 1); }
#define NEW_ALIGNED(name, ...) \
    void *name(size_t size, size_t align, ##__VA_ARGS__); \
    void *name(size_t size, size_t align, ##__VA_ARGS__) \
    { return memalign(align, size); }
#define DELETE(name, ...) \
    void name(void *block, ##__VA_ARGS__); \
    void name(void *block, ##__VA_ARGS__) { free(block); }

NEW(_Znwm)
NEW(_Znam)
NEW(_ZnwmRKSt9nothrow_t, void *nothrow __attribute__((unused)))
NEW(_ZnamRKSt9nothrow_t, void *nothrow __attribute__((unused)))
NEW_ALIGNED(_ZnwmSt11align_val_t)
NEW_ALIGNED(_ZnamSt11align_val_t)
NEW_ALIGNED(_ZnwmSt11align_val_tRKSt9nothrow_t,
            void *nothrow __attribute__((unused)))
NEW_ALIGNED(_ZnamSt11align_val_tRKSt9nothrow_t,
            void *nothrow __attribute__((unused)))
DELETE(_ZdlPv)
DELETE(_ZdaPv)
DELETE(_ZdlPvm, size_t size __attribute__((unused)))
DELETE(_ZdaPvm, size_t size __attribute__((unused)))
DELETE(_ZdlPvRKSt9nothrow_t, void *nothrow __attribute__((unused)))
DELETE(_ZdaPvRKSt9nothrow_t, void *nothrow __attribute__((unused)))
DELETE(_ZdlPvSt11align_val_t, size_t align __attribute__((unused)))
DELETE(_ZdaPvSt11align_val_t, size_t align __attribute__((unused)))
DELETE(_ZdlPvmSt11align_val_t, size_t size __attribute__((unused)),
       size_t align __attribute__((unused)))
DELETE(_ZdaPvmSt11align_val_t, size_t size __attribute__((unused)),
       size_t align __attribute__((unused)))
