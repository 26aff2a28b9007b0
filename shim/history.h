/* The history: a curve of used and committed over the process's whole life,
 * in bounded room, by whoever publishes the figures.
 *
 * Each level is a ring: the first has a point at most every 100 ms, each
 * further one takes every fourth point of the one before it.  So the last
 * seconds are seen closely, and months at a glance.
 */
#ifndef SHIM_HISTORY_H
#define SHIM_HISTORY_H

#include <stdint.h>

/* When the segment stands: in a fork child it begins anew. */
void history_start(void);

/* Adds a point if it is time, and keeps the peak in any case. */
void history_note(uint64_t now_ns, uint64_t used_bytes,
                  uint64_t committed_bytes);

/* Makes the next one a point whatever the time: at the end. */
void history_hasten(void);

#endif
