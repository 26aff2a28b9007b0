#include "clock.h"

#include <stdatomic.h>
#include <time.h>

enum { NS_PER_S = 1000000000 };

static _Atomic bool stopped;
static _Atomic uint64_t boottime_at_stop;

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec t = {0};
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

/* Relaxed: the thread that forbids the clock is the one that may be killed
 * for reading it next. */
bool clock_is_stopped(void)
{
    return atomic_load_explicit(&stopped, memory_order_relaxed);
}

void clock_stop(void)
{
    atomic_store_explicit(&boottime_at_stop, clock_boottime_ns(),
                          memory_order_relaxed);
    atomic_store_explicit(&stopped, true, memory_order_relaxed);
}

uint64_t clock_boottime_ns(void)
{
    if (clock_is_stopped())
        return atomic_load_explicit(&boottime_at_stop, memory_order_relaxed);
    return clock_ns(CLOCK_BOOTTIME);
}

/* That the two belong together is all that is needed of them: a boottime of a
 * moment later, by another thread, is as good. */
uint64_t clock_boottime_at(uint64_t coarse_ns)
{
    static _Atomic uint64_t known_coarse_ns, known_boottime_ns;
    if (atomic_load_explicit(&known_coarse_ns, memory_order_acquire) !=
            coarse_ns ||
        coarse_ns == 0) {
        atomic_store_explicit(&known_boottime_ns, clock_boottime_ns(),
                              memory_order_relaxed);
        atomic_store_explicit(&known_coarse_ns, coarse_ns,
                              memory_order_release);
    }
    return atomic_load_explicit(&known_boottime_ns, memory_order_relaxed);
}

uint64_t clock_coarse_ns(void)
{
    return clock_is_stopped() ? 0 : clock_ns(CLOCK_MONOTONIC_COARSE);
}

uint64_t clock_wall_s(void)
{
    return clock_is_stopped() ? 0 : clock_ns(CLOCK_REALTIME) / NS_PER_S;
}
