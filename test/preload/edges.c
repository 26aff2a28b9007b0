/* The edges of the allocation API, one group a run: edges GROUP. */
#include "verdict.h"

#include <dlfcn.h>
#include <errno.h>
#include <gcshim/gcshim.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { KIB = 1 << 10, MIB = 1 << 20 };

/* Opaque to the compiler, which else folds what it can see through. */
static volatile size_t huge = (size_t)PTRDIFF_MAX + 1;
static volatile size_t most = SIZE_MAX;
static volatile size_t zero = 0;
static volatile size_t root = (size_t)1 << 32;

static void *need(const char *name)
{
    void *function = dlsym(RTLD_DEFAULT, name);
    CHECK(function, "%s is not there", name);
    if (!function)
        _exit(verdict());
    return function;
}

static uint64_t used(void)
{
    if (!gcshim_used) {
        fputs("gcshim_used is not there\n", stderr);
        _exit(1);
    }
    return gcshim_used();
}

/* --- every alignment with every size ---------------------------------- */

/* memalign and its kin under one signature. */
static void *by_posix_memalign(size_t align, size_t size)
{
    void *block = NULL;
    return posix_memalign(&block, align, size) ? NULL : block;
}

static void *by_valloc(size_t align, size_t size)
{
    (void)align;
    return valloc(size);
}

static void *by_pvalloc(size_t align, size_t size)
{
    (void)align;
    return pvalloc(size);
}

typedef void *aligner(size_t align, size_t size);

static void check_block(const char *name, void *block, size_t align,
                        size_t size)
{
    CHECK(block, "%s(%zu, %zu)", name, align, size);
    if (!block)
        return;
    CHECK((uintptr_t)block % align == 0, "%s(%zu, %zu) = %p", name, align,
          size, block);
    CHECK(malloc_usable_size(block) >= size, "%s(%zu, %zu) has %zu", name,
          align, size, malloc_usable_size(block));
    /* All of it is the caller's, by what malloc_usable_size says. */
    memset(block, 0xa5, malloc_usable_size(block) < 4 * MIB
                            ? malloc_usable_size(block) : size);
}

enum { TWINS = 3 };

/* Several at a time: the first block of a page is aligned by accident. */
static void check_twins(const char *name, aligner *ask, size_t align,
                        size_t size)
{
    unsigned char *block[TWINS];
    for (int i = 0; i < TWINS; i++) {
        block[i] = ask(align, size);
        check_block(name, block[i], align, size);
        if (block[i])
            memset(block[i], i + 1, size);
    }
    for (int i = 0; i < TWINS; i++) {
        bool own = !size || (block[i] && block[i][0] == i + 1 &&
                             block[i][size - 1] == i + 1);
        CHECK(own, "%s(%zu, %zu): blocks overlap", name, align, size);
        CHECK(block[i] != block[(i + 1) % TWINS],
              "%s(%zu, %zu): the same block twice", name, align, size);
    }
    for (int i = 0; i < TWINS; i++)
        free(block[i]);
}

static void check_sizes(const char *name, aligner *ask, size_t align)
{
    static const size_t odd[] = {0, 1, 3, 7, 24, 40, 100, 513, 1000, 1023,
                                 3000, 5000, 70000, 100001};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
        check_twins(name, ask, align, odd[i]);
    size_t limit = align >= 4 * MIB ? 64 * KIB : 2 * MIB;
    for (size_t size = 1; size <= limit; size *= 2) {
        check_twins(name, ask, align, size);
        check_twins(name, ask, align, size + 8);
        check_twins(name, ask, align, size - 1);
    }
}

static void alignments(const char *name, aligner *ask, size_t least)
{
    uint64_t before = used();
    for (size_t align = least; align <= 64 * MIB; align *= 2)
        check_sizes(name, ask, align);
    CHECK(used() == before, "%s: %ld bytes left over", name,
          (long)(used() - before));
}

static void group_memalign(void)
{
    alignments("memalign", memalign, 1);
}

static void group_aligned_alloc(void)
{
    alignments("aligned_alloc", aligned_alloc, 1);
}

static void group_posix_memalign(void)
{
    alignments("posix_memalign", by_posix_memalign, sizeof(void *));
}

static void group_valloc(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    check_sizes("valloc", by_valloc, page);
    check_sizes("pvalloc", by_pvalloc, page);
    void *block = pvalloc(1);
    CHECK(malloc_usable_size(block) >= page, "pvalloc gives whole pages");
    free(block);
}

