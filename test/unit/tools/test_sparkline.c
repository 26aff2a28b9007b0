/* A history as a curve. */
#include "common/sparkline.h"

#include <string.h>

#include "unit.h"

enum { CELLS = 56 };

static uint64_t used_of(const struct reader_point *point)
{
    return point->used_bytes;
}

static void a_curve_shows_the_highest_point_of_each_cell(void **state)
{
    (void)state;
    struct reader_point points[CELLS + 1] = {0};
    char curve[CELLS * SPARKLINE_CELL_BYTES];

    for (size_t i = 0; i <= CELLS; i++)
        points[i].time_ns = 1000 + i * 10;
    points[0].used_bytes = 64;
    points[1].used_bytes = 32;
    points[2].used_bytes = 1;
    points[CELLS].used_bytes = 64;
    sparkline_format(curve, CELLS, points, CELLS + 1, used_of, 64, false);
    assert_int_equal(strlen(curve), CELLS);
    assert_memory_equal(curve, "#=. ", 4);
    assert_int_equal(curve[CELLS - 1], '#');
}

static void a_cell_without_a_point_goes_on_as_before(void **state)
{
    (void)state;
    static const struct reader_point points[] = {
        {.time_ns = 0, .used_bytes = 4}, {.time_ns = 1000, .used_bytes = 8}};
    char curve[CELLS * SPARKLINE_CELL_BYTES];

    sparkline_format(curve, CELLS, points, 2, used_of, 8, false);
    assert_int_equal(strspn(curve, "="), CELLS - 1);
    assert_int_equal(curve[CELLS - 1], '#');
}

static void a_curve_without_time_or_height_is_drawn_too(void **state)
{
    (void)state;
    static const struct reader_point points[] = {
        {.time_ns = UINT64_MAX, .used_bytes = UINT64_MAX}, {.time_ns = 0}};
    char curve[CELLS * SPARKLINE_CELL_BYTES];

    sparkline_format(curve, CELLS, points, 2, used_of, UINT64_MAX, true);
    sparkline_format(curve, CELLS, points, 1, used_of, 0, true);
    assert_string_equal(
        sparkline_format(curve, CELLS, points, 0, used_of, 1, false), "");
}

static void a_larger_curve_fills_its_cells_in_eighths(void **state)
{
    (void)state;
    assert_int_equal(sparkline_level(0, 100, 4), 0);
    assert_int_equal(sparkline_level(1, 100, 4), 1);
    assert_int_equal(sparkline_level(50, 100, 4), 16);
    assert_int_equal(sparkline_level(51, 100, 4), 17);
    assert_int_equal(sparkline_level(100, 100, 4), 32);
    assert_int_equal(sparkline_level(UINT64_MAX, 1, 4), 32);
    assert_string_equal(sparkline_glyph(SPARKLINE_LEVELS, false), "#");
    assert_string_equal(sparkline_glyph(SPARKLINE_LEVELS, true), "█");
}

static void a_line_wider_than_all_is_cut(void **state)
{
    (void)state;
    static const struct reader_point points[] = {{.used_bytes = 1}};
    static char curve[4096];

    sparkline_format(curve, 4000, points, 1, used_of, 1, false);
    assert_int_equal(strlen(curve), SPARKLINE_CELLS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_curve_shows_the_highest_point_of_each_cell),
        cmocka_unit_test(a_cell_without_a_point_goes_on_as_before),
        cmocka_unit_test(a_curve_without_time_or_height_is_drawn_too),
        cmocka_unit_test(a_larger_curve_fills_its_cells_in_eighths),
        cmocka_unit_test(a_line_wider_than_all_is_cut),
    };

    return RUN(tests);
}
