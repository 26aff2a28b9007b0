#include "huge.h"

#include "account.h"
#include "unit.h"

#include <pthread.h>

enum { THREADS = 8, ROUNDS = 20000, BYTES = 200000, PAGE = 65536 };

static const struct gcshim_header *header = &region.segment.header;

static void *block(uint64_t n)
{
    return (void *)(uintptr_t)((n + 1) * PAGE);
}

static const struct gcshim_huge *listed(const void *p)
{
    for (uint64_t i = 0; i < header->huge_high; i++)
        if (region.segment.huge[i].address == (uintptr_t)p)
            return &region.segment.huge[i];
    return NULL;
}

static uint64_t listed_count(void)
{
    uint64_t count = 0;
    for (uint64_t i = 0; i < header->huge_high; i++)
        count += region.segment.huge[i].address != 0;
    return count;
}

static void a_block_is_listed_from_its_allocation_to_its_free(void **state)
{
    (void)state;
    account_alloc(NULL, 0);
    huge_add(block(7), BYTES);
    const struct gcshim_huge *entry = listed(block(7));
    assert_non_null(entry);
    assert_int_equal(entry->bytes, BYTES);
    assert_int_equal(entry->tid, thread.tid);
    assert_true(entry->allocated_ns > 0);
    assert_int_equal(header->huge_blocks, 1);
    assert_int_equal(header->huge_bytes, BYTES);
    uint64_t allocated_ns = entry->allocated_ns;
    assert_int_equal(huge_remove(block(7), BYTES).allocated_ns, allocated_ns);
    assert_null(listed(block(7)));
    assert_int_equal(header->huge_blocks, 0);
    assert_int_equal(header->huge_bytes, 0);
}

static void a_block_that_stays_keeps_its_time(void **state)
{
    (void)state;
    huge_add(block(7), BYTES);
    struct blocklist_note note = huge_remove(block(7), BYTES);
    huge_restore(block(7), BYTES, &note);
    assert_int_equal(listed(block(7))->allocated_ns, note.allocated_ns);
    huge_remove(block(7), BYTES);
}

static void a_block_that_is_kept_is_listed_while_it_is_in_use(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        huge_add(block(7), BYTES);
        const struct gcshim_huge *entry = listed(block(7));
        uint32_t number = huge_entry_of(block(7));
        assert_int_equal(huge_entry_bytes(number), BYTES);
        huge_park(block(7), BYTES, number);
        assert_int_equal(huge_entry_of(block(7)), 0);
        assert_null(listed(block(7)));
        assert_int_equal(header->huge_blocks, 0);
        assert_int_equal(header->huge_bytes, 0);
        huge_readd(block(7), BYTES, number);
        assert_ptr_equal(listed(block(7)), entry);
        assert_int_equal(header->huge_blocks, 1);
        assert_int_equal(header->huge_bytes, BYTES);
        huge_park(block(7), BYTES, huge_entry_of(block(7)));
        huge_forget(block(7));
    }
    assert_int_equal(listed_count(), 0);
}

static void few_blocks_take_the_first_level_alone(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 16; i++)
        huge_add(block(i), BYTES);
    assert_int_equal(header->huge_high, GCSHIM_HUGE_LEVEL_0);
    for (uint64_t i = 0; i < 16; i++)
        huge_remove(block(i), BYTES);
}

static void what_does_not_fit_is_counted_and_forgotten_at_its_free(void **state)
{
    enum { MANY = 4 * GCSHIM_HUGE_ENTRIES };
    (void)state;
    for (uint64_t i = 0; i < MANY; i++)
        huge_add(block(i), BYTES);
    assert_int_equal(header->huge_high, GCSHIM_HUGE_ENTRIES);
    assert_int_equal(header->huge_blocks, MANY);
    assert_int_equal(header->huge_bytes, (uint64_t)MANY * BYTES);
    assert_true(header->huge_unlisted >= MANY - GCSHIM_HUGE_ENTRIES);
    assert_int_equal(listed_count() + header->huge_unlisted, MANY);
    for (uint64_t i = 0; i < MANY; i++)
        huge_remove(block(i), BYTES);
    assert_int_equal(listed_count(), 0);
    assert_int_equal(header->huge_unlisted, 0);
    assert_int_equal(header->huge_blocks, 0);
    assert_int_equal(header->huge_bytes, 0);
}

static void an_entry_is_kept_for_its_block_as_long_as_wanted(void **state)
{
    enum { MANY = 4 * GCSHIM_HUGE_ENTRIES };
    (void)state;
    huge_add(block(0), BYTES);
    uint32_t number = huge_entry_of(block(0));
    huge_park(block(0), BYTES, number);
    for (uint64_t i = 1; i < MANY; i++) {
        huge_add(block(i), BYTES);
        assert_int_not_equal(huge_entry_of(block(i)), number);
    }
    for (uint64_t i = 1; i < MANY; i++) {
        uint32_t entry = huge_entry_of(block(i));
        huge_park(block(i), BYTES, entry);
        huge_forget(block(i));
    }
    huge_forget(block(0));
    assert_int_equal(header->huge_unlisted, 0);
    huge_add(block(MANY), BYTES);
    assert_int_equal(header->huge_unlisted, 0);
    huge_remove(block(MANY), BYTES);
    assert_int_equal(header->huge_blocks, 0);
}

static void *add_and_remove(void *arg)
{
    uint64_t own = (uintptr_t)arg;
    account_alloc(NULL, 0);
    for (uint64_t i = 0; i < ROUNDS; i++) {
        huge_add(block(own + (i % 100) * THREADS), BYTES);
        if (i >= 50)
            huge_remove(block(own + ((i - 50) % 100) * THREADS), BYTES);
    }
    for (uint64_t i = ROUNDS - 50; i < ROUNDS; i++)
        huge_remove(block(own + (i % 100) * THREADS), BYTES);
    return NULL;
}

static void threads_lose_and_invent_no_block(void **state)
{
    pthread_t ids[THREADS];
    (void)state;
    for (uintptr_t i = 0; i < THREADS; i++)
        assert_int_equal(
            pthread_create(&ids[i], NULL, add_and_remove, (void *)i), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(ids[i], NULL), 0);
    assert_int_equal(listed_count(), 0);
    assert_int_equal(header->huge_blocks, 0);
    assert_int_equal(header->huge_bytes, 0);
    assert_int_equal(header->huge_unlisted, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_block_is_listed_from_its_allocation_to_its_free),
        cmocka_unit_test(a_block_that_stays_keeps_its_time),
        cmocka_unit_test(a_block_that_is_kept_is_listed_while_it_is_in_use),
        cmocka_unit_test(few_blocks_take_the_first_level_alone),
        cmocka_unit_test(threads_lose_and_invent_no_block),
        cmocka_unit_test(
            what_does_not_fit_is_counted_and_forgotten_at_its_free),
        cmocka_unit_test(an_entry_is_kept_for_its_block_as_long_as_wanted),
    };
    return RUN(tests);
}
