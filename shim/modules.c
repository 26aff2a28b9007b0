#include "modules.h"

#include "compiler.h"
#include "counter.h"
#include "region.h"
#include "segment.h"
#include "sys.h"
#include "text.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <stdbool.h>
#include <string.h>

/* glibc 2.35; without it code has no module. */
#pragma weak _dl_find_object

/* From index 1 on. */
TABLE static struct gcshim_module modules[GCSHIM_MODULES];
static uint32_t count = 1;
static _Atomic uint64_t dropped;

static bool is_same(const struct gcshim_module *a,
                    const struct gcshim_module *b)
{
    return a->start == b->start && a->end == b->end && a->bias == b->bias &&
           a->build_id_bytes == b->build_id_bytes &&
           memcmp(a->build_id, b->build_id, sizeof(a->build_id)) == 0;
}

/* Whether bytes at address lie in the module's mapping. */
static bool is_mapped(const struct gcshim_module *module, uint64_t address,
                      uint64_t bytes)
{
    return address >= module->start && address <= module->end &&
           bytes <= module->end - address;
}

static uint64_t note_align(uint64_t bytes)
{
    return (bytes + 3) & ~UINT64_C(3);
}

/* Notes lie one after the other: a header, a name, a description. */
static bool build_id_find(struct gcshim_module *module, uint64_t address,
                          uint64_t bytes)
{
    uint64_t end = address + bytes;
    while (address + sizeof(ElfW(Nhdr)) <= end) {
        const ElfW(Nhdr) *note = (const ElfW(Nhdr) *)address;
        const char *name = (const char *)(note + 1);
        const char *id = name + note_align(note->n_namesz);
        address = (uint64_t)id + note_align(note->n_descsz);
        if (address > end)
            return false;
        if (note->n_type != NT_GNU_BUILD_ID || note->n_namesz != 4 ||
            memcmp(name, "GNU", 4) != 0)
            continue;
        module->build_id_bytes = note->n_descsz < GCSHIM_BUILD_ID_BYTES
                                     ? note->n_descsz
                                     : GCSHIM_BUILD_ID_BYTES;
        memcpy(module->build_id, id, module->build_id_bytes);
        return true;
    }
    return false;
}

/* The ELF header is the first thing mapped. */
static void build_id_read(struct gcshim_module *module)
{
    const ElfW(Ehdr) *header = (const ElfW(Ehdr) *)module->start;
    if (!is_mapped(module, module->start, sizeof(*header)) ||
        memcmp(header->e_ident, ELFMAG, SELFMAG) != 0)
        return;
    const ElfW(Phdr) *segments =
        (const ElfW(Phdr) *)(module->start + header->e_phoff);
    if (!is_mapped(module, (uint64_t)segments,
                   header->e_phnum * sizeof(*segments)))
        return;
    for (int i = 0; i < header->e_phnum; i++) {
        uint64_t at = module->bias + segments[i].p_vaddr;
        if (segments[i].p_type == PT_NOTE &&
            is_mapped(module, at, segments[i].p_filesz) &&
            build_id_find(module, at, segments[i].p_filesz))
            return;
    }
}

/* The loader has no name for the program itself. */
static void path_read(struct gcshim_module *module, const char *name)
{
    if (*name)
        text_copy(module->path, sizeof(module->path), name);
    else
        sys_readlink("/proc/self/exe", module->path, sizeof(module->path) - 1);
}

static bool describe(uint64_t address, struct gcshim_module *ret_module,
                     const char **ret_name)
{
    struct dl_find_object object;
    if (!_dl_find_object || _dl_find_object((void *)address, &object) != 0)
        return false;
    *ret_module = (struct gcshim_module){
        .start = (uint64_t)object.dlfo_map_start,
        .end = (uint64_t)object.dlfo_map_end,
        .bias = object.dlfo_link_map->l_addr,
    };
    build_id_read(ret_module);
    *ret_name = object.dlfo_link_map->l_name;
    return true;
}

static void publish(uint32_t from, uint32_t to)
{
    memcpy(&region.segment.modules[from], &modules[from],
           (to - from) * sizeof(modules[0]));
    atomic_store_explicit(&region.segment.profile.modules, to - 1,
                          memory_order_release);
}

static uint32_t add(const struct gcshim_module *module, const char *name)
{
    if (count == GCSHIM_MODULES ||
        !segment_reserve(&region.segment.modules[count],
                         sizeof(modules[0]))) {
        counter_add_shared(&dropped, 1);
        counter_add_shared(&region.segment.profile.modules_dropped, 1);
        return GCSHIM_MODULE_NONE;
    }
    modules[count] = *module;
    path_read(&modules[count], name);
    publish(count, count + 1);
    return count++;
}

/* The last one first: an address may have belonged to others before. */
uint32_t modules_find(uint64_t address)
{
    struct gcshim_module module;
    const char *name;
    if (!describe(address, &module, &name))
        return GCSHIM_MODULE_NONE;
    for (uint32_t i = count - 1; i > 0; i--)
        if (is_same(&modules[i], &module))
            return i;
    return add(&module, name);
}

uint64_t modules_bias(uint32_t module)
{
    return modules[module].bias;
}

void modules_inherit(void)
{
    if (count > 1 && segment_reserve(&region.segment.modules[0],
                                     count * sizeof(modules[0])))
        publish(1, count);
    counter_set(&region.segment.profile.modules_dropped,
                counter_read(&dropped));
}
