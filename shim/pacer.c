#include "pacer.h"

/* The share of the time that collections may take, for nothing but less memory
 * in use. */
static const double SHARE = 0.2;

/* What a fresh byte is taken to cost where that is not known, and at the most:
 * a program does not get all of its memory fresh, even without collecting.
 * docs/gc.md has what was measured, and what came of other values. */
static const double FRESH_MOST_NS = 0.1;

/* To find and free a dead object takes 100 to 300 ns: so much of a pause is not
 * the price of collecting now and not later. */
static const double DEAD_NS = 250;

/* Going through what lives may turn out to take so many times what it was
 * thought to.  Python goes through all of it when it has grown by a quarter. */
static const double BELIEF = 1.25;

enum {
    ROOM_MIN_BYTES = 16 << 20,
    POSTPONED_PARTS = 4,
    LEARNT_PARTS = 4,       /* of the room, to tell what it cost */
    LIVING_LEAST_PARTS = 8, /* of a pause */
};

static uint64_t min(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t max(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* bytes * factor, and no more than there can be. */
static uint64_t times(uint64_t bytes, double factor)
{
    double product = (double)bytes * factor;
    return product < (double)(UINT64_MAX / 2) ? (uint64_t)product
                                              : UINT64_MAX / 2;
}

static uint64_t plus(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX / 2 - min(b, UINT64_MAX / 2) ? UINT64_MAX / 2 : a + b;
}

static uint64_t minus(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
}

/* ----------------------------------------------------------------- the goal */

/* PyPy's, and room enough for a collection to be worth the while. */
static uint64_t initial(const struct pacer *pacer, uint64_t used)
{
    const struct pacer_rules *rules = &pacer->rules;
    uint64_t goal = times(used, rules->major_collect);
    if (rules->max_delta_bytes)
        goal = min(goal, plus(used, rules->max_delta_bytes));
    goal = min(goal, times(pacer->initial_bytes, rules->growth));
    goal = max(goal, plus(used, min(rules->min_bytes, ROOM_MIN_BYTES)));
    return max(goal, rules->min_bytes);
}

static uint64_t half_way_to_max(const struct pacer *pacer, uint64_t used,
                                uint64_t goal)
{
    uint64_t limit = pacer->rules.max_bytes;
    return limit ? min(goal, used + minus(limit, used) / 2) : goal;
}

static uint64_t room(const struct pacer *pacer)
{
    return minus(pacer->goal_bytes, pacer->baseline_bytes);
}

static uint64_t paying_room(const struct pacer *pacer)
{
    uint64_t paying = times(1, pacer->paying_bytes);
    return pacer->rules.max_delta_bytes
               ? min(paying, pacer->rules.max_delta_bytes)
               : paying;
}

static void goal_set(struct pacer *pacer, uint64_t used)
{
    pacer->initial_bytes = initial(pacer, used);
    pacer->baseline_bytes = used;
    pacer->goal_bytes = half_way_to_max(
        pacer, used, max(pacer->initial_bytes, plus(used, paying_room(pacer))));
}

/* ---------------------------------------------------------------- the cost */

/* The part of a pause that the dead had nothing to do with. */
static double living_ns(const struct pacer_collection *collection)
{
    double pause = (double)collection->pause_ns;
    double dead = collection->objects == UINT64_MAX
                      ? 0
                      : DEAD_NS * (double)collection->objects;
    double least = pause / LIVING_LEAST_PARTS;
    return pause - dead > least ? pause - dead : least;
}

/* Other processes make a pause longer, never shorter: so a longer one is
 * believed by degrees, and of what young ones took no more than of the whole
 * one. */
static double cost_ns(struct pacer *pacer,
                      const struct pacer_collection *collection)
{
    double most = pacer->living_ns * BELIEF;
    double now = living_ns(collection), vain = pacer->vain_ns;
    pacer->living_ns = most > 0 && most < now ? most : now;
    pacer->vain_ns = 0;
    return pacer->living_ns +
           (vain < pacer->living_ns ? vain : pacer->living_ns);
}

static double fresh_ns(const struct pacer *pacer)
{
    double fresh = pacer->rules.fresh_ns;
    return fresh > 0 && fresh < FRESH_MOST_NS ? fresh : FRESH_MOST_NS;
}

/* The room at which both sides of the equation would have been equal.  Where
 * little has grown since the last whole collection, nothing can be told of the
 * program's time, except that the room need not be larger than without. */
static void learn_paying(struct pacer *pacer, double cost,
                         const struct pacer_collection *collection)
{
    uint64_t grown = minus(collection->used_before, pacer->baseline_bytes);
    if (grown > 0 && grown >= room(pacer) / LEARNT_PARTS) {
        double time = (double)collection->program_ns / (double)grown;
        pacer->paying_bytes = cost / (SHARE * time + fresh_ns(pacer));
    } else if (pacer->paying_bytes > cost / fresh_ns(pacer)) {
        pacer->paying_bytes = cost / fresh_ns(pacer);
    }
}

/* ------------------------------------------------------------------ the API */

void pacer_init(struct pacer *pacer, const struct pacer_rules *rules)
{
    *pacer = (struct pacer){
        .rules = *rules,
        .initial_bytes = rules->min_bytes,
    };
    pacer->goal_bytes = half_way_to_max(pacer, 0, rules->min_bytes);
}

void pacer_collected(struct pacer *pacer,
                     const struct pacer_collection *collection)
{
    learn_paying(pacer, cost_ns(pacer, collection), collection);
    goal_set(pacer, collection->used_after);
}

void pacer_collected_young(struct pacer *pacer,
                           const struct pacer_collection *collection)
{
    if (collection->is_asked)
        pacer->vain_ns += living_ns(collection);
}

void pacer_postpone(struct pacer *pacer, uint64_t used_bytes)
{
    uint64_t part = max(room(pacer) / POSTPONED_PARTS, 1);
    pacer->goal_bytes = plus(used_bytes, part);
}

bool pacer_is_enough(const struct pacer *pacer, uint64_t used_bytes)
{
    return used_bytes <= pacer->baseline_bytes + room(pacer) / 2;
}

bool pacer_is_exceeded(const struct pacer *pacer, uint64_t used_bytes)
{
    return pacer->rules.max_bytes && used_bytes > pacer->rules.max_bytes;
}
