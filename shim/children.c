#include "children.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <string.h>

static const char variable[] = "LD_PRELOAD=";
static const char separators[] = " :";

/* Where the name of a file begins behind its directories. */
static const char *base_name(const char *path, size_t bytes, size_t *ret_bytes)
{
    const char *slash = memrchr(path, '/', bytes);
    const char *name = slash ? slash + 1 : path;
    *ret_bytes = bytes - (size_t)(name - path);
    return name;
}

/* By the file's name alone: the loader's variables ($LIB) and links may stand
 * in the rest. */
static bool is_own(const char *entry, size_t bytes)
{
    Dl_info own;
    size_t own_bytes, entry_bytes;
    if (!dladdr(variable, &own) || !own.dli_fname)
        return false;
    const char *own_name =
        base_name(own.dli_fname, strlen(own.dli_fname), &own_bytes);
    const char *name = base_name(entry, bytes, &entry_bytes);
    return entry_bytes == own_bytes && memcmp(name, own_name, own_bytes) == 0;
}

/* Moves what stays to the front, in place. */
static void list_sift(char *list)
{
    char *to = list;
    for (const char *from = list; *from;) {
        size_t bytes = strcspn(from, separators);
        size_t gap = strspn(from + bytes, separators);
        if (!is_own(from, bytes)) {
            memmove(to, from, bytes + gap);
            to += bytes + gap;
        }
        from += bytes + gap;
    }
    while (to > list && strchr(separators, to[-1]))
        to--;
    *to = '\0';
}

static void entry_drop(char **entry)
{
    do
        entry[0] = entry[1];
    while (*++entry);
}

void children_spare(char **environment)
{
    if (!environment)
        return;
    for (char **entry = environment; *entry;) {
        char *list = *entry + strlen(variable);
        bool is_list = strncmp(*entry, variable, strlen(variable)) == 0;
        if (is_list)
            list_sift(list);
        if (is_list && !*list)
            entry_drop(entry);
        else
            entry++;
    }
}
