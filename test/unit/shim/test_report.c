#include "region.h"
#include "report.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

static const char *path_of(const char *where)
{
    static char buffer[1024];
    struct text text = text_on(buffer, sizeof(buffer));
    report_path(&text, where);
    return buffer;
}

static void a_path_names_process_host_and_program(void **state)
{
    (void)state;
    char expected[300];
    struct utsname names;
    uname(&names);
    snprintf(expected, sizeof(expected), "/tmp/%d-%s-unit_report%%", getpid(),
             names.nodename);
    assert_string_equal(path_of("/tmp/%p-%h-%e%%"), expected);
}

static void an_unknown_letter_stands_for_itself(void **state)
{
    (void)state;
    assert_string_equal(path_of("%x%"), "%x%");
}

static void a_programs_name_leads_nowhere(void **state)
{
    (void)state;
    char *comm = region.segment.header.comm;
    char saved[GCSHIM_COMM_BYTES];
    memcpy(saved, comm, sizeof(saved));
    strcpy(comm, "../etc/x");
    assert_string_equal(path_of("/tmp/%e"), "/tmp/.._etc_x");
    memcpy(comm, saved, sizeof(saved));
}

static void a_report_is_appended_to_its_file(void **state)
{
    (void)state;
    char path[] = "/tmp/gcshim-report-XXXXXX", text[2048];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    report_write(path);
    report_write(path);
    ssize_t bytes = read(fd, text, sizeof(text) - 1);
    close(fd);
    unlink(path);
    assert_true(bytes > 0);
    text[bytes] = '\0';
    const char *first = strstr(text, "memory used");
    assert_non_null(first);
    assert_non_null(strstr(first + 1, "memory used"));
    assert_non_null(strstr(text, "memory allocated"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_names_process_host_and_program),
        cmocka_unit_test(an_unknown_letter_stands_for_itself),
        cmocka_unit_test(a_programs_name_leads_nowhere),
        cmocka_unit_test(a_report_is_appended_to_its_file),
    };
    return RUN(tests);
}
