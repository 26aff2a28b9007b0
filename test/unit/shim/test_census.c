#include "census.h"

#include "account.h"
#include "clock.h"
#include "process.h"
#include "unit.h"

#include <pthread.h>
#include <stdlib.h>

enum { BLOCKS = 3000, SIZES = 7 };

static const size_t sizes[SIZES] = {16, 48, 200, 1000, 5000, 40000, 131072};

static void become_an_owner(void)
{
    account_alloc(NULL, 0);
    thread_claim();
    assert_ptr_not_equal(thread.slot, SLOT_LATE);
}

static void own_count(struct gcshim_count *ret_count)
{
    census_take();
    assert_true(census_copy(thread.slot, ret_count));
}

static const struct gcshim_class *class_of(const struct gcshim_count *count,
                                           uint64_t block_bytes)
{
    for (int i = 0; i < GCSHIM_CLASSES; i++)
        if (count->classes[i].block_bytes == block_bytes)
            return &count->classes[i];
    return NULL;
}

static uint64_t used_of(const struct gcshim_count *count, uint64_t bytes)
{
    const struct gcshim_class *class = class_of(count, bytes);
    return class ? class->used_blocks : 0;
}

static void alloc_each(void *blocks[], size_t count, size_t bytes)
{
    for (size_t i = 0; i < count; i++)
        assert_non_null(blocks[i] = mi_malloc(bytes));
}

static void free_each(void *blocks[], size_t count)
{
    for (size_t i = 0; i < count; i++)
        mi_free(blocks[i]);
}

/* The truth is the test's own: so many blocks, of the size that
 * mi_usable_size() gives. */
static void every_block_in_use_is_counted_in_its_class(void **state)
{
    static void *blocks[SIZES][BLOCKS];
    static struct gcshim_count before, after;
    (void)state;
    become_an_owner();
    own_count(&before);
    for (int i = 0; i < SIZES; i++)
        alloc_each(blocks[i], BLOCKS / 10, sizes[i]);
    own_count(&after);
    for (int i = 0; i < SIZES; i++) {
        uint64_t bytes = mi_usable_size(blocks[i][0]);
        assert_int_equal(used_of(&after, bytes) - used_of(&before, bytes),
                         BLOCKS / 10);
        free_each(blocks[i], BLOCKS / 10);
    }
    own_count(&after);
    for (int i = 0; i < SIZES; i++) {
        uint64_t bytes = mi_good_size(sizes[i]);
        assert_int_equal(used_of(&after, bytes), used_of(&before, bytes));
    }
}

static void no_two_block_sizes_share_a_class(void **state)
{
    static void *blocks[GCSHIM_HUGE_ABOVE / 8 + 1];
    static struct gcshim_count count;
    size_t n = 0;
    (void)state;
    become_an_owner();
    for (size_t bytes = 8; bytes <= GCSHIM_HUGE_ABOVE;
         bytes = mi_good_size(bytes) + 1)
        assert_non_null(blocks[n++] = mi_malloc(bytes));
    own_count(&count);
    for (size_t i = 0; i < n; i++)
        assert_non_null(class_of(&count, mi_usable_size(blocks[i])));
    assert_true(n > 40);
    free_each(blocks, n);
}

static void a_page_without_a_free_block_is_full(void **state)
{
    static void *blocks[BLOCKS];
    static struct gcshim_count count;
    (void)state;
    become_an_owner();
    alloc_each(blocks, BLOCKS, 768);
    own_count(&count);
    const struct gcshim_class *class = class_of(&count, 768);
    assert_non_null(class);
    /* All but the one that is being filled. */
    assert_true(class->full_pages >= class->pages - 1);
    assert_true(class->full_pages <= class->pages);
    assert_true(class->used_blocks <= class->capacity_blocks);
    assert_true(class->capacity_blocks <= class->reserved_blocks);
    uint32_t full = class->full_pages;
    for (size_t i = 0; i < BLOCKS; i += 16)
        mi_free(blocks[i]);
    own_count(&count);
    assert_true(full > 10 && class_of(&count, 768)->full_pages <= 1);
    for (size_t i = 0; i < BLOCKS; i++)
        if (i % 16)
            mi_free(blocks[i]);
}

static void free_blocks_in_used_pages_are_counted(void **state)
{
    static void *blocks[BLOCKS];
    static struct gcshim_count count;
    struct census_sum before, after;
    (void)state;
    become_an_owner();
    alloc_each(blocks, BLOCKS, 1000);
    own_count(&count);
    census_sum_of(&count, &before);
    uint64_t bytes = mi_usable_size(blocks[0]), freed = 0;
    for (size_t i = 0; i < BLOCKS; i++)
        if (i % 16) {
            mi_free(blocks[i]);
            freed++;
        }
    own_count(&count);
    census_sum_of(&count, &after);
    assert_int_equal(before.used_bytes - after.used_bytes, freed * bytes);
    assert_int_equal(after.free_bytes - before.free_bytes, freed * bytes);
    assert_int_equal(after.page_bytes, before.page_bytes);
    for (size_t i = 0; i < BLOCKS; i += 16)
        mi_free(blocks[i]);
}

