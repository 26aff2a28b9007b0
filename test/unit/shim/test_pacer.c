#include "pacer.h"

#include "unit.h"

static const uint64_t MB = UINT64_C(1) << 20;
static const uint64_t MS = 1000000;

/* The defaults, but for the RAM. */
static struct pacer_rules defaults(void)
{
    return (struct pacer_rules){
        .major_collect = 1.82,
        .growth = 1.4,
        .min_bytes = 16 * MB,
        .max_delta_bytes = 2048 * MB,
    };
}

static struct pacer pacer_with(struct pacer_rules rules)
{
    struct pacer pacer;
    pacer_init(&pacer, &rules);
    return pacer;
}

/* A whole collection at the goal that costs nothing and leaves so much. */
static void collect_to(struct pacer *pacer, uint64_t used_after)
{
    pacer_collected(pacer, &(struct pacer_collection){
                               .used_before = pacer->goal_bytes,
                               .used_after = used_after,
                           });
}

/* Long enough for `growth` not to matter any more. */
static void settle(struct pacer *pacer, uint64_t used_after)
{
    for (int i = 0; i < 64; i++)
        collect_to(pacer, used_after);
}

/* The goal in MB, rounded down. */
static unsigned goal_mb(const struct pacer *pacer)
{
    return (unsigned)(pacer->goal_bytes / MB);
}

/* ------------------------------------------------------------- PyPy's rules */

static void the_goal_follows_from_what_a_collection_left(void **state)
{
    static const struct {
        const char *why;
        double major_collect;
        unsigned min, max, max_delta; /* MB */
        unsigned used, goal;
    } table[] = {
        {"1.82 times what is used", 1.82, 16, 0, 0, 100, 182},
        {"any other factor", 3.0, 16, 0, 0, 100, 300},
        {"max_delta above used at most", 1.82, 16, 0, 50, 100, 150},
        {"max_delta that is not reached", 1.82, 16, 0, 90, 100, 182},
        {"16 MB above used at least", 1.82, 16, 0, 0, 10, 26},
        {"though max_delta be less", 1.82, 16, 0, 4, 10, 26},
        {"min at least", 1.82, 64, 0, 0, 10, 64},
        {"min is no room above used", 1.82, 64, 0, 0, 60, 109},
        {"min of a few MB makes the room smaller", 1.82, 4, 0, 0, 2, 6},
        {"half way to max", 1.82, 16, 200, 0, 150, 175},
        {"a goal below that stays", 1.82, 16, 1000, 0, 100, 182},
        {"max comes before the room", 1.82, 16, 110, 0, 100, 105},
        {"beyond max it is always due", 1.82, 16, 100, 0, 120, 120},
        {"CPython's 10 %, at little", 1.1, 1, 0, 0, 5, 6},
        {"CPython's 10 %, at much", 1.1, 1, 0, 0, 500, 550},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct pacer pacer = pacer_with((struct pacer_rules){
            .major_collect = table[i].major_collect,
            .growth = 1.4,
            .min_bytes = table[i].min * MB,
            .max_bytes = table[i].max * MB,
            .max_delta_bytes = table[i].max_delta * MB,
        });
        settle(&pacer, table[i].used * MB);
        if (goal_mb(&pacer) != table[i].goal)
            fail_msg("%s: %u and not %u", table[i].why, goal_mb(&pacer),
                     table[i].goal);
    }
}

static void before_the_first_collection_the_goal_is_min(void **state)
{
    struct pacer_rules rules = defaults();
    struct pacer pacer = pacer_with(rules);
    (void)state;
    assert_int_equal(goal_mb(&pacer), 16);
    assert_false(pacer_is_due(&pacer, 16 * MB - 1));
    assert_true(pacer_is_due(&pacer, 16 * MB));
    rules.max_bytes = 20 * MB;
    pacer = pacer_with(rules);
    assert_int_equal(goal_mb(&pacer), 10);
}

static void a_goal_grows_by_no_more_than_growth(void **state)
{
    struct pacer pacer = pacer_with(defaults());
    (void)state;
    settle(&pacer, 100 * MB);
    assert_int_equal(goal_mb(&pacer), 182);
    collect_to(&pacer, 180 * MB);
    assert_int_equal(goal_mb(&pacer), 254); /* 182 * 1.4, not 327 */
    collect_to(&pacer, 180 * MB);
    assert_int_equal(goal_mb(&pacer), 327);
    collect_to(&pacer, 10 * MB); /* a peak that has passed */
    assert_int_equal(goal_mb(&pacer), 26);
}

