/* A reading that keeps what it knows finds what one that knows nothing finds,
 * whatever has happened between. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "forge.h"
#include "reader/account.h"
#include "unit.h"

enum { SLOTS = 40, SIZES = 4, ROUNDS = 2000 };

static const char name[] = "gcshim.1.2.3";
static const unsigned sizes[SIZES] = {16, 48, 1024, 8192};

static struct gcshim_segment *map;
static struct segment segment;
static struct recall recall;
static struct account account;

/* The late slot and SLOTS - 1 threads, none of them counted. */
static int begin(void **state)
{
    (void)state;
    forge_begin();
    struct gcshim_segment *forged = forge_segment();

    forged->header.slots_high = SLOTS;
    for (size_t i = 2; i < SLOTS; i++) {
        forged->slots[i].epoch = 2;
        forged->slots[i].tid = (uint32_t)(2000 - i);
    }
    forge_put(name, forged);
    map = forge_map(name);
    recall = (struct recall){0};
    account = (struct account){0};
    assert_int_equal(recall_start(&recall), 0);
    assert_int_equal(segment_open(&segment, AT_FDCWD, forge_path(name), NULL),
                     0);
    return 0;
}

static int end(void **state)
{
    (void)state;
    account_fini(&account);
    recall_fini(&recall);
    segment_close(&segment);
    forge_unmap(map);
    forge_end();
    return 0;
}

static void read_again(void)
{
    account_fini(&account);
    assert_int_equal(account_read_again(&segment, &recall, &account, NULL), 0);
}

/* ------------------------------------------------------------- changes */

static void move(size_t slot)
{
    map->slots[slot].total.allocated_bytes += 4096;
    map->slots[slot].total.allocated_blocks++;
}

/* pages: of each of the block sizes. */
static void count(size_t slot, const unsigned pages[SIZES])
{
    struct gcshim_census *census = &map->censuses[slot];
    struct gcshim_count *now = &census->counts[census->taken % 2];

    memset(now, 0, sizeof(*now));
    now->slot_epoch = map->slots[slot].epoch;
    now->taken_ns = 1000;
    now->allocated_bytes = map->slots[slot].total.allocated_bytes;
    now->freed_bytes = map->slots[slot].total.freed_bytes;
    for (size_t i = 0; i < SIZES; i++) {
        if (pages[i] == 0)
            continue;
        now->classes[i].block_bytes = sizes[i];
        now->classes[i].pages = pages[i];
        now->classes[i].used_blocks = pages[i];
        now->classes[i].capacity_blocks = 2 * (uint64_t)pages[i];
        now->classes[i].reserved_blocks = 3 * (uint64_t)pages[i];
    }
    census->taken++;
}

static void count_pages(size_t slot, unsigned pages)
{
    unsigned each[SIZES] = {pages};

    count(slot, each);
}

static void change_hands(size_t slot)
{
    map->slots[slot].epoch += 2;
    map->slots[slot].tid = map->slots[slot].tid ? 0 : (uint32_t)(3000 - slot);
}

static uint64_t pages_of(size_t slot)
{
    for (size_t i = 0; i < account.thread_count; i++) {
        if (account.threads[i].tid == map->slots[slot].tid)
            return account.threads[i].census.pages;
    }
    return READER_UNKNOWN;
}

/* --------------------------------------------------------------- tests */

static void assert_same_censuses(const struct account *a,
                                 const struct account *b)
{
    assert_int_equal(a->censuses.class_count, b->censuses.class_count);
    if (a->censuses.class_count > 0)
        assert_memory_equal(a->censuses.classes, b->censuses.classes,
                            a->censuses.class_count *
                                sizeof(*a->censuses.classes));
    assert_int_equal(a->censuses.counted_threads, b->censuses.counted_threads);
    assert_int_equal(a->censuses.uncounted_threads,
                     b->censuses.uncounted_threads);
    assert_int_equal(a->censuses.uncounted_bytes, b->censuses.uncounted_bytes);
    assert_true(a->censuses.grown_bytes == b->censuses.grown_bytes);
    assert_int_equal(a->censuses.sum.pages, b->censuses.sum.pages);
    assert_int_equal(a->censuses.sum.changed_bytes,
                     b->censuses.sum.changed_bytes);
}

static void assert_same_threads(const struct account *a,
                                const struct account *b)
{
    assert_int_equal(a->thread_count, b->thread_count);
    for (size_t i = 0; i < a->thread_count; i++) {
        struct reader_thread *mine = &a->threads[i];
        struct reader_thread *theirs = &b->threads[i];

        assert_int_equal(mine->tid, theirs->tid);
        assert_int_equal(mine->totals.allocated_bytes,
                         theirs->totals.allocated_bytes);
        assert_int_equal(mine->census.pages, theirs->census.pages);
        assert_int_equal(mine->census.used_bytes, theirs->census.used_bytes);
        assert_int_equal(mine->census.changed_bytes,
                         theirs->census.changed_bytes);
        assert_true((mine->census.age_ms == READER_UNKNOWN) ==
                    (theirs->census.age_ms == READER_UNKNOWN));
    }
}

