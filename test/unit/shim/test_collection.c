/* Collections and the pacer's word on them, with blocks that are numbers
 * only. */
#include "account.h"
#include "collection.h"
#include "collector.h"
#include "process.h"
#include "segment.h"
#include "settings.h"
#include "unit.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 6, ROUNDS = 400, MIB = 1024 * 1024 };

static struct gcshim_gc was;

/* So that each test counts from nothing. */
static int begin_anew(void **state)
{
    (void)state;
    process_enter();
    settings.gc_max = 0;
    settings.gc_debug = 0;
    memcpy(&was, collection_totals(), sizeof(was));
    return 0;
}

static uint64_t collections_of(unsigned generation)
{
    return counter_read(&collection_totals()->collections[generation]) -
           counter_read(&was.collections[generation]);
}

static uint64_t events(void)
{
    return counter_read(&collection_totals()->events) -
           counter_read(&was.events);
}

static const struct gcshim_gc_event *last_event(void)
{
    uint64_t number = counter_read(&collection_totals()->events) - 1;
    return &region.segment.gc_events[number % GCSHIM_GC_EVENTS];
}

static void a_collection_is_measured_by_what_is_in_use(void **state)
{
    (void)state;
    struct gcshim_gc *gc = collection_totals();
    account_alloc(NULL, 5 * MIB);
    uint64_t before = account_used();
    collection_begin(1);
    account_free(3 * MIB);
    collection_end(77);
    assert_int_equal(collections_of(1), 1);
    assert_int_equal(counter_read(&gc->used_before_last), before);
    assert_int_equal(counter_read(&gc->used_after_last), before - 3 * MIB);
    assert_int_equal(counter_read(&gc->freed_bytes_total) -
                         counter_read(&was.freed_bytes_total),
                     3 * MIB);
    assert_int_equal(counter_read(&gc->objects_collected) -
                         counter_read(&was.objects_collected),
                     77);
    assert_true(counter_read(&gc->pause_ns_last) <=
                counter_read(&gc->pause_ns_max));
    account_free(2 * MIB);
}

static void an_event_tells_the_same(void **state)
{
    (void)state;
    account_alloc(NULL, MIB);
    uint64_t before = account_used();
    collection_begin(0);
    account_free(MIB);
    collection_end(4);
    const struct gcshim_gc_event *event = last_event();
    assert_int_equal(counter_read(&event->sequence),
                     2 * counter_read(&collection_totals()->events));
    assert_int_equal(counter_read(&event->used_before), before);
    assert_int_equal(counter_read(&event->used_after), before - MIB);
    assert_int_equal(counter_read(&event->objects), 4);
    assert_int_equal(event->generation, 0);
    assert_int_equal(event->tid, thread.tid);
    assert_int_equal(counter_read(&event->pause_ns),
                     counter_read(&collection_totals()->pause_ns_last));
}

static void what_grew_meanwhile_gave_nothing_back(void **state)
{
    (void)state;
    collection_begin(0);
    account_alloc(NULL, MIB);
    collection_end(0);
    assert_int_equal(counter_read(&collection_totals()->freed_bytes_total),
                     counter_read(&was.freed_bytes_total));
    account_free(MIB);
}

static void a_generation_above_the_highest_is_a_whole_one(void **state)
{
    (void)state;
    collection_begin(UINT32_MAX);
    collection_end(0);
    assert_int_equal(collections_of(GENERATION_WHOLE), 1);
}

static void objects_that_nobody_counted_are_not_added(void **state)
{
    (void)state;
    collection_begin(0);
    collection_end(OBJECTS_UNKNOWN);
    assert_int_equal(counter_read(&collection_totals()->objects_collected),
                     counter_read(&was.objects_collected));
    assert_int_equal(counter_read(&last_event()->objects), OBJECTS_UNKNOWN);
}

