/* Gives back the free pages that lie between used ones.
 *
 * mimalloc 2.0 notes a freed page as one to be given back, 25 ms later, but
 * looks at the note only when a page of the same 32 MiB is asked for again;
 * mi_collect(true) does not look either.  A thread that has stopped
 * allocating keeps such pages resident for ever.  Here they are asked for,
 * all of them, and freed again while mimalloc is told not to wait.
 */
#ifndef SHIM_SWEEP_H
#define SHIM_SWEEP_H

/* In the calling thread's heap, outside mimalloc.  One thread at a time: does
 * nothing while another is at it. */
void sweep(void);

/* In a fork child, where whoever was at it is gone. */
void sweep_inherit(void);

#endif
