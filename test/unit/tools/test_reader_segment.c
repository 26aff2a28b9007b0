/* A segment file is opened only if it is sound, and copied consistently. */
#include "reader/account.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "forge.h"
#include "unit.h"

static const char name[] = "gcshim.1.2.3";

static int begin(void **state)
{
    (void)state;
    forge_begin();
    return 0;
}

static int end(void **state)
{
    (void)state;
    forge_end();
    return 0;
}

/* Opens the file, and on success copies it: what open or snapshot said. */
static int judge(struct account *ret_account, char reason[READER_REASON_BYTES])
{
    struct segment segment;
    int err = segment_open(&segment, AT_FDCWD, forge_path(name), reason);

    if (err)
        return err;
    err = account_read(&segment, ret_account, reason);
    segment_close(&segment);
    return err;
}

static void assert_refused(const char *why)
{
    char reason[READER_REASON_BYTES] = "";
    struct account account;

    assert_int_equal(judge(&account, reason), -EPROTO);
    if (!strstr(reason, why))
        fail_msg("refused with \"%s\", not \"%s\"", reason, why);
}

static void assert_put_refused(struct gcshim_segment *segment, const char *why)
{
    forge_put(name, segment);
    assert_refused(why);
}

static struct account accepted(void)
{
    char reason[READER_REASON_BYTES] = "";
    struct account account;
    int err = judge(&account, reason);

    if (err)
        fail_msg("refused: %d %s", err, reason);
    return account;
}

static void assert_accepted(void)
{
    struct account account = accepted();

    account_fini(&account);
}

/* ----------------------------------------------------------- figures */

static void a_sound_segment_gives_its_figures(void **state)
{
    (void)state;
    forge_put(name, forge_segment());
    struct account account = accepted();

    assert_int_equal(account.used_bytes, 600);
    assert_int_equal(account.totals.allocated_bytes, 1000);
    assert_int_equal(account.totals.freed_blocks, 4);
    assert_int_equal(account.thread_count, 1);
    assert_int_equal(account.threads[0].tid, getpid());
    account_fini(&account);
}

static void a_thread_has_what_came_since_its_claim(void **state)
{
    (void)state;
    struct gcshim_segment *segment = forge_segment();

    segment->slots[1].at_claim.allocated_bytes = 900;
    segment->slots[1].at_claim.freed_blocks = 1;
    forge_put(name, segment);
    struct account account = accepted();

    assert_int_equal(account.threads[0].totals.allocated_bytes, 100);
    assert_int_equal(account.threads[0].totals.freed_blocks, 3);
    assert_int_equal(account.used_bytes, 600);
    account_fini(&account);
}

static void a_claim_above_the_total_is_no_underflow(void **state)
{
    (void)state;
    struct gcshim_segment *segment = forge_segment();

    segment->slots[1].at_claim.allocated_bytes = 2000;
    forge_put(name, segment);
    struct account account = accepted();

    assert_int_equal(account.threads[0].totals.allocated_bytes, 0);
    account_fini(&account);
}

static void a_released_slot_counts_but_is_no_thread(void **state)
{
    (void)state;
    struct gcshim_segment *segment = forge_segment();

    segment->slots[1].tid = 0;
    forge_put(name, segment);
    struct account account = accepted();

    assert_int_equal(account.thread_count, 0);
    assert_int_equal(account.used_bytes, 600);
    account_fini(&account);
}

static void the_late_slot_counts_but_is_no_thread(void **state)
{
    (void)state;
    struct gcshim_segment *segment = forge_segment();

    segment->slots[GCSHIM_SLOT_LATE].tid = 77;
    segment->slots[GCSHIM_SLOT_LATE].total.allocated_bytes = 50;
    segment->slots[GCSHIM_SLOT_LATE].total.allocated_blocks = 1;
    forge_put(name, segment);
    struct account account = accepted();

    assert_int_equal(account.thread_count, 1);
    assert_int_equal(account.used_bytes, 650);
    account_fini(&account);
}

