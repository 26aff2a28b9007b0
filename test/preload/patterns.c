/* Every way in which memory can be held: patterns HOW [NUMBER].
 *
 * Each prints what it knows by itself of what it did, one JSON object a line:
 * bytes are sums of malloc_usable_size() over its own blocks, or of what it
 * mapped and touched.  Then it waits.  A line "tick" makes the thread that
 * waits allocate and free again, with nothing left of it; "next" goes on to
 * the pattern's next state, if it has one; the end of the input ends it.
 *
 * Blocks are chained through themselves, so that there is no table beside
 * them. */
#include "ledger.h"

#include <mimalloc.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>

enum {
    KIB = 1 << 10,
    MIB = 1 << 20,
    SMALL = 48,
    STEP = 16, /* one block in so many is kept */
    THREADS = 8,
    STACKS = 64,
    HUGE_KEPT = 30,
    CHURN_BYTES = 16 * MIB,
};

static uint64_t random_state = 88172645463325252;

/* --------------------------------------------------------- conversation */

static char line[8192];
static size_t line_length;

__attribute__((format(printf, 1, 2))) static void put(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    line_length += (size_t)vsnprintf(line + line_length,
                                     sizeof line - line_length, format, args);
    va_end(args);
}

static void put_end(void)
{
    put("}\n");
    say(line, (int)line_length);
    line_length = 0;
}

/* Blocks of 64 KiB: each has the shim's slow path to itself. */
static void churn(void)
{
    for (int i = 0; i < CHURN_BYTES / (64 * KIB); i++) {
        void *volatile block = malloc(64 * KIB);
        free(block);
    }
}

/* False at the end of the input. */
static bool hear_next(void)
{
    char word[16];
    for (;;) {
        size_t length = 0;
        do {
            if (read(STDIN_FILENO, &word[length], 1) != 1)
                return false;
        } while (word[length] != '\n' && ++length < sizeof word - 1);
        if (strncmp(word, "tick", 4) != 0)
            return true;
        churn();
        put("{\"ticked\": true");
        put_end();
    }
}

/* ---------------------------------------------------------------- chains */

struct block {
    struct block *next;
};

struct chain {
    struct block *first, *last;
    uint64_t bytes, blocks;
};

static void *touched(size_t bytes)
{
    void *block = malloc(bytes);
    if (!block)
        abort();
    return memset(block, 1, bytes);
}

/* Blocks of so many bytes each, or of all sizes up to 1 KiB where that is
 * 0. */
static struct chain filled(size_t bytes_each, uint64_t bytes)
{
    struct chain chain = {0};
    while (chain.bytes < bytes) {
        size_t size = bytes_each ? bytes_each
                                 : sizeof(struct block) +
                                       next_random(&random_state) % KIB;
        struct block *block = touched(size);
        block->next = NULL;
        if (chain.last)
            chain.last->next = block;
        else
            chain.first = block;
        chain.last = block;
        chain.bytes += malloc_usable_size(block);
        chain.blocks++;
    }
    return chain;
}

/* Frees all but one in so many; 0: all. */
static void thin(struct chain *chain, uint64_t step)
{
    struct block *block = chain->first;
    *chain = (struct chain){0};
    for (uint64_t i = 0; block; i++) {
        struct block *next = block->next;
        if (step && i % step == 0) {
            block->next = chain->first;
            chain->first = block;
            chain->bytes += malloc_usable_size(block);
            chain->blocks++;
        } else {
            free(block);
        }
        block = next;
    }
}

/* Frees from the front until so many bytes are left. */
static void cut(struct chain *chain, uint64_t bytes)
{
    while (chain->bytes > bytes) {
        struct block *block = chain->first;
        chain->first = block->next;
        chain->bytes -= malloc_usable_size(block);
        chain->blocks--;
        free(block);
    }
}

static void tell(const struct chain *kept, uint64_t freed_bytes)
{
    put("{\"kept\": %lu, \"blocks\": %lu, \"freed\": %lu",
        (unsigned long)kept->bytes, (unsigned long)kept->blocks,
        (unsigned long)freed_bytes);
    put_end();
}

static pthread_t start(void *(*body)(void *), void *arg)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, body, arg) != 0)
        abort();
    return thread;
}

/* -------------------------------------------------------- one thread's own */

static void in_use(size_t size)
{
    struct chain chain = filled(size, 64 * MIB);
    tell(&chain, 0);
    hear_next();
}

