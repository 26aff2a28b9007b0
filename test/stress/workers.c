#include "workers.h"

#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { HELD = 4096, MAILBOXES = 256, LARGE_ONE_IN = 64, HUGE_ONE_IN = 4096 };

/* Written by its thread alone, read by the controller at rest. */
struct worker {
    _Atomic int in_flight;
    _Atomic int64_t bytes;
    _Atomic int64_t blocks;
    _Atomic uint64_t operations;
    uint64_t random;
    void *held[HELD];
    pthread_t thread;
};

static struct worker workers[WORKERS_MAX];
static _Atomic(void *) mailboxes[MAILBOXES];
static int worker_count;
static unsigned pause_loops;

static _Atomic bool paused, stopping;
static _Atomic int resting;

static uint64_t next_random(struct worker *worker)
{
    worker->random ^= worker->random << 13;
    worker->random ^= worker->random >> 7;
    worker->random ^= worker->random << 17;
    return worker->random;
}

static size_t random_size(struct worker *worker)
{
    uint64_t random = next_random(worker);
    if (random % HUGE_ONE_IN == 0)
        return random >> 40; /* up to 16 MiB */
    if (random % LARGE_ONE_IN == 0)
        return random >> 46; /* up to 256 KiB */
    return random >> 54;     /* up to 1 KiB */
}

static void note(struct worker *worker, void *p, int sign)
{
    if (!p)
        return;
    atomic_store(&worker->bytes,
                 worker->bytes + sign * (int64_t)malloc_usable_size(p));
    atomic_store(&worker->blocks, worker->blocks + sign);
}

static void *allocate(struct worker *worker)
{
    size_t size = random_size(worker);
    size_t alignment = (size_t)16 << (next_random(worker) % 9);
    void *p;
    switch (next_random(worker) % 4) {
    case 0:
        p = calloc(1, size);
        break;
    case 1:
        p = aligned_alloc(alignment, size);
        break;
    default:
        p = malloc(size);
    }
    note(worker, p, 1);
    if (p && size)
        memset(p, 1, size < 64 ? size : 64);
    return p;
}

static void release(struct worker *worker, void *p)
{
    note(worker, p, -1);
    free(p);
}

static void *resize(struct worker *worker, void *p)
{
    size_t size = random_size(worker) + 1;
    int64_t old = p ? (int64_t)malloc_usable_size(p) : 0;
    void *moved = realloc(p, size);
    if (!moved)
        return p;
    atomic_store(&worker->bytes, worker->bytes - old +
                                     (int64_t)malloc_usable_size(moved));
    if (!p)
        atomic_store(&worker->blocks, worker->blocks + 1);
    return moved;
}

/* One operation on a random block of this worker or in a random mailbox. */
static void operate(struct worker *worker)
{
    uint64_t random = next_random(worker);
    void **held = &worker->held[(random >> 8) % HELD];
    switch (random % 4) {
    case 0:
        *held = resize(worker, *held);
        break;
    case 1: /* to whoever comes next; what lay there is ours */
        *held = atomic_exchange(&mailboxes[(random >> 32) % MAILBOXES], *held);
        break;
    default:
        release(worker, *held);
        *held = random % 3 ? allocate(worker) : NULL;
    }
}

static void idle(void)
{
    for (volatile unsigned i = 0; i < pause_loops; i++) {
    }
}

static void rest(void)
{
    atomic_fetch_add(&resting, 1);
    while (atomic_load(&paused) && !atomic_load(&stopping))
        sched_yield();
    atomic_fetch_sub(&resting, 1);
}

static void *work(void *arg)
{
    struct worker *worker = arg;
    while (!atomic_load(&stopping)) {
        if (atomic_load(&paused))
            rest();
        atomic_store(&worker->in_flight, 1);
        operate(worker);
        atomic_store(&worker->operations, worker->operations + 1);
        atomic_store(&worker->in_flight, 0);
        idle();
    }
    return NULL;
}

static void await_rest(void)
{
    while (atomic_load(&resting) < worker_count)
        sched_yield();
}

static void threads_start(void)
{
    atomic_store(&stopping, false);
    atomic_store(&paused, true);
    for (int i = 0; i < worker_count; i++)
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
            abort();
    await_rest();
}

static void threads_join(void)
{
    atomic_store(&stopping, true);
    for (int i = 0; i < worker_count; i++)
        pthread_join(workers[i].thread, NULL);
}

void workers_start(int count, unsigned idle_loops, uint64_t seed)
{
    worker_count = count;
    pause_loops = idle_loops;
    for (int i = 0; i < count; i++)
        workers[i].random = seed * 1000003 + (uint64_t)i * 7919 + 1;
    threads_start();
}

void workers_resume(void)
{
    atomic_store(&paused, false);
}

void workers_pause(void)
{
    atomic_store(&paused, true);
    await_rest();
}

void workers_renew(void)
{
    threads_join();
    threads_start();
}

void workers_release(void)
{
    for (int i = 0; i < worker_count; i++)
        for (int j = 0; j < HELD; j++) {
            release(&workers[i], workers[i].held[j]);
            workers[i].held[j] = NULL;
        }
    for (int i = 0; i < MAILBOXES; i++)
        release(&workers[0], atomic_exchange(&mailboxes[i], NULL));
}

void workers_stop(void)
{
    threads_join();
}

struct workers_truth workers_truth(void)
{
    struct workers_truth truth = {0};
    for (int i = 0; i < worker_count; i++) {
        truth.bytes += workers[i].bytes;
        truth.blocks += workers[i].blocks;
        truth.operations += workers[i].operations;
        truth.in_flight += workers[i].in_flight;
    }
    return truth;
}