/* A thread counts its pages after it has counted bytes. */
static void change_something(void)
{
    size_t slot = 1 + (size_t)rand() % (SLOTS - 1);
    unsigned pages[SIZES];

    for (size_t i = 0; i < SIZES; i++)
        pages[i] = (unsigned)rand() % 3;
    switch (rand() % 4) {
    case 0:
        change_hands(slot);
        break;
    case 1:
        move(slot);
        break;
    default:
        move(slot);
        count(slot, pages);
        break;
    }
}

static void it_finds_what_a_first_reading_finds(void **state)
{
    (void)state;
    srand(1);
    for (int round = 0; round < ROUNDS; round++) {
        struct account fresh;

        for (int changes = rand() % 8; changes > 0; changes--)
            change_something();
        for (size_t slot = 1; round % 100 == 0 && slot < SLOTS; slot++)
            change_hands(slot); /* none of them has been counted */
        read_again();
        assert_int_equal(account_read(&segment, &fresh, NULL), 0);
        assert_same_threads(&account, &fresh);
        assert_same_censuses(&account, &fresh);
        account_fini(&fresh);
    }
}

static void a_census_that_was_late_is_found_at_the_next_reading(void **state)
{
    (void)state;
    read_again();
    read_again();
    move(5);
    read_again();
    count_pages(5, 7);
    read_again();
    assert_int_equal(pages_of(5), 7);
}

static void a_census_that_was_very_late_is_found_in_its_turn(void **state)
{
    (void)state;
    move(5);
    for (int i = 0; i < 3; i++)
        read_again();
    count_pages(5, 7);
    for (int i = 0; i < RECALL_TURNS && pages_of(5) != 7; i++)
        read_again();
    assert_int_equal(pages_of(5), 7);
}

/* Written where nobody would: it is seen that this place is not looked at. */
static void the_census_of_a_thread_that_stands_still_is_not_read(void **state)
{
    (void)state;
    int found = 0;

    move(5);
    count_pages(5, 7);
    for (int i = 0; i < 3; i++)
        read_again();
    count_pages(5, 8);
    for (int i = 0; i < RECALL_TURNS; i++) {
        read_again();
        found += pages_of(5) == 7;
        move(6);
    }
    assert_in_range(found, 1, RECALL_TURNS - 1);
}

/* A page of each of as many sizes as there is room for. */
static void count_sizes(size_t slot, unsigned first_bytes)
{
    count_pages(slot, 0);
    struct gcshim_census *census = &map->censuses[slot];
    struct gcshim_count *now = &census->counts[(census->taken - 1) % 2];

    for (unsigned i = 0; i < GCSHIM_CLASSES; i++) {
        now->classes[i].block_bytes = first_bytes + i;
        now->classes[i].pages = 1;
    }
}

/* Refused in the middle of a sum: what was in it is not there twice. */
static void after_a_refusal_it_begins_anew(void **state)
{
    (void)state;
    char reason[READER_REASON_BYTES];
    struct account refused;

    move(5);
    count_pages(5, 7);
    read_again();
    for (unsigned slot = 6; slot < 9; slot++) {
        move(slot);
        count_sizes(slot, slot * 1000);
    }
    assert_int_equal(account_read_again(&segment, &recall, &refused, reason),
                     -EPROTO);
    for (unsigned slot = 6; slot < 9; slot++) {
        move(slot);
        count_pages(slot, 0);
    }
    read_again();
    assert_int_equal(pages_of(5), 7);
    assert_int_equal(account.censuses.class_count, 1);
    assert_int_equal(account.censuses.classes[0].pages, 7);
}

/* Threads come sorted, however their ids are distributed over the slots. */
static void threads_are_sorted_by_all_digits_of_their_ids(void **state)
{
    (void)state;
    srand(2);
    for (size_t i = 1; i < SLOTS; i++)
        map->slots[i].tid = (uint32_t)rand() >> (rand() % 31) | 1;
    read_again();
    assert_int_equal(account.thread_count, SLOTS - 1);
    for (size_t i = 1; i < account.thread_count; i++)
        assert_true(account.threads[i - 1].tid <= account.threads[i].tid);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_finds_what_a_first_reading_finds),
        TEST(a_census_that_was_late_is_found_at_the_next_reading),
        TEST(a_census_that_was_very_late_is_found_in_its_turn),
        TEST(the_census_of_a_thread_that_stands_still_is_not_read),
        TEST(after_a_refusal_it_begins_anew),
        TEST(threads_are_sorted_by_all_digits_of_their_ids),
    };

    return RUN(tests);
}