static void threads_are_sorted_by_tid(void **state)
{
    (void)state;
    struct gcshim_segment *segment = forge_segment();

    for (uint32_t i = 1; i <= 5; i++) {
        segment->slots[i].tid = 100 - i;
        segment->slots[i].epoch = 2;
    }
    segment->header.slots_high = 6;
    forge_put(name, segment);
    struct account account = accepted();

    assert_int_equal(account.thread_count, 5);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(account.threads[i].tid, 95 + i);
    account_fini(&account);
}

static void slots_beyond_slots_high_are_not_read(void **state)
{
    (void)state;
    struct gcshim_segment *segment = forge_segment();

    segment->slots[2].total.allocated_bytes = 5000;
    forge_put(name, segment);
    struct account account = accepted();

    assert_int_equal(account.used_bytes, 600);
    account_fini(&account);
}

static void snapshot_gives_up_on_a_slot_left_odd(void **state)
{
    (void)state;
    struct gcshim_segment *segment = forge_segment();

    segment->slots[1].epoch = 3;
    forge_put(name, segment);
    struct account account = accepted();

    assert_int_equal(account.thread_count, 0);
    assert_int_equal(account.dropped_threads, 1);
    /* Its counters are good all the same. */
    assert_int_equal(account.used_bytes, 600);
    account_fini(&account);
}

static void more_freed_than_allocated_is_refused(void **state)
{
    (void)state;
    struct gcshim_segment *segment = forge_segment();

    segment->slots[1].total.freed_bytes = 1001;
    assert_put_refused(segment, "more bytes freed");
    segment = forge_segment();
    segment->slots[1].total.freed_blocks = 11;
    assert_put_refused(segment, "more blocks freed");
}

static void counters_that_overflow_are_refused(void **state)
{
    (void)state;
    struct gcshim_segment *segment = forge_segment();

    segment->slots[0].total.allocated_bytes = UINT64_MAX;
    assert_put_refused(segment, "overflow");
    segment = forge_segment();
    segment->slots[0].total.freed_blocks = UINT64_MAX;
    assert_put_refused(segment, "overflow");
}

/* ------------------------------------------------------------ headers */

static void another_magic_is_refused(void **state)
{
    (void)state;
    struct gcshim_segment *segment = forge_segment();

    segment->header.magic++;
    assert_put_refused(segment, "not a segment");
}

static void a_segment_being_created_is_to_be_tried_again(void **state)
{
    (void)state;
    char reason[READER_REASON_BYTES];
    struct account account;
    struct gcshim_segment *segment = forge_segment();

    forge_write(name, segment, 0);
    assert_int_equal(judge(&account, reason), -EAGAIN);
    segment->header.magic = 0;
    forge_put(name, segment);
    assert_int_equal(judge(&account, reason), -EAGAIN);
}

static void another_version_is_refused(void **state)
{
    (void)state;
    struct gcshim_segment *segment = forge_segment();

    segment->header.layout_version = 2;
    assert_put_refused(segment, "layout version 2");
}

static void a_file_cut_short_is_refused(void **state)
{
    (void)state;
    static const size_t lengths[] = {1, 8, GCSHIM_HEADER_BYTES - 1,
                                     GCSHIM_HEADER_BYTES,
                                     sizeof(struct gcshim_segment) - 1};
    struct gcshim_segment *segment = forge_segment();

    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        forge_write(name, segment, lengths[i]);
        assert_refused("short");
    }
    free(segment);
}

static void a_file_cut_short_after_open_is_refused(void **state)
{
    (void)state;
    char reason[READER_REASON_BYTES] = "";
    struct account account;
    struct segment segment;

    forge_put(name, forge_segment());
    assert_int_equal(segment_open(&segment, AT_FDCWD, forge_path(name), reason),
                     0);
    assert_int_equal(truncate(forge_path(name), GCSHIM_HEADER_BYTES + 7), 0);
    assert_int_equal(account_read(&segment, &account, reason), -EPROTO);
    assert_non_null(strstr(reason, "cut short"));
    segment_close(&segment);
}

