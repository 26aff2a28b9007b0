/* The history is the whole life, in order, whatever is written meanwhile. */
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "between.h"
#include "forge.h"
#include "reader/account.h"
#include "unit.h"

static struct reader_process process;

static int begin(void **state)
{
    (void)state;
    process = (struct reader_process){0};
    forge_begin();
    return 0;
}

static int end(void **state)
{
    (void)state;
    between_reads(NULL);
    reader_process_fini(&process);
    forge_end();
    return 0;
}

/* As the shim does: a point into level 0, and every fourth into the next. */
static void append(struct gcshim_segment *segment, uint64_t time_ns,
                   uint64_t used)
{
    for (size_t level = 0; level < GCSHIM_HISTORY_LEVELS; level++) {
        _Atomic uint64_t *count = &segment->header.history_points[level];
        uint64_t n = *count;
        struct gcshim_point *point =
            &segment->history[level][n % GCSHIM_HISTORY_POINTS];

        point->time_ns = time_ns;
        point->used_bytes = used;
        point->used_peak_bytes = used + 1;
        point->committed_bytes = 2 * used;
        atomic_store_explicit(count, n + 1, memory_order_release);
        if ((n + 1) % GCSHIM_HISTORY_FAN != 0)
            return;
    }
}

static struct gcshim_segment *with_points(uint64_t count)
{
    struct gcshim_segment *segment = forge_segment();

    for (uint64_t i = 1; i <= count; i++)
        append(segment, i * 100, i * 1000);
    return segment;
}

static void assert_ascending(const struct reader_point *points, size_t count)
{
    for (size_t i = 1; i < count; i++)
        assert_true(points[i - 1].time_ns < points[i].time_ns);
}

static void a_process_without_points_has_no_history(void **state)
{
    (void)state;
    process = forge_read(with_points(0));
    assert_int_equal(process.history_count, 0);
}

static void a_few_points_come_as_they_were_put(void **state)
{
    (void)state;
    process = forge_read(with_points(5));
    assert_int_equal(process.history_count, 5);
    for (size_t i = 0; i < 5; i++) {
        const struct reader_point *point = &process.history[i];

        assert_int_equal(point->time_ns, (i + 1) * 100);
        assert_int_equal(point->used_bytes, (i + 1) * 1000);
        assert_int_equal(point->used_peak_bytes, (i + 1) * 1000 + 1);
        assert_int_equal(point->allocated_bytes, (i + 1) * 2000);
    }
}

static void a_long_life_is_told_from_its_beginning(void **state)
{
    (void)state;
    enum { POINTS = 100000 };

    process = forge_read(with_points(POINTS));
    assert_ascending(process.history, process.history_count);
    /* Seven levels are in use; of each a quarter is left to the next. */
    assert_in_range(process.history_count, 5 * 96, 7 * 128);
    assert_int_equal(process.history[process.history_count - 1].time_ns,
                     POINTS * 100);
    assert_true(process.history[0].time_ns < POINTS * 100 / 10);
    for (size_t i = 0; i < process.history_count; i++)
        assert_int_equal(process.history[i].used_bytes,
                         process.history[i].time_ns * 10);
}

static void a_coarse_level_only_goes_on_where_the_finer_one_ends(void **state)
{
    (void)state;
    process = forge_read(with_points(200));
    /* 127 of level 0 are safe, 74 to 200; before these every fourth. */
    assert_int_equal(process.history_count, 127 + 18);
    assert_int_equal(process.history[17].time_ns, 7200);
    assert_int_equal(process.history[18].time_ns, 7400);
    assert_int_equal(process.history[0].time_ns, 400);
}

static void the_point_that_may_be_written_over_is_left_out(void **state)
{
    (void)state;
    struct gcshim_segment *segment = with_points(GCSHIM_HISTORY_POINTS);

    /* The next one, half written. */
    segment->history[0][0].time_ns = 1000000;
    process = forge_read(segment);
    assert_int_equal(process.history[0].time_ns, 200);
    assert_int_equal(process.history_count, GCSHIM_HISTORY_POINTS - 1);
}

static void points_out_of_order_or_reach_are_left_out(void **state)
{
    (void)state;
    struct gcshim_segment *segment = with_points(6);

    segment->history[0][1].time_ns = 900; /* later than the next */
    segment->history[0][2].time_ns = 0;   /* never */
    segment->history[0][3].used_peak_bytes = (uint64_t)-9; /* too much */
    segment->history[0][5].time_ns = UINT64_MAX / 2;       /* still to come */
    process = forge_read(segment);
    assert_ascending(process.history, process.history_count);
    /* What is left of 1 to 6. */
    assert_int_equal(process.history_count, 2);
    assert_int_equal(process.history[0].time_ns, 100);
    assert_int_equal(process.history[1].time_ns, 500);
}

static void counts_without_measure_do_no_harm(void **state)
{
    (void)state;
    struct gcshim_segment *segment = with_points(3);

    for (size_t level = 0; level < GCSHIM_HISTORY_LEVELS; level++)
        segment->header.history_points[level] = UINT64_MAX - level;
    process = forge_read(segment);
    assert_ascending(process.history, process.history_count);
    assert_true(process.history_count <= 3);
}

