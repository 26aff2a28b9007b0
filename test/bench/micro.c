/* Small loads, each printing nanoseconds a malloc and free, and the peak of
 * resident memory in KiB:
 *
 *   micro loop COUNT     one size, freed at once
 *   micro set COUNT      a random working set of 100,000 blocks
 *   micro heap COUNT     the same of 3,300,000 blocks, which are 1 GiB
 *   micro huge COUNT     256 KiB, freed at once
 *   micro large COUNT    16 blocks of 64 KiB to 16 MiB, taken in turn
 *   micro leavers COUNT  threads that each allocate a little and end
 *   micro threads COUNT  threads that do nothing
 *   micro grow COUNT     realloc from 16 bytes to 1 MiB, a tenth more each time
 *   micro aligned COUNT  a working set aligned to 16 to 4,096 bytes
 *   micro pair COUNT     one thread allocates, another frees
 *   micro many COUNT     as many threads as THREADS says, each a working set
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
    LARGE_BLOCKS = 16,
    LARGE_MIN = 64 * 1024,
    LEAVER_BLOCKS = 200,
    GROW_MAX = 1 << 20,
    ALIGNED_BLOCKS = 1000,
    MANY_BLOCKS = 2000,
    THREADS_MAX = 64,
    HUGE_BYTES = 256 * 1024,
};

static __thread uint64_t state = 88172645463325252;

static uint64_t next_random(void)
{
    uint64_t bits = state;
    bits ^= bits << 13;
    bits ^= bits >> 7;
    bits ^= bits << 17;
    return state = bits;
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

/* 64 KiB to 16 MiB, each doubling as often. */
static size_t large_size(void)
{
    uint64_t bits = next_random();
    size_t least = (size_t)LARGE_MIN << bits % 8;
    return least + (bits >> 32) % least;
}

static void large(long count)
{
    static void *block[LARGE_BLOCKS];
    for (long i = 0; i < count; i++) {
        void **at = &block[next_random() % LARGE_BLOCKS];
        free(*at);
        *at = ask(large_size());
    }
    for (size_t i = 0; i < LARGE_BLOCKS; i++)
        free(block[i]);
}

static void *leave(void *argument)
{
    void *block[LEAVER_BLOCKS];
    for (size_t i = 0; i < LEAVER_BLOCKS; i++)
        block[i] = ask(random_size());
    for (size_t i = 0; i < LEAVER_BLOCKS; i++)
        free(block[i]);
    return argument;
}

static void start(pthread_t *thread, void *(*body)(void *), void *argument)
{
    if (pthread_create(thread, NULL, body, argument))
        abort();
}

static void *do_nothing(void *argument)
{
    return argument;
}

/* Two at a time: one begins while the other ends. */
static void begin_and_end(long count, void *(*body)(void *))
{
    pthread_t thread[2];
    start(&thread[0], body, NULL);
    for (long i = 1; i < count; i++) {
        start(&thread[i % 2], body, NULL);
        pthread_join(thread[(i + 1) % 2], NULL);
    }
    pthread_join(thread[(count + 1) % 2], NULL);
}

static void leavers(long count)
{
    begin_and_end(count, leave);
}

static void threads(long count)
{
    begin_and_end(count, do_nothing);
}

static void grow(long count)
{
    size_t size = 16;
    char *block = NULL;
    for (long i = 0; i < count; i++) {
        block = realloc(block, size);
        block[size - 1] = 1;
        size += size / 10 + 1;
        if (size > GROW_MAX) {
            free(block);
            block = NULL;
            size = 16;
        }
    }
    free(block);
}

static void aligned(long count)
{
    static void *block[ALIGNED_BLOCKS];
    for (long i = 0; i < count; i++) {
        void **at = &block[next_random() % ALIGNED_BLOCKS];
        free(*at);
        if (posix_memalign(at, (size_t)16 << next_random() % 9, random_size()))
            abort();
    }
    for (size_t i = 0; i < ALIGNED_BLOCKS; i++)
        free(block[i]);
}

struct worker {
    pthread_t thread;
    uint64_t seed;
    long count;
};

static void *work(void *argument)
{
    const struct worker *worker = argument;
    void *block[MANY_BLOCKS] = {0};
    state = worker->seed;
    for (long i = 0; i < worker->count; i++) {
        void **at = &block[next_random() % MANY_BLOCKS];
        free(*at);
        *at = ask(random_size());
    }
    for (size_t i = 0; i < MANY_BLOCKS; i++)
        free(block[i]);
    return NULL;
}

static void many(long count)
{
    struct worker worker[THREADS_MAX];
    const char *text = getenv("THREADS");
    long workers = text ? atol(text) : 4;
    if (workers < 1 || workers > THREADS_MAX)
        abort();
    for (long i = 0; i < workers; i++) {
        worker[i].seed = 88172645463325252 + (uint64_t)i;
        worker[i].count = count / workers;
        start(&worker[i].thread, work, &worker[i]);
    }
    for (long i = 0; i < workers; i++)
        pthread_join(worker[i].thread, NULL);
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
        while (i - atomic_load_explicit(&emptied, memory_order_acquire) == RING)
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

/* What was resident at most, in KiB, as the kernel counts it. */
static long peak_kib(void)
{
    static char text[8192];
    FILE *status = fopen("/proc/self/status", "r");
    size_t bytes = status ? fread(text, 1, sizeof(text) - 1, status) : 0;
    const char *line = strstr(text, "VmHWM:");
    if (status)
        fclose(status);
    return bytes && line ? atol(line + strlen("VmHWM:")) : 0;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(long count);
    } loads[] = {
        {"loop", loop},       {"set", set},         {"heap", heap},
        {"huge", huge},       {"large", large},     {"leavers", leavers},
        {"threads", threads}, {"grow", grow},       {"aligned", aligned},
        {"pair", pair},       {"many", many},
    };
    long count = argc > 2 ? atol(argv[2]) : 0;
    for (size_t i = 0; count > 0 && i < sizeof loads / sizeof *loads; i++) {
        if (strcmp(argv[1], loads[i].name))
            continue;
        double start = now_ns();
        loads[i].run(count);
        double each_ns = (now_ns() - start) / (double)count;
        printf("%.3f %ld\n", each_ns, peak_kib());
        return 0;
    }
    fputs("usage: micro loop|set|heap|huge|large|leavers|threads|grow|"
          "aligned|pair|many COUNT\n",
          stderr);
    return 64;
}