static void a_header_of_the_wrong_size_is_refused(void **state)
{
    (void)state;
    struct gcshim_segment *segment = forge_segment();

    segment->header.header_bytes = GCSHIM_HEADER_BYTES - 1;
    assert_put_refused(segment, "header of");
    segment = forge_segment();
    segment->header.header_bytes = UINT32_MAX;
    assert_put_refused(segment, "header of");
}

static void an_impossible_pid_is_refused(void **state)
{
    (void)state;
    struct gcshim_segment *segment = forge_segment();

    segment->header.pid = 0;
    assert_put_refused(segment, "impossible process");
    segment = forge_segment();
    segment->header.pid = UINT32_MAX;
    assert_put_refused(segment, "impossible process");
}

static void a_file_above_the_cap_is_refused(void **state)
{
    (void)state;
    forge_put(name, forge_segment());
    assert_int_equal(truncate(forge_path(name), (off_t)2 << 30), 0);
    assert_refused("too large");
}

static void too_many_sections_are_refused(void **state)
{
    (void)state;
    struct gcshim_segment *segment = forge_segment();

    segment->header.section_count = UINT32_MAX;
    assert_put_refused(segment, "sections");
}

static void add_section(struct gcshim_segment *segment,
                        struct gcshim_section section)
{
    segment->header.sections[segment->header.section_count++] = section;
}

static void a_section_that_leaves_the_file_is_refused(void **state)
{
    (void)state;
    static const struct gcshim_section hostile[] = {
        /* the sum overflows; the product overflows; neither, yet outside */
        {1, GCSHIM_SLOT_BYTES, UINT64_MAX - 4095, GCSHIM_SLOTS},
        {1, GCSHIM_SLOT_BYTES, GCSHIM_HEADER_BYTES, UINT64_MAX / 64},
        {1, GCSHIM_SLOT_BYTES,
         sizeof(struct gcshim_segment) - GCSHIM_SLOT_BYTES, 2},
        {1, GCSHIM_SLOT_BYTES, 0, 1},
        {99, UINT32_MAX, GCSHIM_HEADER_BYTES, UINT64_MAX},
    };

    for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
        struct gcshim_segment *segment = forge_segment();

        add_section(segment, hostile[i]);
        assert_put_refused(segment, "outside of the file");
    }
}

static void a_section_of_an_unknown_kind_is_passed_over(void **state)
{
    (void)state;
    struct gcshim_segment *segment = forge_segment();

    add_section(segment, (struct gcshim_section){99, 8, 4096, 1});
    forge_put(name, segment);
    assert_accepted();
}

static void slots_of_another_form_are_refused(void **state)
{
    (void)state;
    struct gcshim_segment *segment = forge_segment();

    segment->header.sections[0].entry_bytes = 64;
    assert_put_refused(segment, "another form");
    segment = forge_segment();
    segment->header.sections[0].offset += 8;
    segment->header.sections[0].entries = 5;
    assert_put_refused(segment, "another form");
}

/* The tables other than that of slots, at their places in the header. */
static const struct {
    size_t place;
    const char *name;
    uint64_t entries_max;
} others[] = {
    {1, "censuses", GCSHIM_CENSUSES},
    {2, "huge blocks", GCSHIM_HUGE_ENTRIES},
    {3, "points", (uint64_t)GCSHIM_HISTORY_LEVELS *GCSHIM_HISTORY_POINTS},
    {4, "ranges", GCSHIM_RANGE_WORDS},
};

enum { OTHERS = sizeof(others) / sizeof(others[0]) };

static void a_file_may_have_slots_alone(void **state)
{
    (void)state;
    struct gcshim_segment *segment = forge_segment();

    segment->header.section_count = 1;
    forge_put(name, segment);
    assert_accepted();
}

