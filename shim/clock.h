/* Clocks that cost no system call (the vDSO serves them). */
#ifndef SHIM_CLOCK_H
#define SHIM_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t clock_ns(clockid_t clock)
{
    struct timespec t = {0};
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

/* The clock of everything that readers see. */
static inline uint64_t clock_boottime_ns(void)
{
    return clock_ns(CLOCK_BOOTTIME);
}

/* Cheaper, and good to a few milliseconds: to space things out. */
static inline uint64_t clock_coarse_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC_COARSE);
}

#endif
