#include "ranges.h"

#include "region.h"
#include "unit.h"

static const uint64_t RANGE = UINT64_C(1) << GCSHIM_RANGE_SHIFT;

static int is_noted(uint64_t range)
{
    return (int)(region.segment.ranges[range / 64] >> range % 64 & 1);
}

static void all_ranges_that_are_touched_are_noted(void **state)
{
    (void)state;
    ranges_note((void *)(uintptr_t)(100 * RANGE + 5), RANGE);
    assert_false(is_noted(99));
    assert_true(is_noted(100) && is_noted(101));
    assert_false(is_noted(102));
}

static void a_range_ends_before_the_next(void **state)
{
    (void)state;
    ranges_note((void *)(uintptr_t)(200 * RANGE), RANGE);
    assert_true(is_noted(200));
    assert_false(is_noted(201));
}

static void the_chunk_is_told(void **state)
{
    enum { RANGES_A_CHUNK = GCSHIM_RANGE_CHUNK_WORDS * 64 };
    (void)state;
    assert_false(region.segment.header.range_chunks[0] >> 3 & 1);
    ranges_note((void *)(uintptr_t)(3 * RANGES_A_CHUNK * RANGE), 1);
    assert_true(region.segment.header.range_chunks[0] >> 3 & 1);
}

static void an_address_beyond_the_map_is_passed_over(void **state)
{
    (void)state;
    ranges_note((void *)(uintptr_t)(UINT64_C(1) << 52), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_ranges_that_are_touched_are_noted),
        cmocka_unit_test(a_range_ends_before_the_next),
        cmocka_unit_test(the_chunk_is_told),
        cmocka_unit_test(an_address_beyond_the_map_is_passed_over),
    };
    return RUN(tests);
}