static void holes(size_t size)
{
    struct chain chain = filled(size ? size : SMALL, 128 * MIB);
    uint64_t bytes = chain.bytes;
    thin(&chain, STEP);
    tell(&chain, bytes - chain.bytes);
    hear_next();
}

/* Most of what is in use is of one size, and most holes of another. */
static void pinned(size_t size)
{
    struct chain beside = filled(1000, 24 * MIB);
    struct chain chain = filled(size ? size : SMALL, 128 * MIB);
    uint64_t bytes = chain.bytes;
    thin(&chain, STEP);
    chain.bytes += beside.bytes;
    chain.blocks += beside.blocks;
    tell(&chain, bytes + beside.bytes - chain.bytes);
    hear_next();
}

static void nothing_kept(size_t size)
{
    struct chain chain = filled(size, 128 * MIB);
    uint64_t bytes = chain.bytes;
    thin(&chain, 0);
    tell(&chain, bytes);
    hear_next();
}

/* What was asked for first is free, a quarter is left: whole pages of each. */
static void last_quarter(size_t size)
{
    struct chain chain = filled(size ? size : SMALL, 128 * MIB);
    uint64_t bytes = chain.bytes;
    cut(&chain, bytes / 4);
    tell(&chain, bytes - chain.bytes);
    hear_next();
}

/* ------------------------------------------------------------- many threads */

static struct chain handed_over;

static void *fill_and_exit(void *arg)
{
    handed_over = filled(SMALL, 64 * MIB);
    return arg;
}

/* Takes blocks of the same size until mimalloc has given this thread's heap
 * the pages that the other one left, as far as it does; then keeps still. */
static void *reclaim(void *arg)
{
    struct chain more = filled(SMALL, 64 * MIB);
    mi_heap_t *heap = mi_heap_get_default();
    uint64_t reclaimed = 0;
    (void)arg;
    for (struct block *b = handed_over.first; b; b = b->next)
        if (mi_heap_contains_block(heap, b))
            reclaimed += malloc_usable_size(b);
    put("{\"kept\": %lu, \"reclaimed\": %lu",
        (unsigned long)(handed_over.bytes + more.bytes),
        (unsigned long)reclaimed);
    put_end();
    hear_next();
    return NULL;
}

/* A thread leaves blocks behind; then another one takes their pages over. */
static void orphans(size_t step)
{
    pthread_join(start(fill_and_exit, NULL), NULL);
    uint64_t bytes = handed_over.bytes;
    if (step)
        thin(&handed_over, step);
    tell(&handed_over, bytes - handed_over.bytes);
    if (hear_next())
        pthread_join(start(reclaim, NULL), NULL);
}

static pthread_barrier_t barrier;

static void *produce(void *arg)
{
    handed_over = filled(SMALL, 128 * MIB);
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    /* Only the thread itself learns which of its blocks others have freed. */
    churn();
    tell(&handed_over, *(uint64_t *)arg);
    hear_next();
    return NULL;
}

/* One thread allocates, another one frees all, or all but one in so many. */
static void relay(size_t step)
{
    uint64_t freed = 0;
    pthread_barrier_init(&barrier, NULL, 2);
    pthread_t producer = start(produce, &freed);
    pthread_barrier_wait(&barrier);
    freed = handed_over.bytes;
    thin(&handed_over, step);
    freed -= handed_over.bytes;
    tell(&handed_over, freed);
    if (!hear_next())
        return;
    pthread_barrier_wait(&barrier);
    pthread_join(producer, NULL);
}

static struct chain owned[THREADS];

static void *own(void *arg)
{
    struct chain *chain = arg;
    *chain = filled(SMALL, (uint64_t)(chain - owned + 1) * 2 * MIB);
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    return NULL;
}

/* Threads that own 2 MiB, 4 MiB, and so on, and live. */
static void owners(size_t number)
{
    (void)number;
    pthread_barrier_init(&barrier, NULL, THREADS + 1);
    for (int i = 0; i < THREADS; i++)
        start(own, &owned[i]);
    pthread_barrier_wait(&barrier);
    put("{\"threads\": [");
    for (int i = 0; i < THREADS; i++)
        put("%s%lu", i ? ", " : "", (unsigned long)owned[i].bytes);
    put("]");
    put_end();
    hear_next();
}

/* ------------------------------------------------------------- huge blocks */

struct huge {
    void *block;
    size_t bytes;
};

