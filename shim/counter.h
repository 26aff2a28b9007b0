/* Counters with one writer and any number of readers.
 *
 * The writer's own signal handlers may allocate, so that an addition must not
 * be cut in two: on x86-64 it is one instruction (without the lock prefix: no
 * other thread writes the word); elsewhere an atomic add serves.
 */
#ifndef SHIM_COUNTER_H
#define SHIM_COUNTER_H

#include "compiler.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/single_threaded.h>

/* By the sole writer.  Release: who sees this count sees those that the
 * writer knew of before it (P: [freed-first]); stores of x86-64 have that
 * order by themselves. */
static inline void counter_add(_Atomic uint64_t *counter, uint64_t n)
{
#if defined(__x86_64__) && !defined(SANITIZED_THREAD)
    __asm__ volatile("addq %1, %0"
                     : "+m"(*(volatile uint64_t *)counter)
                     : "er"(n)
                     : "cc");
#else
    atomic_fetch_add_explicit(counter, n, memory_order_release);
#endif
}

/* By any thread.  While there is but one, as libc knows (its own malloc takes
 * no lock then), what a handler cannot cut in two is enough, and costs a tenth.
 */
static inline void counter_add_shared(_Atomic uint64_t *counter, uint64_t n)
{
    if (__libc_single_threaded)
        counter_add(counter, n);
    else
        atomic_fetch_add_explicit(counter, n, memory_order_release);
}

/* By any thread: the new value in the place of the old, if that is still
 * there.  Acquire and release. */
static inline bool counter_swap(_Atomic uint64_t *counter, uint64_t old,
                                uint64_t new)
{
#if defined(__x86_64__) && !defined(SANITIZED_THREAD)
    if (__libc_single_threaded) {
        bool is_swapped;
        __asm__ volatile("cmpxchgq %3, %1"
                         : "=@ccz"(is_swapped),
                           "+m"(*(volatile uint64_t *)counter), "+a"(old)
                         : "r"(new)
                         : "memory");
        return is_swapped;
    }
#endif
    return atomic_compare_exchange_strong_explicit(
        counter, &old, new, memory_order_acq_rel, memory_order_relaxed);
}

/* Acquire: P: [freed-first]. */
static inline uint64_t counter_read(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_acquire);
}

/* Where nobody else writes.  Release: after an odd epoch (P: [slot-epoch]). */
static inline void counter_set(_Atomic uint64_t *counter, uint64_t n)
{
    atomic_store_explicit(counter, n, memory_order_release);
}

/* Raises a maximum; loses to a larger one. */
static inline void counter_raise(_Atomic uint64_t *counter, uint64_t n)
{
    uint64_t old = atomic_load_explicit(counter, memory_order_relaxed);
    while (old < n && !atomic_compare_exchange_weak_explicit(
                          counter, &old, n, memory_order_release,
                          memory_order_relaxed)) {
    }
}

#endif
