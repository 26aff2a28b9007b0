/* Call sites are read as the segment has them, whatever it claims; what lives
 * is summed from the lists of blocks. */
#include "reader/profile.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "between.h"
#include "forge.h"
#include "reader/proc.h"
#include "unit.h"

enum {
    MIB = 1 << 20,
    MEAN = 512 * 1024,
    FIRST = GCSHIM_SITE_FIRST,
    BY_MEAN = 1 << GCSHIM_SITE_MEAN_SHIFT, /* means[1]: MEAN; [0]: certain */
};

static struct reader_process process;
static struct reader_profile profile;

static int begin(void **state)
{
    (void)state;
    process = (struct reader_process){0};
    profile = (struct reader_profile){0};
    forge_begin();
    return 0;
}

static int end(void **state)
{
    (void)state;
    between_reads(NULL);
    reader_profile_fini(&profile);
    reader_process_fini(&process);
    forge_end();
    return 0;
}

/* ------------------------------------------------------------ to forge */

static void block_fill(struct gcshim_huge *entry, uint64_t bytes, uint32_t tid,
                       uint32_t site)
{
    static uint64_t address = 0x1000;

    entry->address = address += 0x1000;
    entry->bytes = bytes;
    entry->allocated_ns = proc_now_ns() - UINT64_C(2000000000);
    entry->tid = tid;
    entry->site = site;
}

static void site_fill(struct gcshim_site *site, uint32_t first, uint32_t frames)
{
    site->hash = 99;
    site->first_frame = first;
    site->frames = frames;
    site->samples = 10;
    site->bytes = 8.0 * MIB;
    site->bytes_variance = 1e12;
    site->blocks = 1000;
    site->blocks_variance = 1e4;
}

static void module_fill(struct gcshim_module *module, const char *path)
{
    module->start = 0x550000000000;
    module->end = 0x550000100000;
    module->bias = 0x54fffff00000;
    module->build_id_bytes = 20;
    memset(module->build_id, 0xab, 20);
    strcpy(module->path, path);
}

/* Two sites in two modules, one frame of them in Python. */
static struct gcshim_segment *sampled_segment(void)
{
    struct gcshim_segment *segment = forge_segment();
    struct gcshim_profile *raw = &segment->profile;

    raw->state = GCSHIM_SAMPLING_ON;
    raw->mean_bytes = MEAN;
    raw->means[1] = MEAN;
    raw->since_ns = proc_now_ns() - UINT64_C(3000000000);
    raw->frames = 4;
    raw->modules = 2;
    raw->names = 1;
    module_fill(&segment->modules[1], "/bin/program");
    module_fill(&segment->modules[2], "/lib/libfoo.so");
    memcpy(segment->names[0].text, "load\0app.py", 12);
    segment->frames[0] = (struct gcshim_frame){0x1234, 1, 0};
    segment->frames[1] = (struct gcshim_frame){0x99, 2, 0};
    segment->frames[2] = (struct gcshim_frame){0, GCSHIM_MODULE_NAMED, 7};
    segment->frames[3] = (struct gcshim_frame){0x7f00, GCSHIM_MODULE_NONE, 0};
    site_fill(&segment->sites[FIRST], 0, 2);
    site_fill(&segment->sites[FIRST + 5], 1, 3);
    return segment;
}

static void read_profile(struct gcshim_segment *segment)
{
    char reason[READER_REASON_BYTES] = "";
    process = forge_read(segment);
    int err = reader_profile_init(&profile, &process, reason);

    if (err)
        fail_msg("refused: %d %s", err, reason);
}

static void assert_refused(struct gcshim_segment *segment, const char *why)
{
    char reason[READER_REASON_BYTES] = "";

    reader_process_fini(&process);
    process = forge_read(segment);
    assert_int_equal(reader_profile_init(&profile, &process, reason), -EPROTO);
    if (!strstr(reason, why))
        fail_msg("refused with \"%s\", not \"%s\"", reason, why);
}

static const struct reader_site *site_of(uint32_t number)
{
    for (size_t i = 0; i < profile.site_count; i++) {
        if (profile.sites[i].number == number)
            return &profile.sites[i];
    }
    fail_msg("there is no site %u", number);
    return NULL;
}

static void assert_near(double value, double expected)
{
    if (fabs(value - expected) > 1e-9 * fabs(expected))
        fail_msg("%g is not %g", value, expected);
}

/* ---------------------------------------------------------------- sums */

