/* The shelf: huge blocks of the whole process, freed a moment ago, for whoever
 * asks for one of their size next.
 *
 * mimalloc takes a page apart when its one block is freed and puts it together
 * again for the next, which costs many times what glibc's takes.  On the shelf
 * it stays whole.  What nobody wants for as long as mimalloc itself would wait
 * (25 ms) is given to mimalloc at a later tick; so is what a thread has put
 * here when it ends, and all of it on a request to trim and where memory is
 * short.
 *
 * Not more is kept than the process had in use of late and has not now, so that
 * it takes up no more memory than it did without us.
 *
 * A place is one word, taken by one compare and exchange, so that any thread
 * may come at any time, also in a signal handler.
 */
#ifndef SHIM_SHELF_H
#define SHIM_SHELF_H

#include "compiler.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct shelf_block {
    void *p;
    size_t bytes;   /* usable */
    uint32_t entry; /* in the list (huge.h), kept for it; 0: none */
};

/* A block of at least so many bytes, at most half as many more than mimalloc
 * would give; false if there is none. */
bool shelf_take(size_t bytes, struct shelf_block *ret_block);

/* A place for a block that is about to be freed, NULL where it is not to be
 * kept.  It is parked in the list (huge.h) before it is put there. */
_Atomic uint64_t *shelf_reserve(const void *p, size_t usable_bytes);
void shelf_put(_Atomic uint64_t *place, const struct shelf_block *block);

/* Before so many bytes come fresh from mimalloc: gives it what would be too
 * much besides them. */
COLD void shelf_make_room(size_t bytes);

/* Whether that block lies there. */
bool shelf_holds(const void *p, size_t usable_bytes);

/* At a tick: gives away what is old, and tells readers of the rest. */
void shelf_tick(uint64_t now_ns);

/* At the calling thread's end: gives away what it has put here.  A block that
 * stayed would keep its heap's memory from being freed whole, and have another
 * thread take that over. */
void shelf_leave(void);

/* Gives all blocks to mimalloc: false if there were none. */
bool shelf_clear(void);

/* In a fork child, which has its parent's blocks: counts them anew. */
void shelf_inherit(void);

#endif
