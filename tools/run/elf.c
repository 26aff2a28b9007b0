/* What an ELF file says of itself: see elf.h. */
#include "run/elf.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <gelf.h>
#include <libelf.h>

#include "reader/text.h"

#if defined(__x86_64__)
enum { OWN_MACHINE = EM_X86_64 };
#elif defined(__aarch64__)
enum { OWN_MACHINE = EM_AARCH64 };
#endif

enum {
    SEGMENTS_MAX = 256, /* a file may claim more than it is worth reading */
    ENTRIES_MAX = 1 << 20,
    INTERP_MAX = 4096,
};

/* ------------------------------------------------------------- loader */

static void interp_inspect(Elf *elf, const GElf_Phdr *header,
                           struct elf_facts *facts)
{
    Elf_Data *data = NULL;

    facts->has_loader = true;
    if (header->p_filesz > INTERP_MAX)
        return;
    data = elf_getdata_rawchunk(elf, (int64_t)header->p_offset,
                                header->p_filesz, ELF_T_BYTE);
    if (data && data->d_buf)
        facts->is_musl =
            memmem(data->d_buf, data->d_size, "/ld-musl-", 9) != NULL;
}

static void segments_inspect(Elf *elf, struct elf_facts *facts)
{
    size_t count = 0;

    if (elf_getphdrnum(elf, &count) < 0)
        return;
    for (size_t i = 0; i < count && i < SEGMENTS_MAX; i++) {
        GElf_Phdr header;

        if (gelf_getphdr(elf, (int)i, &header) && header.p_type == PT_INTERP)
            interp_inspect(elf, &header, facts);
    }
}

/* -------------------------------------------------- libraries it needs */

static bool starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

static bool is_allocator(const char *library)
{
    static const char *const starts[] = {
        "libjemalloc.so", "libtcmalloc.so",  "libtcmalloc_minimal.so",
        "libhoard.so",    "libtbbmalloc.so", "libtbbmalloc_proxy.so",
        "librpmalloc.so", "libsnmallocshim", "libscudo.so",
    };

    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
        if (starts_with(library, starts[i]))
            return true;
    }
    return false;
}

static enum elf_runtime runtime_of_library(const char *library)
{
    static const struct {
        const char *start;
        enum elf_runtime runtime;
    } starts[] = {
        {"libjli.so", ELF_RUNTIME_JAVA},
        {"libjvm.so", ELF_RUNTIME_JAVA},
        {"libnode.so", ELF_RUNTIME_V8},
        {"libv8.so", ELF_RUNTIME_V8},
    };

    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
        if (starts_with(library, starts[i].start))
            return starts[i].runtime;
    }
    return ELF_RUNTIME_NONE;
}

static void name_copy(char dest[ELF_NAME_BYTES], const char *name)
{
    text_copy(dest, ELF_NAME_BYTES, name, strnlen(name, ELF_NAME_BYTES));
}

static void dynamic_inspect(Elf *elf, Elf_Data *data, const GElf_Shdr *header,
                            struct elf_facts *facts)
{
    for (int i = 0; i < ENTRIES_MAX; i++) {
        GElf_Dyn entry;
        const char *name = NULL;

        if (!gelf_getdyn(data, i, &entry) || entry.d_tag == DT_NULL)
            return;
        if (entry.d_tag != DT_NEEDED && entry.d_tag != DT_SONAME)
            continue;
        name = elf_strptr(elf, header->sh_link, entry.d_un.d_val);
        if (!name)
            continue;
        if (entry.d_tag == DT_SONAME)
            facts->is_loader =
                starts_with(name, "ld-linux") || starts_with(name, "ld64.");
        else if (is_allocator(name))
            name_copy(facts->allocator, name);
        else if (facts->runtime == ELF_RUNTIME_NONE)
            facts->runtime = runtime_of_library(name);
    }
}

/* ------------------------------------------------- functions it defines */

static bool is_kin_of_malloc(const char *symbol)
{
    static const char *const kin[] = {
        "malloc",   "free",          "calloc",         "realloc",
        "memalign", "aligned_alloc", "posix_memalign", "malloc_usable_size"};

    for (size_t i = 0; i < sizeof(kin) / sizeof(kin[0]); i++) {
        if (strcmp(symbol, kin[i]) == 0)
            return true;
    }
    return false;
}

static void symbols_inspect(Elf *elf, Elf_Data *data, const GElf_Shdr *header,
                            struct elf_facts *facts)
{
    for (int i = 0; i < ENTRIES_MAX && !*facts->defines; i++) {
        GElf_Sym symbol;
        const char *name = NULL;

        if (!gelf_getsym(data, i, &symbol))
            return;
        if (symbol.st_shndx == SHN_UNDEF)
            continue;
        name = elf_strptr(elf, header->sh_link, symbol.st_name);
        if (name && is_kin_of_malloc(name))
            name_copy(facts->defines, name);
    }
}

static bool is_named(Elf *elf, const GElf_Shdr *header, const char *wanted)
{
    size_t names = 0;
    const char *name = NULL;

    if (elf_getshdrstrndx(elf, &names) == 0)
        name = elf_strptr(elf, names, header->sh_name);
    return name && strcmp(name, wanted) == 0;
}

static void sections_inspect(Elf *elf, struct elf_facts *facts)
{
    for (Elf_Scn *section = elf_nextscn(elf, NULL); section;
         section = elf_nextscn(elf, section)) {
        GElf_Shdr header;
        Elf_Data *data = NULL;

        if (!gelf_getshdr(section, &header))
            continue;
        if (is_named(elf, &header, ".go.buildinfo"))
            facts->runtime = ELF_RUNTIME_GO;
        if (header.sh_type != SHT_DYNAMIC && header.sh_type != SHT_DYNSYM)
            continue;
        data = elf_getdata(section, NULL);
        if (!data)
            continue;
        if (header.sh_type == SHT_DYNAMIC)
            dynamic_inspect(elf, data, &header, facts);
        else
            symbols_inspect(elf, data, &header, facts);
    }
}

/* --------------------------------------------------------------- whole */

int elf_inspect(int fd, struct elf_facts *ret_facts)
{
    struct elf_facts facts = {0};
    GElf_Ehdr header;

    if (elf_version(EV_CURRENT) == EV_NONE)
        return -EIO;
    Elf *elf = elf_begin(fd, ELF_C_READ, NULL);

    if (!elf)
        return -EIO;
    facts.is_elf = elf_kind(elf) == ELF_K_ELF && gelf_getehdr(elf, &header);
    if (facts.is_elf) {
        facts.is_own_kind =
            gelf_getclass(elf) == ELFCLASS64 && header.e_machine == OWN_MACHINE;
        segments_inspect(elf, &facts);
        sections_inspect(elf, &facts);
    }
    (void)elf_end(elf);
    *ret_facts = facts;
    return 0;
}
