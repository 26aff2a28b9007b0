/* What is asked for, and where it is answered: Accept and --listen. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "export/accept.h"
#include "export/listen.h"
#include "unit.h"

static void the_form_is_the_one_that_is_liked_best(void **state)
{
    (void)state;
    static const struct {
        const char *accept;
        enum openmetrics_format format;
    } cases[] = {
        {NULL, OPENMETRICS_0_0_4},
        {"", OPENMETRICS_0_0_4},
        {"*/*", OPENMETRICS_0_0_4},
        {"text/html,*/*;q=0.8", OPENMETRICS_0_0_4},
        {"application/json", OPENMETRICS_0_0_4},
        {"application/openmetrics-text", OPENMETRICS_1_0_0},
        {"Application/OpenMetrics-Text", OPENMETRICS_1_0_0},
        /* what Prometheus 2.42 and 3.0 send */
        {"application/openmetrics-text;version=1.0.0,"
         "application/openmetrics-text;version=0.0.1;q=0.75,"
         "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
         OPENMETRICS_1_0_0},
        {"application/openmetrics-text;version=1.0.0;"
         "escaping=allow-utf-8;q=0.6,"
         "application/openmetrics-text;version=0.0.1;q=0.5,"
         "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
         "text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
         OPENMETRICS_1_0_0},
        {"application/openmetrics-text;version=0.0.1,text/plain;q=0.1",
         OPENMETRICS_0_0_4},
        {"application/openmetrics-text;version=2.0.0", OPENMETRICS_0_0_4},
        {"application/openmetrics-text;version=\"1.0.0\"", OPENMETRICS_1_0_0},
        {" application/openmetrics-text ; q=0.2 , text/plain ; q=0.3 ",
         OPENMETRICS_0_0_4},
        {"application/openmetrics-text;q=0.3,text/plain;q=0.25",
         OPENMETRICS_1_0_0},
        {"text/plain,application/openmetrics-text", OPENMETRICS_1_0_0},
        {"application/openmetrics-text;q=0", OPENMETRICS_0_0_4},
        {"application/openmetrics-text;q=nonsense", OPENMETRICS_0_0_4},
        {"application/openmetrics-textual", OPENMETRICS_0_0_4},
        {",;=,;q,", OPENMETRICS_0_0_4},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (accept_format(cases[i].accept) != cases[i].format)
            fail_msg("Accept: %s", cases[i].accept);
    }
}

static void parses_to(const char *text, const char *host, const char *port)
{
    struct listen_place place;

    assert_int_equal(listen_parse(text, &place), 0);
    assert_string_equal(place.host, host);
    assert_string_equal(place.port, port);
}

static void a_place_is_an_address_and_a_port(void **state)
{
    (void)state;
    parses_to(LISTEN_DEFAULT, "127.0.0.1", "19909");
    parses_to("0.0.0.0:0", "0.0.0.0", "0");
    parses_to("localhost:65535", "localhost", "65535");
    parses_to("[::1]:80", "::1", "80");
    parses_to("[::]:080", "::", "80");
}

static void what_is_no_place_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",           ":",      ":80",    "80",    "127.0.0.1",
        "127.0.0.1:", "[]:80",  "::1:80", "[::1]", "a:65536",
        "a:-1",       "a:http", "a: 80",  "a:80 ", "[::1:80"};
    char longest[LISTEN_HOST_BYTES + 8];
    struct listen_place place;

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (listen_parse(texts[i], &place) != -EINVAL)
            fail_msg("'%s' is taken", texts[i]);
    }
    memset(longest, 'a', LISTEN_HOST_BYTES);
    (void)snprintf(longest + LISTEN_HOST_BYTES, 8, ":80");
    assert_int_equal(listen_parse(longest, &place), -EINVAL);
    assert_int_equal(listen_parse(longest + 1, &place), 0);
}

static void port_0_is_one_that_is_free(void **state)
{
    (void)state;
    struct listen_place place;
    char name[LISTEN_TEXT_BYTES];
    int fd = -1;

    assert_int_equal(listen_parse("127.0.0.1:0", &place), 0);
    assert_int_equal(listen_open(&place, &fd), 0);
    assert_int_equal(listen_name(fd, name), 0);
    assert_memory_equal(name, "127.0.0.1:", 10);
    assert_string_not_equal(name, "127.0.0.1:0");
    /* and is taken now */
    assert_int_equal(listen_parse(name, &place), 0);
    int other = -1;

    assert_int_equal(listen_open(&place, &other), -EADDRINUSE);
    assert_int_equal(other, -1);
    close(fd);
}

static void there_is_not_every_address(void **state)
{
    (void)state;
    struct listen_place place;
    int fd = -1;

    assert_int_equal(listen_parse("[::zz]:1", &place), 0);
    assert_int_equal(listen_open(&place, &fd), -ENXIO);
    assert_int_equal(fd, -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_form_is_the_one_that_is_liked_best),
        cmocka_unit_test(a_place_is_an_address_and_a_port),
        cmocka_unit_test(what_is_no_place_is_refused),
        cmocka_unit_test(port_0_is_one_that_is_free),
        cmocka_unit_test(there_is_not_every_address),
    };

    return RUN(tests);
}
