/* One file that code was mapped from: see module.h.
 *
 * Each module is a world of its own for libdwfl, at an address of our choice:
 * frames say which module is theirs, and where it lay in the process does not
 * matter.  So modules that took the same place one after the other, and
 * records that make no sense, cannot disturb one another. */
#include "symbols/module.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <elfutils/libdwelf.h>
#include <zlib.h>

enum {
    BASE = 1 << 20,     /* where libdwfl has the file: anything but 0 */
    SEGMENTS_MAX = 256, /* a file may claim more than it is worth reading */
};

#define ADDRESS_MAX (UINT64_C(1) << 48)
#define DEBUG_DIR   "/usr/lib/debug"

__attribute__((format(printf, 3, 4))) static void
note(struct module *module, enum symbols_state state, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(module->note, sizeof(module->note), format, args);
    va_end(args);
    module->state = state;
}

/* ---------------------------------------------- is it the one that ran */

/* As long as the record has room for. */
static bool is_same_build(const struct reader_module *recorded, Elf *elf)
{
    const void *id = NULL;
    ssize_t bytes = dwelf_elf_gnu_build_id(elf, &id);
    size_t known = bytes > 0 ? (size_t)bytes : 0;

    if (known > READER_BUILD_ID_BYTES)
        known = READER_BUILD_ID_BYTES;
    return known == recorded->build_id_bytes &&
           (known == 0 || memcmp(id, recorded->build_id, known) == 0);
}

static bool is_own_kind(Elf *elf)
{
    GElf_Ehdr header;

    return elf_kind(elf) == ELF_K_ELF && gelf_getehdr(elf, &header) &&
           gelf_getclass(elf) == ELFCLASS64 &&
           (header.e_type == ET_EXEC || header.e_type == ET_DYN);
}

/* Takes fd over.  0, -ENOEXEC, -ESTALE for another build, or -ENOMEM.  By
 * reads, not by mmap: a mapped file that is cut short kills its reader. */
static int file_take(struct module *module, int fd, const char *path)
{
    Elf *elf = elf_begin(fd, ELF_C_READ, NULL);
    char *name = place_name(module->place, path, fd);
    int r = 0;

    if (!elf || !name)
        r = -ENOMEM;
    else if (!is_own_kind(elf))
        r = -ENOEXEC;
    else if (!is_same_build(module->recorded, elf))
        r = -ESTALE;
    if (r < 0) {
        free(name);
        (void)elf_end(elf);
        close(fd);
        return r;
    }
    module->fd = fd;
    module->elf = elf;
    module->name = name;
    return 0;
}

/* ------------------------------------------------------- looking for it */

/* Without the " (deleted)" that the kernel appends to a name. */
static void path_of(const struct reader_module *recorded,
                    char path[static PATH_MAX])
{
    static const char gone[] = " (deleted)";
    size_t length = strnlen(recorded->path, PATH_MAX - 1);

    memcpy(path, recorded->path, length);
    path[length] = '\0';
    if (length >= sizeof(gone) - 1 &&
        strcmp(path + length - (sizeof(gone) - 1), gone) == 0)
        path[length - (sizeof(gone) - 1)] = '\0';
}

/* Where Debian and others put debug files.  false: there is no build id. */
static bool debug_path_of(const struct reader_module *recorded,
                          char path[static PATH_MAX])
{
    int at = snprintf(path, PATH_MAX, DEBUG_DIR "/.build-id/%02x/",
                      recorded->build_id[0]);

    for (size_t i = 1; i < recorded->build_id_bytes; i++)
        at += snprintf(path + at, (size_t)(PATH_MAX - at), "%02x",
                       recorded->build_id[i]);
    (void)snprintf(path + at, (size_t)(PATH_MAX - at), ".debug");
    return recorded->build_id_bytes > 1;
}

/* In the process's own root first, then in ours. */
static int open_anywhere(const struct place *place, const char *path,
                         int *ret_fd)
{
    int r = place_file_open(place, path, ret_fd);

    return r < 0 && *place->root ? place_open_here(path, ret_fd) : r;
}

static int file_try(struct module *module, const char *path)
{
    int fd = -1;
    int r = place_file_open(module->place, path, &fd);

    return r < 0 ? r : file_take(module, fd, path);
}

/* The program itself can be had even after it was deleted or replaced; and of
 * a file that is gone, the debug file may still be there.  Only a build id can
 * tell that they are of the same build. */
