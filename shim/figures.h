/* The process-wide figures, published at ticks by whichever thread comes:
 * what mimalloc has committed, and the peak of used.
 */
#ifndef SHIM_FIGURES_H
#define SHIM_FIGURES_H

#include <stdint.h>

/* Publishes if it is time: a few milliseconds have gone by, or the calling
 * thread's own net bytes have grown enough that a peak could be missed. */
void figures_tick(void);

/* Publishes now. */
void figures_publish(void);

/* Publishes for the last time: the clock may not be read any more. */
void figures_stop(void);

/* In a fork child: its peak of used begins with what it inherited. */
void figures_restart(void);

#endif
