/* Pages cut for one size after another, over-aligned blocks amid ordinary
 * ones, pages that exited threads left: each block must be of the size that it
 * had when it was handed out, and nobody else's.
 *
 *     classes [ROUNDS]
 *
 * Exits with 1 where a block has changed, or used is not what it was before.
 */
#include "gcshim/gcshim.h"

#include <malloc.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    BLOCKS = 4000,
    BYTES_MAX = 40 * 1024,
    BATCH_BYTES = 4 * 1024 * 1024, /* some 64 pages */
    ALIGNMENTS = 10,               /* 16 bytes to 8 KiB */
    ALIGNED_SHARE = 16,
};

struct block {
    unsigned char *p;
    size_t usable;
    unsigned char tag;
};

struct batch {
    struct block blocks[BLOCKS];
    size_t count;
    uint64_t random;
};

static uint64_t next_random(struct batch *batch)
{
    batch->random ^= batch->random << 13;
    batch->random ^= batch->random >> 7;
    batch->random ^= batch->random << 17;
    return batch->random;
}

static void fail(const char *what, const struct block *block)
{
    fprintf(stderr, "classes: %s: block %p of %zu bytes, now of %zu\n", what,
            (void *)block->p, block->usable, malloc_usable_size(block->p));
    exit(1);
}

static void *ask(struct batch *batch, size_t bytes)
{
    void *p = NULL;
    size_t alignment = (size_t)16 << next_random(batch) % ALIGNMENTS;
    switch (next_random(batch) % ALIGNED_SHARE) {
    case 0:
        return posix_memalign(&p, alignment, bytes) ? NULL : p;
    case 1:
        return calloc(1, bytes);
    case 2:
        return realloc(malloc(bytes / 3 + 1), bytes);
    default:
        return malloc(bytes);
    }
}

static void add(struct batch *batch, size_t bytes)
{
    struct block *block = &batch->blocks[batch->count++];
    block->p = ask(batch, bytes);
    if (!block->p)
        exit(2);
    block->usable = malloc_usable_size(block->p);
    block->tag = (unsigned char)next_random(batch);
    if (block->usable < bytes)
        fail("too small", block);
    memset(block->p, block->tag, block->usable);
}

static bool is_whole(const struct block *block)
{
    for (size_t i = 0; i < block->usable; i++)
        if (block->p[i] != block->tag)
            return false;
    return true;
}

static void take_away(struct batch *batch, size_t at)
{
    struct block *block = &batch->blocks[at];
    if (malloc_usable_size(block->p) != block->usable)
        fail("another size", block);
    if (!is_whole(block))
        fail("overwritten", block);
    free(block->p);
    *block = batch->blocks[--batch->count];
}

/* Sizes of one class, and of its neighbours. */
static size_t next_size(struct batch *batch, size_t around)
{
    size_t bytes = around + next_random(batch) % (around / 4 + 1);
    return bytes < BYTES_MAX ? bytes : BYTES_MAX;
}

static void *fill(void *arg)
{
    struct batch *batch = arg;
    size_t around = (size_t)1 << next_random(batch) % 16;
    size_t bytes = 0;
    while (batch->count < BLOCKS && bytes < BATCH_BYTES) {
        add(batch, next_size(batch, around));
        bytes += batch->blocks[batch->count - 1].usable;
        if (next_random(batch) % 8 == 0)
            take_away(batch, next_random(batch) % batch->count);
    }
    return NULL;
}

static void *drain(void *arg)
{
    struct batch *batch = arg;
    while (batch->count > 0)
        take_away(batch, next_random(batch) % batch->count);
    return NULL;
}

static void in_thread(void *(*body)(void *), struct batch *batch)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, body, batch) ||
        pthread_join(thread, NULL))
        exit(2);
}

/* Here or in a thread that then exits, and leaves what is still in use. */
static void somewhere(void *(*body)(void *), struct batch *batch)
{
    if (next_random(batch) % 2)
        in_thread(body, batch);
    else
        body(batch);
}

int main(int argc, char **argv)
{
    static struct batch batches[2] = {{.random = 88172645463325252},
                                      {.random = 362436069}};
    long rounds = argc > 1 ? atol(argv[1]) : 100;
    in_thread(fill, &batches[0]); /* what threads need once */
    drain(&batches[0]);
    uint64_t before = gcshim_used();
    for (long i = 0; i < rounds; i++) {
        somewhere(fill, &batches[i % 2]);
        somewhere(drain, &batches[(i + 1) % 2]);
    }
    drain(&batches[0]);
    drain(&batches[1]);
    long drift = (long)(gcshim_used() - before);
    printf("rounds %ld, drift %ld bytes\n", rounds, drift);
    return drift != 0;
}