static void a_heap_beyond_all_goals_still_has_room(void **state)
{
    struct pacer pacer = pacer_with(defaults());
    (void)state;
    collect_to(&pacer, 500 * MB);
    assert_int_equal(goal_mb(&pacer), 516);
}

static void what_a_collection_freed_does_not_credit_the_next(void **state)
{
    (void)state;
    struct pacer little = pacer_with(defaults()), much = little;
    pacer_collected(&little, &(struct pacer_collection){.used_before = 21 * MB,
                                                        .used_after = 20 * MB});
    pacer_collected(&much, &(struct pacer_collection){.used_before = 900 * MB,
                                                      .used_after = 20 * MB});
    assert_int_equal(little.goal_bytes, much.goal_bytes);
    assert_int_equal(little.baseline_bytes, 20 * MB);
}

static void near_max_collections_come_more_often(void **state)
{
    static const unsigned used[] = {10, 60, 80, 90, 95, 98, 99};
    struct pacer_rules rules = defaults();
    uint64_t last = UINT64_MAX;
    (void)state;
    rules.max_bytes = 100 * MB;
    struct pacer pacer = pacer_with(rules);
    for (size_t i = 0; i < sizeof(used) / sizeof(used[0]); i++) {
        settle(&pacer, used[i] * MB);
        uint64_t room = pacer.goal_bytes - used[i] * MB;
        assert_true(i < 2 || room < last);
        assert_true(pacer.goal_bytes < rules.max_bytes);
        last = room;
    }
    assert_false(pacer_is_exceeded(&pacer, 100 * MB));
    assert_true(pacer_is_exceeded(&pacer, 100 * MB + 1));
}

static void without_a_limit_nothing_exceeds_it(void **state)
{
    struct pacer pacer = pacer_with(defaults());
    (void)state;
    assert_false(pacer_is_exceeded(&pacer, UINT64_MAX / 2));
}

static void sizes_beyond_all_bounds_do_not_wrap(void **state)
{
    struct pacer_rules rules = defaults();
    (void)state;
    rules.major_collect = 1e30;
    rules.growth = 1e30;
    rules.max_delta_bytes = UINT64_MAX;
    struct pacer pacer = pacer_with(rules);
    settle(&pacer, UINT64_MAX / 4);
    assert_true(pacer.goal_bytes > UINT64_MAX / 4);
    pacer_postpone(&pacer, UINT64_MAX / 2);
    assert_true(pacer.goal_bytes >= UINT64_MAX / 2);
}

/* ---------------------------------------------------- stages, and put off */

static void young_collections_are_enough_half_way_back(void **state)
{
    struct pacer pacer = pacer_with(defaults());
    (void)state;
    settle(&pacer, 100 * MB); /* goal 182 */
    assert_true(pacer_is_enough(&pacer, 140 * MB));
    assert_false(pacer_is_enough(&pacer, 142 * MB));
}

static void a_young_collection_sets_no_goal(void **state)
{
    struct pacer pacer = pacer_with(defaults());
    (void)state;
    settle(&pacer, 100 * MB);
    uint64_t goal = pacer.goal_bytes, baseline = pacer.baseline_bytes;
    pacer_collected_young(&pacer,
                          &(struct pacer_collection){.used_before = 182 * MB,
                                                     .used_after = 150 * MB,
                                                     .pause_ns = MS,
                                                     .is_asked = true});
    assert_int_equal(pacer.goal_bytes, goal);
    assert_int_equal(pacer.baseline_bytes, baseline);
}

static void one_put_off_is_due_a_part_of_the_room_later(void **state)
{
    struct pacer pacer = pacer_with(defaults());
    (void)state;
    settle(&pacer, 100 * MB); /* room 82 */
    pacer_postpone(&pacer, 190 * MB);
    assert_int_equal(goal_mb(&pacer), 210);
    assert_int_equal(pacer.baseline_bytes, 100 * MB);
}

/* ---------------------------------------------------------------- the cost */

