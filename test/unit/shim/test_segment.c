/* The test's own process has begun its account before main. */
#include "segment.h"
#include "slot.h"
#include "unit.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int open_own(void)
{
    int fd = open(segment_path(), O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

static void the_file_is_its_owners_alone(void **state)
{
    (void)state;
    struct stat file;
    assert_true(segment_is_shared());
    assert_int_equal(stat(segment_path(), &file), 0);
    assert_int_equal(file.st_mode, S_IFREG | 0600);
    assert_int_equal(file.st_uid, geteuid());
    assert_int_equal(file.st_size, sizeof(struct gcshim_segment));
}

static void the_header_says_who_and_where(void **state)
{
    (void)state;
    struct gcshim_header header;
    int fd = open_own();
    assert_int_equal(pread(fd, &header, sizeof(header), 0), sizeof(header));
    close(fd);
    assert_int_equal(header.magic, GCSHIM_MAGIC);
    assert_int_equal(header.layout_version, GCSHIM_LAYOUT_VERSION);
    assert_int_equal(header.pid, getpid());
    assert_int_equal(header.sections[0].kind, GCSHIM_SECTION_SLOTS);
    assert_int_equal(header.sections[0].offset,
                     offsetof(struct gcshim_segment, slots));
    assert_string_equal(header.comm, "unit_segment");
}

static void what_is_counted_is_in_the_file_at_once(void **state)
{
    (void)state;
    struct gcshim_slot *slot = slot_claim(77), seen;
    slot_count_alloc(slot, 4711);
    off_t at = (off_t)((char *)slot - (char *)&region.segment);
    int fd = open_own();
    assert_int_equal(pread(fd, &seen, sizeof(seen), at), sizeof(seen));
    close(fd);
    assert_int_equal(seen.tid, 77);
    assert_int_equal(seen.total.allocated_bytes - seen.at_claim.allocated_bytes,
                     4711);
    slot_release(slot);
}

static void only_used_slots_cost_memory(void **state)
{
    (void)state;
    struct stat file;
    assert_int_equal(stat(segment_path(), &file), 0);
    assert_in_range(file.st_blocks * 512, 4096, 64 * 1024);
}

static void slots_are_reserved_before_they_are_touched(void **state)
{
    (void)state;
    struct stat before, after;
    assert_int_equal(stat(segment_path(), &before), 0);
    assert_true(segment_reserve_slot(5000));
    assert_int_equal(stat(segment_path(), &after), 0);
    assert_true(after.st_blocks > before.st_blocks);
}

/* Last: the process goes on in private memory. */
static void after_detaching_nothing_reaches_the_file(void **state)
{
    (void)state;
    struct gcshim_slot *slot = slot_claim(77), seen;
    off_t at = (off_t)((char *)slot - (char *)&region.segment);
    int fd = open_own();
    assert_int_equal(unlink(segment_path()), 0);
    segment_detach();
    assert_false(segment_is_shared());
    assert_string_equal(segment_path(), "");
    slots_inherit(NULL, 0);
    uint64_t in_file;
    slot = slot_claim(78);
    assert_int_equal(pread(fd, &seen, sizeof(seen), at), sizeof(seen));
    in_file = seen.total.allocated_bytes;
    slot_count_alloc(slot, 5);
    assert_int_equal(pread(fd, &seen, sizeof(seen), at), sizeof(seen));
    assert_int_equal(seen.tid, 77);
    assert_int_equal(seen.total.allocated_bytes, in_file);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_file_is_its_owners_alone),
        cmocka_unit_test(the_header_says_who_and_where),
        cmocka_unit_test(what_is_counted_is_in_the_file_at_once),
        cmocka_unit_test(only_used_slots_cost_memory),
        cmocka_unit_test(slots_are_reserved_before_they_are_touched),
        cmocka_unit_test(after_detaching_nothing_reaches_the_file),
    };
    return RUN(tests);
}
