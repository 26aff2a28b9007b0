#include "history.h"

#include "region.h"
#include "unit.h"

#include <string.h>

enum { SPACING_NS = 100000000 };

static struct gcshim_header *header = &region.segment.header;

static int start(void **state)
{
    (void)state;
    memset((void *)header->history_points, 0, sizeof(header->history_points));
    history_start();
    history_note(1, 0, 0); /* from here on time counts */
    return 0;
}

static void note_at(uint64_t n, uint64_t used)
{
    history_note(1 + n * SPACING_NS, used, 2 * used);
}

static void a_point_comes_at_most_every_100_ms(void **state)
{
    (void)state;
    history_note(SPACING_NS / 2, 10, 20);
    assert_int_equal(header->history_points[0], 0);
    note_at(1, 10);
    history_note(1 + SPACING_NS + SPACING_NS / 2, 10, 20);
    assert_int_equal(header->history_points[0], 1);
    assert_int_equal(region.segment.history[0][0].used_bytes, 10);
    assert_int_equal(region.segment.history[0][0].committed_bytes, 20);
}

static void a_point_tells_the_peak_since_the_one_before(void **state)
{
    (void)state;
    history_note(2, 500, 0);
    note_at(1, 10);
    note_at(2, 20);
    assert_int_equal(region.segment.history[0][0].used_peak_bytes, 500);
    assert_int_equal(region.segment.history[0][1].used_peak_bytes, 20);
}

static void each_level_takes_every_fourth_point_of_the_one_before(void **state)
{
    (void)state;
    for (uint64_t i = 1; i <= 64; i++)
        note_at(i, i == 33 ? 1000 : i);
    assert_int_equal(header->history_points[0], 64);
    assert_int_equal(header->history_points[1], 16);
    assert_int_equal(header->history_points[2], 4);
    assert_int_equal(header->history_points[3], 1);
    assert_int_equal(header->history_points[4], 0);
    assert_int_equal(region.segment.history[1][0].used_bytes, 4);
    assert_int_equal(region.segment.history[2][1].used_peak_bytes, 32);
    assert_int_equal(region.segment.history[2][2].used_peak_bytes, 1000);
}

static void a_year_is_covered_in_bounded_room(void **state)
{
    enum { POINTS = 4000000 };
    (void)state;
    for (uint64_t i = 1; i <= POINTS; i++)
        note_at(i, i);
    /* The level that has not gone round yet reaches back to the beginning. */
    int level = 0;
    while (header->history_points[level] > GCSHIM_HISTORY_POINTS)
        level++;
    assert_true(level < GCSHIM_HISTORY_LEVELS);
    assert_true(region.segment.history[level][0].time_ns <
                (uint64_t)POINTS * SPACING_NS / 50);
    /* 128 points of the last level, each 4^11 of the first. */
    uint64_t reach_s = (uint64_t)GCSHIM_HISTORY_POINTS << 22;
    assert_true(reach_s / 10 > UINT64_C(365) * 24 * 3600);
}

static void the_end_gets_a_point_of_its_own(void **state)
{
    (void)state;
    history_hasten();
    history_note(5, 7, 9);
    assert_int_equal(header->history_points[0], 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_point_comes_at_most_every_100_ms, start),
        cmocka_unit_test_setup(a_point_tells_the_peak_since_the_one_before,
                               start),
        cmocka_unit_test_setup(
            each_level_takes_every_fourth_point_of_the_one_before, start),
        cmocka_unit_test_setup(a_year_is_covered_in_bounded_room, start),
        cmocka_unit_test_setup(the_end_gets_a_point_of_its_own, start),
    };
    return RUN(tests);
}
