/* What the objects of the program are linked to. */
#ifndef SHIM_LINKS_H
#define SHIM_LINKS_H

#include <stdbool.h>

/* Whether one of those loaded so far, other than the shim, takes blocks from
 * libmimalloc by its own names (mi_malloc, mi_new, ...), which nobody sees but
 * mimalloc.  Allocates nothing. */
bool links_take_blocks(void);

#endif
