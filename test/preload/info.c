/* glibc's windows onto malloc, checked from inside against what the program
 * itself knows: the sum of malloc_usable_size() over its blocks.  One mode a
 * run; prints what is not so, and how many. */
#include "verdict.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCKS = 20000, KEPT = 16, HUGE_BYTES = 3 << 20, MIB = 1 << 20 };

static void *blocks[BLOCKS];

static size_t alloc_all(size_t bytes)
{
    size_t usable = 0;
    for (int i = 0; i < BLOCKS; i++) {
        blocks[i] = malloc(bytes);
        memset(blocks[i], 1, bytes);
        usable += malloc_usable_size(blocks[i]);
    }
    return usable;
}

static size_t free_but_each(int step)
{
    size_t usable = 0;
    for (int i = 0; i < BLOCKS; i++) {
        if (step && i % step == 0)
            continue;
        usable += malloc_usable_size(blocks[i]);
        free(blocks[i]);
        blocks[i] = NULL;
    }
    return usable;
}

static long resident_kib(void)
{
    char line[128];
    long kib = -1;
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof(line), file))
        if (sscanf(line, "RssAnon: %ld", &kib) == 1)
            break;
    if (file)
        fclose(file);
    return kib;
}

static void mallinfo_counts_what_is_in_use(void)
{
    struct mallinfo2 before = mallinfo2();
    size_t usable = alloc_all(1000);
    struct mallinfo2 after = mallinfo2();
    CHECK(after.uordblks - before.uordblks == usable);
    CHECK(after.arena >= after.uordblks);
    CHECK(after.arena == after.uordblks + after.fordblks);
    CHECK(after.hblks == before.hblks);
    size_t freed = free_but_each(KEPT);
    struct mallinfo2 holes = mallinfo2();
    CHECK(after.uordblks - holes.uordblks == freed);
    CHECK(holes.ordblks >= BLOCKS - BLOCKS / KEPT);
    CHECK(holes.keepcost < freed);
}

static void mallinfo_counts_huge_blocks_as_mapped(void)
{
    struct mallinfo2 before = mallinfo2();
    char *p = malloc(HUGE_BYTES);
    struct mallinfo2 after = mallinfo2();
    CHECK(after.hblks == before.hblks + 1);
    CHECK(after.hblkhd - before.hblkhd == malloc_usable_size(p));
    CHECK(after.uordblks == before.uordblks);
    p = realloc(p, 2 * HUGE_BYTES);
    struct mallinfo2 moved = mallinfo2();
    CHECK(moved.hblks == before.hblks + 1);
    CHECK(moved.hblkhd - before.hblkhd == malloc_usable_size(p));
    free(p);
    struct mallinfo2 end = mallinfo2();
    CHECK(end.hblks == before.hblks && end.hblkhd == before.hblkhd);
}

static void the_narrow_mallinfo_says_the_same(void)
{
    struct mallinfo2 wide = mallinfo2();
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    struct mallinfo narrow = mallinfo();
#pragma GCC diagnostic pop
    CHECK((size_t)narrow.arena == wide.arena);
    CHECK((size_t)narrow.uordblks == wide.uordblks);
    CHECK((size_t)narrow.hblkhd == wide.hblkhd);
}

static void trim_gives_back_what_is_free_and_says_so(void)
{
    alloc_all(4000);
    long full = resident_kib();
    free_but_each(0);
    CHECK(malloc_trim(0) == 1);
    CHECK(full - resident_kib() > BLOCKS * 4000L / 1024 * 9 / 10);
    malloc_trim(0); /* what reading the file has left */
    CHECK(malloc_trim(0) == 0);
}

/* mimalloc alone would keep these pages: others beside them are in use. */
static void trim_gives_back_pages_between_used_ones(void)
{
    enum { RUN = 500 };
    size_t freed = 0;
    alloc_all(1000);
    for (int i = 0; i < BLOCKS; i += 2 * RUN)
        for (int k = i; k < i + RUN; k++) {
            freed += malloc_usable_size(blocks[k]);
            free(blocks[k]);
            blocks[k] = NULL;
        }
    long before = resident_kib();
    CHECK(malloc_trim(0) == 1);
    long gone = before - resident_kib();
    /* All but the pages at the ends of each run. */
    CHECK(gone > (long)freed / 1024 / 2, "%ld of %zu KiB", gone, freed / 1024);
    for (int i = 0; i < BLOCKS; i++)
        free(blocks[i]);
}

static void *churn(void *stop)
{
    while (!__atomic_load_n((bool *)stop, __ATOMIC_ACQUIRE))
        free(malloc(4096));
    return NULL;
}

static void trim_may_be_called_while_others_allocate(void)
{
    bool stop = false;
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        CHECK(pthread_create(&threads[i], NULL, churn, &stop) == 0);
    for (int i = 0; i < 100; i++) {
        alloc_all(100);
        free_but_each(0);
        malloc_trim(0);
    }
    __atomic_store_n(&stop, true, __ATOMIC_RELEASE);
    for (int i = 0; i < 4; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(mallinfo2().uordblks < MIB);
}

static void mallopt_is_taken(void)
{
    CHECK(mallopt(M_TRIM_THRESHOLD, 1) == 1);
    CHECK(mallopt(M_ARENA_MAX, 2) == 1);
}

static void info_takes_no_options(void)
{
    CHECK(malloc_info(1, stdout) == EINVAL);
}

static void print(void)
{
    alloc_all(1000);
    free_but_each(KEPT);
    void *huge = malloc(HUGE_BYTES);
    CHECK(malloc_info(0, stdout) == 0);
    malloc_stats();
    free(huge);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "print") == 0) {
        print();
        return 0;
    }
    mallinfo_counts_what_is_in_use();
    free_but_each(0);
    mallinfo_counts_huge_blocks_as_mapped();
    the_narrow_mallinfo_says_the_same();
    trim_gives_back_what_is_free_and_says_so();
    trim_gives_back_pages_between_used_ones();
    trim_may_be_called_while_others_allocate();
    mallopt_is_taken();
    info_takes_no_options();
    return verdict();
}
