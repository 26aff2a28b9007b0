/* The pacer: when a collection is due, by bytes in use.  Pure arithmetic: no
 * clock, no memory but its own struct, no lock.
 *
 * The knobs and their meaning are those of PyPy's collector (its documentation
 * on environment variables, PYPY_GC_*).  After a whole collection left `used`
 * bytes, the next is due at
 *
 *     goal = used * major_collect     but no more than  used + max_delta
 *                                     and               last goal * growth,
 *                                     and no less than  min
 *                                     and               used + 16 MiB
 *                                                       (or min, if less).
 *
 * The difference between goal and used is the room.  It is made larger, up to
 * max_delta, while collections do not pay.  What one costs is what it takes to
 * go through the objects that live on, and through young ones in vain before
 * it: to find and free the dead has to be paid for anyway.  What it is worth is a share
 * of the program's time, plus what the program need not spend on having the
 * kernel find and clear as much fresh memory as the room had:
 *
 *     cost <= SHARE * program's time + FRESH * room
 *
 * Without the second term nothing is collected in time where memory is filled
 * fast, and that is where collecting saves most; without the first, nothing
 * where it is filled slowly.
 *
 * And where there is a limit, max, the goal is at most half way from used to
 * it: so collections come more often near it.
 */
#ifndef SHIM_PACER_H
#define SHIM_PACER_H

#include <stdbool.h>
#include <stdint.h>

struct pacer_rules {
    double major_collect;     /* PYPY_GC_MAJOR_COLLECT: above 1 */
    double growth;            /* PYPY_GC_GROWTH: above 1 */
    uint64_t min_bytes;       /* PYPY_GC_MIN: no collection below it */
    uint64_t max_bytes;       /* PYPY_GC_MAX; 0: no limit */
    uint64_t max_delta_bytes; /* PYPY_GC_MAX_DELTA; 0: none */
    double fresh_ns;          /* a fresh byte's cost; 0: not known */
};

struct pacer {
    struct pacer_rules rules;
    uint64_t baseline_bytes; /* used after the last whole collection */
    uint64_t goal_bytes;     /* used at which the next is due */
    uint64_t initial_bytes;  /* PyPy's goal, whatever collections cost */
    double paying_bytes;     /* the room at which they pay */
    double living_ns;        /* for all that live, in a whole collection */
    double vain_ns;          /* asked for since then, of young objects */
};

/* What the pacer is told of a collection. */
struct pacer_collection {
    uint64_t used_before, used_after;
    uint64_t pause_ns;
    uint64_t program_ns; /* since the last whole collection ended */
    uint64_t objects;    /* found dead; UINT64_MAX: not counted */
    bool is_asked;       /* for by the pacer */
};

/* Until the first collection the goal is min, or half way to max. */
void pacer_init(struct pacer *pacer, const struct pacer_rules *rules);

/* A whole collection is over: there is a new goal.  What it freed counts for
 * nothing: the room begins at what it left. */
void pacer_collected(struct pacer *pacer,
                     const struct pacer_collection *collection);

/* A collection of young objects is: the goal stays. */
void pacer_collected_young(struct pacer *pacer,
                           const struct pacer_collection *collection);

/* No collection could be had: asks again when a part of the room more is in
 * use. */
void pacer_postpone(struct pacer *pacer, uint64_t used_bytes);

static inline bool pacer_is_due(const struct pacer *pacer, uint64_t used_bytes)
{
    return used_bytes >= pacer->goal_bytes;
}

/* Whether a collection of young objects has done: memory is back half way
 * from the goal to the baseline. */
bool pacer_is_enough(const struct pacer *pacer, uint64_t used_bytes);

/* Beyond the limit. */
bool pacer_is_exceeded(const struct pacer *pacer, uint64_t used_bytes);

#endif
