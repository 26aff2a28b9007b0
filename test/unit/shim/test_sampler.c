#include "sampler.h"

#include "unit.h"

#include <math.h>

enum { MEAN = 4096, ROUNDS = 400000 };

static struct sampler sampler_of(uint64_t mean_bytes, uint64_t seed)
{
    struct sampler sampler = {0};
    sampler_math = (struct sampler_math){log, expm1};
    sampler_set(&sampler, mean_bytes, seed);
    return sampler;
}

/* Blocks of n bytes that were samples, of so many. */
static double share_sampled(uint64_t n, uint64_t freed_between, int blocks)
{
    struct sampler sampler = sampler_of(MEAN, n * 31 + freed_between);
    int hits = 0;
    for (int i = 0; i < blocks; i++) {
        hits += sampler_pass_block(&sampler, n, 0);
        if (freed_between)
            assert_false(sampler_pass_block(&sampler, 0, freed_between));
    }
    return (double)hits / blocks;
}

/* Four standard deviations: one run in 16,000 is beyond, and the seed is
 * fixed. */
static void assert_share(double share, double p, int blocks)
{
    double deviation = sqrt(p * (1 - p) / blocks);
    assert_true(fabs(share - p) <= 4 * deviation + 1e-12);
}

static void a_block_is_a_sample_with_the_probability_that_is_claimed(
    void **state)
{
    static const uint64_t sizes[] = {1, 16, 100, 1024, 4096, 10000, 100000};
    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        double p = -expm1(-(double)sizes[i] / MEAN);
        assert_share(share_sampled(sizes[i], 0, ROUNDS), p, ROUNDS);
        assert_true(fabs(sampler_probability(sizes[i], MEAN) - p) < 1e-12);
    }
}

static void what_is_freed_in_between_changes_no_probability(void **state)
{
    (void)state;
    for (uint64_t freed = 16; freed <= 65536; freed *= 16)
        assert_share(share_sampled(256, freed, ROUNDS),
                     -expm1(-256.0 / MEAN), ROUNDS);
}

static void bytes_that_were_not_looked_at_change_no_probability(void **state)
{
    struct sampler sampler = sampler_of(MEAN, 7);
    int hits = 0;
    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        hits += sampler_pass_block(&sampler, 256, 0);
        sampler_pass(&sampler, (uint64_t)i % 9000);
        assert_true(sampler_left(&sampler) >= 0);
    }
    assert_share((double)hits / ROUNDS, -expm1(-256.0 / MEAN), ROUNDS);
}

/* In a reallocation what is allocated goes by first. */
static void a_hit_on_what_is_freed_is_no_sample(void **state)
{
    struct sampler sampler = sampler_of(MEAN, 3);
    int hits = 0;
    (void)state;
    for (int i = 0; i < ROUNDS; i++)
        hits += sampler_pass_block(&sampler, 100, 300);
    assert_share((double)hits / ROUNDS, -expm1(-100.0 / MEAN), ROUNDS);
}

static void a_mean_of_a_byte_takes_every_block(void **state)
{
    struct sampler sampler = sampler_of(1, 5);
    (void)state;
    for (int i = 0; i < 1000; i++)
        assert_true(sampler_pass_block(&sampler, 64, 0));
}

static void one_that_is_off_takes_none(void **state)
{
    struct sampler sampler = sampler_of(0, 5);
    (void)state;
    for (int i = 0; i < 1000; i++)
        assert_false(sampler_pass_block(&sampler, 1 << 20, 0));
    assert_true(sampler_left(&sampler) == INT64_MAX);
    assert_true(sampler_probability(100, 0) == 1);
}

static void seeds_tell_threads_apart(void **state)
{
    struct sampler a = sampler_of(MEAN, 1), b = sampler_of(MEAN, 2);
    int same = 0;
    (void)state;
    for (int i = 0; i < 1000; i++)
        same += sampler_pass_block(&a, 1000, 0) &&
                sampler_pass_block(&b, 1000, 0);
    double p = -expm1(-1000.0 / MEAN);
    assert_true(same < 1000 * p * p * 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            a_block_is_a_sample_with_the_probability_that_is_claimed),
        cmocka_unit_test(what_is_freed_in_between_changes_no_probability),
        cmocka_unit_test(bytes_that_were_not_looked_at_change_no_probability),
        cmocka_unit_test(a_hit_on_what_is_freed_is_no_sample),
        cmocka_unit_test(a_mean_of_a_byte_takes_every_block),
        cmocka_unit_test(one_that_is_off_takes_none),
        cmocka_unit_test(seeds_tell_threads_apart),
    };
    return RUN(tests);
}
