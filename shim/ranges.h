/* Which ranges of addresses mimalloc hands blocks out from, 32 MiB each, for
 * readers to tell its mappings from the program's own.  A range once noted
 * stays so: it may go on being resident with no block in it.
 */
#ifndef SHIM_RANGES_H
#define SHIM_RANGES_H

#include <stddef.h>

/* Any context, lock-free; a few nanoseconds where it is known already. */
void ranges_note(const void *from, size_t bytes);

/* In a fork child, when its own segment stands: what the parent had noted. */
void ranges_inherit(void);

#endif
