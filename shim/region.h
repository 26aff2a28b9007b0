/* The memory of the account: two tables, one constant apart, and a page.
 *
 *     segment   what readers see.  Zeroed private memory at first, from the
 *               program's first instruction; the file in /dev/shm is mapped
 *               over it when it can be had.  Where it cannot, the account
 *               goes on here all the same
 *     twins     each slot's totals once more, in private memory.  A fork
 *               child finds its twins as they stood in the very instant its
 *               memory was copied, while the parent's threads went on
 *               counting in the shared slots
 *     wiped     a page that a fork child finds empty (wiped.h)
 *
 * A slot and its twin lie at the same index, 128 bytes an entry, so that one
 * pointer finds both.  The region is static: its addresses are constants, and
 * nothing has to be set up before it is used.
 */
#ifndef SHIM_REGION_H
#define SHIM_REGION_H

#include "compiler.h"
#include "gcshim/layout.h"
#include "wiped.h"

/* A twin is two totals and what has been counted since, in one word, so that
 * a block takes one addition.  From the top of that word:
 *
 *     18 bits  bytes left until the slow path is due, signed
 *      1 bit   which of the two totals it adds to
 *     17 bits  bytes allocated
 *     14 bits  blocks allocated
 *     14 bits  blocks freed
 *
 * and what was left at first, less what is left and what was allocated, was
 * freed.  Before a field can run over, the slow path puts the sum into the
 * other total and then, by one store of the word, that one in the place of
 * the first: at any instant a child finds the whole of it. */
struct slot_twin {
    alignas(GCSHIM_SLOT_BYTES) _Atomic uint64_t recent;
    _Atomic uint64_t left_at_first[2];
    struct gcshim_counters total[2];
};

/* In this order the pages that every process touches lie close together, and
 * what is memory of another kind to the kernel side by side. */
struct region {
    alignas(GCSHIM_HEADER_BYTES) struct slot_twin twins[GCSHIM_SLOTS];
    struct wiped wiped;
    alignas(GCSHIM_HEADER_BYTES) struct gcshim_segment segment;
};

static_assert(sizeof(struct slot_twin) == GCSHIM_SLOT_BYTES, "one stride");

extern INTERNAL struct region region;

enum {
    TWIN_DISTANCE = (int)offsetof(struct region, twins) -
                    (int)offsetof(struct region, segment.slots),
};

static inline struct slot_twin *slot_twin(struct gcshim_slot *slot)
{
    return (struct slot_twin *)((char *)slot + TWIN_DISTANCE);
}

#define SLOT_LATE (&region.segment.slots[GCSHIM_SLOT_LATE])

#endif
