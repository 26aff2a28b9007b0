/* The form that speedscope reads: see speedscope.h.
 *
 * Its schema: https://www.speedscope.app/file-format-schema.json */
#include "prof/speedscope.h"

#include <errno.h>
#include <math.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

/* Building goes on after memory ran short, and this remembers that it did. */
struct builder {
    const struct reader_profile *from;
    struct symbols *symbols;
    struct json_object *frames;
    void *spots; /* a tree of struct spot */
    int error;
};

static void fail(struct builder *builder, int r)
{
    if (r < 0 && builder->error == 0)
        builder->error = r;
}

/* ---------------------------------------------------------------- JSON */

static void put(struct builder *builder, struct json_object *object,
                const char *name, struct json_object *value)
{
    if (!value || !object || json_object_object_add(object, name, value) < 0) {
        json_object_put(value);
        fail(builder, -ENOMEM);
    }
}

static void put_text(struct builder *builder, struct json_object *object,
                     const char *name, const char *text)
{
    put(builder, object, name, json_object_new_string(text));
}

static void append(struct builder *builder, struct json_object *array,
                   struct json_object *value)
{
    if (!value || !array || json_object_array_add(array, value) < 0) {
        json_object_put(value);
        fail(builder, -ENOMEM);
    }
}

/* -------------------------------------------------------------- frames */

/* A call that a frame of the document stands for: a function on a line. */
struct spot {
    char *name;
    char *file; /* "": not known */
    uint32_t line;
    size_t index;
};

static int spot_compare(const void *left, const void *right)
{
    const struct spot *a = left;
    const struct spot *b = right;
    int order = strcmp(a->name, b->name);

    if (order == 0)
        order = strcmp(a->file, b->file);
    return order != 0 ? order : (a->line > b->line) - (a->line < b->line);
}

static void spot_free(void *spot)
{
    free(((struct spot *)spot)->name);
    free(((struct spot *)spot)->file);
    free(spot);
}

static void frame_append(struct builder *builder, const struct spot *spot)
{
    struct json_object *frame = json_object_new_object();

    put_text(builder, frame, "name", spot->name);
    if (*spot->file)
        put_text(builder, frame, "file", spot->file);
    if (spot->line > 0)
        put(builder, frame, "line", json_object_new_int64(spot->line));
    append(builder, builder->frames, frame);
}

static size_t spot_new(struct builder *builder, const struct spot *key)
{
    struct spot *made = calloc(1, sizeof(*made));
    size_t index = json_object_array_length(builder->frames);

    if (!made) {
        fail(builder, -ENOMEM);
        return 0;
    }
    *made = (struct spot){.name = strdup(key->name),
                          .file = strdup(key->file),
                          .line = key->line,
                          .index = index};
    if (!made->name || !made->file ||
        !tsearch(made, &builder->spots, spot_compare)) {
        spot_free(made);
        fail(builder, -ENOMEM);
        return 0;
    }
    frame_append(builder, made);
    return index;
}

static void call_append(struct builder *builder, struct json_object *stack,
                        const char *name, const char *file, uint32_t line)
{
    struct spot key = {
        .name = (char *)name, .file = (char *)(file ? file : ""), .line = line};
    struct spot **found = tfind(&key, &builder->spots, spot_compare);
    size_t index = found ? (*found)->index : spot_new(builder, &key);

    append(builder, stack, json_object_new_int64((int64_t)index));
}

static void frame_calls_append(struct builder *builder,
                               struct json_object *stack,
                               const struct reader_frame *frame)
{
    const struct symbols_frame *found = NULL;
    char address[SYMBOLS_ADDRESS_BYTES];
    int r = symbols_resolve(builder->symbols, frame, &found);

    if (r < 0) {
        fail(builder, r);
        return;
    }
    for (size_t i = found->call_count; i-- > 0;) {
        const struct symbols_call *call = &found->calls[i];
        const char *name = call->function;

        if (!name)
            name = symbols_address(builder->symbols, frame, address);
        call_append(builder, stack, name, call->file, call->line);
    }
}

