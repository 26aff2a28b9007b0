/* What a thread knows of itself, in its thread-local storage.
 *
 * A thread holds a slot as long as it has a heap in mimalloc:
 *
 *     none --first malloc or free--> owner --mimalloc gives up the
 *     thread's heap--> late --malloc--> owner ...
 *
 * mimalloc learns of a thread's exit through its own pthread key and then
 * calls the deferred-free hook with force set, which is how we learn of it
 * without a key of our own.  (A destructor of the C++ runtime would serve
 * too, but to register one takes the loader's lock, and a constructor under
 * dlopen that waits for a new thread would hang.)  mimalloc also calls so
 * when memory is short; then the thread's next malloc takes the slot back.
 */
#ifndef SHIM_THREAD_H
#define SHIM_THREAD_H

#include "class.h"
#include "compiler.h"
#include "region.h"
#include "sampler.h"

#include <mimalloc.h>
#include <stdbool.h>

/* Freed blocks of one size class: a stack.  And what one of them counts. */
struct cache_list {
    void **blocks;
    uint64_t recent_of_alloc, recent_of_free;
    uint32_t count;
    uint16_t max, bytes;
};

struct cache_lists {
    struct cache_list of[CLASS_VALUES];
};

/* Everybody's lists that are empty and have no room: of threads that have no
 * cache, and of those that work on it. */
extern INTERNAL const struct cache_lists cache_none, cache_busy;
#define CACHE_NONE ((struct cache_lists *)&cache_none)
#define CACHE_BUSY ((struct cache_lists *)&cache_busy)

struct thread {
    struct gcshim_slot *slot; /* the late slot while it has none */
    struct {
        struct cache_lists *lists; /* to be used; see cache.h */
        void **room;               /* of its own lists, NULL: it has none */
        uint32_t ticks, changes;   /* that it has seen, and with changes */
        bool is_checking; /* with GCSHIM_CACHE_DEBUG: being worked on */
        struct cache_lists own;
    } cache;
    int *errno_location;      /* set by the first slow path */
    uint32_t tid;
    uint32_t last_epoch;            /* of last_slot, when it was released */
    struct gcshim_slot *last_slot;  /* what it held before, or NULL */
    uint64_t net_published;         /* its own net bytes at its last publish */
    bool busy;                      /* in the slow path: a handler is not */
    bool released;                  /* gave its slot back */
    bool refused;                   /* got none; counted as dropped */
    bool asks_process_info;         /* see getrusage() in entry_libc.c */
    bool in_mimalloc;               /* and a signal handler had better know */
    bool trims;                     /* in mi_collect() on our own behalf */
    bool takes_stack;               /* libunwind works for us */
    bool traces_fast;               /* and may keep a table for this thread */
    int64_t to_tick;                /* bytes; as of the last slow path */
    uint64_t ticked_ns;             /* clock_coarse_ns() at the last tick */
    struct sampler sampler;
    mi_heap_t *heap;                /* where its blocks come from */
    uint64_t census_due_ns;         /* no census before this time and */
    uint64_t census_due_bytes;      /* so much allocated and freed */
    struct {
        uint64_t begin_ns; /* 0: none under way */
        uint64_t used_before;
        uint32_t begun; /* so far */
        uint32_t generation;
        uint32_t flags; /* enum gcshim_gc_flag, of those that it asks for */
        uint32_t request; /* of gcshim-ctl, as it began */
    } collection;
    struct {
        uint64_t usually_open; /* signals not blocked outside handlers */
        uint64_t odd_blocked;  /* a set that may be a handler's, and */
        uint64_t odd_since_ns; /* since when it has been seen */
    } signals;
};

extern INTERNAL THREAD_LOCAL struct thread thread;

/* While a thread is inside mimalloc, a signal handler that comes there may
 * allocate (programs do), but must not walk the heap or trim it.  Put back and
 * not cleared: a handler's own calls pass through here too. */
static inline bool mimalloc_enter(void)
{
    bool was_inside = thread.in_mimalloc;
    thread.in_mimalloc = true;
    atomic_signal_fence(memory_order_seq_cst);
    return was_inside;
}

static inline void mimalloc_leave(bool was_inside)
{
    atomic_signal_fence(memory_order_seq_cst);
    thread.in_mimalloc = was_inside;
}

static inline void mimalloc_free(void *p)
{
    bool was_inside = mimalloc_enter();
    mi_free(p);
    mimalloc_leave(was_inside);
}

/* Makes the calling thread an owner, or leaves it with the late slot.
 * Allocates nothing by itself, but gives the thread a heap in mimalloc if it
 * has none, so that its exit is noticed. */
void thread_claim(void);

/* Gives the slot back; harmless if there is none. */
void thread_release(void);

/* Asks mimalloc to tell of thread exits.  Once a process image. */
void thread_watch_exits(void);

/* The calling thread's id without a system call, which a sandbox might not
 * foresee.  Any context. */
uint32_t thread_id(void);

#endif
