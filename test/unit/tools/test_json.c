/* The JSON document has every field that is promised. */
#include "common/json.h"

#include <string.h>

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
    assert_int_equal(json_document_add(document, &process), 0);
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
                                         "verdict",
                                         "evidence",
                                         "threads",
                                         "size_classes",
                                         "huge",
                                         "gc"};
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
    assert_int_equal(json_document_add(document, &process), 0);
    struct json_object *contained = json_object_array_get_idx(
        json_object_object_get(document, "processes"), 1);

    assert_int_equal(
        json_object_get_int64(json_object_object_get(contained, "pid")), 7);
    assert_int_equal(json_object_get_int64(
                         json_object_object_get(contained, "namespace_pid")),
                     3);
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
        cmocka_unit_test(large_figures_are_exact),
        cmocka_unit_test(the_schema_has_a_version),
    };

    return RUN(tests);
}
