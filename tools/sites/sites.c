/* Call sites for people: see sites.h. */
#include "sites/sites.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "reader/array.h"

const char *sites_keep(struct sites *sites, const char *text)
{
    char *copy = strdup(text);

    if (!copy || array_grow((void **)&sites->strings, sites->string_count,
                            sizeof(*sites->strings)) < 0) {
        free(copy);
        return NULL;
    }
    sites->strings[sites->string_count++] = copy;
    return copy;
}

const char *sites_base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* -------------------------------------------------------------- resolve */

static int line_add(struct sites_entry *entry, struct sites_line line)
{
    if (array_grow((void **)&entry->lines, entry->line_count,
                   sizeof(*entry->lines)) < 0)
        return -ENOMEM;
    entry->lines[entry->line_count++] = line;
    return 0;
}

static const char *known(const char *text)
{
    return text && *text ? text : NULL;
}

static int named_add(struct sites_entry *entry,
                     const struct reader_frame *frame)
{
    return line_add(entry, (struct sites_line){
                               .function = known(frame->function),
                               .file = known(frame->file),
                               .line = frame->line,
                               .place = "",
                               .is_named = true,
                           });
}

static const char *module_path(const struct sites *sites,
                               const struct reader_frame *frame)
{
    return frame->module == READER_MODULE_NONE
               ? NULL
               : known(sites->profile.modules[frame->module].path);
}

static int calls_add(struct sites *sites, struct sites_entry *entry,
                     const struct reader_frame *frame, struct sites_line line)
{
    const struct symbols_frame *resolved = NULL;
    int err = symbols_resolve(sites->symbols, frame, &resolved);

    for (size_t i = 0; err == 0 && i < resolved->call_count; i++) {
        const struct symbols_call *call = &resolved->calls[i];

        line.function = call->function;
        line.file = call->file;
        line.line = call->line;
        line.is_inlined = call->is_inlined;
        err = line_add(entry, line);
    }
    return err;
}

static int frame_add(struct sites *sites, struct sites_entry *entry,
                     const struct reader_frame *frame)
{
    char place[SYMBOLS_ADDRESS_BYTES];
    struct sites_line line = {.module = module_path(sites, frame)};

    if (frame->function)
        return named_add(entry, frame);
    line.place =
        sites_keep(sites, symbols_address(sites->symbols, frame, place));
    if (!line.place)
        return -ENOMEM;
    return sites->with_symbols ? calls_add(sites, entry, frame, line)
                               : line_add(entry, line);
}

int sites_resolve(struct sites *sites, struct sites_entry *entry)
{
    int err = 0;

    if (entry->is_resolved)
        return 0;
    for (size_t i = 0; err == 0 && i < entry->site->frame_count; i++)
        err = frame_add(sites, entry, &entry->site->frames[i]);
    entry->is_resolved = err == 0;
    return err;
}

/* ----------------------------------------------------------------- whole */

static int entries_make(struct sites *sites)
{
    size_t count = sites->profile.site_count;

    sites->entries = calloc(count + 1, sizeof(*sites->entries));
    if (!sites->entries)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++)
        sites->entries[i].site = &sites->profile.sites[i];
    sites->count = count;
    return 0;
}

/* In place, as the symbols keep the profile's address. */
int sites_init(struct sites *ret_sites, const struct reader_process *process,
               bool with_symbols, char ret_reason[READER_REASON_BYTES])
{
    struct reader_profile profile;
    int err = reader_profile_init(&profile, process, ret_reason);

    if (err)
        return err;
    *ret_sites = (struct sites){
        .pid = process->pid,
        .is_live = process->state == READER_LIVE,
        .profile = profile,
        .with_symbols = with_symbols,
    };
    memcpy(ret_sites->comm, process->comm, sizeof(ret_sites->comm));
    err =
        symbols_open(&ret_sites->symbols, &ret_sites->profile, process, false);
    if (err == 0)
        err = entries_make(ret_sites);
    if (err)
        sites_fini(ret_sites);
    return err;
}

void sites_fini(struct sites *sites)
{
    for (size_t i = 0; sites->entries && i < sites->count; i++)
        free(sites->entries[i].lines);
    free(sites->entries);
    for (size_t i = 0; i < sites->string_count; i++)
        free(sites->strings[i]);
    free(sites->strings);
    if (sites->symbols)
        symbols_close(sites->symbols);
    reader_profile_fini(&sites->profile);
    *sites = (struct sites){0};
}