/* A program that fills memory at so many MB a second, with collections that
 * take so long and find so many dead objects: the room after many of them. */
struct life {
    const char *why;
    unsigned mb_per_s;
    double living_ms, dead_ns;
    double dead_per_mb; /* objects */
    unsigned room_least, room_most;
};

static unsigned room_after(const struct life *life, unsigned collections)
{
    struct pacer pacer = pacer_with(defaults());
    for (unsigned i = 0; i < collections; i++) {
        uint64_t grown = pacer.goal_bytes - pacer.baseline_bytes;
        double grown_mb = (double)grown / (double)MB;
        double objects = life->dead_per_mb * grown_mb;
        pacer_collected(
            &pacer,
            &(struct pacer_collection){
                .used_before = pacer.goal_bytes,
                .used_after = 4 * MB,
                .pause_ns = (uint64_t)(life->living_ms * (double)MS +
                                       life->dead_ns * objects),
                .program_ns = (uint64_t)(grown_mb / life->mb_per_s * 1e9),
                .objects = (uint64_t)objects,
            });
    }
    return (unsigned)((pacer.goal_bytes - 4 * MB) / MB);
}

static void collections_that_do_not_pay_come_less_often(void **state)
{
    static const struct life table[] = {
        {"a small heap, filled fast", 5000, 1, 150, 100, 16, 16},
        {"a small heap, filled slowly", 1, 1, 150, 100, 16, 16},
        /* 200 ms / (0.2 * 1e9 / (5000 * MB) + 0.1) ns a byte */
        {"millions of live objects, filled fast", 5000, 200, 150, 100, 1200,
         1400},
        {"the same, filled slowly", 50, 200, 150, 100, 45, 55},
        {"where nothing is ever found", 5000, 200, 150, 0, 1300, 1400},
        /* Freeing them takes most of the time, and has to be done anyway. */
        {"the dead are many, the living few", 300, 1, 150, 20000, 16, 16},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        unsigned room = room_after(&table[i], 60);
        if (room < table[i].room_least || room > table[i].room_most)
            fail_msg("%s: %u and not %u to %u", table[i].why, room,
                     table[i].room_least, table[i].room_most);
    }
}

static struct pacer_collection costly(const struct pacer *pacer,
                                      unsigned pause_ms, unsigned program_ms)
{
    return (struct pacer_collection){
        .used_before = pacer->goal_bytes,
        .used_after = 4 * MB,
        .pause_ns = pause_ms * MS,
        .program_ns = program_ms * MS,
    };
}

static void collect_at_cost(struct pacer *pacer, unsigned pause_ms,
                            unsigned program_ms, unsigned times)
{
    for (unsigned i = 0; i < times; i++) {
        struct pacer_collection collection =
            costly(pacer, pause_ms, program_ms);
        pacer_collected(pacer, &collection);
    }
}

static void one_long_pause_is_not_believed(void **state)
{
    struct pacer pacer = pacer_with(defaults());
    (void)state;
    collect_at_cost(&pacer, 2, 10, 20);
    assert_int_equal(goal_mb(&pacer), 20);
    collect_at_cost(&pacer, 400, 10, 1);
    assert_int_equal(goal_mb(&pacer), 20);
    collect_at_cost(&pacer, 400, 10, 40);
    assert_true(goal_mb(&pacer) > 500);
}

static void
where_fresh_memory_is_cheap_collections_come_less_often(void **state)
{
    struct pacer_rules rules = defaults();
    struct pacer dear = pacer_with(rules);
    (void)state;
    rules.fresh_ns = 5;
    struct pacer dearer = pacer_with(rules);
    rules.fresh_ns = 0.05;
    struct pacer cheap = pacer_with(rules);
    collect_at_cost(&dear, 100, 0, 30);
    collect_at_cost(&dearer, 100, 0, 30);
    collect_at_cost(&cheap, 100, 0, 30);
    assert_int_equal(goal_mb(&dear), 957); /* 100 ms / 0.1 ns, and 4 */
    assert_int_equal(dearer.goal_bytes, dear.goal_bytes);
    assert_int_equal(goal_mb(&cheap), 1911);
}

