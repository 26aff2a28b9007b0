/* Recordings: what is written can be read, what was thinned hides no peak,
 * and what is corrupt is refused. */
#include "recording/recording.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "forge.h"
#include "recording/store.h"
#include "recording/thin.h"
#include "specimen.h"
#include "unit.h"

#define MIB (UINT64_C(1) << 20)
#define MS  UINT64_C(1000000)

static const char head_line[] =
    "{\"kind\":\"recording\",\"time_s\":0,\"format_version\":1}\n";

static struct recording recording;

static int begin(void **state)
{
    (void)state;
    recording = (struct recording){0};
    forge_begin();
    return 0;
}

static int end(void **state)
{
    (void)state;
    recording_fini(&recording);
    forge_end();
    return 0;
}

/* --------------------------------------------------------------- entries */

static struct recording_entry entry_of(enum recording_kind kind,
                                       uint64_t time_ns, size_t bytes)
{
    struct recording_entry entry = {
        .kind = kind, .time_ns = time_ns, .any = calloc(1, bytes)};

    assert_non_null(entry.any);
    return entry;
}

/* All figures of the specimen but used, which is what it is said to be. */
static struct recording_entry sample_of(uint64_t time_ns, uint64_t used)
{
    struct recording_entry entry =
        entry_of(RECORDING_SAMPLE, time_ns, sizeof(struct recording_sample));
    struct reader_process process = specimen();

    for (size_t i = 0; i < figure_count; i++)
        entry.sample->figures[i] = figure_of(&process, i);
    entry.sample->figures[FIGURE_USED] = used;
    for (size_t i = 0; i < FIGURE_RANGES; i++)
        entry.sample->least[i] = entry.sample->most[i] =
            entry.sample->figures[i];
    entry.sample->samples = 1;
    entry.sample->verdict = READER_VERDICT_UNRETURNED;
    entry.sample->evidence = strdup("because of \"that\\this\"");
    reader_process_fini(&process);
    return entry;
}

static struct recording_entry gc_of(uint64_t time_ns, uint64_t freed)
{
    struct recording_entry entry =
        entry_of(RECORDING_GC, time_ns, sizeof(struct recording_gc));

    entry.gc->event = (struct reader_gc_event){.begin_ns = time_ns + 5,
                                               .pause_ns = 1000,
                                               .used_before = freed + 100,
                                               .used_after = 100,
                                               .objects = READER_UNKNOWN,
                                               .generation = 2,
                                               .tid = 77,
                                               .asked_by = READER_GC_BY_PACER};
    (void)strcpy(entry.gc->runtime, "cpython 3.11");
    entry.gc->collections = 1;
    entry.gc->freed_bytes_sum = freed;
    entry.gc->pause_ns_sum = 1000;
    return entry;
}

static struct recording_entry program_of(uint64_t time_ns, const char *comm)
{
    struct recording_entry entry =
        entry_of(RECORDING_PROCESS, time_ns, sizeof(struct recording_process));

    entry.process->pid = 4711;
    (void)snprintf(entry.process->comm, sizeof(entry.process->comm), "%s",
                   comm);
    return entry;
}

static void put(struct recording_entry entry)
{
    assert_int_equal(recording_add(&recording, entry), 0);
}

/* Through text and back. */
static struct recording_entry reread(struct recording_entry entry)
{
    char reason[READER_REASON_BYTES] = "";
    char *line = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&line, &length);
    struct recording_entry again = {0};

    assert_non_null(out);
    recording_entry_print(out, &entry);
    assert_int_equal(fclose(out), 0);
    if (recording_entry_parse(&again, line, reason) != 0)
        fail_msg("%s: %s", reason, line);
    free(line);
    recording_entry_fini(&entry);
    return again;
}

