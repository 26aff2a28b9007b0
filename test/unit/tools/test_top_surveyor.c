/* Surveys are made beside whoever wants them. */
#include "top/surveyor.h"

#include <errno.h>
#include <poll.h>

#include "unit.h"

static struct surveyor surveyor;

static int begin(void **state)
{
    (void)state;
    return surveyor_init(&surveyor);
}

static int end(void **state)
{
    (void)state;
    surveyor_fini(&surveyor);
    return 0;
}

static bool is_ready(int timeout_ms)
{
    struct pollfd polled = {.fd = surveyor.fd, .events = POLLIN};

    return poll(&polled, 1, timeout_ms) == 1;
}

static void what_is_asked_for_is_made_once(void **state)
{
    (void)state;
    struct surveyor_result result;

    assert_int_equal(surveyor_take(&surveyor, &result), -EAGAIN);
    surveyor_ask(&surveyor);
    surveyor_ask(&surveyor); /* the same one */
    assert_true(is_ready(10000));
    assert_true(surveyor.is_busy);
    assert_int_equal(surveyor_take(&surveyor, &result), 0);
    assert_true(result.ended_ns >= result.began_ns);
    reader_survey_fini(&result.survey);
    assert_false(surveyor.is_busy);
    assert_false(is_ready(0));
    assert_int_equal(surveyor_take(&surveyor, &result), -EAGAIN);
}

static void one_after_the_other_can_be_had(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        struct surveyor_result result;

        surveyor_ask(&surveyor);
        assert_true(is_ready(10000));
        assert_int_equal(surveyor_take(&surveyor, &result), 0);
        reader_survey_fini(&result.survey);
    }
}

static void what_is_not_taken_is_released(void **state)
{
    (void)state;
    surveyor_ask(&surveyor);
    assert_true(is_ready(10000)); /* the rest is the leak check's to say */
}

static void it_ends_while_it_is_at_work(void **state)
{
    (void)state;
    surveyor_ask(&surveyor);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_asked_for_is_made_once),
        TEST(one_after_the_other_can_be_had),
        TEST(what_is_not_taken_is_released),
        TEST(it_ends_while_it_is_at_work),
    };

    return RUN(tests);
}