static void a_file_without_a_history_has_none(void **state)
{
    (void)state;
    struct gcshim_segment *segment = with_points(3);

    segment->header.sections[3].kind = GCSHIM_SECTION_NONE;
    process = forge_read(segment);
    assert_int_equal(process.history_count, 0);
}

static void a_point_has_no_less_allocated_than_used(void **state)
{
    (void)state;
    struct gcshim_segment *segment = with_points(1);

    segment->history[0][0].committed_bytes = 7;
    segment->history[0][0].used_peak_bytes = 7;
    process = forge_read(segment);
    assert_int_equal(process.history[0].allocated_bytes, 1000);
    assert_int_equal(process.history[0].used_peak_bytes, 1000);
}

/* --------------------------------------------------------- concurrency */

static struct gcshim_segment *shared;

static bool is_rings(off_t offset)
{
    return offset == (off_t)offsetof(struct gcshim_segment, history);
}

static bool is_counts(off_t offset)
{
    return offset == (off_t)offsetof(struct gcshim_header, history_points);
}

static void read_while(uint64_t points,
                       void (*happens)(size_t bytes, off_t offset))
{
    forge_put("gcshim.w", with_points(points));
    shared = forge_map("gcshim.w");
    between_reads(happens);
    assert_int_equal(
        reader_process_init(&process, forge_path("gcshim.w"), NULL), 0);
    forge_unmap(shared);
}

/* Of five new points only the figures are there as yet, not their times. */
static void write_over(size_t bytes, off_t offset)
{
    (void)bytes;
    if (!is_rings(offset))
        return;
    for (uint64_t p = 200; p < 205; p++)
        shared->history[0][p % GCSHIM_HISTORY_POINTS].used_bytes = 77;
    shared->header.history_points[0] = 204;
}

static void points_that_were_written_over_meanwhile_are_left_out(void **state)
{
    (void)state;
    read_while(200, write_over);
    for (size_t i = 0; i < process.history_count; i++)
        assert_int_equal(process.history[i].used_bytes,
                         process.history[i].time_ns * 10);
    assert_int_equal(process.history[process.history_count - 1].time_ns, 20000);
}

static void append_after(size_t bytes, off_t offset)
{
    static int counts;

    (void)bytes;
    if (!is_counts(offset) || ++counts != 2)
        return;
    for (uint64_t i = 201; i <= 205; i++)
        append(shared, i * 100, i * 1000);
}

static void points_that_came_after_the_copy_are_not_looked_for(void **state)
{
    (void)state;
    read_while(200, append_after);
    assert_int_equal(process.history[process.history_count - 1].time_ns, 20000);
    /* 79 to 200, before these every fourth. */
    assert_int_equal(process.history_count, 122 + 19);
}

static void fall_back(size_t bytes, off_t offset)
{
    static int counts;

    (void)bytes;
    if (is_counts(offset))
        shared->header.history_points[0] = ++counts == 1 ? UINT64_MAX : 0;
}

static void a_count_that_falls_is_not_believed(void **state)
{
    (void)state;
    read_while(0, fall_back);
    assert_int_equal(process.history_count, 0);
}

enum { SNAPSHOTS = 2000 };

struct writer {
    struct gcshim_segment *segment;
    _Atomic int stop;
};

static void *write_points(void *context)
{
    struct writer *writer = context;

    for (uint64_t n = 1; !atomic_load(&writer->stop); n++)
        append(writer->segment, n * 100, n * 1000 % SEGMENT_BYTES_MAX);
    return NULL;
}

static void no_point_is_half_of_another(void **state)
{
    (void)state;
    struct writer writer = {0};
    pthread_t thread;
    size_t seen = 0;

    forge_put("gcshim.w", forge_segment());
    writer.segment = forge_map("gcshim.w");
    assert_int_equal(pthread_create(&thread, NULL, write_points, &writer), 0);
    for (int i = 0; i < SNAPSHOTS; i++) {
        char reason[READER_REASON_BYTES];
        struct segment segment;
        struct account account;

        assert_int_equal(
            segment_open(&segment, AT_FDCWD, forge_path("gcshim.w"), reason),
            0);
        assert_int_equal(account_read(&segment, &account, reason), 0);
        assert_ascending(account.history, account.history_count);
        for (size_t k = 0; k < account.history_count; k++, seen++)
            assert_int_equal(account.history[k].used_bytes,
                             account.history[k].time_ns * 10);
        account_fini(&account);
        segment_close(&segment);
    }
    atomic_store(&writer.stop, 1);
    pthread_join(thread, NULL);
    assert_true(seen > 0);
    forge_unmap(writer.segment);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_process_without_points_has_no_history),
        TEST(a_few_points_come_as_they_were_put),
        TEST(a_long_life_is_told_from_its_beginning),
        TEST(a_coarse_level_only_goes_on_where_the_finer_one_ends),
        TEST(the_point_that_may_be_written_over_is_left_out),
        TEST(points_out_of_order_or_reach_are_left_out),
        TEST(counts_without_measure_do_no_harm),
        TEST(a_file_without_a_history_has_none),
        TEST(a_point_has_no_less_allocated_than_used),
        TEST(points_that_were_written_over_meanwhile_are_left_out),
        TEST(points_that_came_after_the_copy_are_not_looked_for),
        TEST(a_count_that_falls_is_not_believed),
        TEST(no_point_is_half_of_another),
    };

    return RUN(tests);
}
