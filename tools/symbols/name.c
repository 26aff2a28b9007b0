/* Names of functions and files: see name.h.
 *
 * libiberty demangles, as it does for binutils and gdb: it is C, knows both
 * C++ and both of Rust's manglings, and hands its text out piece by piece, so
 * that a name made to grow without end cannot take our memory. */
#include "symbols/name.h"

#include <stdlib.h>
#include <string.h>

#include <libiberty/demangle.h>

#include "reader/text.h"

char *name_copy(const char *name)
{
    char *copy = strndup(name, NAME_BYTES_MAX - 1);

    if (copy)
        text_clean(copy);
    return copy;
}

struct room {
    char text[NAME_BYTES_MAX];
    size_t length;
};

static void room_add(const char *piece, size_t length, void *arg)
{
    struct room *room = arg;
    size_t left = sizeof(room->text) - 1 - room->length;

    if (length > left)
        length = left;
    memcpy(room->text + room->length, piece, length);
    room->length += length;
}

char *name_demangle(const char *symbol)
{
    const int options = DMGL_PARAMS | DMGL_ANSI;
    struct room room = {.length = 0};

    if (symbol[0] != '_' || strlen(symbol) >= NAME_BYTES_MAX)
        return NULL;
    /* Rust's older mangling is that of C++ too, and reads worse as such. */
    if (!rust_demangle_callback(symbol, options, room_add, &room)) {
        room.length = 0;
        if (!cplus_demangle_v3_callback(symbol, options, room_add, &room))
            return NULL;
    }
    room.text[room.length] = '\0';
    return name_copy(room.text);
}