static void what_lives_is_summed_by_the_chance_of_each_block(void **state)
{
    (void)state;
    struct gcshim_segment *segment = sampled_segment();
    double p = -expm1(-1024.0 / MEAN);

    block_fill(&segment->samples[3], 1024, 7, FIRST | BY_MEAN);
    block_fill(&segment->samples[900], 1024, 7, FIRST | BY_MEAN);
    block_fill(&segment->huge[1], 3 * MIB, 7, FIRST);
    segment->profile.samples_high = 901;
    segment->header.huge_high = 2;
    read_profile(segment);

    const struct reader_site *site = site_of(FIRST);

    assert_int_equal(site->live_samples, 3);
    assert_near(site->live_bytes.value, 2 * 1024 / p + 3 * MIB);
    assert_near(site->live_bytes.variance, 2 * (1 - p) * pow(1024 / p, 2));
    assert_near(site->live_blocks.value, 2 / p + 1);
    assert_near(site->live_blocks.variance, 2 * (1 - p) / (p * p));
    assert_in_range(site->oldest_ms, 2000, 4000);
    assert_in_range(site->youngest_ms, 2000, 4000);
    assert_near(profile.live_bytes.value, site->live_bytes.value);
}

static void what_was_ever_asked_for_is_what_the_site_says(void **state)
{
    (void)state;
    read_profile(sampled_segment());
    const struct reader_site *site = site_of(FIRST + 5);

    assert_int_equal(profile.site_count, 2);
    assert_int_equal(site->samples, 10);
    assert_near(site->total_bytes.value, 8.0 * MIB);
    assert_near(site->total_bytes.variance, 1e12);
    assert_near(site->total_blocks.value, 1000);
    assert_near(profile.total_bytes.value, 16.0 * MIB);
    assert_near(site->live_bytes.value, 0);
    assert_int_equal(site->oldest_ms, READER_UNKNOWN);
    assert_int_equal(site->thread_count, 0);
}

static void what_lives_was_once_asked_for(void **state)
{
    (void)state;
    struct gcshim_segment *segment = sampled_segment();

    segment->sites[FIRST].samples = 0; /* the site was read before the block */
    segment->sites[FIRST].bytes = 0;
    segment->sites[FIRST].bytes_variance = 0;
    block_fill(&segment->huge[0], 3 * MIB, 7, FIRST);
    segment->header.huge_high = 1;
    read_profile(segment);
    assert_near(site_of(FIRST)->total_bytes.value, 3 * MIB);
    assert_int_equal(site_of(FIRST)->samples, 1);
}

static void sites_come_with_most_that_lives_first(void **state)
{
    (void)state;
    struct gcshim_segment *segment = sampled_segment();

    site_fill(&segment->sites[FIRST + 9], 0, 1);
    segment->sites[FIRST + 9].bytes = 16.0 * MIB;
    block_fill(&segment->huge[0], 3 * MIB, 7, FIRST + 5);
    segment->header.huge_high = 1;
    read_profile(segment);
    assert_int_equal(profile.site_count, 3);
    assert_int_equal(profile.sites[0].number, FIRST + 5);
    assert_int_equal(profile.sites[1].number, FIRST + 9);
    assert_int_equal(profile.sites[2].number, FIRST);
}

static void what_was_there_before_sampling_is_no_site(void **state)
{
    (void)state;
    struct gcshim_segment *segment = sampled_segment();

    block_fill(&segment->huge[0], 3 * MIB, 7, GCSHIM_SITE_NONE);
    block_fill(&segment->huge[1], 1 * MIB, 7, GCSHIM_SITE_UNKNOWN);
    block_fill(&segment->huge[2], 2 * MIB, 7, GCSHIM_SITE_NO_ROOM);
    segment->header.huge_high = 3;
    read_profile(segment);
    assert_int_equal(profile.unsampled_huge_bytes, 3 * MIB);
    assert_int_equal(profile.site_count, 4);
    assert_near(profile.live_bytes.value, 3 * MIB);
    assert_int_equal(profile.sites[0].number, GCSHIM_SITE_NO_ROOM);
    assert_true(profile.sites[0].is_beyond);
    assert_int_equal(profile.sites[0].frame_count, 0);
    assert_int_equal(profile.sites[1].number, GCSHIM_SITE_UNKNOWN);
    assert_false(profile.sites[1].is_beyond);
}

