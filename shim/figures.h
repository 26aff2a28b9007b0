/* The process-wide figures, published at ticks by whichever thread comes:
 * what mimalloc has committed, and the peak of used.
 */
#ifndef SHIM_FIGURES_H
#define SHIM_FIGURES_H

#include <stdbool.h>
#include <stdint.h>

/* now_ns: clock_coarse_ns().  Returns what is in use, or UINT64_MAX where
 * nothing was published.  Publishes if it is time: a few milliseconds have gone by, or the calling
 * thread's own net bytes have grown enough that a peak could be missed. */
uint64_t figures_tick(uint64_t now_ns);

/* Whether so many bytes more, allocated by the calling thread, make it time by
 * its net bytes alone. */
bool figures_would_grow(uint64_t bytes);

/* Publishes now, and returns a lower bound of what is in use. */
uint64_t figures_publish(void);

/* At the beginning of a process, signals blocked; in a fork child its peak of
 * used begins with what it inherited. */
void figures_start(void);

/* Whether a call of getrusage() from there is mi_process_info()'s, on our
 * behalf and for figures that we do not want. */
bool figures_ask_from(const void *call_site);

#endif
