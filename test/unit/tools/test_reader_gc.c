/* The collections of a runtime are shown as far as they hold still and make
 * sense. */
#include "reader/gc.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "between.h"
#include "forge.h"
#include "reader/proc.h"
#include "unit.h"

#define MIB (UINT64_C(1) << 20)

enum { EVENTS = GCSHIM_GC_EVENTS, SECTION_GC = 5 };

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

/* A sound event of that number; its figures tell the number. */
static void event_fill(struct gcshim_segment *segment, uint64_t number)
{
    struct gcshim_gc_event *event = &segment->gc_events[number % EVENTS];

    event->begin_ns = proc_now_ns() - UINT64_C(2000000000);
    event->pause_ns = number;
    event->used_before = number + 2;
    event->used_after = number + 1;
    event->objects = number;
    event->generation = (uint32_t)(number % 3);
    event->flags = GCSHIM_GC_ASKED;
    event->tid = 7;
    event->sequence = 2 * (number + 1);
}

/* With so many collections so far, all of which are in the ring that fit. */
static struct gcshim_segment *collected(uint64_t events)
{
    struct gcshim_segment *segment = forge_segment();
    uint64_t first = events > EVENTS ? events - EVENTS : 0;

    strcpy(segment->gc.runtime, "cpython 3.11");
    segment->gc.mode = GCSHIM_GC_OBSERVE;
    segment->gc.collections[0] = events;
    segment->gc.events = events;
    for (uint64_t number = first; number < events; number++)
        event_fill(segment, number);
    return segment;
}

static void assert_numbers(uint64_t first, size_t count)
{
    assert_int_equal(process.gc.event_count, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(process.gc.events[i].pause_ns, first + i);
}

/* --------------------------------------------------------------- totals */

static void without_a_runtime_there_is_none(void **state)
{
    (void)state;
    process = forge_read(forge_segment());
    assert_false(process.gc.is_there);
    assert_int_equal(process.gc.event_count, 0);
}

static void a_file_without_a_table_has_none(void **state)
{
    (void)state;
    struct gcshim_segment *segment = collected(3);

    segment->header.sections[SECTION_GC].kind = GCSHIM_SECTION_NONE;
    process = forge_read(segment);
    assert_false(process.gc.is_there);
}

static void totals_are_taken_over(void **state)
{
    (void)state;
    struct gcshim_segment *segment = collected(1);

    segment->gc.mode = GCSHIM_GC_PACE;
    segment->gc.collections[1] = 2;
    segment->gc.collections[2] = 3;
    segment->gc.objects_collected = 4;
    segment->gc.pause_ns_last = 5;
    segment->gc.pause_ns_max = 6;
    segment->gc.pause_ns_total = 7;
    segment->gc.used_before_last = 8;
    segment->gc.used_after_last = 9;
    segment->gc.freed_bytes_total = 10;
    segment->gc.baseline_bytes = 11;
    segment->gc.goal_bytes = 12;
    segment->gc.asked = 13;
    process = forge_read(segment);

    const struct reader_gc *gc = &process.gc;

    assert_true(gc->is_there);
    assert_false(gc->is_blind);
    assert_string_equal(gc->runtime, "cpython 3.11");
    assert_int_equal(gc->mode, READER_GC_PACE);
    assert_int_equal(gc->collections[0], 1);
    assert_int_equal(gc->collections[1], 2);
    assert_int_equal(gc->collections[2], 3);
    assert_int_equal(gc->objects_collected, 4);
    assert_int_equal(gc->pause_ns_last, 5);
    assert_int_equal(gc->pause_ns_max, 6);
    assert_int_equal(gc->pause_ns_total, 7);
    assert_int_equal(gc->used_before_last, 8);
    assert_int_equal(gc->used_after_last, 9);
    assert_int_equal(gc->freed_total_bytes, 10);
    assert_int_equal(gc->baseline_bytes, 11);
    assert_int_equal(gc->goal_bytes, 12);
    assert_int_equal(gc->asked, 13);
}

static void before_the_first_collection_its_figures_are_unknown(void **state)
{
    (void)state;
    process = forge_read(collected(0));
    assert_true(process.gc.is_there);
    assert_int_equal(process.gc.pause_ns_last, READER_UNKNOWN);
    assert_int_equal(process.gc.pause_ns_max, READER_UNKNOWN);
    assert_int_equal(process.gc.used_before_last, READER_UNKNOWN);
    assert_int_equal(process.gc.used_after_last, READER_UNKNOWN);
    assert_int_equal(process.gc.goal_bytes, READER_UNKNOWN);
    assert_int_equal(process.gc.baseline_bytes, READER_UNKNOWN);
    assert_int_equal(process.gc.pause_ns_total, 0);
}

static void a_runtime_that_gives_no_name_is_known_by_its_goal(void **state)
{
    (void)state;
    struct gcshim_segment *segment = forge_segment();

    segment->gc.goal_bytes = 16 * MIB;
    process = forge_read(segment);
    assert_true(process.gc.is_there);
    assert_string_equal(process.gc.runtime, "");
    assert_int_equal(process.gc.goal_bytes, 16 * MIB);
}

static void a_blind_one_is_known_as_such(void **state)
{
    (void)state;
    struct gcshim_segment *segment = collected(0);

    segment->gc.is_blind = 1;
    process = forge_read(segment);
    assert_true(process.gc.is_blind);
}

/* --------------------------------------------------------------- events */

static void an_event_has_its_figures(void **state)
{
    (void)state;
    struct gcshim_segment *segment = collected(1);

    segment->gc_events[0].generation = 2;
    segment->gc_events[0].flags = GCSHIM_GC_ON_REQUEST;
    segment->gc_events[0].objects = UINT64_MAX;
    process = forge_read(segment);
    assert_numbers(0, 1);

    const struct reader_gc_event *event = &process.gc.events[0];

    assert_in_range(event->age_ms, 2000, 3000);
    assert_int_equal(event->used_before, 2);
    assert_int_equal(event->used_after, 1);
    assert_int_equal(event->objects, READER_UNKNOWN);
    assert_int_equal(event->generation, 2);
    assert_int_equal(event->asked_by, READER_GC_BY_REQUEST);
    assert_int_equal(event->tid, 7);
}

static void events_come_oldest_first_however_often_it_went_round(void **state)
{
    (void)state;
    static const uint64_t counts[] = {1, 511, 512, 513, 5000};

    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        uint64_t count = counts[i];

        process = forge_read(collected(count));
        if (count <= EVENTS)
            assert_numbers(0, (size_t)count);
        else
            assert_numbers(count - EVENTS, EVENTS);
        reader_process_fini(&process);
    }
}