static void each_thread_has_its_share_the_largest_first(void **state)
{
    (void)state;
    struct gcshim_segment *segment = sampled_segment();
    uint32_t self = segment->header.pid;

    block_fill(&segment->huge[0], 1 * MIB, self, FIRST);
    block_fill(&segment->huge[1], 3 * MIB, 7, FIRST);
    block_fill(&segment->huge[2], 3 * MIB, self, FIRST);
    block_fill(&segment->huge[3], 2 * MIB, self, FIRST + 5);
    segment->header.huge_high = 4;
    read_profile(segment);

    const struct reader_site *site = site_of(FIRST);

    assert_int_equal(site->thread_count, 2);
    assert_int_equal(site->threads[0].tid, self);
    assert_near(site->threads[0].live_bytes.value, 4 * MIB);
    assert_near(site->threads[0].live_blocks.value, 2);
    assert_string_equal(site->threads[0].name, process.threads[0].name);
    assert_string_not_equal(site->threads[0].name, "");
    assert_int_equal(site->threads[1].tid, 7);
    assert_string_equal(site->threads[1].name, "");
    assert_int_equal(site_of(FIRST + 5)->thread_count, 1);
}

/* --------------------------------------------------------------- stacks */

static void a_stack_has_its_frames_the_innermost_first(void **state)
{
    (void)state;
    struct gcshim_segment *segment = sampled_segment();

    segment->sites[FIRST + 5].is_cut = 1;
    read_profile(segment);
    const struct reader_site *site = site_of(FIRST + 5);

    assert_true(site->is_cut);
    assert_int_equal(site->frame_count, 3);
    assert_int_equal(site->frames[0].address, 0x99);
    assert_int_equal(site->frames[0].module, 1);
    assert_null(site->frames[0].function);
    assert_string_equal(site->frames[1].function, "load");
    assert_string_equal(site->frames[1].file, "app.py");
    assert_int_equal(site->frames[1].line, 7);
    assert_int_equal(site->frames[2].module, READER_MODULE_NONE);
    assert_int_equal(site->frames[2].address, 0x7f00);
    assert_int_equal(profile.module_count, 2);
    assert_string_equal(profile.modules[1].path, "/lib/libfoo.so");
    assert_int_equal(profile.modules[0].build_id_bytes, 20);
    assert_int_equal(profile.modules[0].build_id[19], 0xab);
    assert_int_equal(profile.modules[0].bias, 0x54fffff00000);
}

static void texts_are_made_fit_to_show(void **state)
{
    (void)state;
    struct gcshim_segment *segment = sampled_segment();

    strcpy(segment->modules[1].path, "/bin/\033[31m");
    memset(segment->modules[2].path, 'x', sizeof(segment->modules[2].path));
    memset(segment->names[0].text, '\n', sizeof(segment->names[0].text));
    segment->modules[2].build_id_bytes = 33;
    read_profile(segment);
    assert_string_equal(profile.modules[0].path, "/bin/?[31m");
    assert_int_equal(strlen(profile.modules[1].path),
                     sizeof(segment->modules[2].path));
    assert_int_equal(profile.modules[1].build_id_bytes, 0);
    assert_int_equal(strlen(site_of(FIRST + 5)->frames[1].function),
                     sizeof(segment->names[0].text));
    assert_string_equal(site_of(FIRST + 5)->frames[1].file, "");
}

/* --------------------------------------------------------------- states */

static void the_state_of_sampling_is_told(void **state)
{
    (void)state;
    struct gcshim_segment *segment = sampled_segment();

    segment->header.created_ns -= UINT64_C(10000000000);
    segment->profile.samples_unlisted = 1;
    segment->profile.sites_dropped = 2;
    segment->profile.modules_dropped = 3;
    segment->profile.names_dropped = 4;
    segment->profile.means[5] = 3 * MEAN;
    read_profile(segment);
    assert_int_equal(profile.state, READER_SAMPLING_ON);
    assert_int_equal(profile.mean_bytes, MEAN);
    assert_int_equal(profile.most_mean_bytes, 3 * MEAN);
    assert_in_range(profile.age_ms, 3000, 5000);
    assert_in_range(profile.began_ms, 6500, 7500);
    assert_int_equal(profile.used_bytes, 600);
    assert_int_equal(profile.samples_unlisted, 1);
    assert_int_equal(profile.sites_dropped, 2);
    assert_int_equal(profile.modules_dropped, 3);
    assert_int_equal(profile.names_dropped, 4);
}

static void a_state_that_is_not_known_is_unknown(void **state)
{
    (void)state;
    struct gcshim_segment *segment = sampled_segment();

    segment->profile.state = 77;
    read_profile(segment);
    assert_int_equal(profile.state, READER_SAMPLING_UNKNOWN);
}

