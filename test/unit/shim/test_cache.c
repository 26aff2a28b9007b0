/* A thread's cache of freed blocks. */
#include "account.h"
#include "block.h"
#include "cache.h"
#include "settings.h"
#include "unit.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

enum { BYTES = 64 };

static unsigned class_under_test;

static void *block(void)
{
    unsigned class;
    void *p = mi_malloc(BYTES);
    class_note(p, &class);
    assert_int_equal(class, class_under_test);
    return p;
}

static struct cache_list *list(void)
{
    return &thread.cache.lists->of[class_under_test];
}

static void *take(void)
{
    return cache_take(class_under_test);
}

static void the_last_block_in_is_the_first_out(void **state)
{
    (void)state;
    void *first = block(), *second = block();
    cache_put(first, class_under_test);
    cache_put(second, class_under_test);
    assert_ptr_equal(take(), second);
    assert_ptr_equal(take(), first);
    assert_null(take());
    mi_free(first);
    mi_free(second);
}

static void all_lists_together_hold_no_more_than_the_setting(void **state)
{
    (void)state;
    uint64_t bytes = 0;
    for (unsigned class = 1; class < CLASSES; class ++)
        bytes += (uint64_t)thread.cache.own.of[class].max * class_bytes[class];
    assert_true(bytes <= settings.cache);
    assert_true(bytes > settings.cache / 4);
}

static void a_full_list_gives_its_older_half_away(void **state)
{
    (void)state;
    uint32_t max = list()->max;
    void *last = NULL;
    for (uint32_t i = 0; i <= max; i++)
        cache_put(last = block(), class_under_test);
    assert_int_equal(list()->count, max - (max + 1) / 2 + 1);
    assert_ptr_equal(take(), last);
    mi_free(last);
    cache_flush();
}

static void a_flush_leaves_nothing_and_room(void **state)
{
    (void)state;
    uint64_t empty = cache_bytes();
    cache_put(block(), class_under_test);
    assert_int_equal(cache_bytes(), empty + BYTES);
    cache_flush();
    assert_int_equal(cache_bytes(), empty);
    assert_true(list()->max > 0);
}

static void a_handler_in_the_middle_of_something_is_kept_off(void **state)
{
    (void)state;
    void *p = block();
    cache_put(block(), class_under_test);
    struct cache_lists *lists = cache_enter();
    assert_null(take());
    cache_put(p, class_under_test); /* to mimalloc */
    cache_flush();
    assert_false(cache_close());
    cache_leave(lists);
    assert_int_equal(list()->count, 1);
    assert_true(list()->max > 0);
    cache_flush();
}

/* The thread has read where its lists are, and not yet put others there. */
static void a_handler_may_give_up_what_a_thread_is_about_to_take(void **state)
{
    (void)state;
    struct cache_lists *read = thread.cache.lists;
    cache_put(block(), class_under_test);
    assert_true(cache_close());
    assert_int_equal(read->of[class_under_test].count, 0);
    assert_int_equal(read->of[class_under_test].max, 0);
    cache_leave(read);
    cache_open();
    assert_true(list()->max > 0);
}

/* And leaves what it has read, when there was none. */
static void a_cache_that_a_handler_opened_is_found_again(void **state)
{
    (void)state;
    cache_put(block(), class_under_test);
    cache_leave(CACHE_NONE);
    assert_int_equal(list()->max, 0);
    cache_open();
    assert_int_equal(list()->count, 1);
    cache_flush();
}

static void errno_is_kept(void **state)
{
    (void)state;
    errno = ENOTTY;
    for (uint32_t i = 0; i <= list()->max; i++)
        cache_put(block(), class_under_test);
    assert_int_equal(errno, ENOTTY);
    cache_flush();
}

/* As often as it may take until the next look at the lists, and one more. */
static void see_ticks(void)
{
    for (int i = 0; i <= 16; i++)
        cache_tick(true);
}

static void a_list_without_use_is_given_back(void **state)
{
    (void)state;
    void *p = block();
    see_ticks();
    cache_put(p, class_under_test);
    see_ticks();
    assert_int_equal(list()->count, 1);
    see_ticks();
    assert_int_equal(list()->count, 0);
}

static void a_list_in_use_is_kept(void **state)
{
    (void)state;
    cache_put(block(), class_under_test);
    for (int i = 0; i < 4; i++) {
        cache_put(block(), class_under_test);
        see_ticks();
    }
    assert_int_equal(list()->count, 5);
    cache_flush();
}

