/* What a reader keeps of a segment from one reading to the next, so that what
 * has not changed is not read again.
 *
 * A thread counts its pages on its way through malloc or free, right after it
 * has counted bytes there.  Hence the census of a slot whose totals stand
 * where they stood at the last two readings is the one that is known.  A
 * thread that was held up between the two is found out by turns: at each
 * reading one slot in RECALL_TURNS is looked at in any case.
 */
#ifndef GCSHIM_READER_RECALL_H
#define GCSHIM_READER_RECALL_H

#include "gcshim/layout.h"
#include "reader/classes.h"
#include "reader/reader.h"

enum { RECALL_TURNS = 128 };

/* Room that a reading takes, the same as the last one. */
enum recall_room {
    RECALL_BEFORE, /* three copies of the slots */
    RECALL_COPY,
    RECALL_AFTER,
    RECALL_OWNERS,
    RECALL_CENSUSES,
    RECALL_KEYS,
    RECALL_ROOMS,
};

/* What a snapshot needs of a count, but for its classes. */
struct recall_count {
    uint64_t taken_ns;
    uint64_t allocated_bytes;
    uint64_t freed_bytes;
    uint64_t cached_bytes;
    struct reader_census census; /* age and change are not set */
};

struct recall_slot {
    uint32_t epoch;
    bool is_known;  /* what follows is of that epoch */
    bool has_count; /* and in the sums, until it is taken out of them */
    bool has_moved; /* its totals had, at the last reading */
    uint64_t allocated_bytes;
    uint64_t freed_bytes;
    uint64_t taken;
    uint64_t reading; /* the last in which it had that owner */
    struct recall_count count;
};

struct recall {
    struct {
        void *at;
        size_t bytes;
    } rooms[RECALL_ROOMS];

    /* By slot, both or none; touched only where there is something. */
    struct recall_slot *slots;   /* GCSHIM_SLOTS */
    struct gcshim_count *counts; /* GCSHIM_CENSUSES */
    size_t slots_high;           /* those beyond have nothing */
    struct classes classes;      /* of all that has_count */
    uint64_t readings;
};

/* All zero to begin with; nothing is kept of the censuses until this. */
int recall_start(struct recall *recall);

/* Forgets the censuses: the next reading is as the first. */
void recall_clear(struct recall *recall);
void recall_fini(struct recall *recall);

/* Room for so many elements, at most GCSHIM_SLOTS, with anything in it; NULL
 * where there is no memory.  It is the recall's. */
void *recall_take(struct recall *recall, enum recall_room room, size_t count,
                  size_t element_bytes);

#endif