static int file_try_others(struct module *module)
{
    char path[PATH_MAX];
    int fd = -1;

    if (module->recorded->build_id_bytes == 0)
        return -ENOENT;
    if (*module->place->root) {
        (void)snprintf(path, sizeof(path), "%.*s/exe",
                       (int)(strlen(module->place->root) - strlen("/root")),
                       module->place->root);
        if (place_open_here(path, &fd) == 0 && file_take(module, fd, path) == 0)
            return 0;
    }
    if (debug_path_of(module->recorded, path) &&
        open_anywhere(module->place, path, &fd) == 0)
        return file_take(module, fd, path);
    return -ENOENT;
}

static int file_find(struct module *module)
{
    char path[PATH_MAX];

    path_of(module->recorded, path);
    if (path[0] != '/') {
        note(module, SYMBOLS_NO_FILE, "%s is no file, and has no symbols",
             *path ? path : "code whose file is not known");
        return -ENOENT;
    }
    int r = file_try(module, path);

    if (r == 0 || r == -ENOMEM || file_try_others(module) == 0)
        return r == -ENOMEM ? r : 0;
    if (r == -ESTALE)
        note(module, SYMBOLS_OTHER_BUILD,
             "%s is another build than the one that runs, or ran: its "
             "functions are not known",
             path);
    else if (r == -ENOEXEC || r == -EINVAL)
        note(module, SYMBOLS_NOT_ELF, "%s is no program or library", path);
    else
        note(module, SYMBOLS_NOT_FOUND, "%s cannot be read: %s", path,
             strerrordesc_np(-r));
    return r;
}

/* --------------------------------------------------------- debug files */

static bool is_debug_file(struct module *module, int fd, uint32_t crc)
{
    if (module->recorded->build_id_bytes > 0) {
        Elf *elf = elf_begin(fd, ELF_C_READ, NULL);
        bool is_same = elf && is_same_build(module->recorded, elf);

        (void)elf_end(elf);
        return is_same;
    }

    unsigned char bytes[1 << 14];
    uLong sum = crc32(0, NULL, 0);
    off_t at = 0;
    ssize_t got = 0;

    while ((got = pread(fd, bytes, sizeof(bytes), at)) > 0) {
        sum = crc32(sum, bytes, (uInt)got);
        at += got;
    }
    return got == 0 && (uint32_t)sum == crc;
}

static int debug_try(struct module *module, const char *path, uint32_t crc,
                     int *ret_fd)
{
    int fd = -1;
    int r = open_anywhere(module->place, path, &fd);

    if (r < 0)
        return r;
    if (!is_debug_file(module, fd, crc)) {
        close(fd);
        return -ESTALE;
    }
    *ret_fd = fd;
    return 0;
}

/* By the name that the file gives, at the places where gdb looks. */
static int debug_find_linked(struct module *module, const char *link,
                             uint32_t crc, char path[static PATH_MAX],
                             int *ret_fd)
{
    static const char *const around[][2] = {
        {"", "/"}, {"", "/.debug/"}, {DEBUG_DIR, "/"}};
    char directory[PATH_MAX];

    path_of(module->recorded, directory);
    *strrchr(directory, '/') = '\0';
    for (size_t i = 0; i < sizeof(around) / sizeof(around[0]); i++) {
        int length = snprintf(path, PATH_MAX, "%s%s%s%s", around[i][0],
                              directory, around[i][1], link);

        if (length < PATH_MAX && debug_try(module, path, crc, ret_fd) == 0)
            return 0;
    }
    return -ENOENT;
}

static int debug_find(struct module *module, const char *link, uint32_t crc,
                      char path[static PATH_MAX], int *ret_fd)
{
    if (debug_path_of(module->recorded, path) &&
        debug_try(module, path, crc, ret_fd) == 0)
        return 0;
    if (!link || strchr(link, '/'))
        return -ENOENT;
    return debug_find_linked(module, link, crc, path, ret_fd);
}

/* ------------------------------------------------- libdwfl's questions */

static int on_find_elf(Dwfl_Module *in_dwfl, void **userdata, const char *name,
                       Dwarf_Addr base, char **ret_name, Elf **ret_elf)
{
    (void)in_dwfl, (void)name, (void)base;
    struct module *module = *userdata;
    int fd = module->fd;

    *ret_name = module->name;
    *ret_elf = module->elf;
    module->name = NULL;
    module->fd = -1;
    return fd;
}