static void events_that_are_not_whole_are_left_out(void **state)
{
    (void)state;
    struct gcshim_segment *segment = collected(EVENTS + 10);

    segment->gc_events[10].sequence--;            /* 522 is written ... */
    segment->gc_events[11].sequence = 2 * 12 - 1; /* one of the last round */
    segment->gc_events[12].sequence +=
        2 * (uint64_t)EVENTS; /* one of the next */
    process = forge_read(segment);
    assert_int_equal(process.gc.event_count, EVENTS - 3);
    assert_int_equal(process.gc.events[0].pause_ns, 13);
}

static void events_that_make_no_sense_are_left_out(void **state)
{
    (void)state;
    struct gcshim_segment *segment = collected(5);

    segment->gc_events[0].generation = 3;
    segment->gc_events[1].used_before = SEGMENT_BYTES_MAX + 1;
    segment->gc_events[2].used_after = UINT64_MAX;
    segment->gc_events[3].begin_ns = UINT64_MAX; /* still to come */
    segment->gc_events[3].flags = UINT32_MAX;
    process = forge_read(segment);
    assert_numbers(3, 2);
    assert_int_equal(process.gc.events[0].age_ms, 0);
    assert_int_equal(process.gc.events[0].asked_by, 7);
}

static void a_hostile_table_does_no_harm(void **state)
{
    (void)state;
    struct gcshim_segment *segment = collected(1);

    memset(&segment->gc, 0xff, sizeof(segment->gc));
    memset(segment->gc.runtime, '\x1b', sizeof(segment->gc.runtime));
    for (size_t i = 0; i < EVENTS; i++)
        event_fill(segment, UINT64_MAX - 1 - i);
    process = forge_read(segment);

    const struct reader_gc *gc = &process.gc;

    assert_int_equal(strlen(gc->runtime), READER_RUNTIME_BYTES - 1);
    assert_int_equal(strspn(gc->runtime, "?"), READER_RUNTIME_BYTES - 1);
    assert_int_equal(gc->mode, READER_GC_MODE_UNKNOWN);
    assert_null(reader_gc_mode_name(gc->mode));
    assert_int_equal(gc->goal_bytes, READER_UNKNOWN);
    assert_int_equal(gc->used_after_last, READER_UNKNOWN);
    assert_int_equal(gc->event_count, 0); /* none uses so much */
}

static void tables_of_another_form_are_refused(void **state)
{
    (void)state;
    struct gcshim_segment *segment = collected(1);

    segment->header.sections[SECTION_GC].entries = 2;
    forge_refuse(segment, "has a table of 2 collections");
    segment = collected(1);
    segment->header.sections[SECTION_GC].entry_bytes = 8;
    forge_refuse(segment, "has collections of another form");
    segment = collected(1);
    segment->header.sections[SECTION_GC + 1].entries--;
    forge_refuse(segment, "has a table of 511 events");
    segment = collected(1);
    segment->header.sections[SECTION_GC + 1].offset -= 4;
    forge_refuse(segment, "has events of another form");
    segment = collected(1);
    segment->header.sections[SECTION_GC + 1].kind = GCSHIM_SECTION_GC;
    forge_refuse(segment, "has two tables of collections");
}

/* ---------------------------------------------------------- concurrency */

static struct gcshim_segment *shared;
static int passes, change_at;

/* 1: as the second pass is read. */
static void write_between(size_t bytes, off_t offset)
{
    (void)bytes;
    if (offset != (off_t)offsetof(struct gcshim_segment, gc_events) ||
        passes++ != change_at)
        return;
    event_fill(shared, EVENTS); /* in the place of 0 */
}