static void other_tables_of_another_form_are_refused(void **state)
{
    (void)state;
    char why[64];

    for (size_t i = 0; i < OTHERS; i++) {
        struct gcshim_segment *segment = forge_segment();

        snprintf(why, sizeof(why), "has %s of another form", others[i].name);
        segment->header.sections[others[i].place].entry_bytes += 8;
        segment->header.sections[others[i].place].entries /= 2;
        assert_put_refused(segment, why);
        segment = forge_segment();
        segment->header.sections[others[i].place].offset -= 4;
        assert_put_refused(segment, why);
    }
}

static void other_tables_of_too_many_entries_are_refused(void **state)
{
    (void)state;
    char why[64];

    for (size_t i = 0; i < OTHERS; i++) {
        struct gcshim_segment *segment = forge_segment();

        snprintf(why, sizeof(why), "has a table of %llu %s",
                 (unsigned long long)others[i].entries_max + 1, others[i].name);
        segment->header.sections[others[i].place].entries++;
        segment->header.sections[others[i].place].offset = GCSHIM_HEADER_BYTES;
        assert_put_refused(segment, why);
        segment = forge_segment();
        snprintf(why, sizeof(why), "has a table of 0 %s", others[i].name);
        segment->header.sections[others[i].place].entries = 0;
        assert_put_refused(segment, why);
    }
}

static void two_tables_of_a_kind_are_refused(void **state)
{
    (void)state;
    char why[64];

    for (size_t i = 0; i < OTHERS; i++) {
        struct gcshim_segment *segment = forge_segment();

        snprintf(why, sizeof(why), "has two tables of %s", others[i].name);
        add_section(segment, segment->header.sections[others[i].place]);
        assert_put_refused(segment, why);
    }
}

static void a_table_of_too_many_slots_is_refused(void **state)
{
    (void)state;
    struct gcshim_segment *segment = forge_segment();

    segment->header.sections[0].entries = 0;
    assert_put_refused(segment, "table of 0 slots");
    segment = forge_segment();
    segment->header.sections[0].entries = GCSHIM_SLOTS + 1;
    segment->header.file_bytes += GCSHIM_SLOT_BYTES;
    forge_put(name, segment);
    assert_int_equal(truncate(forge_path(name), sizeof(struct gcshim_segment) +
                                                    GCSHIM_SLOT_BYTES),
                     0);
    assert_refused("table of 16385 slots");
}

static void none_or_two_tables_of_slots_are_refused(void **state)
{
    (void)state;
    struct gcshim_segment *segment = forge_segment();

    segment->header.section_count = 0;
    assert_put_refused(segment, "no table");
    segment = forge_segment();
    add_section(segment, segment->header.sections[0]);
    assert_put_refused(segment, "two tables of slots");
}

static void more_slots_in_use_than_there_are_is_refused(void **state)
{
    (void)state;
    struct gcshim_segment *segment = forge_segment();

    segment->header.slots_high = GCSHIM_SLOTS + 1;
    assert_put_refused(segment, "claims 16385 slots");
    segment = forge_segment();
    segment->header.slots_high = UINT64_MAX;
    assert_put_refused(segment, "claims");
}

static void slots_high_raised_after_open_is_refused(void **state)
{
    (void)state;
    char reason[READER_REASON_BYTES] = "";
    struct account account;
    struct segment segment;
    struct gcshim_segment *forged = forge_segment();

    forge_write(name, forged, sizeof(*forged));
    assert_int_equal(segment_open(&segment, AT_FDCWD, forge_path(name), reason),
                     0);
    forged->header.slots_high = (uint64_t)1 << 40;
    int fd = open(forge_path(name), O_WRONLY);

    assert_int_equal(pwrite(fd, forged, GCSHIM_HEADER_BYTES, 0),
                     GCSHIM_HEADER_BYTES);
    close(fd);
    free(forged);
    assert_int_equal(account_read(&segment, &account, reason), -EPROTO);
    segment_close(&segment);
}