/* Bytes that are in the cache after a block has grown. */
static uint64_t left_in_cache(size_t from, size_t to)
{
    cache_flush();
    uint64_t empty = cache_bytes();
    void *p = block_realloc(block_alloc(from), to);
    uint64_t bytes = cache_bytes() - empty;
    block_free(p);
    cache_flush();
    return bytes;
}

static void what_a_realloc_leaves_amid_many_is_kept_if_large(void **state)
{
    (void)state;
    enum { MANY = 1000 };
    static void *many[MANY];
    assert_int_equal(left_in_cache(256, 512), 256);
    for (int i = 0; i < MANY; i++)
        many[i] = block_alloc(BYTES);
    assert_int_equal(left_in_cache(256, 512), 0);
    assert_int_equal(left_in_cache(512, 8192), 512);
    for (int i = 0; i < MANY; i++)
        block_free(many[i]);
    cache_flush();
}

static void *have_none_and_then_one(void *arg)
{
    assert_ptr_equal(thread.slot, SLOT_LATE);
    cache_put(block(), class_under_test);
    assert_int_equal(list()->count, 0);
    account_alloc(NULL, BYTES);
    account_free(BYTES);
    cache_put(block(), class_under_test);
    assert_int_equal(list()->count, 1);
    cache_publish();
    *(struct gcshim_slot **)arg = thread.slot;
    assert_int_equal(counter_read(&thread.slot->cached_bytes), BYTES);
    return NULL;
}

/* Its heap is given up with nothing in it. */
static void a_thread_has_a_cache_as_long_as_it_has_a_slot(void **state)
{
    (void)state;
    struct gcshim_slot *slot = NULL;
    pthread_t other;
    pthread_create(&other, NULL, have_none_and_then_one, &slot);
    pthread_join(other, NULL);
    assert_int_equal(counter_read(&slot->cached_bytes), 0);
}

static pthread_key_t key;
static uint32_t max_at_the_end;

/* mimalloc has given up the thread's heap by now. */
static void look_for_room(void *arg)
{
    (void)arg;
    max_at_the_end = list()->max;
}

static void *end_with_a_destructor(void *arg)
{
    account_alloc(NULL, BYTES);
    account_free(BYTES);
    assert_true(list()->max > 0);
    pthread_setspecific(key, &key);
    return arg;
}

static void what_destructors_free_late_is_not_cached(void **state)
{
    (void)state;
    pthread_t other;
    max_at_the_end = UINT32_MAX;
    pthread_key_create(&key, look_for_room);
    pthread_create(&other, NULL, end_with_a_destructor, NULL);
    pthread_join(other, NULL);
    pthread_key_delete(key);
    assert_int_equal(max_at_the_end, 0);
}

static void without_a_size_there_is_no_cache(void **state)
{
    (void)state;
    assert_true(cache_close());
    settings.cache = 0;
    cache_start();
    cache_open();
    assert_int_equal(cache_bytes(), 0);
    cache_put(block(), class_under_test);
    assert_null(take());
    settings.cache = 1 << 19;
    cache_start();
    cache_open();
    assert_true(list()->max > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_block_in_is_the_first_out),
        cmocka_unit_test(all_lists_together_hold_no_more_than_the_setting),
        cmocka_unit_test(a_full_list_gives_its_older_half_away),
        cmocka_unit_test(a_flush_leaves_nothing_and_room),
        cmocka_unit_test(a_handler_in_the_middle_of_something_is_kept_off),
        cmocka_unit_test(a_handler_may_give_up_what_a_thread_is_about_to_take),
        cmocka_unit_test(a_cache_that_a_handler_opened_is_found_again),
        cmocka_unit_test(errno_is_kept),
        cmocka_unit_test(a_list_without_use_is_given_back),
        cmocka_unit_test(a_list_in_use_is_kept),
        cmocka_unit_test(what_a_realloc_leaves_amid_many_is_kept_if_large),
        cmocka_unit_test(a_thread_has_a_cache_as_long_as_it_has_a_slot),
        cmocka_unit_test(what_destructors_free_late_is_not_cached),
        cmocka_unit_test(without_a_size_there_is_no_cache),
    };
    account_alloc(NULL, BYTES); /* the first call of the process */
    account_free(BYTES);
    class_under_test = class_index(BYTES);
    return RUN(tests);
}
