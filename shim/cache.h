/* A thread's cache: blocks that it has freed, kept for what it asks for next,
 * a list for each size class.
 *
 * To the account a block in here is free; to mimalloc it is used.  How many
 * may lie here is bounded for each class, all together by GCSHIM_CACHE.  A
 * list that is full gives half of it back, and one that has not been used for
 * a while all of it; all lists are given back where the thread ends or
 * mimalloc runs out of memory, and on a request to trim.
 *
 * The lists are arrays beside the blocks, and not made of the blocks: so
 * neither a free nor a malloc waits for memory that the program may have left
 * long ago, and a program that writes to a freed block spoils no list.
 *
 * A signal handler may come between any two instructions and may allocate.
 * Whoever works on a thread's lists puts others in their place meanwhile, that
 * are empty and have no room: so a handler goes to mimalloc.  A thread without
 * a slot has such lists always; and with GCSHIM_CACHE_DEBUG every thread, which
 * sends each call through the checks of cache.c.
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

/* At a tick: now and then publishes, if blocks have come or gone, and gives
 * back what is of no use. */
void cache_tick(bool may_have_changed);

/* Where a list is full, or there is none: makes room and keeps the block, or
 * gives it to mimalloc. */
COLD void cache_put_slow(void *p, unsigned class);

/* With GCSHIM_CACHE_DEBUG, where cache_take() has nothing ever: a block that
 * nobody has written to since it was freed. */
COLD void *cache_take_checked(unsigned class);

/* Likewise: what is handed out does not look like what was freed. */
COLD void cache_mark_fresh(void *p, size_t bytes);

static inline struct cache_lists *cache_enter(void)
{
    struct cache_lists *lists = thread.cache.lists;
    thread.cache.lists = CACHE_BUSY;
    atomic_signal_fence(memory_order_seq_cst);
    return lists;
}

static inline void cache_leave(struct cache_lists *lists)
{
    atomic_signal_fence(memory_order_seq_cst);
    thread.cache.lists = lists;
}

/* A block of that class; NULL where there is none. */
static inline void *cache_take(unsigned class)
{
    struct cache_lists *lists = cache_enter();
    struct cache_list *list = &lists->of[class];
    void *p = list->count ? list->blocks[--list->count] : NULL;
    cache_leave(lists);
    return p;
}

/* Between enter and leave. */
static inline bool cache_is_full(const struct cache_list *list)
{
    return list->count == list->max;
}

/* Between enter and leave, where there is room. */
static inline void cache_push(struct cache_list *list, void *p)
{
    list->blocks[list->count++] = p;
}

/* p: a block of that class, freed. */
static inline void cache_put(void *p, unsigned class)
{
    struct cache_lists *lists = cache_enter();
    struct cache_list *list = &lists->of[class];
    bool is_full = cache_is_full(list);
    if (LIKELY(!is_full))
        cache_push(list, p);
    cache_leave(lists);
    if (UNLIKELY(is_full))
        cache_put_slow(p, class);
}

#endif
