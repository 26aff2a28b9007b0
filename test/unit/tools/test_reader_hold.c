/* A process that is read again and again keeps its figures to its end. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "forge.h"
#include "reader/reader.h"
#include "unit.h"

static const char name[] = "gcshim.1.2.3";

static struct reader_process process;
static struct reader_hold *hold;

static int begin(void **state)
{
    (void)state;
    process = (struct reader_process){0};
    hold = NULL;
    forge_begin();
    return 0;
}

static int end(void **state)
{
    (void)state;
    reader_hold_close(hold);
    reader_process_fini(&process);
    forge_end();
    return 0;
}

/* Releases the process as it was read before. */
static void reread(void)
{
    struct reader_process now;

    assert_int_equal(reader_hold_read(hold, &now), 0);
    reader_process_fini(&process);
    process = now;
}

static void hold_forged(void)
{
    process = forge_read(forge_segment());
    assert_int_equal(reader_hold_open(&hold, &process), 0);
}

static void what_changes_is_read_anew(void **state)
{
    (void)state;
    hold_forged();
    uint64_t used = process.used_bytes;
    struct gcshim_segment *segment = forge_map(name);

    segment->slots[1].total.allocated_bytes += 4096;
    reread();
    assert_int_equal(process.used_bytes, used + 4096);
    assert_int_equal(process.state, READER_LIVE);
    forge_unmap(segment);
}

static void threads_have_no_names(void **state)
{
    (void)state;
    hold_forged();
    assert_string_not_equal(process.threads[0].name, "");
    reread();
    assert_string_equal(process.threads[0].name, "");
    assert_int_equal(process.threads[0].state, '?');
    assert_int_equal(process.threads[0].totals.allocated_bytes, 1000);
}

static void the_last_figures_are_there_when_the_file_is_gone(void **state)
{
    (void)state;
    hold_forged();
    uint64_t used = process.used_bytes;
    struct gcshim_segment *segment = forge_map(name);

    segment->header.ended_ns = 1;
    forge_unmap(segment);
    assert_int_equal(unlink(forge_path(name)), 0);
    reread();
    assert_int_equal(process.used_bytes, used);
    assert_int_equal(process.state, READER_DEAD);
    assert_true(process.resident_bytes == READER_UNKNOWN);
}

static void another_segment_of_that_name_is_not_taken(void **state)
{
    (void)state;
    process = forge_read(forge_segment());
    struct gcshim_segment *other = forge_segment();

    other->header.created_ns++;
    forge_put(name, other);
    assert_int_equal(reader_hold_open(&hold, &process), -ESRCH);
    assert_int_equal(unlink(forge_path(name)), 0);
    assert_int_equal(reader_hold_open(&hold, &process), -ENOENT);
}

static void a_file_that_is_spoilt_meanwhile_is_refused(void **state)
{
    (void)state;
    struct reader_process now;

    hold_forged();
    assert_int_equal(truncate(forge_path(name), 5000), 0);
    assert_int_equal(reader_hold_read(hold, &now), -EPROTO);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_changes_is_read_anew),
        TEST(threads_have_no_names),
        TEST(the_last_figures_are_there_when_the_file_is_gone),
        TEST(another_segment_of_that_name_is_not_taken),
        TEST(a_file_that_is_spoilt_meanwhile_is_refused),
    };

    return RUN(tests);
}
