#include "pacer.h"

/* Whole collections may take this share of the time before the budget is
 * stretched, and a budget is stretched this far at most. */
static const double SHARE_MAX = 0.10;
static const double STRETCH_MAX = 64;

enum { POSTPONED_PARTS = 4 };

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
    return a > UINT64_MAX / 2 - min(b, UINT64_MAX / 2) ? UINT64_MAX / 2
                                                       : a + b;
}

/* PyPy's goal. */
static uint64_t goal_after(const struct pacer *pacer, uint64_t used)
{
    const struct pacer_rules *rules = &pacer->rules;
    uint64_t goal = times(used, rules->major_collect);
    if (rules->max_delta_bytes)
        goal = min(goal, plus(used, rules->max_delta_bytes));
    goal = min(goal, times(pacer->initial_bytes, rules->growth));
    return max(goal, rules->min_bytes);
}

static uint64_t half_way_to_max(const struct pacer *pacer, uint64_t used,
                                uint64_t goal)
{
    uint64_t limit = pacer->rules.max_bytes;
    if (limit == 0)
        return goal;
    return min(goal, used < limit ? used + (limit - used) / 2 : limit);
}

static uint64_t budget(const struct pacer *pacer)
{
    return pacer->goal_bytes > pacer->baseline_bytes
               ? pacer->goal_bytes - pacer->baseline_bytes
               : 0;
}

/* Half as often halves the share. */
static void stretch_by(struct pacer *pacer, double share)
{
    pacer->stretch *= share / SHARE_MAX;
    if (pacer->stretch < 1)
        pacer->stretch = 1;
    if (pacer->stretch > STRETCH_MAX)
        pacer->stretch = STRETCH_MAX;
}

static void goal_set(struct pacer *pacer, uint64_t used)
{
    uint64_t initial = goal_after(pacer, used);
    /* A heap that has grown past its goal has a goal above it all the same. */
    initial = max(initial, plus(used, pacer->rules.min_bytes / 2));
    uint64_t room = times(initial - used, pacer->stretch);
    if (pacer->rules.max_delta_bytes)
        room = min(room, max(pacer->rules.max_delta_bytes, initial - used));
    pacer->initial_bytes = initial;
    pacer->baseline_bytes = used;
    pacer->goal_bytes = half_way_to_max(pacer, used, plus(used, room));
}

void pacer_init(struct pacer *pacer, const struct pacer_rules *rules)
{
    pacer->rules = *rules;
    pacer->stretch = 1;
    pacer->baseline_bytes = 0;
    pacer->initial_bytes = rules->min_bytes;
    pacer->goal_bytes = half_way_to_max(pacer, 0, rules->min_bytes);
}

void pacer_collected(struct pacer *pacer, uint64_t used_bytes,
                     uint64_t pause_ns, uint64_t program_ns)
{
    if (pause_ns + program_ns > 0)
        stretch_by(pacer,
                   (double)pause_ns / (double)(pause_ns + program_ns));
    goal_set(pacer, used_bytes);
}

void pacer_postpone(struct pacer *pacer, uint64_t used_bytes)
{
    uint64_t part = max(budget(pacer) / POSTPONED_PARTS, 1);
    pacer->goal_bytes = plus(used_bytes, part);
}

bool pacer_is_enough(const struct pacer *pacer, uint64_t used_bytes)
{
    return used_bytes <= pacer->baseline_bytes + budget(pacer) / 2;
}

bool pacer_is_exceeded(const struct pacer *pacer, uint64_t used_bytes)
{
    return pacer->rules.max_bytes && used_bytes > pacer->rules.max_bytes;
}
