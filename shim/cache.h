/* A thread's cache: blocks that it has freed, kept for what it asks for next,
 * a list for each size class.
 *
 * To the account a block in here is free; to mimalloc it is used.  How many
 * may lie here is bounded for each class, all together by GCSHIM_CACHE.  A
 * list that is full gives half of it back; all of them are given back where
 * the thread ends or mimalloc runs out of memory, and on a request to trim.
 *
 * The lists are arrays beside the blocks, and not made of the blocks: so
 * neither a free nor a malloc waits for memory that the program may have left
 * long ago, and a program that writes to a freed block spoils no list.
 *
 * A thread without a slot has no cache: its lists are empty and have no room.
 *
 * A signal handler may come between any two instructions and may allocate.
 * Whoever works on the lists says so in thread.cache.busy, and a handler that
 * finds that set goes to mimalloc.  With GCSHIM_CACHE_DEBUG it is always set,
 * which sends every call through the checks of cache.c.
 */
#ifndef SHIM_CACHE_H
#define SHIM_CACHE_H

#include "class.h"
#include "thread.h"

/* Once a process, when the settings are known. */
void cache_start(void);

/* Has room from now on, as GCSHIM_CACHE says; where it has, nothing is done. */
void cache_open(void);

/* Gives all blocks back, and has no room any more: the slot may be another's.
 * False, with nothing done, where a handler has come in the middle of
 * something. */
bool cache_close(void);

/* Gives all blocks back.  Also within mimalloc's call for deferred frees. */
void cache_flush(void);

/* What the calling thread's holds: blocks, and the arrays. */
uint64_t cache_bytes(void);

/* The same into its slot. */
void cache_publish(void);

/* Where a list is full, or there is no cache: makes room and keeps the block,
 * or gives it to mimalloc. */
COLD void cache_put_slow(void *p, unsigned class);

/* With GCSHIM_CACHE_DEBUG, where cache_take() has nothing ever: a block that
 * nobody has written to since it was freed. */
COLD void *cache_take_checked(unsigned class);

/* Likewise: what is handed out does not look like what was freed. */
COLD void cache_mark_fresh(void *p, size_t bytes);

static inline void cache_enter(void)
{
    thread.cache.busy = true;
    atomic_signal_fence(memory_order_seq_cst);
}

static inline void cache_leave(void)
{
    atomic_signal_fence(memory_order_seq_cst);
    thread.cache.busy = false;
}

/* A block of that class, NULL where there is none. */
static inline void *cache_take(unsigned class)
{
    struct cache_list *list = &thread.cache.lists[class];
    void *p = NULL;
    if (UNLIKELY(thread.cache.busy))
        return NULL;
    cache_enter();
    if (LIKELY(list->count > 0))
        p = list->blocks[--list->count];
    cache_leave();
    return p;
}

/* p: a block of that class, freed. */
static inline void cache_put(void *p, unsigned class)
{
    struct cache_list *list = &thread.cache.lists[class];
    if (UNLIKELY(thread.cache.busy || list->count == list->max)) {
        cache_put_slow(p, class);
        return;
    }
    cache_enter();
    list->blocks[list->count++] = p;
    cache_leave();
}

#endif
