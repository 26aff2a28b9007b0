/* Sampling: turned on and off, and what is done with a block that is a
 * sample.
 */
#ifndef SHIM_PROFILE_H
#define SHIM_PROFILE_H

#include "sampler.h"

#include <stdbool.h>
#include <stddef.h>

bool profile_is_on(void);

/* As GCSHIM_SAMPLE has it; while the program begins. */
void profile_start(void);

/* Does what gcshim-ctl has asked for.  At a tick. */
void profile_tick(void);

/* Has the calling thread sample as the process does by now.  True if it did
 * not until now. */
bool profile_follow(struct sampler *sampler);

/* The block is a sample; it is not yet the program's.  In the slow path. */
void profile_take(const void *p, size_t bytes);

/* The same for a huge block, all of which are samples while sampling is on:
 * what its entry is to say of its site. */
uint32_t profile_site_of_huge(size_t bytes);

/* In a fork child, when its own segment stands. */
void profile_inherit(void);

#endif