static void an_event_that_changes_meanwhile_is_left_out(void **state)
{
    (void)state;
    for (change_at = 1; change_at <= 2; change_at++) {
        forge_put("gcshim.w", collected(EVENTS));
        shared = forge_map("gcshim.w");
        passes = 0;
        between_reads(write_between);
        assert_int_equal(
            reader_process_init(&process, forge_path("gcshim.w"), NULL), 0);
        between_reads(NULL);
        forge_unmap(shared);
        assert_true(passes >= 3);
        assert_numbers(1, EVENTS - 1);
        reader_process_fini(&process);
    }
}

static void an_event_that_is_completed_meanwhile_is_left_out(void **state)
{
    (void)state;
    struct gcshim_segment *segment = collected(EVENTS);

    segment->gc.events = EVENTS + 1;
    segment->gc_events[0].sequence = 2 * (uint64_t)EVENTS + 1;
    forge_put("gcshim.w", segment);
    shared = forge_map("gcshim.w");
    passes = 0;
    change_at = 2;
    between_reads(write_between);
    assert_int_equal(
        reader_process_init(&process, forge_path("gcshim.w"), NULL), 0);
    forge_unmap(shared);
    assert_numbers(1, EVENTS - 1);
}

/* So few are written for each snapshot that most of the ring stays. */
enum { SNAPSHOTS = 2000, WRITTEN_MEANWHILE = 200 };

struct writer {
    struct gcshim_segment *segment;
    _Atomic uint64_t allowed; /* UINT64_MAX: stop */
};

/* Waits until that number is allowed; false: it is over. */
static bool await_turn(struct writer *writer, uint64_t number)
{
    while (atomic_load(&writer->allowed) <= number)
        sched_yield();
    return atomic_load(&writer->allowed) != UINT64_MAX;
}

/* As the shim does. */
static void *collect(void *context)
{
    struct writer *writer = context;

    while (await_turn(writer, atomic_load(&writer->segment->gc.events))) {
        uint64_t number = atomic_fetch_add(&writer->segment->gc.events, 1);
        struct gcshim_gc_event *event =
            &writer->segment->gc_events[number % EVENTS];

        atomic_store(&event->sequence, 2 * number + 1);
        atomic_store(&event->pause_ns, number);
        atomic_store(&event->used_before, number);
        atomic_store(&event->used_after, number);
        atomic_store(&event->objects, number);
        atomic_store(&event->sequence, 2 * (number + 1));
    }
    return NULL;
}

static size_t snapshot_check(void)
{
    char reason[READER_REASON_BYTES];
    struct segment segment;
    struct reader_gc gc;
    size_t seen = 0;

    assert_int_equal(
        segment_open(&segment, AT_FDCWD, forge_path("gcshim.w"), reason), 0);
    assert_int_equal(gc_read(&segment, &gc, reason), 0);
    for (size_t i = 0; i < gc.event_count; i++, seen++) {
        const struct reader_gc_event *event = &gc.events[i];

        assert_int_equal(event->used_before, event->pause_ns);
        assert_int_equal(event->used_after, event->pause_ns);
        assert_int_equal(event->objects, event->pause_ns);
        assert_true(i == 0 || event->pause_ns > event[-1].pause_ns);
    }
    gc_fini(&gc);
    segment_close(&segment);
    return seen;
}

static void no_event_has_figures_of_another(void **state)
{
    (void)state;
    struct writer writer = {0};
    struct gcshim_segment *forged = forge_segment();
    pthread_t thread;
    size_t seen = 0;

    forge_put("gcshim.w", forged);
    writer.segment = forge_map("gcshim.w");
    assert_int_equal(pthread_create(&thread, NULL, collect, &writer), 0);
    for (int i = 0; i < SNAPSHOTS; i++) {
        atomic_fetch_add(&writer.allowed, WRITTEN_MEANWHILE);
        seen += snapshot_check();
    }
    atomic_store(&writer.allowed, UINT64_MAX);
    pthread_join(thread, NULL);
    assert_true(seen > SNAPSHOTS);
    forge_unmap(writer.segment);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(without_a_runtime_there_is_none),
        TEST(a_file_without_a_table_has_none),
        TEST(totals_are_taken_over),
        TEST(before_the_first_collection_its_figures_are_unknown),
        TEST(a_runtime_that_gives_no_name_is_known_by_its_goal),
        TEST(a_blind_one_is_known_as_such),
        TEST(an_event_has_its_figures),
        TEST(events_come_oldest_first_however_often_it_went_round),
        TEST(events_that_are_not_whole_are_left_out),
        TEST(events_that_make_no_sense_are_left_out),
        TEST(a_hostile_table_does_no_harm),
        TEST(tables_of_another_form_are_refused),
        TEST(an_event_that_changes_meanwhile_is_left_out),
        TEST(an_event_that_is_completed_meanwhile_is_left_out),
        TEST(no_event_has_figures_of_another),
    };

    return RUN(tests);
}