static void huge_tell(const struct huge *huge, int count)
{
    uint64_t bytes = 0;
    put("{\"huge\": {");
    for (int i = 0; i < count; i++) {
        bytes += huge[i].bytes;
        put("%s\"%lu\": %lu", i ? ", " : "",
            (unsigned long)(uintptr_t)huge[i].block,
            (unsigned long)huge[i].bytes);
    }
    put("}, \"kept\": %lu, \"blocks\": %d", (unsigned long)bytes, count);
    put_end();
}

static struct huge huge_block(size_t bytes)
{
    void *block = touched(bytes);
    return (struct huge){block, malloc_usable_size(block)};
}

/* From 200 KiB to 4 MiB; the last ones above 16 MiB, where mimalloc asks the
 * system for each. */
static void huge(size_t number)
{
    struct huge kept[HUGE_KEPT];
    (void)number;
    for (int i = 0; i < HUGE_KEPT - 2; i++) {
        size_t bytes = 200 * KIB + next_random(&random_state) % (4 * MIB);
        kept[i] = huge_block(bytes);
        free(touched(bytes / 2));
    }
    kept[HUGE_KEPT - 2] = huge_block(17 * MIB);
    kept[HUGE_KEPT - 1] = huge_block(40 * MIB + 1);
    huge_tell(kept, HUGE_KEPT);
    hear_next();
}

/* Each is freed at once, save for a few. */
static void huge_loop(size_t count)
{
    struct huge kept[4];
    for (size_t i = 0; i < count; i++) {
        void *volatile block = malloc(256 * KIB);
        *(char *)block = 1;
        if (i % (count / 4) == 0)
            kept[i / (count / 4)] =
                (struct huge){block, malloc_usable_size(block)};
        else
            free(block);
    }
    huge_tell(kept, 4);
    hear_next();
}

/* Hardly touched, so that thousands take no memory. */
static void huge_many(size_t count)
{
    struct chain chain = {0};
    for (size_t i = 0; i < count; i++) {
        struct block *block = malloc(200 * KIB);
        if (!block)
            abort();
        block->next = chain.first;
        chain.first = block;
        chain.bytes += malloc_usable_size(block);
        chain.blocks++;
    }
    tell(&chain, 0);
    if (!hear_next())
        return;
    uint64_t bytes = chain.bytes;
    thin(&chain, 0);
    tell(&chain, bytes);
    hear_next();
}

/* --------------------------------------------------------- outside malloc */

static void mapped_tell(uint64_t bytes)
{
    put("{\"mapped\": %lu, \"kept\": 0", (unsigned long)bytes);
    put_end();
    hear_next();
}

static void map_and_touch(size_t bytes, int protection)
{
    void *at =
        mmap(NULL, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED)
        _exit(5);
    memset(at, 0xc3, bytes);
    mapped_tell(bytes);
}

static void mapped(size_t number)
{
    (void)number;
    map_and_touch(96 * MIB, PROT_READ | PROT_WRITE);
}

static void code(size_t number)
{
    (void)number;
    map_and_touch(48 * MIB, PROT_READ | PROT_WRITE | PROT_EXEC);
}

static void heap(size_t number)
{
    (void)number;
    void *at = sbrk(32 * MIB);
    if (at == (void *)-1)
        _exit(5);
    memset(at, 1, 32 * MIB);
    mapped_tell(32 * MIB);
}

static void *use_stack(void *arg)
{
    volatile char room[MIB];
    for (size_t i = 0; i < sizeof room; i += KIB)
        room[i] = 1;
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    return arg;
}

static void stacks(size_t number)
{
    (void)number;
    pthread_barrier_init(&barrier, NULL, STACKS + 1);
    for (int i = 0; i < STACKS; i++)
        start(use_stack, NULL);
    pthread_barrier_wait(&barrier);
    mapped_tell((uint64_t)STACKS * MIB);
}

/* ------------------------------------------------------------------- main */

static const struct pattern {
    const char *name;
    void (*run)(size_t number);
} patterns[] = {
    {"in_use", in_use},
    {"holes", holes},
    {"pinned", pinned},
    {"nothing_kept", nothing_kept},
    {"last_quarter", last_quarter},
    {"orphans", orphans},
    {"relay", relay},
    {"owners", owners},
    {"huge", huge},
    {"huge_loop", huge_loop},
    {"huge_many", huge_many},
    {"mapped", mapped},
    {"code", code},
    {"heap", heap},
    {"stacks", stacks},
};

int main(int argc, char **argv)
{
    size_t number = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++)
        if (argc > 1 && strcmp(argv[1], patterns[i].name) == 0) {
            patterns[i].run(number);
            return 0;
        }
    fprintf(stderr, "usage: patterns HOW [NUMBER]\n");
    return 2;
}
