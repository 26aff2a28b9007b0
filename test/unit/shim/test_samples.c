#include "samples.h"

#include "account.h"
#include "unit.h"

#include <pthread.h>

enum { THREADS = 8, ROUNDS = 20000, BYTES = 64, GRAIN = 16 };

static const struct gcshim_profile *profile = &region.segment.profile;

static void *block(uint64_t n)
{
    return (void *)(uintptr_t)((n + 1) * GRAIN);
}

static struct blocklist_note note(uint32_t site)
{
    return (struct blocklist_note){
        .allocated_ns = 12345, .tid = 7, .site = site};
}

static bool add(uint64_t n)
{
    struct blocklist_note its = note((uint32_t)n);
    return samples_add(block(n), BYTES, &its);
}

static bool is_removed(uint64_t n)
{
    struct blocklist_note its;
    if (!samples_may_hold(block(n)) || !samples_remove(block(n), &its))
        return false;
    assert_int_equal(its.site, n);
    assert_int_equal(its.tid, 7);
    assert_int_equal(its.allocated_ns, 12345);
    return true;
}

static uint64_t listed_count(void)
{
    uint64_t count = 0;
    for (uint64_t i = 0; i < profile->samples_high; i++)
        count += region.segment.samples[i].address != 0;
    return count;
}

static void without_samples_a_free_looks_at_huge_blocks_alone(void **state)
{
    (void)state;
    assert_false(is_listed(GCSHIM_HUGE_ABOVE));
    assert_true(is_listed(GCSHIM_HUGE_ABOVE + 1));
}

static void a_sample_is_known_again_at_its_free_and_once(void **state)
{
    (void)state;
    assert_true(add(5));
    assert_true(is_listed(1));
    assert_int_equal(listed_count(), 1);
    assert_false(is_removed(6));
    assert_true(is_removed(5));
    assert_false(is_removed(5));
    assert_int_equal(listed_count(), 0);
}

static void frees_rest_only_when_no_sample_is_left(void **state)
{
    (void)state;
    assert_true(add(1));
    samples_rest();
    assert_true(is_listed(1));
    assert_true(is_removed(1));
    samples_rest();
    assert_false(is_listed(GCSHIM_HUGE_ABOVE));
}

static void those_without_room_are_counted_and_are_none_at_their_free(
    void **state)
{
    enum { MANY = 3 * GCSHIM_SAMPLES };
    uint64_t added = 0, removed = 0;
    (void)state;
    for (uint64_t i = 0; i < MANY; i++)
        added += add(i);
    assert_true(added < MANY);
    assert_true(added > GCSHIM_SAMPLES / 2);
    assert_int_equal(added + profile->samples_unlisted, MANY);
    assert_int_equal(listed_count(), added);
    for (uint64_t i = 0; i < MANY; i++)
        removed += is_removed(i);
    assert_int_equal(removed, added);
    assert_int_equal(listed_count(), 0);
    samples_rest();
    assert_false(is_listed(GCSHIM_HUGE_ABOVE));
}

/* Counts of the filter that were full for once would say "may hold" for ever;
 * what they must never do is to deny a sample. */
static void no_sample_is_denied_however_many_there_were(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 1000; i++)
        assert_true(add(i));
    for (uint64_t i = 0; i < 1000; i++)
        assert_true(is_removed(i));
}

static void *add_and_remove(void *arg)
{
    uint64_t own = (uintptr_t)arg;
    for (uint64_t i = 0; i < ROUNDS; i++) {
        uint64_t n = own + (i % 100) * THREADS;
        assert_true(add(n));
        assert_true(is_removed(n));
        if (i % 64 == 0)
            samples_rest();
    }
    return NULL;
}

static void threads_lose_no_sample(void **state)
{
    pthread_t ids[THREADS];
    (void)state;
    for (uintptr_t i = 0; i < THREADS; i++)
        assert_int_equal(
            pthread_create(&ids[i], NULL, add_and_remove, (void *)i), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(ids[i], NULL);
    assert_int_equal(listed_count(), 0);
    samples_rest();
    assert_false(is_listed(GCSHIM_HUGE_ABOVE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_samples_a_free_looks_at_huge_blocks_alone),
        cmocka_unit_test(a_sample_is_known_again_at_its_free_and_once),
        cmocka_unit_test(frees_rest_only_when_no_sample_is_left),
        cmocka_unit_test(
            those_without_room_are_counted_and_are_none_at_their_free),
        cmocka_unit_test(no_sample_is_denied_however_many_there_were),
        cmocka_unit_test(threads_lose_no_sample),
    };
    account_alloc(NULL, 0);
    return RUN(tests);
}