static void without_sampling_there_is_nothing(void **state)
{
    (void)state;
    process = forge_read(forge_segment());
    assert_int_equal(reader_profile_init(&profile, &process, NULL), -ENODATA);
    reader_process_fini(&process);

    struct gcshim_segment *segment = sampled_segment();

    segment->header.sections[7].kind = GCSHIM_SECTION_NONE; /* the profile */
    process = forge_read(segment);
    assert_int_equal(reader_profile_init(&profile, &process, NULL), -ENODATA);
}

static void that_it_could_not_be_turned_on_is_told(void **state)
{
    (void)state;
    struct gcshim_segment *segment = forge_segment();

    segment->profile.state = GCSHIM_SAMPLING_NO_UNWINDER;
    read_profile(segment);
    assert_int_equal(profile.state, READER_SAMPLING_NO_UNWINDER);
    assert_int_equal(profile.site_count, 0);
    assert_int_equal(profile.age_ms, READER_UNKNOWN);
}

static void the_dead_have_their_last_sites(void **state)
{
    (void)state;
    struct gcshim_segment *segment = sampled_segment();

    block_fill(&segment->huge[0], 3 * MIB, 7, FIRST);
    segment->header.huge_high = 1;
    segment->header.ended_ns = 1;
    read_profile(segment);
    assert_int_equal(process.state, READER_DEAD);
    assert_near(profile.live_bytes.value, 3 * MIB);
}

static void a_segment_that_is_gone_is_no_profile(void **state)
{
    (void)state;
    process = forge_read(sampled_segment());
    assert_int_equal(unlink(forge_path("gcshim.1.2.3")), 0);
    assert_int_equal(reader_profile_init(&profile, &process, NULL), -ENOENT);
}

static void the_segment_of_another_is_no_profile(void **state)
{
    (void)state;
    struct gcshim_segment *segment = sampled_segment();

    process = forge_read(sampled_segment());
    segment->header.created_ns++;
    forge_put("gcshim.1.2.3", segment);
    assert_int_equal(reader_profile_init(&profile, &process, NULL), -ENOENT);
}

/* ------------------------------------------------------------- distrust */

static void what_lies_outside_of_a_table_is_refused(void **state)
{
    (void)state;
    struct gcshim_segment *segment = sampled_segment();

    segment->profile.frames = GCSHIM_FRAMES + 1;
    assert_refused(segment, "claims 131073 frames of 131072 in use");
    segment = sampled_segment();
    segment->profile.modules = GCSHIM_MODULES;
    assert_refused(segment, "claims 513 modules");
    segment = sampled_segment();
    segment->profile.modules = UINT32_MAX;
    assert_refused(segment, "modules");
    segment = sampled_segment();
    segment->profile.names = GCSHIM_NAMES + 1;
    assert_refused(segment, "names");
    segment = sampled_segment();
    segment->profile.samples_high = UINT64_MAX;
    assert_refused(segment, "samples");
}

static void a_site_with_frames_that_there_are_not_is_refused(void **state)
{
    (void)state;
    static const struct {
        uint32_t first, frames;
    } cases[] = {{1, 4},
                 {5, 0},
                 {UINT32_MAX, 1},
                 {0, UINT32_MAX},
                 {0, GCSHIM_STACK_DEPTH_MAX + 1}};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct gcshim_segment *segment = sampled_segment();

        segment->sites[FIRST + 5].first_frame = cases[i].first;
        segment->sites[FIRST + 5].frames = cases[i].frames;
        assert_refused(segment, "site 13 with frames that there are not");
    }
}

static void a_frame_of_nothing_is_refused(void **state)
{
    (void)state;
    struct gcshim_segment *segment = sampled_segment();

    segment->frames[0].module = 3;
    assert_refused(segment, "a module that there is not");
    segment = sampled_segment();
    segment->frames[2].address = 1;
    assert_refused(segment, "a name that there is not");
}

static void impossible_sums_are_refused(void **state)
{
    (void)state;
    static const double sums[] = {NAN, -1, INFINITY, 1e300};

    for (size_t i = 0; i < sizeof(sums) / sizeof(sums[0]); i++) {
        struct gcshim_segment *segment = sampled_segment();

        segment->sites[FIRST].bytes = sums[i];
        assert_refused(segment, "impossible sums at site 8");
        segment = sampled_segment();
        segment->sites[FIRST].blocks = sums[i];
        assert_refused(segment, "impossible sums");
    }
    struct gcshim_segment *segment = sampled_segment();

    segment->sites[FIRST].blocks_variance = NAN;
    assert_refused(segment, "impossible sums");
}

