/* Giving memory back: what mimalloc holds on to and nobody uses.
 *
 * A thread can give back its own free pages only, so that a request stands in
 * the segment and each thread serves it at its next tick.
 */
#ifndef SHIM_TRIM_H
#define SHIM_TRIM_H

#include <stdbool.h>

/* Serves a request that is still open for the calling thread. */
void trim_tick(void);

/* Gives back at once what the calling thread can, and asks the others to.
 * Returns whether mimalloc has less committed than before. */
bool trim_all(void);

#endif