static void of_nested_collections_the_inner_one_counts(void **state)
{
    (void)state;
    collection_begin(2);
    collection_begin(0);
    collection_end(1);
    collection_end(2);
    assert_int_equal(events(), 1);
    assert_int_equal(collections_of(0), 1);
    assert_int_equal(counter_read(&last_event()->objects), 1);
}

static void an_end_without_a_begin_counts_nothing(void **state)
{
    (void)state;
    collection_end(1);
    assert_int_equal(events(), 0);
}

static void errno_stays(void **state)
{
    (void)state;
    errno = ENOTTY;
    collector_api_begin(2);
    collector_api_end(1);
    assert_int_equal(errno, ENOTTY);
}

static void *collect_often(void *arg)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        account_alloc(NULL, 10);
        collection_begin(i % 2);
        account_free(10);
        collection_end(2);
    }
    return arg;
}

static void nothing_is_lost_where_threads_collect_at_once(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, collect_often, NULL);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(events(), THREADS * ROUNDS);
    assert_int_equal(collections_of(0), THREADS * ROUNDS / 2);
    assert_int_equal(collections_of(1), THREADS * ROUNDS / 2);
    assert_int_equal(counter_read(&collection_totals()->objects_collected) -
                         counter_read(&was.objects_collected),
                     2 * THREADS * ROUNDS);
}

static void debug_is_a_line(void **state)
{
    (void)state;
    char line[512];
    FILE *file = tmpfile();
    int saved = dup(STDERR_FILENO);
    settings.gc_debug = 1;
    dup2(fileno(file), STDERR_FILENO);
    collection_begin(1);
    collection_end(12);
    dup2(saved, STDERR_FILENO);
    close(saved);
    rewind(file);
    assert_non_null(fgets(line, sizeof(line), file));
    assert_null(fgets(line + 256, 256, file));
    fclose(file);
    unsigned long number;
    unsigned seconds, ms, percent, generation, us;
    assert_int_equal(sscanf(line,
                            "gcshim: gc %lu @%u.%3us %u%%: generation %u, "
                            "0.%3u ms,",
                            &number, &seconds, &ms, &percent, &generation,
                            &us),
                     6);
    assert_int_equal(number, counter_read(&collection_totals()->events));
    assert_int_equal(generation, 1);
    assert_non_null(strstr(line, ", 12 objects\n"));
}

/* --------------------------------------------- runtimes without an adapter */

static int child_inherits(void)
{
    const struct gcshim_gc *gc = collection_totals();
    if (strcmp(gc->runtime, "program's own") != 0)
        return 1;
    if (gc->mode != GCSHIM_GC_PACE)
        return 2;
    if (counter_read(&gc->events) || counter_read(&gc->collections[2]))
        return 3;
    if (counter_read(&gc->goal_bytes) != collector_goal())
        return 4;
    segment_remove(true);
    return 0;
}

static void a_runtime_is_introduced_by_its_first_call(void **state)
{
    (void)state;
    int status;
    struct gcshim_gc *gc = collection_totals();
    assert_string_equal(gc->runtime, "");
    assert_int_equal(collector_goal(), UINT64_MAX);
    collector_start_api(GCSHIM_GC_OBSERVE);
    assert_string_equal(gc->runtime, "program's own");
    assert_int_equal(gc->mode, GCSHIM_GC_OBSERVE);
    collector_start_api(GCSHIM_GC_PACE);
    assert_int_equal(gc->mode, GCSHIM_GC_PACE);
    collector_start_api(GCSHIM_GC_OBSERVE);
    assert_int_equal(gc->mode, GCSHIM_GC_PACE);
    assert_int_not_equal(collector_goal(), UINT64_MAX);
    pid_t pid = fork();
    if (pid == 0)
        _exit(child_inherits());
    waitpid(pid, &status, 0);
    assert_int_equal(status, 0);
}

