/* Huge blocks kept for the whole process. */
#include "account.h"
#include "clock.h"
#include "settings.h"
#include "shelf.h"
#include "unit.h"

#include <mimalloc.h>
#include <pthread.h>
#include <stdatomic.h>

enum {
    HUGE = 256 * 1024,
    SLICE = 64 * 1024,
    THREADS = 4,
    ROUNDS = 20000,
};

static void *keep(size_t bytes)
{
    void *p = mi_malloc(bytes);
    assert_true(shelf_put(p, mi_usable_size(p)));
    return p;
}

static void a_block_is_had_again(void **state)
{
    (void)state;
    size_t usable = 0;
    void *p = keep(HUGE);
    assert_true(shelf_holds(p, HUGE));
    assert_ptr_equal(shelf_take(HUGE, &usable), p);
    assert_int_equal(usable, mi_usable_size(p));
    assert_false(shelf_holds(p, HUGE));
    assert_null(shelf_take(HUGE, &usable));
    mi_free(p);
}

static void a_block_serves_no_request_that_it_is_too_small_for(void **state)
{
    (void)state;
    size_t usable = 0;
    void *p = keep(72UL * SLICE); /* shares a shelf with those of 80 */
    assert_null(shelf_take(72UL * SLICE + 1, &usable));
    assert_null(shelf_take(3UL * SLICE, &usable));
    assert_ptr_equal(shelf_take(64UL * SLICE + 1, &usable), p);
    assert_int_equal(usable, mi_usable_size(p));
    mi_free(p);
}

static void only_huge_blocks_of_up_to_16_MiB_are_kept(void **state)
{
    (void)state;
    static const size_t sizes[] = {1000, 100000, 128 << 10, 17 << 20};
    size_t usable;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        void *p = mi_malloc(sizes[i]);
        assert_false(shelf_put(p, mi_usable_size(p)));
        assert_null(shelf_take(sizes[i], &usable));
        mi_free(p);
    }
    void *p = keep(16 << 20);
    assert_ptr_equal(shelf_take(16 << 20, &usable), p);
    mi_free(p);
    assert_null(shelf_take(SIZE_MAX, &usable));
}

static void no_more_is_kept_than_the_setting_says(void **state)
{
    (void)state;
    settings.cache_large = HUGE;
    keep(HUGE);
    void *p = mi_malloc(HUGE);
    assert_false(shelf_put(p, HUGE));
    mi_free(p);
    assert_true(shelf_clear());
    assert_false(shelf_clear());
    settings.cache_large = 16 << 20;
}

static void what_nobody_wants_is_given_away(void **state)
{
    (void)state;
    void *p = keep(HUGE);
    uint64_t now = clock_coarse_ns();
    shelf_tick(now + 10000000);
    assert_true(shelf_holds(p, HUGE));
    assert_int_equal(SLOT_LATE->cached_bytes, HUGE);
    shelf_tick(now + 40000000);
    assert_false(shelf_holds(p, HUGE));
    assert_int_equal(SLOT_LATE->cached_bytes, 0);
}

static _Atomic int clashes;

/* A block is owned by one alone, between taking and putting it. */
static void *take_and_put(void *arg)
{
    for (int i = 0; i < ROUNDS; i++) {
        size_t usable = 0;
        _Atomic int *owned = shelf_take(HUGE, &usable);
        if (!owned)
            continue;
        if (atomic_fetch_add(owned, 1) != 0)
            clashes++;
        atomic_fetch_sub(owned, 1);
        if (!shelf_put(owned, usable))
            mi_free(owned);
    }
    return arg;
}

static void threads_never_share_a_block(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    for (int i = 0; i < 2; i++) {
        _Atomic int *p = mi_zalloc(HUGE);
        assert_true(shelf_put((void *)p, HUGE));
    }
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, take_and_put, NULL);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(clashes, 0);
    shelf_clear();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_block_is_had_again),
        cmocka_unit_test(a_block_serves_no_request_that_it_is_too_small_for),
        cmocka_unit_test(only_huge_blocks_of_up_to_16_MiB_are_kept),
        cmocka_unit_test(no_more_is_kept_than_the_setting_says),
        cmocka_unit_test(what_nobody_wants_is_given_away),
        cmocka_unit_test(threads_never_share_a_block),
    };
    account_alloc(NULL, 8); /* the first call of the process */
    account_free(8);
    return RUN(tests);
}
