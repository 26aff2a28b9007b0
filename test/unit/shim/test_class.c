/* Which class a block is of, by the table of slices. */
#include "class.h"
#include "unit.h"

#include <stdlib.h>

enum { SLICE = 1 << CLASS_SLICE_SHIFT };

/* As far from each other as the table is long: of one index. */
static const uintptr_t FAR = (uintptr_t)SLICE << CLASS_TABLE_BITS;

static void every_class_has_the_size_that_mimalloc_cuts(void **state)
{
    (void)state;
    for (size_t bytes = 1; bytes <= CLASS_BYTES_MAX; bytes++) {
        size_t good = mi_good_size(bytes);
        assert_int_equal(class_bytes[class_index(good)], good);
    }
    assert_int_equal(class_index(CLASS_BYTES_MAX), CLASS_LAST);
}

static void a_block_is_of_the_class_that_was_noted(void **state)
{
    (void)state;
    for (size_t bytes = 8; bytes <= CLASS_BYTES_MAX; bytes += 8) {
        unsigned class;
        void *p = mi_malloc(bytes);
        assert_int_equal(class_note(p, &class), mi_usable_size(p));
        assert_true(is_class(class));
        assert_int_equal(class_of_block(p), class);
        assert_int_equal(class_bytes[class], mi_usable_size(p));
        assert_int_equal(class_usable_bytes(p), mi_usable_size(p));
        mi_free(p);
    }
}

static void what_was_never_noted_is_of_none(void **state)
{
    (void)state;
    assert_false(is_class(class_of_block(NULL)));
    assert_false(is_class(class_of_block(&class_table)));
    assert_false(is_class(class_of_block((void *)UINTPTR_MAX)));
}

static void a_huge_block_is_of_none_though_its_slice_was(void **state)
{
    (void)state;
    unsigned class;
    void *p = mi_malloc(1 << 20);
    atomic_store(class_entry(p), (uint16_t)(class_tag(p) | 5));
    assert_int_equal(class_note(p, &class), mi_usable_size(p));
    assert_int_equal(class, CLASS_NONE);
    assert_false(is_class(class_of_block(p)));
    mi_free(p);
}

static void slices_of_one_index_are_told_apart(void **state)
{
    (void)state;
    unsigned class;
    char *p = mi_malloc(100);
    class_note(p, &class);
    assert_int_equal(class_of_block(p), class);
    assert_ptr_equal(class_entry(p), class_entry(p + FAR));
    assert_false(is_class(class_of_block(p + FAR)));
    assert_false(is_class(class_of_block(p - FAR)));
    mi_free(p);
}

static void a_mixed_slice_stays_so(void **state)
{
    (void)state;
    unsigned class;
    void *p = mi_malloc(2000);
    uint16_t before = atomic_load(class_entry(p));
    assert_int_equal(class_note_aligned(p), mi_usable_size(p));
    assert_false(is_class(class_of_block(p)));
    class_note(p, &class);
    assert_int_equal(class, CLASS_NONE);
    assert_false(is_class(class_of_block(p)));
    /* Nor is it overwritten for another slice of its index. */
    atomic_store(class_entry(p),
                 (uint16_t)(class_tag((char *)p + FAR) | CLASS_MIXED));
    class_note(p, &class);
    assert_int_equal(class, CLASS_NONE);
    atomic_store(class_entry(p), before);
    mi_free(p);
}

static void a_request_is_served_by_a_class_that_covers_it(void **state)
{
    (void)state;
    class_learn(100, class_index(112));
    assert_int_equal(class_of_request(100), class_index(112));
    assert_int_equal(class_of_request(97), class_index(112));
    assert_int_equal(class_of_request(104), class_index(112));
    /* As of a mimalloc that pads: 104 does not cover 105 to 112. */
    class_learn(112, class_index(104) - 1);
    assert_int_equal(class_of_request(112), CLASS_NONE);
    class_learn(100000, class_index(100));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_class_has_the_size_that_mimalloc_cuts),
        cmocka_unit_test(a_block_is_of_the_class_that_was_noted),
        cmocka_unit_test(what_was_never_noted_is_of_none),
        cmocka_unit_test(a_huge_block_is_of_none_though_its_slice_was),
        cmocka_unit_test(slices_of_one_index_are_told_apart),
        cmocka_unit_test(a_mixed_slice_stays_so),
        cmocka_unit_test(a_request_is_served_by_a_class_that_covers_it),
    };
    class_start();
    if (!class_is_in_use())
        return 77;
    return RUN(tests);
}
