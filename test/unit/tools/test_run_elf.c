/* What an ELF file says of itself, and that no broken one does harm. */
#include "run/elf.h"

#include <elf.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit.h"

static const char self[] = "/proc/self/exe";

static struct elf_facts inspect(const char *path)
{
    struct elf_facts facts;
    int fd = open(path, O_RDONLY);

    assert_true(fd >= 0);
    assert_int_equal(elf_inspect(fd, &facts), 0);
    close(fd);
    return facts;
}

static void an_ordinary_program_has_nothing_in_the_way(void **state)
{
    (void)state;
    struct elf_facts facts = inspect("/bin/cat");

    assert_true(facts.is_elf && facts.is_own_kind && facts.has_loader);
    assert_false(facts.is_loader || facts.is_musl);
    assert_string_equal(facts.defines, "");
    assert_string_equal(facts.allocator, "");
}

static void a_static_program_has_no_loader(void **state)
{
    (void)state;
    struct elf_facts facts = inspect("/sbin/ldconfig");

    assert_true(facts.is_elf);
    assert_false(facts.has_loader || facts.is_loader);
}

static void what_is_no_elf_file_has_no_facts(void **state)
{
    (void)state;
    assert_false(inspect("/etc/passwd").is_elf);
    assert_false(inspect("/dev/null").is_elf);
}

/* This very program, as bytes; *ret_size long. */
static unsigned char *self_read(size_t *ret_size)
{
    struct stat st;
    int fd = open(self, O_RDONLY);

    assert_int_equal(fstat(fd, &st), 0);
    unsigned char *bytes = malloc((size_t)st.st_size);

    assert_int_equal(read(fd, bytes, (size_t)st.st_size), st.st_size);
    close(fd);
    *ret_size = (size_t)st.st_size;
    return bytes;
}

static struct elf_facts inspect_bytes(const unsigned char *bytes, size_t size)
{
    char path[] = "/tmp/gcshim-unit-elf-XXXXXX";
    struct elf_facts facts;
    int fd = mkstemp(path);

    unlink(path);
    assert_int_equal(write(fd, bytes, size), size);
    assert_int_equal(elf_inspect(fd, &facts), 0);
    close(fd);
    return facts;
}

static void another_machine_is_not_our_kind(void **state)
{
    (void)state;
    size_t size = 0;
    unsigned char *bytes = self_read(&size);

    ((Elf64_Ehdr *)bytes)->e_machine = EM_S390;
    struct elf_facts facts = inspect_bytes(bytes, size);

    assert_true(facts.is_elf);
    assert_false(facts.is_own_kind);
    free(bytes);
}

static void a_file_cut_short_anywhere_does_no_harm(void **state)
{
    (void)state;
    size_t size = 0;
    unsigned char *bytes = self_read(&size);

    for (size_t length = 0; length < 4096; length += 13)
        (void)inspect_bytes(bytes, length);
    for (size_t length = 4096; length < size; length += size / 50)
        (void)inspect_bytes(bytes, length);
    free(bytes);
}

static void headers_full_of_nonsense_do_no_harm(void **state)
{
    (void)state;
    size_t size = 0;
    unsigned char *bytes = self_read(&size);
    unsigned char *broken = malloc(size);
    Elf64_Ehdr *header = (Elf64_Ehdr *)bytes;
    size_t tables[] = {16, header->e_phoff, header->e_shoff};

    srand(1);
    for (int round = 0; round < 300; round++) {
        size_t at = tables[round % 3];

        memcpy(broken, bytes, size);
        for (int i = 0; i < 8; i++) {
            size_t spot = at + (size_t)rand() % 512;

            if (spot < size)
                broken[spot] = (unsigned char)rand();
        }
        (void)inspect_bytes(broken, size);
    }
    free(broken);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_ordinary_program_has_nothing_in_the_way),
        cmocka_unit_test(a_static_program_has_no_loader),
        cmocka_unit_test(what_is_no_elf_file_has_no_facts),
        cmocka_unit_test(another_machine_is_not_our_kind),
        cmocka_unit_test(a_file_cut_short_anywhere_does_no_harm),
        cmocka_unit_test(headers_full_of_nonsense_do_no_harm),
    };

    return RUN(tests);
}