static int on_find_debuginfo(Dwfl_Module *in_dwfl, void **userdata,
                             const char *name, Dwarf_Addr base,
                             const char *file_name, const char *link,
                             GElf_Word crc, char **ret_name)
{
    struct module *module = *userdata;
    char path[PATH_MAX];
    GElf_Word own_crc = 0;
    const char *own_link = dwelf_elf_gnu_debuglink(module->elf, &own_crc);
    /* It asks here for what several debug files have in common, too. */
    bool is_own =
        !link || (own_link && crc == own_crc && strcmp(link, own_link) == 0);
    int fd = -1;

    if (is_own && debug_find(module, link, crc, path, &fd) == 0) {
        *ret_name = place_name(module->place, path, fd);
        return fd;
    }
    if (is_own && !module->with_servers)
        return -1;
    return dwfl_standard_find_debuginfo(in_dwfl, userdata, name, base,
                                        file_name, link, crc, ret_name);
}

/* ---------------------------------------------------------------- whole */

/* From where to where the file's addresses go; false: nowhere sensible. */
static bool extent(Elf *elf, uint64_t *ret_start, uint64_t *ret_end)
{
    size_t count = 0;
    uint64_t end = 0;
    bool is_first = true;

    if (elf_getphdrnum(elf, &count) < 0)
        return false;
    for (size_t i = 0; i < count && i < SEGMENTS_MAX; i++) {
        GElf_Phdr header;

        if (!gelf_getphdr(elf, (int)i, &header) || header.p_type != PT_LOAD)
            continue;
        if (header.p_vaddr > ADDRESS_MAX || header.p_memsz > ADDRESS_MAX)
            return false;
        if (is_first)
            *ret_start = header.p_vaddr & -header.p_align;
        is_first = false;
        if (header.p_vaddr + header.p_memsz > end)
            end = header.p_vaddr + header.p_memsz;
    }
    *ret_end = end;
    return !is_first && *ret_start < end;
}

static bool dwfl_init(struct module *module)
{
    uint64_t start = 0;
    uint64_t end = 0;
    void **userdata = NULL;

    if (!extent(module->elf, &start, &end))
        return false;
    module->callbacks = (Dwfl_Callbacks){
        .find_elf = on_find_elf,
        .find_debuginfo = on_find_debuginfo,
        .section_address = dwfl_offline_section_address,
    };
    module->dwfl = dwfl_begin(&module->callbacks);
    if (!module->dwfl)
        return false;
    dwfl_report_begin(module->dwfl);
    module->in_dwfl = dwfl_report_module(module->dwfl, module->name,
                                         BASE + start, BASE + end);
    if (!module->in_dwfl || dwfl_report_end(module->dwfl, NULL, NULL) != 0 ||
        !dwfl_module_info(module->in_dwfl, &userdata, NULL, NULL, NULL, NULL,
                          NULL, NULL))
        return false;
    *userdata = module;
    return dwfl_module_getelf(module->in_dwfl, &module->bias) != NULL;
}

int module_open(struct module *module)
{
    int r = file_find(module);

    if (r < 0)
        return r == -ENOMEM ? r : 0;
    if (!dwfl_init(module)) {
        note(module, SYMBOLS_NOT_ELF, "%s is no program or library",
             module->recorded->path);
        return 0;
    }

    Dwarf *dwarf = dwfl_module_getdwarf(module->in_dwfl, &module->debug_bias);

    r = dwarf ? lines_init(&module->lines, dwarf) : 0;
    if (module->lines.unit_count > 0)
        module->state = SYMBOLS_WITH_LINES;
    else
        note(module, SYMBOLS_NAMES,
             "%s has no debug information here: its files and lines are not "
             "known",
             module->recorded->path);
    return r;
}

void module_close(struct module *module)
{
    lines_fini(&module->lines);
    if (module->name) { /* libdwfl has not taken them over */
        free(module->name);
        (void)elf_end(module->elf);
        close(module->fd);
    }
    if (module->dwfl)
        dwfl_end(module->dwfl);
    *module = (struct module){0};
}

int module_find(struct module *module, uint64_t address, struct calls *calls)
{
    uint64_t in_dwfl = address + module->bias;
    GElf_Off offset = 0;
    GElf_Sym symbol;

    if (module->state != SYMBOLS_WITH_LINES && module->state != SYMBOLS_NAMES)
        return 0;
    const char *name = dwfl_module_addrinfo(module->in_dwfl, in_dwfl, &offset,
                                            &symbol, NULL, NULL, NULL);
    int r =
        lines_find(&module->lines, in_dwfl - module->debug_bias, name, calls);

    if (r == 0 && calls->count == 0 && name)
        r = calls_add(calls, name, NULL, NULL, 0);
    return r;
}