static void a_variance_is_no_more_than_of_one_sample(void **state)
{
    (void)state;
    struct gcshim_segment *segment = sampled_segment();

    segment->sites[FIRST].bytes_variance = INFINITY;
    read_profile(segment);
    assert_near(site_of(FIRST)->total_bytes.variance, pow(8.0 * MIB, 2));
}

static void blocks_that_make_no_sense_are_passed_over(void **state)
{
    (void)state;
    struct gcshim_segment *segment = sampled_segment();

    segment->profile.means[2] = UINT64_MAX;
    block_fill(&segment->samples[0], 0, 7, FIRST | BY_MEAN);
    block_fill(&segment->samples[1], 1024, 7, GCSHIM_SITES | BY_MEAN);
    block_fill(&segment->samples[2], 1024, 7, FIRST | 2 * BY_MEAN);
    block_fill(&segment->samples[3], 1024, 7,
               FIRST | (uint32_t)GCSHIM_MEANS * BY_MEAN);
    block_fill(&segment->samples[4], 1024, 7, GCSHIM_SITE_NONE);
    block_fill(&segment->samples[5], 1024, 7, FIRST);
    segment->profile.samples_high = 6;
    read_profile(segment);
    assert_int_equal(site_of(FIRST)->live_samples, 1);
    assert_int_equal(profile.unsampled_huge_bytes, 0);
    assert_int_equal(profile.most_mean_bytes, MEAN);
}

/* ---------------------------------------------------------- concurrency */

static struct gcshim_segment *shared;

/* A site is made, with a block, after the lists have been read; then another,
 * after the sites have. */
static void growth_between(size_t bytes, off_t offset)
{
    static int next;
    uint32_t number = FIRST + 20;

    (void)bytes;
    if (offset == (off_t)offsetof(struct gcshim_segment, sites))
        next = 1;
    else if (next && offset == (off_t)offsetof(struct gcshim_segment, profile))
        number++;
    else
        return;
    shared->frames[shared->profile.frames] =
        (struct gcshim_frame){0x4711, 1, 0};
    shared->profile.frames++;
    site_fill(&shared->sites[number], shared->profile.frames - 1, 1);
    block_fill(&shared->huge[number], MIB, 7, number);
}

static void sites_that_come_meanwhile_are_whole_or_not_there(void **state)
{
    (void)state;
    struct gcshim_segment *segment = sampled_segment();

    segment->header.huge_high = 100;
    process = forge_read(segment);
    shared = forge_map("gcshim.1.2.3");
    between_reads(growth_between);
    assert_int_equal(reader_profile_init(&profile, &process, NULL), 0);
    between_reads(NULL);
    forge_unmap(shared);
    assert_int_equal(profile.site_count, 3);
    assert_int_equal(site_of(FIRST + 20)->frame_count, 1);
    assert_int_equal(site_of(FIRST + 20)->frames[0].address, 0x4711);
    assert_near(site_of(FIRST + 20)->live_bytes.value, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_lives_is_summed_by_the_chance_of_each_block),
        TEST(what_was_ever_asked_for_is_what_the_site_says),
        TEST(what_lives_was_once_asked_for),
        TEST(sites_come_with_most_that_lives_first),
        TEST(what_was_there_before_sampling_is_no_site),
        TEST(each_thread_has_its_share_the_largest_first),
        TEST(a_stack_has_its_frames_the_innermost_first),
        TEST(texts_are_made_fit_to_show),
        TEST(the_state_of_sampling_is_told),
        TEST(a_state_that_is_not_known_is_unknown),
        TEST(without_sampling_there_is_nothing),
        TEST(that_it_could_not_be_turned_on_is_told),
        TEST(the_dead_have_their_last_sites),
        TEST(a_segment_that_is_gone_is_no_profile),
        TEST(the_segment_of_another_is_no_profile),
        TEST(what_lies_outside_of_a_table_is_refused),
        TEST(a_site_with_frames_that_there_are_not_is_refused),
        TEST(a_frame_of_nothing_is_refused),
        TEST(impossible_sums_are_refused),
        TEST(a_variance_is_no_more_than_of_one_sample),
        TEST(blocks_that_make_no_sense_are_passed_over),
        TEST(sites_that_come_meanwhile_are_whole_or_not_there),
    };

    return RUN(tests);
}