/* The outermost call first, as a sample wants it. */
static struct json_object *stack_new(struct builder *builder,
                                     const struct reader_site *site)
{
    struct json_object *stack = json_object_new_array();

    if (site->is_beyond)
        call_append(builder, stack, "(no room for more stacks)", NULL, 0);
    else if (site->frame_count == 0)
        call_append(builder, stack, "(no stack)", NULL, 0);
    else if (site->is_cut)
        call_append(builder, stack, "(cut)", NULL, 0);
    for (size_t i = site->frame_count; i-- > 0;)
        frame_calls_append(builder, stack, &site->frames[i]);
    return stack;
}

/* ------------------------------------------------------------ profiles */

/* A profile in the making. */
struct part {
    struct json_object *samples;
    struct json_object *weights;
    int64_t sum;
};

static void part_add(struct builder *builder, struct part *part,
                     struct json_object *stack, double bytes)
{
    const double most = 0x1p53; /* beyond, JSON's numbers lose digits */

    if (!(bytes >= 0.5)) /* not a number either */
        return;
    int64_t weight = llround(fmin(bytes, most));

    append(builder, part->samples, json_object_get(stack));
    append(builder, part->weights, json_object_new_int64(weight));
    part->sum += weight;
}

static struct json_object *part_finish(struct builder *builder,
                                       struct part *part, const char *name)
{
    struct json_object *profile = json_object_new_object();

    put_text(builder, profile, "type", "sampled");
    put_text(builder, profile, "name", name);
    put_text(builder, profile, "unit", "bytes");
    put(builder, profile, "startValue", json_object_new_int64(0));
    put(builder, profile, "endValue", json_object_new_int64(part->sum));
    put(builder, profile, "samples", part->samples);
    put(builder, profile, "weights", part->weights);
    return profile;
}

static struct part part_begin(void)
{
    return (struct part){.samples = json_object_new_array(),
                         .weights = json_object_new_array()};
}

static struct json_object *profiles_new(struct builder *builder)
{
    const struct reader_profile *from = builder->from;
    struct json_object *profiles = json_object_new_array();
    struct part live = part_begin();
    struct part total = part_begin();

    for (size_t i = 0; i < from->site_count && builder->error == 0; i++) {
        const struct reader_site *site = &from->sites[i];
        struct json_object *stack = stack_new(builder, site);

        part_add(builder, &live, stack, site->live_bytes.value);
        part_add(builder, &total, stack, site->total_bytes.value);
        json_object_put(stack);
    }
    append(builder, profiles,
           part_finish(builder, &live, "live bytes (estimated)"));
    append(builder, profiles,
           part_finish(builder, &total, "total bytes (estimated)"));
    return profiles;
}

/* --------------------------------------------------------------- whole */

static struct json_object *document_new(struct builder *builder,
                                        const char *name)
{
    struct json_object *document = json_object_new_object();
    struct json_object *shared = json_object_new_object();

    put_text(builder, document, "$schema",
             "https://www.speedscope.app/file-format-schema.json");
    put_text(builder, document, "name", name);
    put_text(builder, document, "exporter", "gcshim " GCSHIM_VERSION);
    put(builder, document, "activeProfileIndex", json_object_new_int(0));
    put(builder, document, "profiles", profiles_new(builder));
    put(builder, shared, "frames", json_object_get(builder->frames));
    put(builder, document, "shared", shared);
    return document;
}

static int document_write(FILE *out, struct json_object *document)
{
    const char *text = json_object_to_json_string_ext(
        document, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);

    if (!text)
        return -ENOMEM;
    errno = 0;
    if (fputs(text, out) == EOF || fputc('\n', out) == EOF || fflush(out) != 0)
        return errno ? -errno : -EIO;
    return 0;
}

int speedscope_write(FILE *out, const struct reader_profile *profile,
                     struct symbols *symbols, const char *name)
{
    struct builder builder = {
        .from = profile, .symbols = symbols, .frames = json_object_new_array()};

    if (!builder.frames)
        return -ENOMEM;
    struct json_object *document = document_new(&builder, name);
    int r = builder.error < 0 ? builder.error : document_write(out, document);

    json_object_put(document);
    json_object_put(builder.frames);
    tdestroy(builder.spots, spot_free);
    return r;
}