static void max_delta_bounds_what_costs_can_do(void **state)
{
    struct pacer_rules rules = defaults();
    (void)state;
    rules.max_delta_bytes = 50 * MB;
    struct pacer pacer = pacer_with(rules);
    collect_at_cost(&pacer, 4000, 10, 30);
    assert_int_equal(goal_mb(&pacer), 54);
}

static void max_comes_before_what_collections_cost(void **state)
{
    struct pacer_rules rules = defaults();
    (void)state;
    rules.max_bytes = 104 * MB;
    struct pacer pacer = pacer_with(rules);
    collect_at_cost(&pacer, 4000, 10, 30);
    assert_int_equal(goal_mb(&pacer), 54);
}

static void a_heap_that_has_become_small_is_noticed(void **state)
{
    struct pacer pacer = pacer_with(defaults());
    (void)state;
    collect_at_cost(&pacer, 400, 10, 30);
    assert_true(goal_mb(&pacer) > 500);
    /* By a collection that nobody asked for, long before the goal. */
    pacer_collected(&pacer, &(struct pacer_collection){.used_before = 5 * MB,
                                                       .used_after = 4 * MB,
                                                       .pause_ns = MS,
                                                       .program_ns = 10 * MS});
    assert_int_equal(goal_mb(&pacer), 20);
}

static void young_collections_in_vain_are_a_cost(void **state)
{
    struct pacer pacer = pacer_with(defaults()), spared = pacer;
    (void)state;
    for (int i = 0; i < 20; i++) {
        collect_at_cost(&spared, 10, 1, 1);
        pacer_collected_young(
            &pacer,
            &(struct pacer_collection){.pause_ns = 10 * MS, .is_asked = true});
        collect_at_cost(&pacer, 10, 1, 1);
    }
    assert_true(pacer.goal_bytes > spared.goal_bytes + 10 * MB);
}

static void young_collections_of_the_runtime_s_own_are_none(void **state)
{
    struct pacer pacer = pacer_with(defaults()), spared = pacer;
    (void)state;
    for (int i = 0; i < 20; i++) {
        collect_at_cost(&spared, 10, 1, 1);
        pacer_collected_young(&pacer,
                              &(struct pacer_collection){.pause_ns = 10 * MS});
        collect_at_cost(&pacer, 10, 1, 1);
    }
    assert_int_equal(pacer.goal_bytes, spared.goal_bytes);
}

static void objects_that_are_not_counted_are_not_subtracted(void **state)
{
    struct pacer pacer = pacer_with(defaults());
    (void)state;
    for (int i = 0; i < 20; i++) {
        struct pacer_collection collection = costly(&pacer, 20, 1);
        collection.objects = UINT64_MAX;
        pacer_collected(&pacer, &collection);
    }
    assert_true(goal_mb(&pacer) > 80);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_goal_follows_from_what_a_collection_left),
        cmocka_unit_test(before_the_first_collection_the_goal_is_min),
        cmocka_unit_test(a_goal_grows_by_no_more_than_growth),
        cmocka_unit_test(a_heap_beyond_all_goals_still_has_room),
        cmocka_unit_test(what_a_collection_freed_does_not_credit_the_next),
        cmocka_unit_test(near_max_collections_come_more_often),
        cmocka_unit_test(without_a_limit_nothing_exceeds_it),
        cmocka_unit_test(sizes_beyond_all_bounds_do_not_wrap),
        cmocka_unit_test(young_collections_are_enough_half_way_back),
        cmocka_unit_test(a_young_collection_sets_no_goal),
        cmocka_unit_test(one_put_off_is_due_a_part_of_the_room_later),
        cmocka_unit_test(collections_that_do_not_pay_come_less_often),
        cmocka_unit_test(one_long_pause_is_not_believed),
        cmocka_unit_test(
            where_fresh_memory_is_cheap_collections_come_less_often),
        cmocka_unit_test(max_delta_bounds_what_costs_can_do),
        cmocka_unit_test(max_comes_before_what_collections_cost),
        cmocka_unit_test(a_heap_that_has_become_small_is_noticed),
        cmocka_unit_test(young_collections_in_vain_are_a_cost),
        cmocka_unit_test(young_collections_of_the_runtime_s_own_are_none),
        cmocka_unit_test(objects_that_are_not_counted_are_not_subtracted),
    };
    return RUN(tests);
}