static void names_are_ended_and_cleaned(void **state)
{
    (void)state;
    char reason[READER_REASON_BYTES] = "";
    struct segment segment;
    struct gcshim_segment *forged = forge_segment();

    memset(forged->header.comm, 'x', sizeof(forged->header.comm));
    memcpy(forged->header.comm, "\x1b[2J", 4);
    memset(forged->header.settings, '\x9b', GCSHIM_SETTINGS_BYTES);
    forge_put(name, forged);
    assert_int_equal(segment_open(&segment, AT_FDCWD, forge_path(name), reason),
                     0);
    assert_string_equal(segment.header.comm, "?[2Jxxxxxxxxxxx");
    assert_int_equal(strlen(segment.header.settings),
                     GCSHIM_SETTINGS_BYTES - 1);
    assert_int_equal(segment.header.settings[0], '?');
    segment_close(&segment);
}

/* --------------------------------------------------------- other files */

static void what_is_no_regular_file_is_refused(void **state)
{
    (void)state;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    assert_int_equal(mkfifo(forge_path(name), 0600), 0);
    assert_refused("not a regular file");
    assert_int_equal(unlink(forge_path(name)), 0);

    assert_int_equal(mkdir(forge_path(name), 0700), 0);
    assert_refused("not a regular file");
    assert_int_equal(rmdir(forge_path(name)), 0);

    strncpy(address.sun_path, forge_path(name), sizeof(address.sun_path) - 1);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_refused("not a regular file");
    close(fd);
}

static void a_symbolic_link_is_refused(void **state)
{
    (void)state;
    forge_put("real", forge_segment());
    assert_int_equal(symlink("real", forge_path(name)), 0);
    assert_refused("symbolic link");
}

static void a_file_that_is_gone_is_no_entry(void **state)
{
    (void)state;
    char reason[READER_REASON_BYTES];
    struct account account;

    assert_int_equal(judge(&account, reason), -ENOENT);
}

/* --------------------------------------------------------- concurrency */

enum { HANDOVERS = 64, SNAPSHOTS = 2000 };

struct writer {
    struct gcshim_segment *segment;
    _Atomic int stop;
};

static void count(_Atomic uint64_t *counter, uint64_t by)
{
    atomic_store_explicit(
        counter, atomic_load_explicit(counter, memory_order_relaxed) + by,
        memory_order_release);
}

/* Allocates in one slot what it frees in an earlier one, so that a reader
 * that took allocated before freed would see more freed than allocated. */
static void *write_account(void *context)
{
    struct writer *writer = context;
    struct gcshim_slot *slots = writer->segment->slots;

    while (!atomic_load(&writer->stop)) {
        for (int i = 0; i < HANDOVERS; i++) {
            count(&slots[HANDOVERS].total.allocated_bytes, 4096);
            count(&slots[HANDOVERS].total.allocated_blocks, 1);
            count(&slots[i].total.freed_bytes, 4096);
            count(&slots[i].total.freed_blocks, 1);
        }
    }
    return NULL;
}

static struct gcshim_segment *forge_mapped(void)
{
    struct gcshim_segment *forged = forge_segment();

    memset(&forged->slots[1].total, 0, sizeof(forged->slots[1].total));
    forged->header.slots_high = HANDOVERS + 1;
    forge_put(name, forged);
    int fd = open(forge_path(name), O_RDWR);
    struct gcshim_segment *segment =
        mmap(NULL, sizeof(*segment), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    assert_ptr_not_equal(segment, MAP_FAILED);
    close(fd);
    return segment;
}

static void no_free_is_seen_without_its_allocation(void **state)
{
    (void)state;
    struct writer writer = {.segment = forge_mapped()};
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, write_account, &writer), 0);
    for (int i = 0; i < SNAPSHOTS; i++)
        assert_accepted();
    atomic_store(&writer.stop, 1);
    pthread_join(thread, NULL);
    struct account account = accepted();

    assert_int_equal(account.used_bytes, 0);
    account_fini(&account);
    munmap(writer.segment, sizeof(*writer.segment));
}

