/* What few samples say of many blocks, and how far that may be off: the true
 * value is within the range in 95 of 100 cases, however few samples there
 * are. */
#include <math.h>
#include <stdbool.h>

#include "reader/profile.h"
#include "unit.h"

enum { KIB = 1024, TRIALS = 4000 };

static bool is_near(double value, double expected, double tolerance)
{
    return fabs(value - expected) <= tolerance * fabs(expected);
}

static void assert_near(double value, double expected, double tolerance)
{
    if (!is_near(value, expected, tolerance))
        fail_msg("%g is not %g", value, expected);
}

/* ------------------------------------------------------------ one sample */

static void a_block_that_was_taken_for_certain_is_exact(void **state)
{
    (void)state;
    struct reader_estimate bytes = reader_estimate_bytes(200000, 0);

    assert_near(bytes.value, 200000, 0);
    assert_near(bytes.variance, 0, 0);
    assert_near(reader_estimate_blocks(200000, 0).value, 1, 0);
}

static void a_small_block_stands_for_about_a_mean(void **state)
{
    (void)state;
    struct reader_estimate bytes = reader_estimate_bytes(8, 512 * KIB);
    struct reader_estimate blocks = reader_estimate_blocks(8, 512 * KIB);

    assert_near(bytes.value, 512 * KIB, 1e-4);
    assert_near(bytes.variance, pow(512 * KIB, 2), 1e-4);
    assert_near(blocks.value, 64 * KIB, 1e-4);
}

static void a_block_of_one_mean_counts_by_its_chance(void **state)
{
    (void)state;
    double p = 1 - exp(-1);
    struct reader_estimate blocks = reader_estimate_blocks(KIB, KIB);

    assert_near(blocks.value, 1 / p, 1e-12);
    assert_near(blocks.variance, (1 - p) / (p * p), 1e-12);
}

/* ---------------------------------------------------------------- ranges */

/* The table of Garwood's ranges of a count, as in any textbook. */
static void of_blocks_of_equal_weight_the_range_is_that_of_a_count(void **state)
{
    (void)state;
    static const struct {
        double count, low, high;
    } cases[] = {
        {1, 0.0253, 5.5716},    {2, 0.2422, 7.2247},    {5, 1.6235, 11.6683},
        {10, 4.7954, 18.3904},  {50, 37.1110, 65.9189}, {63, 48.411, 80.604},
        {100, 81.364, 121.627},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        double n = cases[i].count;
        struct reader_range95 range = reader_estimate_range(
            (struct reader_estimate){7 * n, 49 * n}, 7);

        assert_near(range.low, 7 * cases[i].low, 2e-3);
        assert_near(range.high, 7 * cases[i].high, 2e-3);
    }
}

static void without_a_sample_there_may_be_some_means(void **state)
{
    (void)state;
    struct reader_range95 range =
        reader_estimate_range((struct reader_estimate){0, 0}, 100);

    assert_near(range.low, 0, 0);
    assert_near(range.high, 368.888, 1e-4);
    range = reader_estimate_range((struct reader_estimate){0, 0}, 0);
    assert_near(range.high, 0, 0);
}

static void what_was_taken_for_certain_has_no_width(void **state)
{
    (void)state;
    struct reader_range95 range =
        reader_estimate_range((struct reader_estimate){5e6, 0}, 512);

    assert_near(range.low, 5e6, 0);
    assert_near(range.high, 5e6, 0);
}

static void ranges_are_sound_at_the_edges_of_numbers(void **state)
{
    (void)state;
    static const double values[] = {1e-300, 1, 1e31};

    for (size_t i = 0; i < 3; i++) {
        double value = values[i];

        for (double part = 1; part > 1e-40; part /= 7) {
            struct reader_range95 range = reader_estimate_range(
                (struct reader_estimate){value, part * value * value}, 0);

            assert_true(range.low >= 0 && range.low <= value);
            assert_true(range.high >= value && isfinite(range.high));
        }
    }
}

/* ------------------------------------------------------------- coverage */

static uint64_t seed;

/* splitmix64: uniform from 0 to below 1. */
static double chance(void)
{
    uint64_t z = seed += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (double)((z ^ z >> 31) >> 11) * 0x1p-53;
}

/* Blocks that live: so many of one size and so many of another. */
struct population {
    uint64_t bytes[2];
    int count[2];
};

static double true_bytes(const struct population *blocks)
{
    return (double)blocks->bytes[0] * blocks->count[0] +
           (double)blocks->bytes[1] * blocks->count[1];
}

