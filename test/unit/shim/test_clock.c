/* Times that cost little. */
#include "clock.h"
#include "unit.h"

static void boottime_stands_still_with_the_coarse_time(void **state)
{
    (void)state;
    uint64_t first = clock_boottime_at(1);
    while (clock_boottime_ns() == first) {
    }
    assert_int_equal(clock_boottime_at(1), first);
    uint64_t second = clock_boottime_at(2);
    assert_in_range(second, first + 1, clock_boottime_ns());
    assert_int_equal(clock_boottime_at(2), second);
}

static void a_clock_that_is_stopped_stands_still(void **state)
{
    (void)state;
    clock_stop();
    uint64_t stopped = clock_boottime_ns();
    assert_int_equal(clock_coarse_ns(), 0);
    assert_int_equal(clock_boottime_at(clock_coarse_ns()), stopped);
    assert_int_equal(clock_boottime_ns(), stopped);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(boottime_stands_still_with_the_coarse_time),
        cmocka_unit_test(a_clock_that_is_stopped_stands_still),
    };
    return RUN(tests);
}
