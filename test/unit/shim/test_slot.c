#include "slot.h"
#include "unit.h"

#include <pthread.h>

enum { THREADS = 8, ROUNDS = 2000 };

static struct gcshim_slot *claim(uint32_t tid)
{
    struct gcshim_slot *slot = slot_claim(tid);
    assert_non_null(slot);
    return slot;
}

static void the_lowest_free_slot_is_claimed(void **state)
{
    (void)state;
    struct gcshim_slot *a = claim(101), *b = claim(102), *c = claim(103);
    assert_true(a < b && b < c);
    slot_release(b);
    assert_ptr_equal(claim(104), b);
    slot_release(a);
    slot_release(b);
    slot_release(c);
}

static void the_late_slot_is_nobodys(void **state)
{
    (void)state;
    struct gcshim_slot *slot = claim(101);
    assert_ptr_not_equal(slot, SLOT_LATE);
    assert_int_equal(SLOT_LATE->tid, 0);
    slot_release(slot);
}

static void a_new_owner_starts_from_the_totals_and_resets_none(void **state)
{
    (void)state;
    struct gcshim_slot *slot = claim(101);
    uint64_t before = counter_read(&slot->total.allocated_bytes);
    slot_count_alloc(slot, 1000);
    slot_count_free(slot, 400);
    slot_release(slot);
    assert_ptr_equal(claim(102), slot);
    assert_int_equal(counter_read(&slot->total.allocated_bytes),
                     before + 1000);
    assert_int_equal(counter_read(&slot->at_claim.allocated_bytes),
                     before + 1000);
    assert_int_equal(slot->tid, 102);
    slot_release(slot);
}

static void a_slot_keeps_its_owners_figures_if_nobody_came_between(void **s)
{
    (void)s;
    struct gcshim_slot *slot = claim(101);
    uint64_t at_claim = counter_read(&slot->at_claim.allocated_bytes);
    slot_count_alloc(slot, 10);
    uint32_t epoch = slot_release(slot);
    assert_ptr_equal(slot_reclaim(slot, epoch, 101), slot);
    assert_int_equal(counter_read(&slot->at_claim.allocated_bytes), at_claim);
    slot_release(slot);
    claim(102);
    slot_release(slot);
    assert_null(slot_reclaim(slot, epoch, 101));
}

static void a_taken_slot_is_not_reclaimed(void **state)
{
    (void)state;
    struct gcshim_slot *slot = claim(101);
    uint32_t epoch = slot_release(slot);
    claim(102);
    assert_null(slot_reclaim(slot, epoch, 101));
    assert_int_equal(slot->tid, 102);
    slot_release(slot);
}

static void the_epoch_is_even_at_rest_and_grows_with_each_owner(void **state)
{
    (void)state;
    struct gcshim_slot *slot = claim(101);
    uint32_t first = slot->epoch;
    slot_release(slot);
    claim(102);
    assert_int_equal(first % 2, 0);
    assert_int_equal(slot->epoch, first + 2);
    slot_release(slot);
}

static void assert_twin(const struct gcshim_slot *slot)
{
    struct gcshim_counters twin;
    slot_totals(slot, &twin);
    assert_memory_equal(&twin, &slot->total, sizeof(twin));
}

static void alloc_fast(struct gcshim_slot *slot, uint64_t bytes)
{
    slot_count_alloc_fast(slot, bytes, recent_of_alloc(bytes));
}

static void free_fast(struct gcshim_slot *slot, uint64_t bytes)
{
    slot_count_free_fast(slot, bytes, recent_of_free(bytes));
}

static bool has_left(struct gcshim_slot *slot, uint64_t bytes)
{
    bool has = slot_has_left(slot, recent_of_free(bytes));
    assert_int_equal(slot_has_left(slot, recent_of_alloc(bytes)), has);
    return has;
}

static void a_twin_that_is_armed_in_between_equals_its_slot(void **state)
{
    (void)state;
    struct gcshim_slot *slot = claim(101);
    for (uint64_t i = 0; i < 5; i++) {
        slot_arm(slot, RECENT_LEFT_MAX - i);
        assert_int_equal(slot_passed(slot), 0);
        while (has_left(slot, RECENT_BYTES_MIN))
            if (slot_passed(slot) / RECENT_BYTES_MIN % (i + 2) == 0)
                free_fast(slot, RECENT_BYTES_MIN);
            else
                alloc_fast(slot, RECENT_BYTES_MIN);
        slot_count_alloc(slot, UINT64_C(1) << 40);
        assert_twin(slot);
    }
    slot_arm(slot, 0);
    assert_false(has_left(slot, RECENT_BYTES_MIN));
    assert_twin(slot);
    slot_release(slot);
}