static struct reader_estimate sampled(const struct population *blocks,
                                      uint64_t mean)
{
    struct reader_estimate sum = {0, 0};

    for (int kind = 0; kind < 2; kind++) {
        double p = -expm1(-(double)blocks->bytes[kind] / (double)mean);

        for (int i = 0; i < blocks->count[kind]; i++) {
            if (chance() < p)
                sum = reader_estimate_sum(
                    sum, reader_estimate_bytes(blocks->bytes[kind], mean));
        }
    }
    return sum;
}

/* In how many of a thousand trials the truth is within the range. */
static int coverage(const struct population *blocks, uint64_t mean)
{
    double truth = true_bytes(blocks);
    int hits = 0;

    seed = 42;
    for (int i = 0; i < TRIALS; i++) {
        struct reader_range95 range =
            reader_estimate_range(sampled(blocks, mean), (double)mean);

        hits += range.low <= truth && truth <= range.high;
    }
    return hits * 1000 / TRIALS;
}

static void the_truth_is_within_the_range_in_95_of_100_cases(void **state)
{
    (void)state;
    static const struct population populations[] = {
        {{64, 0}, {512, 0}},           /* half a sample is expected */
        {{64, 0}, {2048, 0}},          /* two */
        {{1024, 0}, {640, 0}},         /* ten */
        {{1024, 0}, {6400, 0}},        /* a hundred */
        {{32 * KIB, 0}, {12, 0}},      /* one in three is taken */
        {{64 * KIB, 0}, {10, 0}},      /* two in three */
        {{16, 128 * KIB}, {4096, 3}},  /* nearly all, beside small ones */
        {{256, 48 * KIB}, {1024, 20}}, /* mixed */
    };

    for (size_t i = 0; i < sizeof(populations) / sizeof(populations[0]); i++) {
        int permille = coverage(&populations[i], 64 * KIB);

        if (permille < 940)
            fail_msg("population %zu: %d of 1000", i, permille);
    }
}

/* A normal range would be too narrow here: that is why it is not one. */
static void a_normal_range_would_not_hold_the_truth_so_often(void **state)
{
    (void)state;
    const struct population blocks = {{64, 0}, {2048, 0}};
    int hits = 0;

    seed = 42;
    for (int i = 0; i < TRIALS; i++) {
        struct reader_estimate bytes = sampled(&blocks, 64 * KIB);

        hits += fabs(bytes.value - true_bytes(&blocks)) <=
                1.96 * sqrt(bytes.variance);
    }
    assert_true(hits * 1000 / TRIALS < 900);
}

static void the_true_change_is_within_its_range_in_95_of_100_cases(void **state)
{
    (void)state;
    static const struct population now[] = {
        {{64, 0}, {4096, 0}}, {{1024, 0}, {640, 0}}, {{32 * KIB, 0}, {30, 0}}};
    static const struct population then[] = {
        {{64, 0}, {1024, 0}}, {{1024, 0}, {640, 0}}, {{64, 0}, {0, 0}}};

    for (size_t k = 0; k < 3; k++) {
        double truth = true_bytes(&now[k]) - true_bytes(&then[k]);
        int hits = 0;

        seed = 42;
        for (int i = 0; i < TRIALS; i++) {
            struct reader_range95 range = reader_estimate_change(
                sampled(&now[k], 64 * KIB), 64 * KIB,
                sampled(&then[k], 64 * KIB), 64 * KIB);

            hits += range.low <= truth && truth <= range.high;
        }
        if (hits * 1000 / TRIALS < 940)
            fail_msg("change %zu: %d of %d", k, hits, TRIALS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_block_that_was_taken_for_certain_is_exact),
        cmocka_unit_test(a_small_block_stands_for_about_a_mean),
        cmocka_unit_test(a_block_of_one_mean_counts_by_its_chance),
        cmocka_unit_test(
            of_blocks_of_equal_weight_the_range_is_that_of_a_count),
        cmocka_unit_test(without_a_sample_there_may_be_some_means),
        cmocka_unit_test(what_was_taken_for_certain_has_no_width),
        cmocka_unit_test(ranges_are_sound_at_the_edges_of_numbers),
        cmocka_unit_test(the_truth_is_within_the_range_in_95_of_100_cases),
        cmocka_unit_test(a_normal_range_would_not_hold_the_truth_so_often),
        cmocka_unit_test(
            the_true_change_is_within_its_range_in_95_of_100_cases),
    };

    return RUN(tests);
}