/* A block may not only be aligned but must stay good through realloc. */
static void group_realloc_of_aligned(void)
{
    uint64_t before = used();
    for (size_t align = 16; align <= 16 * MIB; align *= 4) {
        unsigned char *block = memalign(align, 100);
        memset(block, 7, 100);
        block = realloc(block, 5000);
        CHECK(block && block[0] == 7 && block[99] == 7, "align %zu", align);
        block = realloc(block, 50);
        CHECK(block && block[0] == 7 && block[49] == 7, "align %zu", align);
        free(block);
    }
    CHECK(used() == before, "bytes left over");
}

/* malloc's own blocks fit max_align_t, whatever their size. */
static void group_malloc_alignment(void)
{
    for (size_t size = 0; size < 5000; size++) {
        void *block = malloc(size);
        size_t align = size < 16 ? 8 : 16;
        CHECK((uintptr_t)block % align == 0, "malloc(%zu) = %p", size, block);
        CHECK(malloc_usable_size(block) >= size, "malloc(%zu)", size);
        free(block);
    }
}

/* --- zero and nothing -------------------------------------------------- */

static void group_zero(void)
{
    uint64_t before = used();
    void *one = malloc(zero);
    void *two = malloc(zero);
    void *three = calloc(zero, 8);
    void *four = calloc(8, zero);
    void *five = realloc(NULL, zero);
    void *six = reallocarray(NULL, zero, 8);
    CHECK(one && two && three && four && five && six, "NULL for no bytes");
    CHECK(one != two, "the same block twice");
    free(one);
    free(two);
    free(three);
    free(four);
    free(five);
    free(six);
    CHECK(used() == before, "bytes left over");
}

static void group_null(void)
{
    uint64_t before = used();
    void (*sized)(void *, size_t) = need("free_sized");
    void (*aligned)(void *, size_t, size_t) = need("free_aligned_sized");
    void (*old)(void *) = need("cfree");
    free(NULL);
    sized(NULL, 10);
    aligned(NULL, 16, 10);
    old(NULL);
    CHECK(malloc_usable_size(NULL) == 0, "of NULL");
    CHECK(used() == before, "freeing nothing frees nothing");
}

static void group_realloc(void)
{
    uint64_t before = used();
    char *block = realloc(NULL, 100);
    CHECK(block, "realloc(NULL, 100)");
    memset(block, 'x', 100);
    for (size_t size = 100; size < 100 * MIB; size *= 3) {
        block = realloc(block, size);
        CHECK(block && block[0] == 'x' && block[99] == 'x', "%zu", size);
        CHECK(malloc_usable_size(block) >= size, "%zu", size);
    }
    block = realloc(block, 10);
    CHECK(block && block[9] == 'x', "shrunk");
    CHECK(!realloc(block, zero), "realloc(p, 0) frees and gives NULL");
    CHECK(used() == before, "realloc(p, 0) did not free");

    block = reallocarray(NULL, 10, 10);
    CHECK(!reallocarray(block, zero, 10), "reallocarray(p, 0, n) frees");
    CHECK(used() == before, "reallocarray(p, 0, n) did not free");
}

/* --- too much ---------------------------------------------------------- */

