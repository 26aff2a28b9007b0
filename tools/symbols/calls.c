/* The calls that make up one frame: see calls.h. */
#include "symbols/calls.h"

#include <stdlib.h>
#include <string.h>

#include "reader/array.h"
#include "symbols/name.h"

static void call_fini(struct symbols_call *call)
{
    free((void *)call->function);
    free((void *)call->mangled);
    free((void *)call->file);
}

/* A name that cannot be copied is missing, and the caller gives up. */
static int copy(const char *text, const char **ret_copy)
{
    *ret_copy = text && *text ? name_copy(text) : NULL;
    return text && *text && !*ret_copy ? -ENOMEM : 0;
}

static int call_name(struct symbols_call *call, const char *symbol,
                     const char *name)
{
    call->function = symbol ? name_demangle(symbol) : NULL;
    if (!call->function) {
        int r = copy(name ? name : symbol, &call->function);

        if (r < 0)
            return r;
    }
    if (!symbol || !call->function || strcmp(symbol, call->function) == 0)
        return 0;
    return copy(symbol, &call->mangled);
}

int calls_add(struct calls *calls, const char *symbol, const char *name,
              const char *file, uint32_t line)
{
    struct symbols_call call = {.line = line};
    int r =
        array_grow((void **)&calls->items, calls->count, sizeof(*calls->items));

    if (r == 0)
        r = call_name(&call, symbol, name);
    if (r == 0)
        r = copy(file, &call.file);
    if (r < 0) {
        call_fini(&call);
        return r;
    }
    if (calls->count > 0)
        calls->items[calls->count - 1].is_inlined = true;
    calls->items[calls->count++] = call;
    return 0;
}

void calls_cut(struct calls *calls, size_t count)
{
    while (calls->count > count)
        call_fini(&calls->items[--calls->count]);
}

void calls_fini(struct calls *calls)
{
    calls_cut(calls, 0);
    free(calls->items);
    *calls = (struct calls){0};
}
