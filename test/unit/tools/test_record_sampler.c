/* What a process has noted between two samples is recorded once. */
#include "record/sampler.h"

#include <stdlib.h>

#include "forge.h"
#include "specimen.h"
#include "unit.h"

#define MIB (UINT64_C(1) << 20)

static struct store store;
static struct sampler sampler;

static int begin(void **state)
{
    (void)state;
    struct recording head = {0};

    forge_begin();
    assert_int_equal(
        store_open(&store, forge_path("r"), STORE_BYTES_MIN, &head), 0);
    sampler = sampler_make(&store, 4711, 0, RECORDING_NS_PER_S);
    return 0;
}

static int end(void **state)
{
    (void)state;
    sampler_fini(&sampler);
    assert_int_equal(store_close(&store), 0);
    forge_end();
    return 0;
}

/* A sample of so much used, after a point shortly before the last sample and
 * one shortly after, with that peak in between. */
static const struct recording_sample *add(uint64_t used, uint64_t peak)
{
    struct reader_process process = specimen_dead();

    process.used_bytes = used;
    process.used_peak_bytes = 500 * MIB; /* long ago */
    process.history_count = 2;
    process.history[0] = (struct reader_point){.time_ns = sampler.time_ns - 10,
                                               .used_bytes = used};
    process.history[1] = (struct reader_point){.time_ns = sampler.time_ns + 10,
                                               .used_bytes = used,
                                               .used_peak_bytes = peak};
    sampler.used_peak_bytes = process.used_peak_bytes;
    assert_int_equal(sampler_add(&sampler, &process), 0);
    reader_process_fini(&process);
    return recording_last(&store.recording, RECORDING_SAMPLE)->sample;
}

static void a_peak_that_was_seen_before_is_not_told_once_more(void **state)
{
    (void)state;
    sampler.time_ns = 1000;
    assert_true(add(60 * MIB, 60 * MIB)->most[FIGURE_USED] == 60 * MIB);
    const struct recording_sample *fallen = add(5 * MIB, 61 * MIB);

    assert_true(fallen->figures[FIGURE_USED] == 5 * MIB);
    assert_true(fallen->most[FIGURE_USED] == 5 * MIB);
}

static void a_peak_that_is_news_is_told(void **state)
{
    (void)state;
    sampler.time_ns = 1000;
    (void)add(60 * MIB, 60 * MIB);
    assert_true(add(5 * MIB, 100 * MIB)->most[FIGURE_USED] == 100 * MIB);
}

static void a_risen_peak_of_the_process_is_told_in_any_case(void **state)
{
    (void)state;
    struct reader_process process = specimen_dead();

    sampler.used_peak_bytes = 10 * MIB;
    process.used_bytes = 5 * MIB;
    process.used_peak_bytes = 11 * MIB;
    process.history_count = 0;
    assert_int_equal(sampler_add(&sampler, &process), 0);
    reader_process_fini(&process);
    assert_true(recording_last(&store.recording, RECORDING_SAMPLE)
                    ->sample->most[FIGURE_USED] == 11 * MIB);
    assert_true(sampler.used_most_bytes == 11 * MIB);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_peak_that_was_seen_before_is_not_told_once_more),
        TEST(a_peak_that_is_news_is_told),
        TEST(a_risen_peak_of_the_process_is_told_in_any_case),
    };

    return RUN(tests);
}
