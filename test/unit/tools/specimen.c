/* A made-up process: see specimen.h. */
#include "specimen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

#define MIB (UINT64_C(1) << 20)
#define KIB (UINT64_C(1) << 10)

enum { CLASSES = 14, POINTS = 100, EVENTS = 12 };

static const struct reader_thread threads[] = {
    {4711,
     "python3",
     'S',
     {900 * MIB, 90000, 750 * MIB, 80000},
     {.age_ms = 1200,
      .changed_bytes = 3 * MIB,
      .pages = 1500,
      .full_pages = 1000,
      .full_page_bytes = 150 * MIB,
      .used_bytes = 160 * MIB,
      .free_bytes = 10 * MIB,
      .page_bytes = 172 * MIB,
      .empty_page_bytes = 30 * MIB,
      .huge_blocks = 2,
      .huge_bytes = 100 * MIB}},
    {4712,
     "worker-1",
     'R',
     {80 * MIB, 8000, 35 * MIB, 5000},
     {.age_ms = 300,
      .pages = 400,
      .full_pages = 300,
      .full_page_bytes = 32 * MIB,
      .used_bytes = 38 * MIB,
      .page_bytes = 40 * MIB}},
    {4713,
     "worker-2",
     'S',
     {20 * MIB, 2000, 15 * MIB, 1000},
     {.age_ms = READER_UNKNOWN}},
};

static void *copy_of(const void *from, size_t bytes)
{
    void *copy = malloc(bytes);

    assert_non_null(copy);
    return memcpy(copy, from, bytes);
}

/* The class of 48 bytes has much free, the others little. */
static struct reader_class *classes_make(void)
{
    struct reader_class *classes = calloc(CLASSES, sizeof(*classes));

    assert_non_null(classes);
    for (uint64_t i = 0; i < CLASSES; i++) {
        classes[i] = (struct reader_class){
            .block_bytes = 16 * (i + 1),
            .pages = 100,
            .full_pages = 90,
            .empty_pages = i,
            .used_blocks = 4000 - i,
            .capacity_blocks = 4000,
            .reserved_blocks = 4096,
        };
    }
    classes[2].pages = 12331;
    classes[2].full_pages = 0;
    classes[2].used_blocks = 13000;
    classes[2].capacity_blocks = 433000;
    classes[2].reserved_blocks = 440000;
    return classes;
}

/* One a second, the last a second ago: the twelfth was asked for by
 * gcshim-ctl, those before by the pacer and by nobody in turn. */
static struct reader_gc_event *events_make(void)
{
    struct reader_gc_event *events = calloc(EVENTS, sizeof(*events));

    assert_non_null(events);
    for (uint64_t i = 0; i < EVENTS; i++) {
        events[i] = (struct reader_gc_event){
            .begin_ns = i * UINT64_C(1000000000),
            .age_ms = (EVENTS - i) * 1000,
            .pause_ns = (i + 1) * 700000,
            .used_before = 200 * MIB,
            .used_after = (200 - i) * MIB,
            .objects = 1000 * i,
            .generation = i == EVENTS - 1 ? 2 : 0,
            .asked_by = i % 2 ? READER_GC_BY_PACER : 0,
            .tid = 4711,
        };
    }
    events[EVENTS - 1].asked_by = READER_GC_BY_REQUEST;
    return events;
}

static struct reader_point *history_make(void)
{
    struct reader_point *points = calloc(POINTS, sizeof(*points));

    assert_non_null(points);
    for (uint64_t i = 0; i < POINTS; i++) {
        uint64_t used = (i < 50 ? 5 * i : 250 - (i - 50)) * MIB;

        points[i] = (struct reader_point){
            .time_ns = i * UINT64_C(1000000000),
            .used_bytes = used,
            .used_peak_bytes = used,
            .allocated_bytes = (i < 60 ? 5 * i : 300) * MIB,
        };
    }
    return points;
}