static void a_collection_that_was_due_was_asked_for(void **state)
{
    (void)state;
    uint64_t bytes = collector_goal();
    collector_api_begin(0);
    collector_api_end(0);
    assert_int_equal(last_event()->flags, 0);
    account_alloc(NULL, bytes);
    assert_true(collector_api_should_collect());
    collector_api_begin(0);
    account_free(bytes);
    collector_api_end(0);
    assert_int_equal(last_event()->flags, GCSHIM_GC_ASKED);
    assert_false(collector_api_should_collect());
}

static void a_whole_collection_alone_moves_the_goal(void **state)
{
    (void)state;
    uint64_t goal = collector_goal(), bytes = 2 * goal;
    account_alloc(NULL, bytes);
    collector_api_begin(1);
    collector_api_end(0);
    assert_int_equal(collector_goal(), goal);
    collector_api_begin(GENERATION_WHOLE);
    collector_api_end(0);
    assert_true(collector_goal() > goal);
    assert_false(collector_should_collect());
    account_free(bytes);
}

/* P: [collect] */
static void a_request_is_served_by_a_whole_collection_begun_after_it(void **s)
{
    (void)s;
    struct gcshim_gc *gc = collection_totals();
    assert_false(collector_api_should_collect());
    collector_api_begin(GENERATION_WHOLE);
    uint32_t request =
        atomic_fetch_add(&region.segment.header.collect_requested, 1) + 1;
    collector_api_end(0);
    assert_int_not_equal(gc->collect_served, request);
    assert_true(collector_api_should_collect());
    collector_api_begin(0);
    collector_api_end(0);
    assert_int_not_equal(gc->collect_served, request);
    collector_api_begin(GENERATION_WHOLE);
    collector_api_end(0);
    assert_int_equal(gc->collect_served, request);
    assert_int_equal(last_event()->flags, GCSHIM_GC_ON_REQUEST);
    assert_false(collector_api_should_collect());
}

static int reasons;

static void on_request(void *arg, int reason)
{
    *(int *)arg |= reason;
}

static void a_runtime_is_called_back_with_the_reason(void **state)
{
    (void)state;
    uint64_t bytes = collector_goal() + MIB;
    collector_register(on_request, &reasons);
    collectors_tick(collector_goal() - 1);
    assert_int_equal(reasons, 0);
    collectors_tick(collector_goal());
    assert_int_equal(reasons, GCSHIM_GC_ASKED);
    reasons = 0;
    collectors_tick(UINT64_MAX);
    assert_int_equal(reasons, 0);
    account_alloc(NULL, bytes);
    reasons = 0;
    collectors_tick(UINT64_MAX);
    assert_int_equal(reasons, GCSHIM_GC_ASKED);
    account_free(bytes);
    reasons = 0;
    atomic_fetch_add(&region.segment.header.collect_requested, 1);
    collectors_tick(0);
    collectors_tick(0);
    assert_int_equal(reasons, GCSHIM_GC_ON_REQUEST);
    collector_api_begin(GENERATION_WHOLE);
    collector_api_end(0);
    collector_register(NULL, NULL);
    reasons = 0;
    collectors_tick(UINT64_MAX - 1);
    assert_int_equal(reasons, 0);
}

/* --------------------------------------------------------------- the limit */

static void what_is_refused_is_not_counted(void **state)
{
    (void)state;
    uint64_t used = account_used();
    uint64_t peak = counter_read(&region.segment.header.used_peak_bytes);
    settings.gc_max = used + 100 * MIB;
    assert_false(account_alloc(NULL, UINT64_C(1) << 40));
    assert_false(account_alloc(NULL, 101 * MIB));
    assert_int_equal(account_used(), used);
    assert_int_equal(counter_read(&region.segment.header.used_peak_bytes),
                     peak);
    assert_true(account_alloc(NULL, 100 * MIB));
    assert_false(account_alloc(NULL, 3000));
    account_free(100 * MIB);
    assert_true(account_alloc(NULL, 3000));
    account_free(3000);
}

