/* The JSON document has every field that is promised. */
#include "common/json.h"

#include <string.h>

#include "specimen.h"
#include "unit.h"

static struct reader_thread thread = {
    .tid = 8, .name = "worker", .state = 'S', .totals = {100, 10, 40, 4}};

static struct reader_process sample(void)
{
    return (struct reader_process){
        .pid = 7,
        .comm = "caf\xc3\xa9 \"x\"",
        .state = READER_LIVE,
        .uid = 1000,
        .segment = "gcshim.7.8.9",
        .used_bytes = (uint64_t)1 << 63,
        .used_peak_bytes = 70,
        .allocated_bytes = 64,
        .resident_bytes = READER_UNKNOWN,
        .rss_bytes = 0,
        .age_ms = READER_UNKNOWN,
        .threads = &thread,
        .thread_count = 1,
    };
}

/* The first process of a document that went through text and back. */
static struct json_object *reread(struct json_object **ret_document)
{
    struct json_object *document = json_document();
    struct reader_process process = sample();

    assert_non_null(document);
    assert_int_equal(json_document_add(document, &process, true), 0);
    *ret_document = json_tokener_parse(json_object_to_json_string(document));
    json_object_put(document);
    assert_non_null(*ret_document);
    return json_object_array_get_idx(
        json_object_object_get(*ret_document, "processes"), 0);
}

static void all_fields_are_there(void **state)
{
    (void)state;
    static const char *const fields[] = {"pid",
                                         "namespace_pid",
                                         "ancestor_pid",
                                         "comm",
                                         "state",
                                         "uid",
                                         "segment",
                                         "mode",
                                         "used_bytes",
                                         "used_peak_bytes",
                                         "allocated_bytes",
                                         "allocated_peak_bytes",
                                         "resident_bytes",
                                         "rss_bytes",
                                         "cached_bytes",
                                         "full_page_bytes",
                                         "huge_bytes",
                                         "huge_blocks",
                                         "fragmented_bytes",
                                         "unreturned_bytes",
                                         "orphaned_bytes",
                                         "outside_bytes",
                                         "dropped",
                                         "allocated_total_bytes",
                                         "freed_total_bytes",
                                         "allocated_total_blocks",
                                         "freed_total_blocks",
                                         "overhead_bytes",
                                         "huge_unlisted",
                                         "verdict",
                                         "evidence",
                                         "bill",
                                         "mappings",
                                         "baseline",
                                         "threads",
                                         "size_classes",
                                         "huge",
                                         "gc",
                                         "history"};
    struct json_object *document = NULL;
    struct json_object *process = reread(&document);

    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        if (!json_object_object_get_ex(process, fields[i], NULL))
            fail_msg("there is no %s", fields[i]);
    }
    json_object_put(document);
}

static void all_fields_of_a_thread_are_there(void **state)
{
    (void)state;
    static const char *const fields[] = {"tid",
                                         "name",
                                         "state",
                                         "allocated_total_bytes",
                                         "freed_total_bytes",
                                         "owned_bytes",
                                         "full_page_bytes",
                                         "pages",
                                         "full_pages",
                                         "census_age_ms"};
    struct json_object *document = NULL;
    struct json_object *object = json_object_array_get_idx(
        json_object_object_get(reread(&document), "threads"), 0);

    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        assert_true(json_object_object_get_ex(object, fields[i], NULL));
    assert_string_equal(
        json_object_get_string(json_object_object_get(object, "name")),
        "worker");
    json_object_put(document);
}

static void the_unknown_is_null_and_nothing_is_zero(void **state)
{
    (void)state;
    struct json_object *document = NULL;
    struct json_object *process = reread(&document);
    struct json_object *rss = json_object_object_get(process, "rss_bytes");

    assert_null(json_object_object_get(process, "resident_bytes"));
    assert_null(json_object_object_get(process, "verdict"));
    assert_true(json_object_is_type(rss, json_type_int));
    assert_int_equal(json_object_get_int64(rss), 0);
    json_object_put(document);
}

static void a_second_pid_is_told_where_there_is_one(void **state)
{
    (void)state;
    struct json_object *document = NULL;
    struct json_object *own = reread(&document);
    struct reader_process process = sample();

    assert_null(json_object_object_get(own, "namespace_pid"));
    process.pid_namespace = 4026531836;
    process.namespace_pid = 3;
    assert_int_equal(json_document_add(document, &process, true), 0);
    struct json_object *contained = json_object_array_get_idx(
        json_object_object_get(document, "processes"), 1);

    assert_int_equal(
        json_object_get_int64(json_object_object_get(contained, "pid")), 7);
    assert_int_equal(json_object_get_int64(
                         json_object_object_get(contained, "namespace_pid")),
                     3);
    json_object_put(document);
}

/* The specimen, through text and back. */
static struct json_object *reread_specimen(struct reader_process process,
                                           bool with_history,
                                           struct json_object **ret_document)
{
    struct json_object *document = json_document();

    assert_int_equal(json_document_add(document, &process, with_history), 0);
    reader_process_fini(&process);
    *ret_document = document;
    return json_object_array_get_idx(
        json_object_object_get(document, "processes"), 0);
}