static void a_sample_is_read_as_it_was_written(void **state)
{
    (void)state;
    struct recording_entry entry = sample_of(1234567000, 200 * MIB);

    entry.sample->figures[FIGURE_RESIDENT] = READER_UNKNOWN;
    entry.sample->most[FIGURE_USED] = 300 * MIB;
    entry.sample->least[FIGURE_USED] = 100 * MIB;
    entry.sample->samples = 7;
    entry.sample->is_dead = true;
    struct recording_sample written = *entry.sample;
    struct recording_entry again = reread(entry);

    assert_true(again.time_ns == 1234567000);
    assert_memory_equal(again.sample->figures, written.figures,
                        sizeof(written.figures));
    assert_memory_equal(again.sample->most, written.most, sizeof(written.most));
    assert_true(again.sample->least[FIGURE_USED] == 100 * MIB);
    assert_int_equal(again.sample->samples, 7);
    assert_true(again.sample->is_dead);
    assert_int_equal(again.sample->verdict, READER_VERDICT_UNRETURNED);
    assert_string_equal(again.sample->evidence, "because of \"that\\this\"");
    recording_entry_fini(&again);
}

static void a_collection_is_read_as_it_was_written(void **state)
{
    (void)state;
    struct recording_entry again = reread(gc_of(2 * MS, 5000));

    assert_int_equal(again.gc->event.begin_ns, 2 * MS + 5);
    assert_int_equal(again.gc->event.used_before, 5100);
    assert_int_equal(again.gc->event.used_after, 100);
    assert_true(again.gc->event.objects == READER_UNKNOWN);
    assert_int_equal(again.gc->event.generation, 2);
    assert_int_equal(again.gc->event.asked_by, READER_GC_BY_PACER);
    assert_int_equal(again.gc->event.tid, 77);
    assert_string_equal(again.gc->runtime, "cpython 3.11");
    assert_int_equal(again.gc->freed_bytes_sum, 5000);
    recording_entry_fini(&again);
}

static void classes_are_read_as_they_were_written(void **state)
{
    (void)state;
    struct reader_process process = specimen();
    size_t bytes = process.class_count * sizeof(*process.classes);
    struct recording_entry entry = entry_of(
        RECORDING_CLASSES, 0, sizeof(struct recording_classes) + bytes);

    entry.classes->count = process.class_count;
    memcpy(entry.classes->classes, process.classes, bytes);
    struct recording_entry again = reread(entry);

    assert_int_equal(again.classes->count, process.class_count);
    assert_memory_equal(again.classes->classes, process.classes, bytes);
    recording_entry_fini(&again);
    reader_process_fini(&process);
}

static void a_name_stays_what_it_is_and_does_no_harm(void **state)
{
    (void)state;
    struct recording_entry again = reread(program_of(0, "a\"},\\{b"));

    assert_string_equal(again.process->comm, "a\"},\\{b");
    recording_entry_fini(&again);
    char reason[READER_REASON_BYTES];

    assert_int_equal(
        recording_entry_parse(&again,
                              "{\"kind\":\"process\",\"time_s\":0,\"pid\":1,"
                              "\"comm\":\"\\u001b[31m\\n\"}",
                              reason),
        0);
    assert_string_equal(again.process->comm, "?[31m?");
    recording_entry_fini(&again);
}

/* -------------------------------------------------------------- thinning */

static uint64_t most_used(void)
{
    uint64_t most = 0;

    for (size_t i = 0; i < recording.count; i++) {
        const struct recording_entry *entry = &recording.entries[i];

        if (entry->kind == RECORDING_SAMPLE &&
            entry->sample->most[FIGURE_USED] > most)
            most = entry->sample->most[FIGURE_USED];
    }
    return most;
}

static void samples_put(size_t count, size_t peak_at)
{
    for (size_t i = 0; i < count; i++)
        put(sample_of(i * 100 * MS, i == peak_at ? 900 * MIB : 100 * MIB));
}

static void thinning_keeps_a_peak_wherever_it_was(void **state)
{
    (void)state;
    enum { COUNT = 200 };
    for (size_t peak_at = 0; peak_at < COUNT; peak_at += 13) {
        samples_put(COUNT, peak_at);
        for (size_t most = 100; most > 0; most /= 3) {
            thin(&recording, RECORDING_SAMPLE, most);
            assert_in_range(recording.count, 1, most);
            assert_true(most_used() == 900 * MIB);
        }
        recording_fini(&recording);
    }
}

