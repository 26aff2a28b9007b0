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
 *
 * stretched while collections take more of the time than they should, and
 * never more than half way from used to the limit, max, where there is one:
 * so collections come more often near it.
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
};

struct pacer {
    struct pacer_rules rules;
    uint64_t baseline_bytes; /* used after the last whole collection */
    uint64_t goal_bytes;     /* used at which the next is due */
    uint64_t initial_bytes;  /* the goal before it was stretched */
    double stretch;          /* 1: not at all */
};

/* Until the first collection the goal is min, or half way to max. */
void pacer_init(struct pacer *pacer, const struct pacer_rules *rules);

/* A whole collection has left so much in use.  It took pause_ns, and the
 * program had had program_ns to itself since the one before. */
void pacer_collected(struct pacer *pacer, uint64_t used_bytes,
                     uint64_t pause_ns, uint64_t program_ns);

/* No collection could be had: asks again when a part of the budget more is in
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
