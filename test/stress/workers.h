/* Threads that allocate, resize, align, free and hand blocks to each other,
 * and know the truth: what each has allocated and freed by
 * malloc_usable_size(), independently of the shim.
 */
#ifndef STRESS_WORKERS_H
#define STRESS_WORKERS_H

#include <stdbool.h>
#include <stdint.h>

enum { WORKERS_MAX = 64 };

struct workers_truth {
    int64_t bytes;
    int64_t blocks;
    uint64_t operations;
    int in_flight; /* workers that were in the middle of an operation */
};

/* Starts count threads, each with pause_loops idle turns between operations,
 * paused. */
void workers_start(int count, unsigned pause_loops, uint64_t seed);

/* Lets them run; brings them to rest between two operations. */
void workers_resume(void);
void workers_pause(void);

/* Ends all threads and starts as many anew, paused; their blocks stay. */
void workers_renew(void);

/* Frees all that they hold; they must be paused. */
void workers_release(void);

/* Ends all threads.  libc then gives back memory of its own for them. */
void workers_stop(void);

/* The sum of what they hold.  Exact while paused; in a fork child exact if
 * in_flight is 0. */
struct workers_truth workers_truth(void);

#endif