#define TOO_MUCH(call)                                                     \
    do {                                                                   \
        errno = 0;                                                         \
        void *given = (call);                                              \
        CHECK(!given, "%s gave a block", #call);                           \
        CHECK(errno == ENOMEM, "%s set errno to %d", #call, errno);        \
        free(given);                                                       \
    } while (0)

static void group_overflow(void)
{
    uint64_t before = used();
    TOO_MUCH(malloc(huge));
    TOO_MUCH(malloc(most));
    TOO_MUCH(malloc(most - 4096));
    TOO_MUCH(calloc(most, 2));
    TOO_MUCH(calloc(2, most));
    TOO_MUCH(calloc(huge, 1));
    TOO_MUCH(calloc(most / 3, 4));
    TOO_MUCH(calloc(root, root));
    TOO_MUCH(realloc(NULL, huge));
    TOO_MUCH(realloc(NULL, most));
    TOO_MUCH(reallocarray(NULL, most, 2));
    TOO_MUCH(reallocarray(NULL, root, root));
    TOO_MUCH(reallocarray(NULL, huge, 1));
    for (size_t align = 16; align <= 64 * MIB; align *= 2) {
        TOO_MUCH(memalign(align, huge));
        TOO_MUCH(memalign(align, most));
        TOO_MUCH(memalign(align, most - align));
        TOO_MUCH(aligned_alloc(align, huge));
        TOO_MUCH(aligned_alloc(align, most - align + 1));
    }
    TOO_MUCH(memalign(huge, 1));
    TOO_MUCH(memalign(huge, huge));
    TOO_MUCH(valloc(huge));
    TOO_MUCH(valloc(most));
    TOO_MUCH(pvalloc(huge));
    TOO_MUCH(pvalloc(most));
    TOO_MUCH(pvalloc(most - 4095));
    CHECK(used() == before, "a refusal was counted");
}

static void group_posix_memalign_overflow(void)
{
    char own;
    for (size_t align = 8; align <= 64 * MIB; align *= 2) {
        void *block = &own;
        errno = 77;
        CHECK(posix_memalign(&block, align, huge) == ENOMEM, "%zu", align);
        CHECK(posix_memalign(&block, align, most) == ENOMEM, "%zu", align);
        CHECK(block == &own, "posix_memalign(%zu) wrote a result", align);
    }
}

/* Blocks that mimalloc could address but no machine has. */
static void group_short_of_memory(void)
{
    size_t much = (size_t)1 << 46;
    TOO_MUCH(malloc(huge - 2));
    TOO_MUCH(malloc(much * 8));
    TOO_MUCH(calloc(much, 8));
    TOO_MUCH(memalign(4096, much * 8));
    TOO_MUCH(realloc(NULL, much * 8));
}

static void group_bad_alignment(void)
{
    char own;
    static const size_t bad[] = {0, 3, 5, 6, 7, 12, 24, 33, 100, 4095,
                                 3 * MIB};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        void *block = &own;
        errno = 0;
        CHECK(!aligned_alloc(bad[i], 64), "%zu", bad[i]);
        CHECK(errno == EINVAL, "aligned_alloc(%zu): errno %d", bad[i], errno);
        errno = 0;
        CHECK(!memalign(bad[i], 64), "%zu", bad[i]);
        CHECK(errno == EINVAL, "memalign(%zu): errno %d", bad[i], errno);
        CHECK(posix_memalign(&block, bad[i], 64) == EINVAL, "%zu", bad[i]);
        CHECK(block == &own, "posix_memalign wrote a result");
    }
    for (size_t align = 1; align < sizeof(void *); align *= 2) {
        void *block = &own;
        CHECK(posix_memalign(&block, align, 64) == EINVAL, "%zu", align);
        CHECK(block == &own, "posix_memalign wrote a result");
    }
}

/* --- errno ------------------------------------------------------------- */

static void group_free_keeps_errno(void)
{
    for (size_t size = 1; size <= 128 * MIB; size = size * 2 + 1) {
        void *block = malloc(size);
        void *aligned = memalign(8192, size);
        memset(block, 1, size < MIB ? size : MIB);
        errno = 77;
        free(block);
        CHECK(errno == 77, "free of %zu: errno %d", size, errno);
        free(aligned);
        CHECK(errno == 77, "free of aligned %zu: errno %d", size, errno);
    }
    errno = 77;
    free(NULL);
    CHECK(errno == 77, "free(NULL)");
}

/* --- what fails changes nothing ---------------------------------------- */

static void group_failed_realloc(void)
{
    static const size_t sizes[] = {10, 1000, 100 * KIB, 20 * MIB};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char *block = malloc(sizes[i]);
        memset(block, 'k', sizes[i]);
        size_t usable = malloc_usable_size(block);
        uint64_t before = used();
        TOO_MUCH(realloc(block, huge));
        TOO_MUCH(realloc(block, most));
        TOO_MUCH(reallocarray(block, most, 2));
        CHECK(used() == before, "the account changed");
        CHECK(block[0] == 'k' && block[sizes[i] - 1] == 'k', "block lost");
        CHECK(malloc_usable_size(block) == usable, "block changed");
        free(block);
    }
}

static void group_reallocf(void)
{
    void *(*reallocf)(void *, size_t) = need("reallocf");
    uint64_t before = used();
    char *block = reallocf(NULL, 100);
    CHECK(block, "reallocf(NULL, 100)");
    block[99] = 'k';
    block = reallocf(block, 10000);
    CHECK(block && block[99] == 'k', "grown");
    errno = 0;
    CHECK(!reallocf(block, huge), "reallocf gave a block");
    CHECK(errno == ENOMEM, "errno %d", errno);
    CHECK(used() == before, "reallocf that fails frees");
}

static void group_reallocarr(void)
{
    int (*reallocarr)(void *, size_t, size_t) = need("reallocarr");
    uint64_t before = used();
    char *block = NULL;
    errno = 77;
    CHECK(reallocarr(&block, 10, 10) == 0, "from NULL");
    CHECK(block, "no block");
    block[99] = 'k';
    CHECK(reallocarr(&block, 100, 100) == 0, "grown");
    CHECK(block && block[99] == 'k', "content");
    char *same = block;
    uint64_t held = used();
    int error = reallocarr(&block, most, 2);
    CHECK(error == EOVERFLOW || error == ENOMEM, "overflow gives %d", error);
    CHECK(reallocarr(&block, huge, 1) != 0, "too much");
    CHECK(block == same && used() == held, "a failure changes nothing");
    free(block);
    CHECK(used() == before, "bytes left over");
}

