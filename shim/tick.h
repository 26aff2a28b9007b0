/* The tick: what a thread does every so many bytes, besides counting. */
#ifndef SHIM_TICK_H
#define SHIM_TICK_H

/* By a thread that has a slot, on the slow path.  A signal handler's that
 * came while its thread was inside mimalloc leaves mimalloc alone. */
void tick(void);

#endif
