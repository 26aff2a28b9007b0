/* Names of functions and files: see name.h.
 *
 * libiberty demangles, as it does for binutils and gdb: it is C, knows both
 * C++ and both of Rust's manglings, and hands its text out piece by piece.  A
 * short symbol can stand for a text that doubles with every other letter: once
 * our room is full, the demangler is left where it stands.  It has nothing
 * allocated then that would have to be freed. */
#include "symbols/name.h"

#include <setjmp.h>
#include <stdbool.h>
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
    jmp_buf full;
};

static void room_add(const char *piece, size_t length, void *arg)
{
    struct room *room = arg;
    size_t left = sizeof(room->text) - 1 - room->length;
    size_t taken = length < left ? length : left;

    memcpy(room->text + room->length, piece, taken);
    room->length += taken;
    if (taken < length)
        longjmp(room->full, 1);
}

typedef int (*demangler)(const char *symbol, int options,
                         demangle_callbackref callback, void *arg);

static bool room_fill(struct room *room, demangler demangle, const char *symbol)
{
    room->length = 0;
    return setjmp(room->full) != 0 ||
           demangle(symbol, DMGL_PARAMS | DMGL_ANSI, room_add, room) != 0;
}

char *name_demangle(const char *symbol)
{
    struct room room;

    if (symbol[0] != '_' || strlen(symbol) >= NAME_BYTES_MAX)
        return NULL;
    /* Rust's older mangling is that of C++ too, and reads worse as such. */
    if (!room_fill(&room, rust_demangle_callback, symbol) &&
        !room_fill(&room, cplus_demangle_v3_callback, symbol))
        return NULL;
    room.text[room.length] = '\0';
    return name_copy(room.text);
}
