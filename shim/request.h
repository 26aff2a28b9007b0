/* What the size of a small request says of the block that serves it.
 *
 * mimalloc serves all requests that need the same number of words from pages
 * of one block size, so that the first answer of mi_usable_size() holds for
 * all that follow.  An answer that does not cover the whole class, as that of
 * a mimalloc which pads blocks and knows each one's exact size, is not kept.
 */
#ifndef SHIM_REQUEST_H
#define SHIM_REQUEST_H

#include "compiler.h"

#include <mimalloc.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum {
    REQUEST_WORD = 8,
    REQUEST_SMALL_MAX = 1024,
    REQUEST_CLASSES = REQUEST_SMALL_MAX / REQUEST_WORD + 1,
};

/* 0: not known, or not to be known. */
extern _Atomic uint16_t request_usable[REQUEST_CLASSES];

COLD size_t request_learn(const void *p, size_t class);

/* p: a fresh block of malloc or calloc (not an aligned one), for a request of
 * at most REQUEST_SMALL_MAX bytes.  Relaxed: the answer never changes. */
static inline size_t request_usable_bytes(const void *p, size_t bytes)
{
    size_t class = (bytes + REQUEST_WORD - 1) / REQUEST_WORD;
    size_t known = atomic_load_explicit(&request_usable[class],
                                        memory_order_relaxed);
    return LIKELY(known) ? known : request_learn(p, class);
}

#endif