static void no_ticks_pace_leads_beyond_the_limit(void **state)
{
    (void)state;
    uint64_t used = account_used(), taken = 0;
    settings.gc_max = used + MIB;
    account_alloc(NULL, 10 * TICK_BYTES); /* a tick: from here on it is known */
    account_free(10 * TICK_BYTES);
    for (int i = 0; i < 10000; i++)
        taken += account_alloc(NULL, 3000) ? 3000 : 0;
    assert_in_range(taken, MIB - 3000, MIB);
    /* Freeing a little gives no more than that. */
    for (int i = 0; i < 10000; i++) {
        account_free(8);
        taken -= 8;
        taken += account_alloc(NULL, 3000) ? 3000 : 0;
    }
    assert_in_range(taken, 0, MIB);
    account_free(taken);
}

/* From when an allocation has failed, small blocks have some room. */
static void who_handles_a_failure_has_small_blocks_for_it(void **state)
{
    (void)state;
    settings.gc_max = account_used() + MIB;
    assert_true(account_alloc(NULL, MIB / 2)); /* what failed before is forgotten */
    assert_true(account_alloc(NULL, MIB / 2));
    assert_false(account_alloc(NULL, 100));
    uint64_t small = 0;
    while (small < MIB && account_alloc(NULL, 100))
        small += 100;
    assert_in_range(small, TICK_BYTES - 100, TICK_BYTES);
    assert_false(account_alloc(NULL, 3000));
    account_free(small);
    account_free(MIB);
}

static void who_can_collect_has_some_grace(void **state)
{
    (void)state;
    settings.gc_max = account_used() + 32 * MIB;
    collector_register(on_request, &reasons);
    reasons = 0;
    assert_true(account_alloc(NULL, 32 * MIB));
    assert_int_equal(reasons & GCSHIM_GC_EMERGENCY, 0);
    assert_true(account_alloc(NULL, MIB));
    assert_int_equal(reasons & GCSHIM_GC_EMERGENCY, GCSHIM_GC_EMERGENCY);
    assert_false(account_alloc(NULL, 2 * MIB));
    collector_register(NULL, NULL);
    assert_false(account_alloc(NULL, MIB / 2));
    account_free(33 * MIB);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_collection_is_measured_by_what_is_in_use,
                               begin_anew),
        cmocka_unit_test_setup(an_event_tells_the_same, begin_anew),
        cmocka_unit_test_setup(what_grew_meanwhile_gave_nothing_back,
                               begin_anew),
        cmocka_unit_test_setup(a_generation_above_the_highest_is_a_whole_one,
                               begin_anew),
        cmocka_unit_test_setup(objects_that_nobody_counted_are_not_added,
                               begin_anew),
        cmocka_unit_test_setup(of_nested_collections_the_inner_one_counts,
                               begin_anew),
        cmocka_unit_test_setup(an_end_without_a_begin_counts_nothing,
                               begin_anew),
        cmocka_unit_test_setup(nothing_is_lost_where_threads_collect_at_once,
                               begin_anew),
        cmocka_unit_test_setup(debug_is_a_line, begin_anew),
        cmocka_unit_test_setup(a_runtime_is_introduced_by_its_first_call,
                               begin_anew),
        cmocka_unit_test_setup(errno_stays, begin_anew),
        cmocka_unit_test_setup(a_collection_that_was_due_was_asked_for,
                               begin_anew),
        cmocka_unit_test_setup(a_whole_collection_alone_moves_the_goal,
                               begin_anew),
        cmocka_unit_test_setup(
            a_request_is_served_by_a_whole_collection_begun_after_it,
            begin_anew),
        cmocka_unit_test_setup(a_runtime_is_called_back_with_the_reason,
                               begin_anew),
        cmocka_unit_test_setup(what_is_refused_is_not_counted, begin_anew),
        cmocka_unit_test_setup(no_ticks_pace_leads_beyond_the_limit,
                               begin_anew),
        cmocka_unit_test_setup(who_handles_a_failure_has_small_blocks_for_it,
                               begin_anew),
        cmocka_unit_test_setup(who_can_collect_has_some_grace, begin_anew),
    };
    return RUN(tests);
}