static void time_goes_on_and_the_last_point_stays(void **state)
{
    (void)state;
    samples_put(1000, 1);
    thin(&recording, RECORDING_SAMPLE, 123);
    assert_in_range(recording.count, 60, 123);
    for (size_t i = 1; i < recording.count; i++)
        assert_true(recording.entries[i].time_ns >
                    recording.entries[i - 1].time_ns);
    assert_true(recording.entries[recording.count - 1].time_ns ==
                999 * 100 * MS);
    uint64_t samples = 0;

    for (size_t i = 0; i < recording.count; i++)
        samples += recording.entries[i].sample->samples;
    assert_int_equal(samples, 1000);
}

static void the_old_is_coarser_than_the_new(void **state)
{
    (void)state;
    samples_put(4000, 1);
    thin(&recording, RECORDING_SAMPLE, 200);
    struct recording_entry *entries = recording.entries;
    size_t last = recording.count - 1;
    uint64_t first_ns = entries[2].time_ns - entries[1].time_ns;
    uint64_t last_ns = entries[last].time_ns - entries[last - 2].time_ns;

    assert_true(first_ns > 3 * last_ns / 2);
    assert_true(first_ns <= THIN_COARSER * last_ns);
}

static void the_last_known_figure_and_verdict_are_kept(void **state)
{
    (void)state;
    put(sample_of(0, MIB));
    struct recording_entry later = sample_of(100 * MS, 2 * MIB);

    later.sample->figures[FIGURE_RESIDENT] = READER_UNKNOWN;
    later.sample->verdict = READER_VERDICT_UNKNOWN;
    put(later);
    thin(&recording, RECORDING_SAMPLE, 1);
    struct recording_sample *left = recording.entries[0].sample;

    assert_true(left->figures[FIGURE_USED] == 2 * MIB);
    assert_true(left->least[FIGURE_USED] == MIB);
    assert_true(left->figures[FIGURE_RESIDENT] != READER_UNKNOWN);
    assert_int_equal(left->verdict, READER_VERDICT_UNRETURNED);
    assert_non_null(left->evidence);
}

static void samples_of_two_programs_are_not_merged(void **state)
{
    (void)state;
    put(program_of(0, "first"));
    samples_put(10, 3);
    put(program_of(1000 * MS, "second"));
    put(sample_of(1001 * MS, MIB));
    put(sample_of(1002 * MS, MIB));
    thin(&recording, RECORDING_SAMPLE, 1);
    assert_int_equal(recording_count(&recording, RECORDING_SAMPLE), 2);
    assert_true(recording_last(&recording, RECORDING_SAMPLE)
                    ->sample->most[FIGURE_USED] == MIB);
}

static void of_collections_the_largest_is_kept_with_all_their_sums(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 100; i++)
        put(gc_of(i * MS, i == 31 ? 99999 : 10));
    thin(&recording, RECORDING_GC, 10);
    uint64_t collections = 0;
    uint64_t freed = 0;
    uint64_t largest = 0;

    assert_in_range(recording.count, 1, 10);
    for (size_t i = 0; i < recording.count; i++) {
        const struct recording_gc *gc = recording.entries[i].gc;
        uint64_t one = gc->event.used_before - gc->event.used_after;

        collections += gc->collections;
        freed += gc->freed_bytes_sum;
        largest = one > largest ? one : largest;
    }
    assert_int_equal(collections, 100);
    assert_int_equal(freed, 99999 + 99 * 10);
    assert_int_equal(largest, 99999);
}

/* ----------------------------------------------------------------- store */

static struct store store;

static uint64_t file_bytes(void)
{
    struct stat st;

    assert_int_equal(stat(forge_path("r"), &st), 0);
    return (uint64_t)st.st_size;
}

static void store_begin(uint64_t bytes_max)
{
    struct recording head = {.interval_ns = 100 * MS};

    assert_int_equal(store_open(&store, forge_path("r"), bytes_max, &head), 0);
}