/* A child may have been made at any instant of it. */
static void arming_writes_the_total_that_does_not_count_yet(void **state)
{
    (void)state;
    struct gcshim_slot *slot = claim(101);
    struct slot_twin *twin = slot_twin(slot);
    slot_arm(slot, 1000);
    alloc_fast(slot, 100);
    unsigned index = twin->recent >> RECENT_TOTAL_SHIFT & 1;
    struct gcshim_counters before = twin->total[index];
    slot_arm(slot, 1000);
    assert_memory_equal(&twin->total[index], &before, sizeof(before));
    assert_int_equal(twin->recent >> RECENT_TOTAL_SHIFT & 1, !index);
    slot_release(slot);
}

/* Bytes are a field of their own beside blocks, at either end. */
static void the_largest_and_the_smallest_blocks_fit_a_twin(void **state)
{
    (void)state;
    struct gcshim_slot *slot = claim(101);
    slot_arm(slot, RECENT_LEFT_MAX);
    assert_true(has_left(slot, RECENT_LEFT_MAX));
    alloc_fast(slot, RECENT_LEFT_MAX);
    assert_twin(slot);
    slot_arm(slot, RECENT_LEFT_MAX);
    free_fast(slot, RECENT_LEFT_MAX);
    assert_twin(slot);
    slot_release(slot);
}

static void a_twin_equals_its_slot(void **state)
{
    (void)state;
    struct gcshim_slot *slot = claim(101);
    slot_count_alloc(slot, 77);
    slot_count_free(slot, 33);
    slot_count_alloc_late(5);
    slot_count_free_late(2);
    assert_twin(slot);
    assert_twin(SLOT_LATE);
    slot_release(slot);
}

static void a_full_table_gives_none_and_loses_none(void **state)
{
    (void)state;
    struct gcshim_slot *first = slot_claim(1);
    uint64_t claimed = 1;
    while (slot_claim(1))
        claimed++;
    /* The unit test's own thread may hold one. */
    assert_in_range(claimed, GCSHIM_SLOTS - 2, GCSHIM_SLOTS - 1);
    assert_int_equal(slots_high(), GCSHIM_SLOTS);
    slot_release(first);
    assert_ptr_equal(slot_claim(1), first);
    for (uint64_t i = 0; i < claimed; i++)
        slot_release(first + i);
}

static _Atomic uint32_t owners[GCSHIM_SLOTS];
static _Atomic int clashes;

static void *come_and_go(void *arg)
{
    uint32_t tid = (uint32_t)(uintptr_t)arg;
    for (int i = 0; i < ROUNDS; i++) {
        struct gcshim_slot *slot = slot_claim(tid);
        _Atomic uint32_t *owner = &owners[slot - region.segment.slots];
        if (atomic_exchange(owner, tid) != 0)
            clashes++;
        slot_count_alloc(slot, tid);
        slot_count_free(slot, tid);
        atomic_store(owner, 0);
        slot_release(slot);
    }
    return NULL;
}

static void threads_that_come_and_go_never_share_a_slot(void **state)
{
    (void)state;
    struct slots_sum before, after;
    pthread_t threads[THREADS];
    uint64_t bytes = 0;
    slots_sum(&before);
    for (uint32_t i = 0; i < THREADS; i++) {
        bytes += (uint64_t)(i + 1) * ROUNDS;
        pthread_create(&threads[i], NULL, come_and_go,
                       (void *)(uintptr_t)(i + 1));
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    slots_sum(&after);
    assert_int_equal(clashes, 0);
    assert_int_equal(after.allocated_bytes - before.allocated_bytes, bytes);
    assert_int_equal(after.freed_bytes - before.freed_bytes, bytes);
    assert_int_equal(after.freed_blocks - before.freed_blocks,
                     THREADS * ROUNDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_lowest_free_slot_is_claimed),
        cmocka_unit_test(the_late_slot_is_nobodys),
        cmocka_unit_test(a_new_owner_starts_from_the_totals_and_resets_none),
        cmocka_unit_test(
            a_slot_keeps_its_owners_figures_if_nobody_came_between),
        cmocka_unit_test(a_taken_slot_is_not_reclaimed),
        cmocka_unit_test(the_epoch_is_even_at_rest_and_grows_with_each_owner),
        cmocka_unit_test(a_twin_equals_its_slot),
        cmocka_unit_test(a_twin_that_is_armed_in_between_equals_its_slot),
        cmocka_unit_test(arming_writes_the_total_that_does_not_count_yet),
        cmocka_unit_test(the_largest_and_the_smallest_blocks_fit_a_twin),
        cmocka_unit_test(threads_that_come_and_go_never_share_a_slot),
        cmocka_unit_test(a_full_table_gives_none_and_loses_none),
    };
    return RUN(tests);
}