/* Hands one slot on and on; each owner counts from the total of its claim. */
static void *hand_over(void *context)
{
    struct writer *writer = context;
    struct gcshim_slot *slot = &writer->segment->slots[1];

    for (uint32_t tid = 1000; !atomic_load(&writer->stop); tid++) {
        uint64_t total = atomic_load(&slot->total.allocated_bytes);

        atomic_fetch_add(&slot->epoch, 1);
        atomic_store(&slot->tid, tid);
        atomic_store(&slot->at_claim.allocated_bytes, total);
        atomic_fetch_add(&slot->epoch, 1);
        count(&slot->total.allocated_bytes, tid);
        for (int i = 0; i < 200 && !atomic_load(&writer->stop); i++)
            atomic_thread_fence(memory_order_seq_cst);
    }
    return NULL;
}

static void a_thread_never_has_figures_of_the_one_before(void **state)
{
    (void)state;
    struct writer writer = {.segment = forge_mapped()};
    pthread_t thread;

    atomic_store(&writer.segment->header.slots_high, 2);
    assert_int_equal(pthread_create(&thread, NULL, hand_over, &writer), 0);
    for (int i = 0; i < SNAPSHOTS; i++) {
        struct account account = accepted();

        for (size_t k = 0; k < account.thread_count; k++) {
            const struct reader_thread *seen = &account.threads[k];

            if (seen->tid >= 1000)
                assert_true(seen->totals.allocated_bytes == 0 ||
                            seen->totals.allocated_bytes == seen->tid);
        }
        account_fini(&account);
    }
    atomic_store(&writer.stop, 1);
    pthread_join(thread, NULL);
    munmap(writer.segment, sizeof(*writer.segment));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_sound_segment_gives_its_figures),
        TEST(a_thread_has_what_came_since_its_claim),
        TEST(a_claim_above_the_total_is_no_underflow),
        TEST(a_released_slot_counts_but_is_no_thread),
        TEST(the_late_slot_counts_but_is_no_thread),
        TEST(threads_are_sorted_by_tid),
        TEST(slots_beyond_slots_high_are_not_read),
        TEST(snapshot_gives_up_on_a_slot_left_odd),
        TEST(more_freed_than_allocated_is_refused),
        TEST(counters_that_overflow_are_refused),
        TEST(another_magic_is_refused),
        TEST(a_segment_being_created_is_to_be_tried_again),
        TEST(another_version_is_refused),
        TEST(a_file_cut_short_is_refused),
        TEST(a_file_cut_short_after_open_is_refused),
        TEST(a_header_of_the_wrong_size_is_refused),
        TEST(an_impossible_pid_is_refused),
        TEST(a_file_above_the_cap_is_refused),
        TEST(too_many_sections_are_refused),
        TEST(a_section_that_leaves_the_file_is_refused),
        TEST(a_section_of_an_unknown_kind_is_passed_over),
        TEST(slots_of_another_form_are_refused),
        TEST(a_file_may_have_slots_alone),
        TEST(other_tables_of_another_form_are_refused),
        TEST(other_tables_of_too_many_entries_are_refused),
        TEST(two_tables_of_a_kind_are_refused),
        TEST(a_table_of_too_many_slots_is_refused),
        TEST(none_or_two_tables_of_slots_are_refused),
        TEST(more_slots_in_use_than_there_are_is_refused),
        TEST(slots_high_raised_after_open_is_refused),
        TEST(names_are_ended_and_cleaned),
        TEST(what_is_no_regular_file_is_refused),
        TEST(a_symbolic_link_is_refused),
        TEST(a_file_that_is_gone_is_no_entry),
        TEST(no_free_is_seen_without_its_allocation),
        TEST(a_thread_never_has_figures_of_the_one_before),
    };

    return RUN(tests);
}
