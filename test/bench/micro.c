/* Small loads, each printing nanoseconds a malloc and free:
 *
 *   micro loop COUNT     one size, freed at once
 *   micro set COUNT      a random working set of 100,000 blocks
 *   micro heap COUNT     the same of 3,300,000 blocks, which are 1 GiB
 *   micro huge COUNT     256 KiB, freed at once
 *   micro pair COUNT     one thread allocates, another frees
 */
#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    SET_BLOCKS = 100000,
    HEAP_BLOCKS = 3300000,
    RING = 4096,
    SAME_BYTES = 32,
    HUGE_BYTES = 256 * 1024,
};

static uint64_t state = 88172645463325252;

static uint64_t next_random(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

/* 16 to 512 bytes, one in 64 sixteen times that. */
static size_t random_size(void)
{
    uint64_t bits = next_random();
    size_t size = 16 + bits % 497;
    return bits >> 58 ? size : size * 16;
}

static void *ask(size_t size)
{
    char *block = malloc(size);
    if (!block)
        abort();
    block[0] = 1; /* as a program would touch it */
    return block;
}

static void loop(long count)
{
    for (long i = 0; i < count; i++)
        free(ask(SAME_BYTES));
}

static void huge(long count)
{
    for (long i = 0; i < count; i++)
        free(ask(HUGE_BYTES));
}

static void replace_at_random(long count, size_t blocks)
{
    static void *block[HEAP_BLOCKS];
    for (size_t i = 0; i < blocks; i++)
        block[i] = ask(random_size());
    for (long i = (long)blocks; i < count; i++) {
        void **at = &block[next_random() % blocks];
        free(*at);
        *at = ask(random_size());
    }
    for (size_t i = 0; i < blocks; i++)
        free(block[i]);
}

static void set(long count)
{
    replace_at_random(count, SET_BLOCKS);
}

static void heap(long count)
{
    replace_at_random(count, HEAP_BLOCKS);
}

/* One writer, one reader: each index is stored by one thread only. */
static void *ring[RING];
static alignas(128) _Atomic size_t filled;
static alignas(128) _Atomic size_t emptied;

/* The producer's index is released after its block is in the ring. */
static void *consume(void *argument)
{
    size_t count = *(size_t *)argument;
    for (size_t i = 0; i < count; i++) {
        while (atomic_load_explicit(&filled, memory_order_acquire) == i)
            ;
        free(ring[i % RING]);
        atomic_store_explicit(&emptied, i + 1, memory_order_release);
    }
    return NULL;
}

static void pair(long how_many)
{
    size_t count = (size_t)how_many;
    pthread_t consumer;
    if (pthread_create(&consumer, NULL, consume, &count))
        abort();
    for (size_t i = 0; i < count; i++) {
        while (i - atomic_load_explicit(&emptied, memory_order_acquire) ==
               RING)
            ;
        ring[i % RING] = ask(random_size());
        atomic_store_explicit(&filled, i + 1, memory_order_release);
    }
    pthread_join(consumer, NULL);
}

static double now_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(long count);
    } loads[] = {{"loop", loop}, {"set", set}, {"heap", heap},
                 {"huge", huge}, {"pair", pair}};
    long count = argc > 2 ? atol(argv[2]) : 0;
    for (size_t i = 0; count > 0 && i < sizeof loads / sizeof *loads; i++) {
        if (strcmp(argv[1], loads[i].name))
            continue;
        double start = now_ns();
        loads[i].run(count);
        printf("%.3f\n", (now_ns() - start) / (double)count);
        return 0;
    }
    fputs("usage: micro loop|set|heap|huge|pair COUNT\n", stderr);
    return 64;
}