static uint64_t number_in(struct json_object *object, const char *name)
{
    struct json_object *number = NULL;

    if (!json_object_object_get_ex(object, name, &number) || !number)
        fail_msg("%s is not known", name);
    return json_object_get_uint64(number);
}

static void the_bill_adds_up_to_allocated(void **state)
{
    (void)state;
    static const char *const parts[] = {"owned_bytes",      "orphaned_bytes",
                                        "cached_bytes",     "fragmented_bytes",
                                        "unreturned_bytes", "overhead_bytes"};
    struct json_object *document = NULL;
    struct json_object *process = reread_specimen(specimen(), false, &document);
    struct json_object *bill = json_object_object_get(process, "bill");
    uint64_t sum = 0;

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        sum += number_in(bill, parts[i]);
    assert_true(sum == number_in(process, "allocated_bytes"));
    assert_int_equal(number_in(bill, "age_ms"), 1200);
    assert_int_equal(number_in(bill, "changed_bytes"), 3 << 20);
    assert_int_equal(number_in(bill, "uncounted_threads"), 0);
    for (size_t i = 1; i < sizeof(parts) / sizeof(parts[0]); i++)
        assert_true(number_in(process, parts[i]) == number_in(bill, parts[i]));
    json_object_put(document);
}

static void lists_have_an_entry_for_each(void **state)
{
    (void)state;
    struct json_object *document = NULL;
    struct json_object *process = reread_specimen(specimen(), true, &document);
    struct json_object *classes =
        json_object_object_get(process, "size_classes");
    struct json_object *class = json_object_array_get_idx(classes, 2);
    struct json_object *huge =
        json_object_array_get_idx(json_object_object_get(process, "huge"), 0);
    struct json_object *site = huge;

    assert_int_equal(json_object_array_length(classes), 14);
    assert_int_equal(number_in(class, "block_size"), 48);
    assert_int_equal(number_in(class, "pages"), 12331);
    assert_int_equal(number_in(class, "full_pages"), 0);
    assert_int_equal(number_in(class, "empty_pages"), 2);
    assert_int_equal(number_in(class, "used_blocks"), 13000);
    assert_int_equal(number_in(class, "capacity_blocks"), 433000);
    assert_int_equal(number_in(class, "reserved_blocks"), 440000);
    assert_true(number_in(huge, "address") == 0x7f0000000000);
    assert_int_equal(number_in(huge, "bytes"), 64 << 20);
    assert_int_equal(number_in(huge, "tid"), 4711);
    assert_int_equal(number_in(huge, "age_ms"), 250000);
    assert_true(json_object_object_get_ex(huge, "site", &site));
    assert_null(site);
    assert_int_equal(
        json_object_array_length(json_object_object_get(process, "history")),
        100);
    json_object_put(document);
}

static void a_huge_block_has_its_call_site(void **state)
{
    (void)state;
    struct json_object *document = NULL;
    struct json_object *list = json_object_object_get(
        reread_specimen(specimen(), false, &document), "huge");

    assert_int_equal(number_in(json_object_array_get_idx(list, 1), "site"), 12);
    json_object_put(document);
}

static void collections_have_all_fields_that_are_promised(void **state)
{
    (void)state;
    static const char *const numbers[] = {
        "objects_collected", "pause_ns_last",    "pause_ns_max",
        "pause_ns_total",    "used_before_last", "used_after_last",
        "freed_bytes_total", "baseline_bytes",   "goal_bytes",
        "requested"};
    static const char *const of_event[] = {
        "begin_ns",    "age_ms",     "generation", "pause_ns",
        "used_before", "used_after", "objects",    "tid"};
    struct json_object *document = NULL;
    struct json_object *gc = json_object_object_get(
        reread_specimen(specimen(), true, &document), "gc");
    struct json_object *counts = json_object_object_get(gc, "collections");
    struct json_object *events = json_object_object_get(gc, "events");
    struct json_object *last = json_object_array_get_idx(events, 11);

    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        (void)number_in(gc, numbers[i]);
    for (size_t i = 0; i < sizeof(of_event) / sizeof(of_event[0]); i++)
        (void)number_in(last, of_event[i]);
    assert_string_equal(
        json_object_to_json_string_ext(counts, JSON_C_TO_STRING_PLAIN),
        "[11,0,1]");
    assert_string_equal(
        json_object_get_string(json_object_object_get(gc, "runtime")),
        "cpython 3.11");
    assert_string_equal(
        json_object_get_string(json_object_object_get(gc, "mode")), "pace");
    assert_true(json_object_is_type(json_object_object_get(gc, "is_blind"),
                                    json_type_boolean));
    assert_string_equal(
        json_object_get_string(json_object_object_get(last, "asked_by")),
        "request");
    assert_int_equal(number_in(gc, "requested"), 1);
    json_object_put(document);
}

