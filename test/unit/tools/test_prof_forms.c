/* Profiles for other programs: what is in them, test/cli/test_prof_forms.py
 * looks at; here is what happens where they cannot be written. */
#include "prof/pprof.h"
#include "prof/speedscope.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "profile.pb-c.h"
#include "profile_made.h"
#include "unit.h"

static int write_pprof(FILE *out, const struct reader_profile *profile,
                       struct symbols *symbols)
{
    return pprof_write(out, profile, symbols, 1);
}

static int write_speedscope(FILE *out, const struct reader_profile *profile,
                            struct symbols *symbols)
{
    return speedscope_write(out, profile, symbols, "made up");
}

typedef int (*writer)(FILE *, const struct reader_profile *, struct symbols *);

static const writer writers[] = {write_pprof, write_speedscope};

enum { WRITERS = sizeof(writers) / sizeof(writers[0]) };

static int write_to(FILE *out, writer write,
                    const struct reader_profile *profile)
{
    struct symbols *symbols = NULL;

    assert_non_null(out);
    assert_int_equal(symbols_open(&symbols, profile, NULL, false), 0);
    int r = write(out, profile, symbols);

    symbols_close(symbols);
    return r;
}

static void a_full_disk_is_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < WRITERS; i++) {
        FILE *full = fopen("/dev/full", "w");

        assert_int_equal(write_to(full, writers[i], profile_made()), -ENOSPC);
        (void)fclose(full);
    }
}

static void what_is_written_in_part_only_is_told(void **state)
{
    (void)state;
    char little[20];

    for (size_t i = 0; i < WRITERS; i++) {
        FILE *out = fmemopen(little, sizeof(little), "w");

        setbuf(out, NULL);
        assert_true(write_to(out, writers[i], profile_made()) < 0);
        (void)fclose(out);
    }
}

/* The bytes that a writer makes; the caller frees. */
static char *written(writer write, const struct reader_profile *profile,
                     size_t *ret_size)
{
    char *bytes = NULL;
    FILE *out = open_memstream(&bytes, ret_size);

    assert_int_equal(write_to(out, write, profile), 0);
    (void)fclose(out);
    assert_true(*ret_size > 0);
    return bytes;
}

static void the_same_profile_gives_the_same_bytes(void **state)
{
    (void)state;
    for (size_t i = 0; i < WRITERS; i++) {
        size_t size = 0;
        size_t again = 0;
        char *bytes = written(writers[i], profile_made(), &size);
        char *other = written(writers[i], profile_made(), &again);

        assert_int_equal(size, again);
        assert_memory_equal(bytes, other, size);
        free(bytes);
        free(other);
    }
}

static void a_profile_without_sites_can_be_written(void **state)
{
    (void)state;
    const struct reader_profile none = {.age_ms = READER_UNKNOWN};

    for (size_t i = 0; i < WRITERS; i++) {
        size_t size = 0;

        free(written(writers[i], &none, &size));
    }
}

static void assert_no_value_is_negative(const char *packed, size_t size)
{
    uint8_t bytes[1 << 14];
    z_stream stream = {.next_in = (z_const Bytef *)packed,
                       .avail_in = (uInt)size,
                       .next_out = bytes,
                       .avail_out = sizeof(bytes)};

    assert_int_equal(inflateInit2(&stream, 15 + 16), Z_OK);
    assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
    Pprof__Profile *profile =
        pprof__profile__unpack(NULL, stream.total_out, bytes);

    assert_int_equal(inflateEnd(&stream), Z_OK);
    assert_non_null(profile);
    for (size_t i = 0; i < profile->n_sample; i++) {
        for (size_t v = 0; v < profile->sample[i]->n_value; v++)
            assert_true(profile->sample[i]->value[v] >= 0);
    }
    pprof__profile__free_unpacked(profile, NULL);
}

static void estimates_that_are_no_numbers_do_no_harm(void **state)
{
    (void)state;
    static const double values[] = {NAN, INFINITY, -INFINITY, -1, 1e300};

    for (size_t i = 0; i < WRITERS * sizeof(values) / sizeof(values[0]); i++) {
        double value = values[i / WRITERS];
        struct reader_estimate estimate = {value, value};
        struct reader_estimate sound = {100, 1};
        struct reader_site sites[] = {
            {.live_bytes = estimate,
             .live_blocks = estimate,
             .total_bytes = estimate,
             .total_blocks = estimate},
            {.live_bytes = sound,
             .live_blocks = estimate,
             .total_bytes = sound,
             .total_blocks = estimate},
        };
        const struct reader_profile profile = {.sites = sites,
                                               .site_count = 2,
                                               .live_bytes = estimate,
                                               .total_bytes = estimate};
        size_t size = 0;
        char *bytes = written(writers[i % WRITERS], &profile, &size);

        if (writers[i % WRITERS] == write_pprof)
            assert_no_value_is_negative(bytes, size);
        else
            assert_null(strstr(bytes, ":-"));
        free(bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_disk_is_told),
        cmocka_unit_test(what_is_written_in_part_only_is_told),
        cmocka_unit_test(the_same_profile_gives_the_same_bytes),
        cmocka_unit_test(a_profile_without_sites_can_be_written),
        cmocka_unit_test(estimates_that_are_no_numbers_do_no_harm),
    };

    return RUN(tests);
}
