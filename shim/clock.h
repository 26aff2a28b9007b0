/* Clocks that cost no system call: the vDSO serves them, from the time-stamp
 * counter.  A process can forbid itself to read that; time then stands still
 * here.
 */
#ifndef SHIM_CLOCK_H
#define SHIM_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* The clock of everything that readers see. */
uint64_t clock_boottime_ns(void);

/* The same as of when anybody first asked for it at that coarse time: good to
 * a few milliseconds. */
uint64_t clock_boottime_at(uint64_t coarse_ns);

/* Cheaper, and good to a few milliseconds: to space things out. */
uint64_t clock_coarse_ns(void);

/* Seconds since 1970. */
uint64_t clock_wall_s(void);

/* To be called before the counter is forbidden.  For good. */
void clock_stop(void);
bool clock_is_stopped(void);

#endif
