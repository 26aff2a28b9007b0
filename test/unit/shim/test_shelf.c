/* Huge blocks kept for the whole process. */
#include "account.h"
#include "huge.h"
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

/* As block.c has it, listed first.  False where it was not kept. */
static bool put_back(void *p)
{
    struct shelf_block block = {
        .p = p,
        .bytes = mi_usable_size(p),
        .entry = huge_entry_of(p),
    };
    _Atomic uint64_t *place = shelf_reserve(p, block.bytes);
    if (!place) {
        huge_remove(p, block.bytes);
        return false;
    }
    huge_park(p, block.bytes, block.entry);
    shelf_put(place, &block);
    return true;
}

static void *taken(size_t bytes, size_t *ret_usable_bytes)
{
    struct shelf_block block;
    if (!shelf_take(bytes, &block))
        return NULL;
    *ret_usable_bytes = block.bytes;
    return block.p;
}

static bool put(void *p)
{
    huge_add(p, mi_usable_size(p));
    return put_back(p);
}

static void *keep(size_t bytes)
{
    void *p = mi_malloc(bytes);
    assert_true(put(p));
    return p;
}

/* What was taken. */
static void drop(void *p)
{
    huge_forget(p);
    mi_free(p);
}

/* So much was in use of late, and is not now. */
static void use_once(size_t bytes)
{
    void *p = mi_malloc(bytes);
    put(p);
    shelf_clear();
}

static void a_block_is_had_again(void **state)
{
    (void)state;
    size_t usable = 0;
    void *p = keep(HUGE);
    assert_true(shelf_holds(p, HUGE));
    assert_ptr_equal(taken(HUGE, &usable), p);
    assert_int_equal(usable, mi_usable_size(p));
    assert_false(shelf_holds(p, HUGE));
    assert_null(taken(HUGE, &usable));
    drop(p);
}

static void a_block_serves_no_request_that_it_is_too_small_for(void **state)
{
    (void)state;
    size_t usable = 0;
    use_once(16 << 20);
    void *p = keep(72UL * SLICE); /* shares a shelf with those of 80 */
    assert_null(taken(72UL * SLICE + 1, &usable));
    assert_null(taken(3UL * SLICE, &usable));
    assert_ptr_equal(taken(64UL * SLICE + 1, &usable), p);
    assert_int_equal(usable, mi_usable_size(p));
    drop(p);
}

static void a_block_serves_what_is_smaller_by_a_shelf(void **state)
{
    (void)state;
    size_t usable = 0;
    use_once(16 << 20);
    void *p = keep(72UL * SLICE); /* next below: 57 to 64, and 49 to 56 */
    assert_null(taken(56UL * SLICE, &usable));
    assert_ptr_equal(taken(57UL * SLICE, &usable), p);
    assert_int_equal(usable, mi_usable_size(p));
    drop(p);
    p = keep(16 << 20); /* on the last */
    assert_ptr_equal(taken(16 << 20, &usable), p);
    drop(p);
    assert_null(taken(16 << 20, &usable));
}

static void only_huge_blocks_of_up_to_16_MiB_are_kept(void **state)
{
    (void)state;
    static const size_t sizes[] = {1000, 100000, 128 << 10, 17 << 20};
    size_t usable;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        void *p = mi_malloc(sizes[i]);
        assert_null(shelf_reserve(p, mi_usable_size(p)));
        assert_null(taken(sizes[i], &usable));
        mi_free(p);
    }
    void *p = keep(16 << 20);
    assert_ptr_equal(taken(16 << 20, &usable), p);
    drop(p);
    assert_null(taken(SIZE_MAX, &usable));
}

static uint64_t later_ns = UINT64_C(1) << 50;

/* By many ticks, long from now. */
static void forget_what_was_in_use(void)
{
    for (int i = 0; i < 1000; i++)
        shelf_tick(later_ns += 10000000);
}

static void no_more_is_kept_than_the_setting_says(void **state)
{
    (void)state;
    uint64_t cache_large = settings.cache_large;
    settings.cache_large = HUGE;
    keep(HUGE);
    void *p = mi_malloc(HUGE);
    assert_false(put(p));
    mi_free(p);
    assert_true(shelf_clear());
    assert_false(shelf_clear());
    settings.cache_large = cache_large;
}

