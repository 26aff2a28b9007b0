/* Symbols: see symbols.h. */
#include "symbols/symbols.h"

#include <errno.h>
#include <inttypes.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reader/text.h"
#include "symbols/calls.h"
#include "symbols/module.h"
#include "symbols/perfmap.h"
#include "symbols/place.h"

struct symbols {
    const struct reader_profile *profile;
    const struct reader_process *process;
    struct place place;
    struct module *modules;
    bool has_perfmap; /* it has been looked for */
    struct perfmap perfmap;
    void *memos; /* a tree of struct memo */
    size_t memo_count;
};

struct memo {
    struct reader_frame key;
    struct symbols_frame frame;
    struct calls calls;
};

int symbols_open(struct symbols **ret_symbols,
                 const struct reader_profile *profile,
                 const struct reader_process *process, bool with_servers)
{
    struct symbols *symbols = calloc(1, sizeof(*symbols));
    struct module *modules =
        calloc(profile->module_count + 1, sizeof(*modules));

    if (!symbols || !modules || elf_version(EV_CURRENT) == EV_NONE) {
        free(symbols);
        free(modules);
        return -ENOMEM;
    }
    if (!with_servers)
        (void)unsetenv("DEBUGINFOD_URLS"); /* libdw would ask by itself */
    symbols->profile = profile;
    symbols->process = process;
    symbols->modules = modules;
    place_init(&symbols->place, process);
    for (size_t i = 0; i < profile->module_count; i++)
        modules[i] = (struct module){.recorded = &profile->modules[i],
                                     .place = &symbols->place,
                                     .with_servers = with_servers};
    *ret_symbols = symbols;
    return 0;
}

static void memo_free(void *memo)
{
    calls_fini(&((struct memo *)memo)->calls);
    free(memo);
}

void symbols_close(struct symbols *symbols)
{
    if (!symbols)
        return;
    tdestroy(symbols->memos, memo_free);
    for (size_t i = 0; i < symbols->profile->module_count; i++)
        module_close(&symbols->modules[i]);
    perfmap_fini(&symbols->perfmap);
    place_fini(&symbols->place);
    free(symbols->modules);
    free(symbols);
}

/* -------------------------------------------------- code made at run time */

/* Whoever may write to /tmp can put a file there: only the process's user is
 * believed about the process. */
static int perfmap_init(struct symbols *symbols)
{
    char path[64];
    struct stat st;
    int fd = -1;

    (void)snprintf(path, sizeof(path), "/tmp/perf-%u.map",
                   symbols->process->namespace_pid);
    if (place_file_open(&symbols->place, path, &fd) < 0)
        return 0;
    FILE *file = fdopen(fd, "r");

    if (!file) {
        close(fd);
        return -ENOMEM;
    }
    int r = 0;

    if (fstat(fd, &st) == 0 && st.st_uid == symbols->process->uid)
        r = perfmap_read(&symbols->perfmap, file);
    (void)fclose(file);
    return r == -ENOMEM ? r : 0;
}

static int find_made(struct symbols *symbols, uint64_t address,
                     struct calls *calls)
{
    if (!symbols->process)
        return 0;
    int r = symbols->has_perfmap ? 0 : perfmap_init(symbols);

    symbols->has_perfmap = true;
    if (r < 0)
        return r;
    const char *name = perfmap_find(&symbols->perfmap, address);

    return name ? calls_add(calls, NULL, name, NULL, 0) : 0;
}

/* ------------------------------------------------------------- one frame */

static bool is_of_module(const struct symbols *symbols,
                         const struct reader_frame *frame)
{
    return !frame->function && frame->module >= 0 &&
           (size_t)frame->module < symbols->profile->module_count;
}

static int find_in_module(struct module *module, uint64_t address,
                          struct calls *calls)
{
    int r = module->state == SYMBOLS_UNTRIED ? module_open(module) : 0;

    return r < 0 ? r : module_find(module, address, calls);
}

static int find(struct symbols *symbols, const struct reader_frame *frame,
                struct calls *calls)
{
    int r = 0;

    if (frame->function)
        r = calls_add(calls, NULL, frame->function, frame->file, frame->line);
    else if (is_of_module(symbols, frame))
        r = find_in_module(&symbols->modules[frame->module], frame->address - 1,
                           calls);
    else
        r = find_made(symbols, frame->address - 1, calls);
    if (r == 0 && calls->count == 0)
        r = calls_add(calls, NULL, NULL, NULL, 0);
    return r;
}

static int compare(uint64_t left, uint64_t right)
{
    return (left > right) - (left < right);
}

/* Names are told apart by where they lie: the same text may lie twice. */
static int frame_compare(const void *left, const void *right)
{
    const struct reader_frame *a = left;
    const struct reader_frame *b = right;
    int order = compare((uintptr_t)a->function, (uintptr_t)b->function);

    if (order == 0 && a->function) {
        order = compare((uintptr_t)a->file, (uintptr_t)b->file);
        return order != 0 ? order : compare(a->line, b->line);
    }
    if (order == 0)
        order = compare(a->address, b->address);
    return order != 0 ? order
                      : (a->module > b->module) - (a->module < b->module);
}

static int memo_new(struct symbols *symbols, const struct reader_frame *frame,
                    struct memo **ret_memo)
{
    struct memo *memo = calloc(1, sizeof(*memo));

    if (!memo)
        return -ENOMEM;
    memo->key = *frame;
    int r = find(symbols, frame, &memo->calls);

    if (r == 0 && !tsearch(memo, &symbols->memos, frame_compare))
        r = -ENOMEM;
    if (r < 0) {
        memo_free(memo);
        return r;
    }
    memo->frame = (struct symbols_frame){.number = symbols->memo_count++,
                                         .calls = memo->calls.items,
                                         .call_count = memo->calls.count};
    *ret_memo = memo;
    return 0;
}

int symbols_resolve(struct symbols *symbols, const struct reader_frame *frame,
                    const struct symbols_frame **ret_frame)
{
    struct memo **found = tfind(frame, &symbols->memos, frame_compare);
    struct memo *memo = found ? *found : NULL;
    int r = memo ? 0 : memo_new(symbols, frame, &memo);

    if (r < 0)
        return r;
    *ret_frame = &memo->frame;
    return 0;
}

/* ------------------------------------------------------ about a module */

enum symbols_state symbols_state(const struct symbols *symbols, size_t module)
{
    return symbols->modules[module].state;
}

const char *symbols_note(const struct symbols *symbols, size_t module)
{
    const char *note = symbols->modules[module].note;

    return *note ? note : NULL;
}

char *symbols_address(const struct symbols *symbols,
                      const struct reader_frame *frame,
                      char text[SYMBOLS_ADDRESS_BYTES])
{
    uint64_t address = frame->address - 1;

    if (!is_of_module(symbols, frame)) {
        (void)snprintf(text, SYMBOLS_ADDRESS_BYTES, "0x%" PRIx64, address);
        return text;
    }
    const char *path = symbols->profile->modules[frame->module].path;
    const char *slash = strrchr(path, '/');
    const char *name = slash && slash[1] ? slash + 1 : path;

    (void)snprintf(text, SYMBOLS_ADDRESS_BYTES, "%.56s+0x%" PRIx64,
                   *name ? name : "?", address);
    text_clean(text);
    return text;
}