/* --- content ------------------------------------------------------------ */

static bool is_zero(const unsigned char *block, size_t size)
{
    return !size || (!block[0] && !memcmp(block, block + 1, size - 1));
}

static void group_calloc_zeroes(void)
{
    for (size_t size = 1; size <= 40 * MIB; size = size * 3 / 2 + 1) {
        void *dirty[8];
        for (int i = 0; i < 8; i++) {
            dirty[i] = malloc(size);
            memset(dirty[i], 0xff, malloc_usable_size(dirty[i]));
        }
        for (int i = 0; i < 8; i++)
            free(dirty[i]);
        for (int i = 0; i < 8; i++) {
            dirty[i] = calloc(1, size);
            CHECK(is_zero(dirty[i], size), "calloc(1, %zu)", size);
        }
        for (int i = 0; i < 8; i++)
            free(dirty[i]);
    }
}

static void group_sized_free(void)
{
    void (*sized)(void *, size_t) = need("free_sized");
    void (*aligned)(void *, size_t, size_t) = need("free_aligned_sized");
    uint64_t before = used();
    for (size_t size = 0; size < 100 * KIB; size = size * 2 + 1) {
        sized(malloc(size), size);
        sized(calloc(1, size), size);
        aligned(aligned_alloc(256, size), 256, size);
    }
    CHECK(used() == before, "bytes left over");
}

/* The names that libmimalloc has besides, all on one account. */
static void group_other_names(void)
{
    void *(*libc_malloc)(size_t) = need("__libc_malloc");
    void *(*libc_calloc)(size_t, size_t) = need("__libc_calloc");
    void *(*libc_realloc)(void *, size_t) = need("__libc_realloc");
    void *(*libc_memalign)(size_t, size_t) = need("__libc_memalign");
    void *(*libc_valloc)(size_t) = need("__libc_valloc");
    void *(*libc_pvalloc)(size_t) = need("__libc_pvalloc");
    int (*libc_posix)(void **, size_t, size_t) = need("__posix_memalign");
    void *(*windows)(size_t, size_t) = need("_aligned_malloc");
    size_t (*good)(size_t) = need("malloc_good_size");
    size_t (*size_of)(const void *) = need("malloc_size");
    void (*frees[])(void *) = {need("__libc_free"), need("__libc_cfree"),
                               need("cfree"), need("vfree"), free};
    uint64_t before = used(), sum = 0;
    void *block[9] = {libc_malloc(100), libc_calloc(10, 10),
                      libc_realloc(NULL, 100), libc_memalign(64, 100),
                      libc_valloc(100), libc_pvalloc(100),
                      windows(64, 100), malloc(100)};
    CHECK(libc_posix(&block[8], 64, 100) == 0, "__posix_memalign");
    for (int i = 0; i < 9; i++) {
        CHECK(block[i], "number %d", i);
        CHECK(size_of(block[i]) == malloc_usable_size(block[i]), "%d", i);
        sum += malloc_usable_size(block[i]);
    }
    CHECK((uintptr_t)block[6] % 64 == 0, "_aligned_malloc(align, size)");
    CHECK(good(100) >= 100, "malloc_good_size");
    CHECK(used() - before == sum, "counted %lu of %lu",
          (unsigned long)(used() - before), (unsigned long)sum);
    for (int i = 0; i < 9; i++)
        frees[i % 5](block[i]);
    CHECK(used() == before, "bytes left over");
}

static const struct {
    const char *name;
    void (*run)(void);
} groups[] = {
    {"memalign", group_memalign},
    {"aligned_alloc", group_aligned_alloc},
    {"posix_memalign", group_posix_memalign},
    {"valloc", group_valloc},
    {"realloc_of_aligned", group_realloc_of_aligned},
    {"malloc_alignment", group_malloc_alignment},
    {"zero", group_zero},
    {"null", group_null},
    {"realloc", group_realloc},
    {"overflow", group_overflow},
    {"posix_memalign_overflow", group_posix_memalign_overflow},
    {"short_of_memory", group_short_of_memory},
    {"bad_alignment", group_bad_alignment},
    {"free_keeps_errno", group_free_keeps_errno},
    {"failed_realloc", group_failed_realloc},
    {"reallocf", group_reallocf},
    {"reallocarr", group_reallocarr},
    {"calloc_zeroes", group_calloc_zeroes},
    {"sized_free", group_sized_free},
    {"other_names", group_other_names},
};

int main(int argc, char **argv)
{
    size_t count = sizeof groups / sizeof *groups;
    for (size_t i = 0; i < count; i++) {
        if (argc < 2)
            puts(groups[i].name);
        else if (!strcmp(argv[1], groups[i].name))
            return groups[i].run(), verdict();
    }
    return argc < 2 ? 0 : 64;
}