/* Beyond what is always kept, 4 MiB. */
static void no_more_is_kept_than_was_in_use_of_late(void **state)
{
    enum { BLOCKS = 3, BYTES = 3 << 20 };
    void *p[BLOCKS];
    (void)state;
    forget_what_was_in_use();
    for (int i = 0; i < BLOCKS; i++)
        huge_add(p[i] = mi_malloc(BYTES), BYTES);
    for (int i = 0; i < BLOCKS; i++)
        huge_remove(p[i], BYTES);
    for (int i = 0; i < BLOCKS; i++)
        assert_int_equal(put(p[i]), i == 0);
    shelf_clear();
    mi_free(p[1]);
    mi_free(p[2]);

    use_once((size_t)BLOCKS * BYTES);
    for (int i = 0; i < BLOCKS; i++)
        keep(BYTES);
    shelf_clear();
}

static void what_is_kept_makes_room_for_what_is_to_be_used(void **state)
{
    enum { BYTES = 3 << 20 };
    size_t usable;
    (void)state;
    forget_what_was_in_use();
    use_once(4UL * BYTES);
    void *small = keep(BYTES), *large = keep(2UL * BYTES);
    assert_null(taken(HUGE, &usable));
    assert_true(shelf_holds(large, 2UL * BYTES));
    assert_null(taken(5UL * BYTES, &usable));
    assert_false(shelf_holds(large, 2UL * BYTES));
    assert_true(shelf_holds(small, BYTES));
    shelf_clear();
}

static void what_nobody_wants_is_given_away(void **state)
{
    (void)state;
    void *p = keep(HUGE);
    shelf_tick(later_ns += 10000000);
    assert_true(shelf_holds(p, HUGE));
    assert_int_equal(SLOT_LATE->cached_bytes, HUGE);
    shelf_tick(later_ns += 10000000);
    assert_true(shelf_holds(p, HUGE));
    shelf_tick(later_ns += 20000000);
    assert_false(shelf_holds(p, HUGE));
    assert_int_equal(SLOT_LATE->cached_bytes, 0);
}

static _Atomic int clashes;

/* A block is owned by one alone, between taking and putting it. */
static void *keep_and_end(void *ret_p)
{
    account_alloc(NULL, 8);
    account_free(8);
    *(void **)ret_p = keep(HUGE);
    return NULL;
}

static void a_thread_takes_its_own_with_it(void **state)
{
    (void)state;
    void *own = keep(2 * HUGE), *others = NULL;
    pthread_t other;
    pthread_create(&other, NULL, keep_and_end, &others);
    pthread_join(other, NULL);
    assert_non_null(others);
    assert_false(shelf_holds(others, HUGE));
    assert_true(shelf_holds(own, 2 * HUGE));
    shelf_clear();
}

static void *take_and_put(void *arg)
{
    account_alloc(NULL, 8); /* the first call of the thread */
    account_free(8);
    for (int i = 0; i < ROUNDS; i++) {
        struct shelf_block block;
        if (!shelf_take(HUGE, &block))
            continue;
        _Atomic int *owned = block.p;
        if (atomic_fetch_add(owned, 1) != 0)
            clashes++;
        atomic_fetch_sub(owned, 1);
        huge_readd(owned, block.bytes, block.entry);
        if (!put_back(owned))
            drop(owned);
    }
    return arg;
}

static void threads_never_share_a_block(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    for (int i = 0; i < 2; i++) {
        _Atomic int *p = mi_zalloc(HUGE);
        assert_true(put((void *)p));
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
        cmocka_unit_test(a_block_serves_what_is_smaller_by_a_shelf),
        cmocka_unit_test(only_huge_blocks_of_up_to_16_MiB_are_kept),
        cmocka_unit_test(no_more_is_kept_than_the_setting_says),
        cmocka_unit_test(no_more_is_kept_than_was_in_use_of_late),
        cmocka_unit_test(what_is_kept_makes_room_for_what_is_to_be_used),
        cmocka_unit_test(what_nobody_wants_is_given_away),
        cmocka_unit_test(a_thread_takes_its_own_with_it),
        cmocka_unit_test(threads_never_share_a_block),
    };
    account_alloc(NULL, 8); /* the first call of the process */
    account_free(8);
    return RUN(tests);
}