struct reader_process specimen(void)
{
    static const struct reader_huge huge[] = {
        {0x7f0000000000, 64 * MIB, 4711, 250000, READER_SITE_NONE},
        {0x7f0010000000, 36 * MIB, 4712, 1500, 12},
    };
    struct reader_process process = {
        .pid = 4711,
        .parent_pid = 1,
        .state = READER_LIVE,
        .run_state = 'S',
        .comm = "python3",
        .command = "python3 server.py --port 8080",
        .segment = "gcshim.4711.1.2",
        .created_ns = 1,
        .used_bytes = 200 * MIB,
        .used_peak_bytes = 250 * MIB,
        .allocated_bytes = 256 * MIB,
        .allocated_peak_bytes = 300 * MIB,
        .resident_bytes = 250 * MIB,
        .rss_bytes = 265 * MIB,
        .age_ms = 200,
        .totals = {1000 * MIB, 100000, 800 * MIB, 86000},
        .threads = copy_of(threads, sizeof(threads)),
        .thread_count = 3,
        .classes = classes_make(),
        .class_count = CLASSES,
        .huge = copy_of(huge, sizeof(huge)),
        .huge_count = 2,
        .huge_blocks = 2,
        .huge_bytes = 100 * MIB,
        .gc = {.is_there = true,
               .runtime = "cpython 3.11",
               .mode = READER_GC_PACE,
               .collections = {11, 0, 1},
               .objects_collected = 66000,
               .pause_ns_last = 8400000,
               .pause_ns_max = 8400000,
               .used_before_last = 200 * MIB,
               .used_after_last = 189 * MIB,
               .pause_ns_total = 54600000,
               .freed_total_bytes = 66 * MIB,
               .baseline_bytes = 189 * MIB,
               .goal_bytes = 344 * MIB,
               .asked = 1,
               .events = events_make(),
               .event_count = EVENTS},
        .full_page_bytes = 182 * MIB,
        .bill = {.owned_bytes = 198 * MIB,
                 .orphaned_bytes = 2 * MIB,
                 .cached_bytes = 0,
                 .fragmented_bytes = 20 * MIB,
                 .unreturned_bytes = 32 * MIB,
                 .overhead_bytes = 4 * MIB,
                 .age_ms = 1200,
                 .changed_bytes = 3 * MIB},
        .baseline = {.age_ms = 312000,
                     .used_bytes = 180 * MIB,
                     .allocated_bytes = 256 * MIB,
                     .resident_bytes = 252 * MIB,
                     .allocated_total_bytes = 400 * MIB,
                     .freed_total_bytes = 220 * MIB},
        .mappings = {.malloc_bytes = 240 * MIB,
                     .stack_bytes = 132 * KIB,
                     .code_bytes = 0,
                     .file_bytes = 4 * MIB,
                     .heap_bytes = 132 * KIB,
                     .other_bytes = 6 * MIB - 264 * KIB,
                     .outside_bytes = 10 * MIB},
        .verdict = READER_VERDICT_UNRETURNED,
        .evidence = "32.0 MiB of 256.0 MiB allocated lie in wholly free pages; "
                    "gcshim-ctl 4711 trim would give back 32.0 MiB.",
        .history = history_make(),
        .history_count = POINTS,
    };

    return process;
}

struct reader_process specimen_uncounted(void)
{
    struct reader_process process = specimen();

    for (size_t i = 0; i < process.thread_count; i++)
        process.threads[i].census =
            (struct reader_census){.age_ms = READER_UNKNOWN};
    process.class_count = 0;
    process.full_page_bytes = READER_UNKNOWN;
    process.bill = (struct reader_bill){
        .owned_bytes = READER_UNKNOWN,
        .orphaned_bytes = READER_UNKNOWN,
        .fragmented_bytes = READER_UNKNOWN,
        .unreturned_bytes = READER_UNKNOWN,
        .overhead_bytes = READER_UNKNOWN,
        .age_ms = READER_UNKNOWN,
        .uncounted_threads = 3,
    };
    process.baseline = (struct reader_baseline){
        .age_ms = READER_UNKNOWN,
        .used_bytes = READER_UNKNOWN,
        .allocated_bytes = READER_UNKNOWN,
        .resident_bytes = READER_UNKNOWN,
        .allocated_total_bytes = READER_UNKNOWN,
        .freed_total_bytes = READER_UNKNOWN,
    };
    process.verdict = READER_VERDICT_UNKNOWN;
    process.evidence[0] = '\0';
    return process;
}

struct reader_process specimen_dead(void)
{
    struct reader_process process = specimen();

    process.state = READER_DEAD;
    process.run_state = 'X';
    process.command[0] = '\0';
    process.resident_bytes = READER_UNKNOWN;
    process.rss_bytes = READER_UNKNOWN;
    process.mappings = (struct reader_mappings){
        .malloc_bytes = READER_UNKNOWN,
        .stack_bytes = READER_UNKNOWN,
        .code_bytes = READER_UNKNOWN,
        .file_bytes = READER_UNKNOWN,
        .heap_bytes = READER_UNKNOWN,
        .other_bytes = READER_UNKNOWN,
        .outside_bytes = READER_UNKNOWN,
    };
    return process;
}