static void the_file_never_grows_beyond_its_bound(void **state)
{
    (void)state;
    uint64_t seen = 0;

    store_begin(STORE_BYTES_MIN);
    assert_int_equal(store_add(&store, program_of(0, "it")), 0);
    for (uint64_t i = 0; i < 5000; i++) {
        assert_int_equal(
            store_add(&store, sample_of(i * MS, i == 70 ? 999 * MIB : MIB)), 0);
        if (i % 3 == 0)
            assert_int_equal(store_add(&store, gc_of(i * MS, i)), 0);
        assert_true(file_bytes() <= STORE_BYTES_MIN);
        assert_true(file_bytes() == store.bytes);
        seen = file_bytes() > seen ? file_bytes() : seen;
    }
    assert_true(seen > STORE_BYTES_MIN / 2);
    assert_int_equal(store_close(&store), 0);
    char reason[READER_REASON_BYTES];

    assert_int_equal(recording_read(&recording, forge_path("r"), reason), 0);
    assert_true(most_used() == 999 * MIB);
    assert_true(recording_length_ns(&recording) == 4999 * MS);
    assert_true(recording_count(&recording, RECORDING_GC) > 10);
}

static void what_was_stored_is_read_back(void **state)
{
    (void)state;
    char reason[READER_REASON_BYTES];

    store_begin(STORE_BYTES_MIN);
    assert_int_equal(store_add(&store, program_of(0, "it")), 0);
    assert_int_equal(store_add(&store, sample_of(MS, MIB)), 0);
    assert_int_equal(recording_read(&recording, forge_path("r"), reason), 0);
    assert_int_equal(recording.count, 2);
    assert_int_equal(recording.interval_ns, 100 * MS);
    assert_string_equal(recording.entries[0].process->comm, "it");
    assert_int_equal(store_close(&store), 0);
}

static void only_regular_files_are_written_to(void **state)
{
    (void)state;
    struct recording head = {0};

    assert_int_equal(store_open(&store, "/dev/null", STORE_BYTES_MIN, &head),
                     -EPROTO);
    assert_int_equal(
        store_open(&store, "/no/such/place", STORE_BYTES_MIN, &head), -ENOENT);
}

/* --------------------------------------------------------------- corrupt */

static int file_read(const char *text, size_t length,
                     char reason[READER_REASON_BYTES])
{
    FILE *file = fopen(forge_path("c"), "w");

    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
    recording_fini(&recording);
    return recording_read(&recording, forge_path("c"), reason);
}

static void assert_refused(const char *lines, const char *why)
{
    char reason[READER_REASON_BYTES] = "";
    char text[4096];
    int length = snprintf(text, sizeof(text), "%s%s\n", head_line, lines);

    if (file_read(text, (size_t)length, reason) != -EPROTO)
        fail_msg("taken: %s", lines);
    if (!strstr(reason, why))
        fail_msg("\"%s\" is not in \"%s\"", why, reason);
}

#define SAMPLE(more) \
    "{\"kind\":\"sample\",\"time_s\":1,\"allocated_bytes\":1" more "}"

static void what_is_corrupt_is_refused_by_its_line(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"{", "line 2: is no JSON"},
        {"[]", "line 2: is no JSON object"},
        {"{}{}", "line 2: is no JSON"},
        {"\xff", "line 2: is no JSON"},
        {SAMPLE(), "line 2: used_bytes is missing"},
        {SAMPLE(",\"used_bytes\":-1"), "line 2: used_bytes is no whole"},
        {SAMPLE(",\"used_bytes\":1.5"), "line 2: used_bytes is no whole"},
        {SAMPLE(",\"used_bytes\":\"1\""), "line 2: used_bytes is no whole"},
        {SAMPLE(",\"used_bytes\":1,\"verdict\":[]"), "verdict is no text"},
        {SAMPLE(",\"used_bytes\":1") "\n{\"kind\":1}", "line 3: kind is no"},
        {"{\"kind\":\"sample\",\"used_bytes\":1,\"allocated_bytes\":1}",
         "time_s is no time"},
        {"{\"kind\":\"gap\",\"time_s\":-1}", "time_s is no time"},
        {"{\"kind\":\"gap\",\"time_s\":1e300}", "time_s is no time"},
        {"{\"kind\":\"gap\",\"time_s\":2}\n{\"kind\":\"gap\",\"time_s\":1}",
         "line 3: time_s goes back"},
        {"{\"kind\":\"classes\",\"time_s\":1}", "size_classes is no list"},
        {"{\"kind\":\"classes\",\"time_s\":1,\"size_classes\":[3]}",
         "size_classes is no list of objects"},
        {"{\"kind\":\"gc\",\"time_s\":1}", "is missing"},
        {"{\"a\":[[[[[[[[[[[[[[1]]]]]]]]]]]]]]}", "line 2: is no JSON"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_refused(cases[i][0], cases[i][1]);
}

