/* The text form of metrics: names, types, units, escaping. */
#include "export/openmetrics.h"

#include <stdio.h>
#include <stdlib.h>

#include "unit.h"

static const struct openmetrics_family gauge = {"x_bytes", OPENMETRICS_GAUGE,
                                                OPENMETRICS_BYTES, "Help."};
static const struct openmetrics_family counter = {
    "x_seconds", OPENMETRICS_COUNTER, OPENMETRICS_SECONDS, "Help."};
static const struct openmetrics_family info = {"x", OPENMETRICS_INFO,
                                               OPENMETRICS_NO_UNIT, "Help."};

static char *text;
static size_t length;
static struct openmetrics metrics;

static void begin(enum openmetrics_format format)
{
    metrics = (struct openmetrics){.out = open_memstream(&text, &length),
                                   .format = format};
    assert_non_null(metrics.out);
}

static void ends_as(const char *expected)
{
    assert_int_equal(openmetrics_end(&metrics), 0);
    (void)fclose(metrics.out);
    assert_string_equal(text, expected);
    free(text);
}

static void sample(const struct openmetrics_family *family, uint64_t value)
{
    openmetrics_family(&metrics, family);
    openmetrics_sample(&metrics, NULL, 0, value);
}

static void the_newer_format_has_units_and_an_end(void **state)
{
    (void)state;
    begin(OPENMETRICS_1_0_0);
    sample(&gauge, 5);
    sample(&counter, 1500000000);
    sample(&info, 1);
    ends_as("# HELP x_bytes Help.\n# TYPE x_bytes gauge\n"
            "# UNIT x_bytes bytes\nx_bytes 5\n"
            "# HELP x_seconds Help.\n# TYPE x_seconds counter\n"
            "# UNIT x_seconds seconds\nx_seconds_total 1.500000000\n"
            "# HELP x Help.\n# TYPE x info\nx_info 1\n"
            "# EOF\n");
}

static void the_older_format_announces_what_samples_are_named(void **state)
{
    (void)state;
    begin(OPENMETRICS_0_0_4);
    sample(&gauge, 5);
    sample(&counter, 7);
    sample(&info, 1);
    ends_as("# HELP x_bytes Help.\n# TYPE x_bytes gauge\nx_bytes 5\n"
            "# HELP x_seconds_total Help.\n# TYPE x_seconds_total counter\n"
            "x_seconds_total 0.000000007\n"
            "# HELP x_info Help.\n# TYPE x_info gauge\nx_info 1\n");
}

static void a_family_without_samples_leaves_no_trace(void **state)
{
    (void)state;
    begin(OPENMETRICS_1_0_0);
    openmetrics_family(&metrics, &gauge);
    openmetrics_family(&metrics, &counter);
    ends_as("# EOF\n");
}

static void a_family_is_announced_once(void **state)
{
    (void)state;
    begin(OPENMETRICS_0_0_4);
    sample(&gauge, 1);
    openmetrics_sample(&metrics, NULL, 0, UINT64_MAX);
    ends_as("# HELP x_bytes Help.\n# TYPE x_bytes gauge\n"
            "x_bytes 1\nx_bytes 18446744073709551615\n");
}

static void label_values_are_escaped(void **state)
{
    (void)state;
    static const struct openmetrics_label labels[] = {
        {"a", "\"} 1\nx_bytes{a=\"\\"}, {"b", NULL}, {"c", "\xc3\xa4"}};

    begin(OPENMETRICS_0_0_4);
    openmetrics_family(&metrics, &gauge);
    openmetrics_sample(&metrics, labels, 3, 1);
    ends_as("# HELP x_bytes Help.\n# TYPE x_bytes gauge\n"
            "x_bytes{a=\"\\\"} 1\\nx_bytes{a=\\\"\\\\\",c=\"\xc3\xa4\"} 1\n");
}

static void labels_left_out_leave_no_braces(void **state)
{
    (void)state;
    static const struct openmetrics_label labels[] = {{"a", NULL}};

    begin(OPENMETRICS_0_0_4);
    openmetrics_family(&metrics, &gauge);
    openmetrics_sample(&metrics, labels, 1, 1);
    ends_as("# HELP x_bytes Help.\n# TYPE x_bytes gauge\nx_bytes 1\n");
}

static void help_is_escaped_as_each_format_wants_it(void **state)
{
    (void)state;
    static const struct openmetrics_family odd = {
        "x", OPENMETRICS_GAUGE, OPENMETRICS_NO_UNIT, "\"\\\n"};

    begin(OPENMETRICS_0_0_4);
    sample(&odd, 1);
    ends_as("# HELP x \"\\\\\\n\n# TYPE x gauge\nx 1\n");
    begin(OPENMETRICS_1_0_0);
    sample(&odd, 1);
    ends_as("# HELP x \\\"\\\\\\n\n# TYPE x gauge\nx 1\n# EOF\n");
}

static void a_full_disk_is_told(void **state)
{
    (void)state;
    metrics = (struct openmetrics){.out = fopen("/dev/full", "we")};
    assert_non_null(metrics.out);
    sample(&gauge, 1);
    assert_true(openmetrics_end(&metrics) < 0);
    (void)fclose(metrics.out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_newer_format_has_units_and_an_end),
        cmocka_unit_test(the_older_format_announces_what_samples_are_named),
        cmocka_unit_test(a_family_without_samples_leaves_no_trace),
        cmocka_unit_test(a_family_is_announced_once),
        cmocka_unit_test(label_values_are_escaped),
        cmocka_unit_test(labels_left_out_leave_no_braces),
        cmocka_unit_test(help_is_escaped_as_each_format_wants_it),
        cmocka_unit_test(a_full_disk_is_told),
    };

    return RUN(tests);
}
