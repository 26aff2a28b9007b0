#include "links.h"

#include <link.h>
#include <string.h>

static const ElfW(Dyn) *dynamic_find(const struct link_map *map,
                                     ElfW(Sxword) tag)
{
    for (const ElfW(Dyn) *entry = map->l_ld; entry->d_tag != DT_NULL; entry++)
        if (entry->d_tag == tag)
            return entry;
    return NULL;
}

/* The loader has made an address of it, but for objects that need nothing. */
static const char *strings_of(const struct link_map *map)
{
    const ElfW(Dyn) *table = dynamic_find(map, DT_STRTAB);
    return table ? (const char *)table->d_un.d_ptr : NULL;
}

static bool needs_mimalloc(const struct link_map *map)
{
    const char *strings = strings_of(map);
    const ElfW(Dyn) *entry = map->l_ld;
    for (; strings && entry->d_tag != DT_NULL; entry++)
        if (entry->d_tag == DT_NEEDED &&
            strstr(strings + entry->d_un.d_val, "libmimalloc"))
            return true;
    return false;
}

static bool is_name_of_block(const char *name)
{
    return strncmp(name, "mi_", 3) == 0 &&
           (strstr(name, "alloc") || strstr(name, "align") ||
            strstr(name, "new") || strstr(name, "dup") ||
            strstr(name, "realpath"));
}

/* Its names, those of its versions too, lie one behind the other. */
static bool names_blocks(const struct link_map *map)
{
    const ElfW(Dyn) *size = dynamic_find(map, DT_STRSZ);
    const char *name = strings_of(map);
    if (!size)
        return false;
    const char *end = name + size->d_un.d_val;
    for (; name < end; name += strlen(name) + 1)
        if (is_name_of_block(name))
            return true;
    return false;
}

/* _DYNAMIC: of what this is linked into. */
bool links_take_blocks(void)
{
    const struct link_map *map = _r_debug.r_map;
    for (; map; map = map->l_next)
        if (map->l_ld && map->l_ld != _DYNAMIC && needs_mimalloc(map) &&
            names_blocks(map))
            return true;
    return false;
}
