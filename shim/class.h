/* Size classes, and which one a block is of, without asking mimalloc.
 *
 * mimalloc cuts a page into blocks of one size, and a page is made of whole
 * slices of 64 KiB.  So a table with an entry for each slice tells the size
 * of every block that begins there:
 *
 *     entry = (address >> 32 without its last 6 bits) | class
 *
 * The table is indexed by the slice's address modulo 256 GiB; the rest of the
 * address stands in the entry, so that another slice's entry is not taken for
 * one's own.  What must hold:
 *
 *   1. A block that was handed out and not freed has its own class in its
 *      slice's entry, or none that could be taken for its class.
 *   2. Hence whatever comes from mimalloc passes class_note() before it is
 *      handed out: malloc's, calloc's, realloc's and aligned blocks alike.
 *   3. A slice is cut for another size only after all its blocks are back in
 *      mimalloc, so that to note the new class takes nothing from a live
 *      block.  Blocks in the caches (cache.h) are not back in mimalloc.
 *   4. Where mimalloc has aligned a block by handing out an inner address,
 *      blocks of one page differ in their usable size.  Such a slice is
 *      mixed, and stays so: no class is noted over CLASS_MIXED, whichever
 *      slice's it is.
 *
 * Class 0 is none: ask mimalloc.  That serves for blocks of 32 to 128 KiB, for
 * mixed slices, and for all blocks where mimalloc is not of the version that
 * this was written for or the program itself takes blocks from it.
 */
#ifndef SHIM_CLASS_H
#define SHIM_CLASS_H

#include "compiler.h"
#include "invariant.h"
#include "region.h"

#include <mimalloc.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    CLASS_NONE = 0,
    CLASS_LAST = 44,
    CLASSES = CLASS_LAST + 1,
    CLASS_HUGE = CLASSES, /* its size stands in the list of huge blocks */
    CLASS_MIXED,
    CLASS_VALUES, /* that a slice's entry may say */
    CLASS_BITS = 6,
    CLASS_BYTES_MAX = 32 * 1024,

    CLASS_SLICE_SHIFT = 16,
    CLASS_TABLE_BITS = 22,
    CLASS_TAG_SHIFT = CLASS_SLICE_SHIFT + CLASS_TABLE_BITS - CLASS_BITS,
};

/* Usable bytes of a block of each class. */
extern INTERNAL const uint16_t class_bytes[CLASSES];

extern INTERNAL _Atomic uint16_t class_table[1 << CLASS_TABLE_BITS];

/* 8 to 64 in steps of 8, then four to each doubling, also beyond CLASS_LAST:
 * mimalloc's own sizes, so that no two of them share a class. */
static inline unsigned class_index(size_t bytes)
{
    enum { STEP = 8, LINEAR_MAX = 64, LINEAR_SHIFT = 6, TO_A_DOUBLING = 4 };
    if (bytes <= LINEAR_MAX)
        return (unsigned)((bytes + STEP - 1) / STEP);
    unsigned doubling = 63 - (unsigned)__builtin_clzll(bytes - 1);
    unsigned quarter = (unsigned)((bytes - 1) >> (doubling - 2)) & 3;
    return LINEAR_MAX / STEP + 1 + (doubling - LINEAR_SHIFT) * TO_A_DOUBLING +
           quarter;
}

static inline _Atomic uint16_t *class_entry(const void *p)
{
    uintptr_t slice = (uintptr_t)p >> CLASS_SLICE_SHIFT;
    return &class_table[slice & ((1 << CLASS_TABLE_BITS) - 1)];
}

static inline unsigned class_tag(const void *p)
{
    return (unsigned)((uintptr_t)p >> CLASS_TAG_SHIFT) &
           ~((1U << CLASS_BITS) - 1);
}

/* Its class, if it is a block; anything else than 1 to CLASS_LAST: ask
 * mimalloc.  Relaxed: the entry was set before the block was handed out, by
 * whatever way it came. */
static inline unsigned class_of_block(const void *p)
{
    return atomic_load_explicit(class_entry(p), memory_order_relaxed) ^
           class_tag(p);
}

static inline bool is_class(unsigned class)
{
    return LIKELY(class - 1 < CLASS_LAST);
}

/* The class that a request of REQUEST_SMALL_MAX bytes at most is served from.
 * None: not known, or the process has not begun. */
static inline unsigned class_of_request(size_t bytes)
{
    size_t words = (bytes + REQUEST_WORD - 1) / REQUEST_WORD;
    return atomic_load_explicit(&region.wiped.class_by_request[words],
                                memory_order_relaxed);
}

/* A block comes from mimalloc, not an aligned one.  Returns its usable size,
 * with the class if it has one. */
COLD size_t class_note(const void *p, unsigned *ret_class);

/* The same for one that mimalloc may have aligned. */
COLD size_t class_note_aligned(const void *p);

/* A block of malloc or calloc shows what serves requests of this size; nothing
 * is learnt before the process has begun. */
COLD void class_learn(size_t request_bytes, unsigned class);

/* Whether mimalloc's pages are what is said above. */
void class_start(void);
bool class_is_in_use(void);

/* When the process has begun; a fork child goes on with what was learnt. */
void class_begin(void);

static inline size_t class_usable_bytes(const void *p)
{
    unsigned class = class_of_block(p);
    if (!is_class(class))
        return mi_usable_size(p);
    INVARIANT(class_bytes[class] == mi_usable_size(p));
    return class_bytes[class];
}

#endif
