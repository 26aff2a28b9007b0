/* A turn at a table that one thread at a time may add to.  Whoever finds it
 * taken waits a moment, and then goes without: nobody ever waits for a thread
 * that does not run.  In a fork child the turn of a thread that is not there is
 * given back.
 */
#ifndef SHIM_TURN_H
#define SHIM_TURN_H

#include <stdatomic.h>
#include <stdbool.h>

enum { TURN_TRIES = 10000 }; /* some 100 us */

/* Relaxed where it fails: nothing was touched. */
static inline bool turn_take(_Atomic bool *turn)
{
    for (int i = 0; i < TURN_TRIES; i++)
        if (!atomic_load_explicit(turn, memory_order_relaxed) &&
            !atomic_exchange_explicit(turn, true, memory_order_acquire))
            return true;
    return false;
}

static inline void turn_give_back(_Atomic bool *turn)
{
    atomic_store_explicit(turn, false, memory_order_release);
}

#endif
