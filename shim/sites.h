/* Call sites: each stack that blocks were asked for from, once, and what has
 * been asked for there.
 *
 * A site is found by the hash of its stack without a lock.  To make one the
 * tables are taken; who finds them taken waits a moment, and then has its
 * sample without a site.
 */
#ifndef SHIM_SITES_H
#define SHIM_SITES_H

#include "stack.h"

/* The site of a stack, made if there is none; or GCSHIM_SITE_UNKNOWN,
 * GCSHIM_SITE_NO_ROOM.  Modules are found on the calling thread's stack. */
uint32_t sites_enter(const struct stack *stack);

/* A sample was taken there, that had the probability. */
void sites_count(uint32_t site, uint64_t bytes, double probability);

/* The tables can be had; false if not (a full /dev/shm). */
bool sites_reserve(void);

/* In a fork child, when its own segment stands: its parent's sites. */
void sites_inherit(void);

#endif