static void another_file_is_no_recording(void **state)
{
    (void)state;
    char reason[READER_REASON_BYTES] = "";
    static const char newer[] =
        "{\"kind\":\"recording\",\"format_version\":2}\n";

    assert_int_equal(file_read("", 0, reason), -EPROTO);
    assert_string_equal(reason, "is not a recording of gcshim");
    assert_int_equal(file_read("GIF89a\n", 7, reason), -EPROTO);
    assert_string_equal(reason, "is not a recording of gcshim");
    assert_int_equal(file_read(newer, strlen(newer), reason), -EPROTO);
    assert_string_equal(reason, "has format version 2, not 1");
    assert_int_equal(recording_read(&recording, "/dev/null", reason), -EPROTO);
    assert_string_equal(reason, "is not a regular file");
    assert_int_equal(recording_read(&recording, "/no/such", reason), -ENOENT);
}

static void
a_line_that_was_cut_off_and_an_unknown_kind_are_passed_over(void **state)
{
    (void)state;
    char reason[READER_REASON_BYTES] = "";
    char text[4096];
    int length = snprintf(text, sizeof(text),
                          "%s{\"kind\":\"news\",\"time_s\":0}\n"
                          "{\"kind\":\"gap\",\"time_s\":1,\"collections\":3}\n"
                          "{\"kind\":\"sam",
                          head_line);

    assert_int_equal(file_read(text, (size_t)length, reason), 0);
    assert_int_equal(recording.count, 1);
    assert_int_equal(recording.entries[0].gap->collections, 3);
}

/* Whatever a byte is changed to, the file is taken or refused; the sanitizers
 * watch. */
static void no_changed_byte_does_harm(void **state)
{
    (void)state;
    char reason[READER_REASON_BYTES];
    char text[8192];
    unsigned random = 1;

    store_begin(STORE_BYTES_MIN);
    assert_int_equal(store_add(&store, program_of(0, "it")), 0);
    assert_int_equal(store_add(&store, sample_of(MS, MIB)), 0);
    assert_int_equal(store_add(&store, gc_of(2 * MS, 5)), 0);
    assert_int_equal(store_close(&store), 0);
    FILE *file = fopen(forge_path("r"), "r");

    assert_non_null(file);
    size_t length = fread(text, 1, sizeof(text), file);

    assert_int_equal(fclose(file), 0);
    for (int i = 0; i < 3000; i++) {
        random = random * 1103515245 + 12345;
        size_t at = random / 256 % length;
        char was = text[at];

        text[at] = (char)(random >> 24);
        int err = file_read(text, length - (random >> 16) % 3, reason);

        assert_true(err == 0 || err == -EPROTO);
        text[at] = was;
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_sample_is_read_as_it_was_written),
        TEST(a_collection_is_read_as_it_was_written),
        TEST(classes_are_read_as_they_were_written),
        TEST(a_name_stays_what_it_is_and_does_no_harm),
        TEST(thinning_keeps_a_peak_wherever_it_was),
        TEST(time_goes_on_and_the_last_point_stays),
        TEST(the_old_is_coarser_than_the_new),
        TEST(the_last_known_figure_and_verdict_are_kept),
        TEST(samples_of_two_programs_are_not_merged),
        TEST(of_collections_the_largest_is_kept_with_all_their_sums),
        TEST(the_file_never_grows_beyond_its_bound),
        TEST(what_was_stored_is_read_back),
        TEST(only_regular_files_are_written_to),
        TEST(what_is_corrupt_is_refused_by_its_line),
        TEST(another_file_is_no_recording),
        TEST(a_line_that_was_cut_off_and_an_unknown_kind_are_passed_over),
        TEST(no_changed_byte_does_harm),
    };

    return RUN(tests);
}
