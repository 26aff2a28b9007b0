/* The hole that an account of full pages has: a page becomes full, its thread
 * exits, others free blocks in it, another thread reclaims it and fills it
 * again.  Here it is built ROUNDS times, with mimalloc itself as the witness
 * that pages were full, abandoned and reclaimed, and two accounts are held
 * against the truth:
 *
 *     gcshim     what the shim says is used
 *     estimate   the sum of full pages, added when a page becomes full and
 *                subtracted when a block in a full page is freed; a page that
 *                is abandoned is no longer marked as full, but stays counted
 *
 * Prints one line of figures; exits with 0 if the shim's drift is 0 and the
 * scenario did take place in every round.
 */
#include "gcshim/gcshim.h"

#include <malloc.h>
#include <mimalloc.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    BLOCK_BYTES = 512,
    PAGE_SHIFT = 16, /* mimalloc's small pages begin at such a boundary */
    PAGES = 64,
    BLOCKS = 16 * 128,
};

static void *blocks[BLOCKS];

/* The pages of one round, as mimalloc describes them. */
struct page {
    uintptr_t number;
    uint64_t capacity_bytes;
    bool is_marked_full;
    bool was_full;
};
static struct page pages[PAGES];
static int page_count;

static int64_t estimate;
static uint64_t full_seen, reclaimed_seen;

static struct page *page_find(uintptr_t number)
{
    for (int i = 0; i < page_count; i++)
        if (pages[i].number == number)
            return &pages[i];
    return NULL;
}

static struct page *page_of_area(const mi_heap_area_t *area)
{
    uintptr_t number = (uintptr_t)area->blocks >> PAGE_SHIFT;
    struct page *page = page_find(number);
    if (!page && page_count < PAGES) {
        page = &pages[page_count++];
        *page = (struct page){.number = number,
                              .capacity_bytes = area->reserved};
    }
    return page;
}

/* Marks the calling thread's full pages, as mimalloc would when the last
 * block is taken. */
static bool mark_full(const mi_heap_t *heap, const mi_heap_area_t *area,
                      void *block, size_t block_size, void *arg)
{
    (void)heap, (void)block, (void)block_size, (void)arg;
    if (area->block_size != BLOCK_BYTES)
        return true;
    if ((area->used + 1) * BLOCK_BYTES <= area->reserved)
        return true;
    struct page *page = page_of_area(area);
    if (!page || page->is_marked_full)
        return true;
    full_seen++;
    reclaimed_seen += page->was_full;
    page->is_marked_full = page->was_full = true;
    estimate += (int64_t)page->capacity_bytes;
    return true;
}

static void allocate(int i)
{
    blocks[i] = malloc(BLOCK_BYTES);
}

static void release(int i)
{
    struct page *page = page_find((uintptr_t)blocks[i] >> PAGE_SHIFT);
    if (page && page->is_marked_full) {
        page->is_marked_full = false;
        estimate -= (int64_t)page->capacity_bytes;
    }
    free(blocks[i]);
    blocks[i] = NULL;
}

static void *fill_and_exit(void *arg)
{
    for (int i = 0; i < BLOCKS; i++)
        allocate(i);
    mi_heap_visit_blocks(mi_heap_get_default(), false, mark_full, NULL);
    return arg;
}

/* What becomes of the marks when mimalloc abandons a thread's pages. */
static void abandon_marks(void)
{
    for (int i = 0; i < page_count; i++)
        pages[i].is_marked_full = false;
}

static void *reclaim_and_fill(void *arg)
{
    for (int i = 0; i < BLOCKS; i += 2)
        allocate(i);
    mi_heap_visit_blocks(mi_heap_get_default(), false, mark_full, NULL);
    for (int i = 0; i < BLOCKS; i++)
        release(i);
    return arg;
}

static void in_a_thread(void *(*body)(void *))
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, body, NULL) != 0)
        abort();
    pthread_join(thread, NULL);
}

static void round_of(void)
{
    page_count = 0;
    in_a_thread(fill_and_exit);
    abandon_marks();
    for (int i = 0; i < BLOCKS; i += 2)
        release(i);
    in_a_thread(reclaim_and_fill);
}

int main(int argc, char **argv)
{
    long rounds = argc > 1 ? strtol(argv[1], NULL, 10) : 1000;
    if (!gcshim_used) {
        fprintf(stderr, "run this under libgcshim.so\n");
        return 2;
    }
    round_of(); /* libc's own memory for two threads is there from now on */
    estimate = 0;
    full_seen = reclaimed_seen = 0;

    uint64_t used = gcshim_used();
    uint64_t rounds_without = 0;
    for (long i = 0; i < rounds; i++) {
        uint64_t before = reclaimed_seen;
        round_of();
        rounds_without += reclaimed_seen == before;
    }
    int64_t drift = (int64_t)(gcshim_used() - used);
    printf("rounds %ld, pages that became full %lu, of them reclaimed %lu, "
           "drift of gcshim %ld bytes, of the estimate %ld bytes\n",
           rounds, full_seen, reclaimed_seen, (long)drift, (long)estimate);
    return drift != 0 || rounds_without != 0;
}
