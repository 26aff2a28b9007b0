/* The stacks of call sites: see frames.h. */
#include "reader/frames.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "reader/refuse.h"
#include "reader/text.h"

static_assert((int)READER_BUILD_ID_BYTES == (int)GCSHIM_BUILD_ID_BYTES &&
                  READER_MODULE_NONE == GCSHIM_MODULE_NONE - 1,
              "the reader's own names for what the layout has");

enum {
    PATH_BYTES = sizeof(((struct gcshim_module *)0)->path) + 1,
    NAME_BYTES = sizeof(((struct gcshim_name *)0)->text) + 2,
};

/* Copies the first entries of a table: NULL with ret_err set where that cannot
 * be.  The caller frees. */
static void *table_read(const struct segment *segment,
                        enum gcshim_section_kind kind, const char *what,
                        uint64_t count, int *ret_err,
                        char reason[READER_REASON_BYTES])
{
    const struct gcshim_section *section = &segment->sections[kind];
    size_t bytes = (size_t)count * section->entry_bytes;
    void *entries = NULL;

    if (count > section->entries) {
        *ret_err = refuse(reason, "claims %llu %s of %llu in use",
                          (unsigned long long)count, what,
                          (unsigned long long)section->entries);
        return NULL;
    }
    entries = calloc(1, bytes + 1);
    *ret_err = entries ? 0 : -ENOMEM;
    if (entries && count > 0)
        *ret_err = segment_read(segment, entries, bytes,
                                segment_entry(segment, kind, 0), reason);
    if (*ret_err == 0)
        return entries;
    free(entries);
    return NULL;
}

/* -------------------------------------------------------------- modules */

static void module_set(struct reader_module *module,
                       const struct gcshim_module *raw, char path[PATH_BYTES])
{
    text_copy(path, PATH_BYTES, raw->path,
              strnlen(raw->path, sizeof(raw->path)));
    *module = (struct reader_module){
        .start = raw->start,
        .end = raw->end,
        .bias = raw->bias,
        .build_id_bytes = raw->build_id_bytes <= READER_BUILD_ID_BYTES
                              ? raw->build_id_bytes
                              : 0,
        .path = path,
    };
    memcpy(module->build_id, raw->build_id, sizeof(module->build_id));
}

static int modules_read(const struct segment *segment, uint32_t count,
                        struct frames *frames, char reason[READER_REASON_BYTES])
{
    int err = 0;
    /* The first entry stands for none, and is not used. */
    struct gcshim_module *raw =
        table_read(segment, GCSHIM_SECTION_MODULES, "modules",
                   count > 0 ? UINT64_C(1) + count : 0, &err, reason);

    if (!raw)
        return err;
    frames->modules = calloc(1 + (size_t)count, sizeof(*frames->modules));
    frames->paths = calloc(1 + (size_t)count, PATH_BYTES);
    if (!frames->modules || !frames->paths) {
        err = -ENOMEM;
    } else {
        for (size_t i = 0; i < count; i++)
            module_set(&frames->modules[i], &raw[i + 1],
                       frames->paths + i * PATH_BYTES);
        frames->module_count = count;
    }
    free(raw);
    return err;
}

/* ---------------------------------------------------------------- names */

/* A name's function lies at its beginning, its file behind the NUL. */
static void name_set(char name[NAME_BYTES], const struct gcshim_name *raw)
{
    size_t room = sizeof(raw->text);
    size_t length = strnlen(raw->text, room);
    size_t file_at = length < room ? length + 1 : room;

    text_copy(name, NAME_BYTES, raw->text, length);
    text_copy(name + strlen(name) + 1, NAME_BYTES - strlen(name) - 1,
              raw->text + file_at,
              strnlen(raw->text + file_at, room - file_at));
}

static int names_read(const struct segment *segment, size_t count,
                      struct frames *frames, char reason[READER_REASON_BYTES])
{
    int err = 0;
    struct gcshim_name *raw =
        table_read(segment, GCSHIM_SECTION_NAMES, "names", count, &err, reason);

    if (!raw)
        return err;
    frames->names = calloc(count + 1, NAME_BYTES);
    if (!frames->names)
        err = -ENOMEM;
    for (size_t i = 0; err == 0 && i < count; i++)
        name_set(frames->names + i * NAME_BYTES, &raw[i]);
    free(raw);
    return err;
}

/* --------------------------------------------------------------- frames */

static struct reader_frame named_frame(const struct gcshim_frame *raw,
                                       const struct frames *frames)
{
    const char *function = frames->names + raw->address * NAME_BYTES;

    return (struct reader_frame){
        .module = READER_MODULE_NONE,
        .function = function,
        .file = function + strlen(function) + 1,
        .line = raw->line,
    };
}

static int frame_set(struct reader_frame *frame, const struct gcshim_frame *raw,
                     const struct frames *frames, size_t name_count,
                     char reason[READER_REASON_BYTES])
{
    if (raw->module == GCSHIM_MODULE_NAMED) {
        if (!frames->names || raw->address >= name_count)
            return refuse(reason, "has a frame of a name that there is not");
        *frame = named_frame(raw, frames);
        return 0;
    }
    if (raw->module > frames->module_count)
        return refuse(reason, "has a frame in a module that there is not");
    *frame = (struct reader_frame){
        .address = raw->address,
        .module = (int)raw->module - 1,
    };
    return 0;
}

static int list_read(const struct segment *segment, size_t count,
                     size_t name_count, struct frames *frames,
                     char reason[READER_REASON_BYTES])
{
    int err = 0;
    struct gcshim_frame *raw = table_read(segment, GCSHIM_SECTION_FRAMES,
                                          "frames", count, &err, reason);

    if (!raw)
        return err;
    frames->list = calloc(count + 1, sizeof(*frames->list));
    if (!frames->list)
        err = -ENOMEM;
    for (size_t i = 0; err == 0 && i < count; i++)
        err = frame_set(&frames->list[i], &raw[i], frames, name_count, reason);
    if (err == 0)
        frames->count = count;
    free(raw);
    return err;
}

int frames_read(const struct segment *segment, struct gcshim_profile *raw,
                struct frames *ret_frames, char ret_reason[READER_REASON_BYTES])
{
    struct frames frames = {0};
    size_t name_count = raw->names;
    int err = modules_read(segment, raw->modules, &frames, ret_reason);

    if (err == 0)
        err = names_read(segment, name_count, &frames, ret_reason);
    if (err == 0)
        err = list_read(segment, raw->frames, name_count, &frames, ret_reason);
    if (err)
        frames_fini(&frames);
    else
        *ret_frames = frames;
    return err;
}

void frames_fini(struct frames *frames)
{
    free(frames->list);
    free(frames->modules);
    free(frames->names);
    free(frames->paths);
    *frames = (struct frames){0};
}