/* mimalloc cuts a page into blocks as they are asked for. */
static void room_not_yet_cut_into_blocks_is_no_capacity(void **state)
{
    static struct gcshim_count count;
    (void)state;
    become_an_owner();
    void *block = mi_malloc(96);
    own_count(&count);
    const struct gcshim_class *class = class_of(&count, 96);
    assert_non_null(class);
    assert_true(class->used_blocks >= 1);
    assert_true(class->capacity_blocks < class->reserved_blocks);
    assert_true(class->reserved_blocks > 600); /* 64 KiB of 96 B each */
    mi_free(block);
}

static void huge_blocks_are_counted_apart(void **state)
{
    static struct gcshim_count before, after;
    (void)state;
    become_an_owner();
    own_count(&before);
    void *large = mi_malloc(300000), *huge = mi_malloc(40000000);
    own_count(&after);
    assert_int_equal(after.huge_blocks - before.huge_blocks, 2);
    assert_int_equal(after.huge_bytes - before.huge_bytes,
                     mi_usable_size(large) + mi_usable_size(huge));
    mi_free(large);
    mi_free(huge);
    own_count(&after);
    assert_int_equal(after.huge_blocks, before.huge_blocks);
}

static void *leave_blocks(void *arg)
{
    void **blocks = arg;
    account_alloc(NULL, 0);
    thread_claim();
    for (int i = 0; i < 100; i++)
        blocks[i] = mi_malloc(1000);
    return NULL;
}

static void what_a_thread_leaves_behind_is_noted(void **state)
{
    const struct gcshim_header *header = &region.segment.header;
    void *blocks[100];
    pthread_t id;
    (void)state;
    become_an_owner();
    uint64_t before = counter_read(&header->left_used_bytes);
    assert_int_equal(pthread_create(&id, NULL, leave_blocks, blocks), 0);
    assert_int_equal(pthread_join(id, NULL), 0);
    uint64_t left = counter_read(&header->left_used_bytes) - before;
    assert_true(left >= 100 * mi_usable_size(blocks[0]));
    assert_true(counter_read(&header->left_page_bytes) >= left);
    free_each(blocks, 100);
}

static void a_slots_next_owner_does_not_inherit_the_count(void **state)
{
    static struct gcshim_count count;
    (void)state;
    become_an_owner();
    census_take();
    assert_true(census_copy(thread.slot, &count));
    struct gcshim_slot *slot = thread.slot;
    slot_release(slot);
    assert_false(census_copy(slot, &count));
    assert_ptr_equal(slot_claim(4711), slot);
    assert_false(census_copy(slot, &count));
    slot_release(slot);
    thread.slot = SLOT_LATE;
}

static uint64_t counts_taken(void)
{
    uint64_t index = (uint64_t)(thread.slot - region.segment.slots);
    return counter_read(&region.segment.censuses[index].taken);
}

static void a_count_waits_for_its_time_and_for_change(void **state)
{
    (void)state;
    become_an_owner();
    uint64_t before = counts_taken();
    thread.census_due_ns = 1000;
    thread.census_due_bytes = UINT64_MAX;
    census_tick(2000);
    assert_int_equal(counts_taken(), before);
    thread.census_due_bytes = 0;
    census_tick(999);
    assert_int_equal(counts_taken(), before);
    census_tick(1000);
    assert_int_equal(counts_taken(), before + 1);
    assert_true(thread.census_due_ns >= clock_coarse_ns());
    assert_true(thread.census_due_bytes >= CENSUS_CHANGE_MIN_BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_block_in_use_is_counted_in_its_class),
        cmocka_unit_test(no_two_block_sizes_share_a_class),
        cmocka_unit_test(a_page_without_a_free_block_is_full),
        cmocka_unit_test(free_blocks_in_used_pages_are_counted),
        cmocka_unit_test(room_not_yet_cut_into_blocks_is_no_capacity),
        cmocka_unit_test(huge_blocks_are_counted_apart),
        cmocka_unit_test(what_a_thread_leaves_behind_is_noted),
        cmocka_unit_test(a_count_waits_for_its_time_and_for_change),
        cmocka_unit_test(a_slots_next_owner_does_not_inherit_the_count),
    };
    return RUN(tests);
}
