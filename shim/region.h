/* The memory of the account: three tables, one constant apart.
 *
 *     segment   what readers see.  Zeroed private memory at first, from the
 *               program's first instruction; the file in /dev/shm is mapped
 *               over it when it can be had.  Where it cannot, the account
 *               goes on here all the same
 *     twins     each slot's totals once more, in private memory.  A fork
 *               child finds its twins as they stood in the very instant its
 *               memory was copied, while the parent's threads went on
 *               counting in the shared slots
 *     wiped     what a child must not inherit: the kernel zeroes it at fork
 *               (MADV_WIPEONFORK), however the child was made.  A zero
 *               countdown sends the child's first malloc or free to the slow
 *               path before it has written a byte to its parent's segment
 *
 * A slot, its twin and its countdown lie at the same index, 128 bytes an
 * entry, so that one pointer finds all three.  The region is static: its
 * addresses are constants, and nothing has to be set up before it is used.
 */
#ifndef SHIM_REGION_H
#define SHIM_REGION_H

#include "gcshim/layout.h"

struct slot_twin {
    alignas(GCSHIM_SLOT_BYTES) struct gcshim_counters total;
};

/* Bytes to the next tick.  Zero or less: take the slow path. */
struct slot_countdown {
    alignas(GCSHIM_SLOT_BYTES) _Atomic int64_t bytes;
};

struct region {
    struct gcshim_segment segment;
    alignas(GCSHIM_HEADER_BYTES) struct slot_twin twins[GCSHIM_SLOTS];
    struct {
        /* 1 once this process has begun its account.  P: [begin] */
        alignas(GCSHIM_HEADER_BYTES) _Atomic uint32_t begun;
        /* 1 from when a thread has taken it on itself to begin it. */
        _Atomic uint32_t beginning;
        struct slot_countdown countdowns[GCSHIM_SLOTS];
    } wiped;
};

static_assert(sizeof(struct slot_twin) == GCSHIM_SLOT_BYTES, "one stride");
static_assert(sizeof(struct slot_countdown) == GCSHIM_SLOT_BYTES, "one stride");

extern struct region region;

enum {
    TWIN_DISTANCE =
        offsetof(struct region, twins) - offsetof(struct region, segment.slots),
    COUNTDOWN_DISTANCE = offsetof(struct region, wiped.countdowns) -
                         offsetof(struct region, segment.slots),
};

static inline struct gcshim_counters *slot_twin(struct gcshim_slot *slot)
{
    return &((struct slot_twin *)((char *)slot + TWIN_DISTANCE))->total;
}

static inline _Atomic int64_t *slot_countdown(struct gcshim_slot *slot)
{
    return &((struct slot_countdown *)((char *)slot + COUNTDOWN_DISTANCE))
                ->bytes;
}

#define SLOT_LATE (&region.segment.slots[GCSHIM_SLOT_LATE])

#endif
