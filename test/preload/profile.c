/* Asks for memory in a few ways, each in a function of its own, and keeps the
 * truth of it: by malloc_usable_size(), in blocks and bytes, what lives and
 * what was ever asked for.  Prints a line for each and waits to be told to
 * end:
 *
 *     NAME ADDRESS LIVE_BYTES LIVE_BLOCKS TOTAL_BYTES TOTAL_BLOCKS
 */
#include <malloc.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCKS = 20000 };

struct truth {
    uint64_t live_bytes, live_blocks, total_bytes, total_blocks;
};

struct way {
    const char *name;
    void *(*allocate)(size_t bytes);
    const void *site; /* the function that asks */
    size_t least, most; /* bytes of a block */
    int blocks;
    int keep_one_in;
    struct truth truth;
    void *kept[BLOCKS];
};

/* None begins within 64 bytes of another. */
#define ALONE __attribute__((noinline, aligned(64)))

#define ALLOCATOR(name)                                                      \
    ALONE static void *name(size_t bytes)                                    \
    {                                                                        \
        void *volatile p = malloc(bytes);                                    \
        return p;                                                            \
    }
ALLOCATOR(small) ALLOCATOR(mixed) ALLOCATOR(medium) ALLOCATOR(large)
ALLOCATOR(huge) ALLOCATOR(churned)

ALONE static void *zeroed(size_t bytes)
{
    void *volatile p = calloc(1, bytes);
    return p;
}

ALONE static void *aligned(size_t bytes)
{
    void *volatile p = memalign(64, bytes);
    return p;
}

/* Not as the others do, or they might become one. */
ALONE static void *first(size_t bytes)
{
    void *volatile p = memalign(16, bytes);
    return p;
}

ALONE static void *regrow(void *p, size_t bytes)
{
    void *volatile moved = realloc(p, bytes);
    return moved;
}

ALONE static void *regrown(size_t bytes)
{
    return regrow(first(bytes / 4), bytes);
}

static struct way ways[] = {
    {"small", small, (void *)small, 16, 64, BLOCKS, 2, {0}, {0}},
    {"mixed", mixed, (void *)mixed, 8, 4000, BLOCKS, 3, {0}, {0}},
    {"medium", medium, (void *)medium, 5000, 20000, 2000, 2, {0}, {0}},
    {"large", large, (void *)large, 60000, 120000, 300, 3, {0}, {0}},
    {"huge", huge, (void *)huge, 200000, 400000, 40, 2, {0}, {0}},
    {"churned", churned, (void *)churned, 16, 2000, BLOCKS, BLOCKS + 1, {0}, {0}},
    {"zeroed", zeroed, (void *)zeroed, 100, 1000, BLOCKS, 4, {0}, {0}},
    {"aligned", aligned, (void *)aligned, 100, 1000, BLOCKS, 4, {0}, {0}},
    {"regrown", regrown, (void *)regrow, 400, 3000, BLOCKS / 2, 4, {0}, {0}},
};

enum { WAYS = sizeof(ways) / sizeof(ways[0]) };

static void count(struct way *way, void *p, bool is_kept)
{
    uint64_t bytes = malloc_usable_size(p);
    way->truth.total_bytes += bytes;
    way->truth.total_blocks++;
    if (is_kept) {
        way->truth.live_bytes += bytes;
        way->truth.live_blocks++;
    }
}

static void go(struct way *way)
{
    uint64_t random = 12345;
    for (int i = 0; i < way->blocks; i++) {
        random = random * 6364136223846793005U + 1442695040888963407U;
        size_t bytes = way->least + (random >> 33) % (way->most - way->least);
        void *p = way->allocate(bytes);
        bool is_kept = (i + 1) % way->keep_one_in == 0;
        count(way, p, is_kept);
        if (is_kept)
            way->kept[i] = p;
        else
            free(p);
    }
}

static void *go_through(void *arg)
{
    for (int i = 0; i < WAYS; i++)
        go(&ways[i]);
    return arg;
}

static void tell(void)
{
    for (int i = 0; i < WAYS; i++) {
        const struct truth *truth = &ways[i].truth;
        printf("%s %llu %llu %llu %llu %llu\n", ways[i].name,
               (unsigned long long)(uintptr_t)ways[i].site,
               (unsigned long long)truth->live_bytes,
               (unsigned long long)truth->live_blocks,
               (unsigned long long)truth->total_bytes,
               (unsigned long long)truth->total_blocks);
    }
    puts("end");
    fflush(stdout);
}

static void free_all(void)
{
    for (int i = 0; i < WAYS; i++) {
        for (int k = 0; k < ways[i].blocks; k++)
            free(ways[i].kept[k]);
        memset(ways[i].kept, 0, sizeof(ways[i].kept));
        ways[i].truth.live_bytes = ways[i].truth.live_blocks = 0;
    }
}

/* Each line of input is a step: "go" through all ways, in a thread of its own
 * if "thread"; "free" all that is kept; anything else: only tell the truth. */
int main(void)
{
    char line[32];
    while (fgets(line, sizeof(line), stdin)) {
        pthread_t id;
        if (strcmp(line, "go\n") == 0)
            go_through(NULL);
        else if (strcmp(line, "thread\n") == 0 &&
                 pthread_create(&id, NULL, go_through, NULL) == 0)
            pthread_join(id, NULL);
        else if (strcmp(line, "free\n") == 0)
            free_all();
        tell();
    }
    return 0;
}