static void what_is_not_known_of_collections_is_null(void **state)
{
    (void)state;
    struct json_object *document = NULL;
    struct reader_process process = specimen();

    process.gc.goal_bytes = READER_UNKNOWN;
    process.gc.runtime[0] = '\0';
    process.gc.mode = READER_GC_MODE_UNKNOWN;
    process.gc.events[0].objects = READER_UNKNOWN;
    struct json_object *gc =
        json_object_object_get(reread_specimen(process, true, &document), "gc");

    assert_null(json_object_object_get(gc, "goal_bytes"));
    assert_null(json_object_object_get(gc, "runtime"));
    assert_null(json_object_object_get(gc, "mode"));
    assert_null(json_object_object_get(
        json_object_array_get_idx(json_object_object_get(gc, "events"), 0),
        "objects"));
    json_object_put(document);
    struct reader_process without = specimen();

    without.gc.is_there = false;
    assert_null(json_object_object_get(
        reread_specimen(without, true, &document), "gc"));
    json_object_put(document);
}

static void only_the_last_collections_are_told_without_the_past(void **state)
{
    (void)state;
    static struct reader_gc_event many[JSON_GC_EVENTS + 3];
    struct json_object *document = json_document();
    struct reader_process process = sample();

    for (size_t i = 0; i < JSON_GC_EVENTS + 3; i++)
        many[i].begin_ns = i;
    process.gc = (struct reader_gc){
        .is_there = true, .events = many, .event_count = JSON_GC_EVENTS + 3};
    assert_int_equal(json_document_add(document, &process, false), 0);
    struct json_object *events = json_object_object_get(
        json_object_object_get(
            json_object_array_get_idx(
                json_object_object_get(document, "processes"), 0),
            "gc"),
        "events");

    assert_int_equal(json_object_array_length(events), JSON_GC_EVENTS);
    assert_int_equal(
        number_in(json_object_array_get_idx(events, 0), "begin_ns"), 3);
    json_object_put(document);
}

static void the_history_is_there_only_if_asked_for(void **state)
{
    (void)state;
    struct json_object *document = NULL;

    assert_false(json_object_object_get_ex(
        reread_specimen(specimen(), false, &document), "history", NULL));
    json_object_put(document);
}

static void a_thread_that_has_not_counted_has_nulls(void **state)
{
    (void)state;
    struct json_object *document = NULL;
    struct json_object *threads = json_object_object_get(
        reread_specimen(specimen(), false, &document), "threads");
    struct json_object *counted = json_object_array_get_idx(threads, 0);
    struct json_object *uncounted = json_object_array_get_idx(threads, 2);

    assert_int_equal(number_in(counted, "owned_bytes"), 160 << 20);
    assert_int_equal(number_in(counted, "full_pages"), 1000);
    assert_int_equal(number_in(counted, "census_age_ms"), 1200);
    assert_null(json_object_object_get(uncounted, "owned_bytes"));
    assert_null(json_object_object_get(uncounted, "pages"));
    assert_null(json_object_object_get(uncounted, "census_age_ms"));
    json_object_put(document);
}

static void what_a_dead_process_cannot_tell_is_null(void **state)
{
    (void)state;
    struct json_object *document = NULL;
    struct json_object *dead =
        reread_specimen(specimen_dead(), false, &document);

    assert_null(json_object_object_get(dead, "mappings"));
    assert_null(json_object_object_get(dead, "outside_bytes"));
    assert_string_equal(
        json_object_get_string(json_object_object_get(dead, "verdict")),
        "unreturned");
    json_object_put(document);
}

static void large_figures_are_exact(void **state)
{
    (void)state;
    struct json_object *document = NULL;
    struct json_object *used =
        json_object_object_get(reread(&document), "used_bytes");

    assert_true(json_object_get_uint64(used) == (uint64_t)1 << 63);
    json_object_put(document);
}

static void the_schema_has_a_version(void **state)
{
    (void)state;
    struct json_object *document = json_document();

    assert_string_equal(
        json_object_to_json_string_ext(document, JSON_C_TO_STRING_PLAIN),
        "{\"schema_version\":1,\"processes\":[]}");
    json_object_put(document);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_fields_are_there),
        cmocka_unit_test(all_fields_of_a_thread_are_there),
        cmocka_unit_test(the_unknown_is_null_and_nothing_is_zero),
        cmocka_unit_test(a_second_pid_is_told_where_there_is_one),
        cmocka_unit_test(the_bill_adds_up_to_allocated),
        cmocka_unit_test(lists_have_an_entry_for_each),
        cmocka_unit_test(a_huge_block_has_its_call_site),
        cmocka_unit_test(collections_have_all_fields_that_are_promised),
        cmocka_unit_test(what_is_not_known_of_collections_is_null),
        cmocka_unit_test(only_the_last_collections_are_told_without_the_past),
        cmocka_unit_test(the_history_is_there_only_if_asked_for),
        cmocka_unit_test(a_thread_that_has_not_counted_has_nulls),
        cmocka_unit_test(what_a_dead_process_cannot_tell_is_null),
        cmocka_unit_test(large_figures_are_exact),
        cmocka_unit_test(the_schema_has_a_version),
    };

    return RUN(tests);
}
