/* Call sites as JSON: see document.h. */
#include "prof/document.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/builder.h"
#include "common/json.h"
#include "reader/text.h"
#include "sites/text.h"

enum { NAME_BYTES = 64, TEXT_BYTES_MAX = 65536 };

/* More than that is no figure of a process's memory; see SUM_MAX of the
 * reader. */
#define VALUE_MAX 1e31

static const char *const state_names[] = {
    [READER_SAMPLING_OFF] = "off",
    [READER_SAMPLING_ON] = "on",
    [READER_SAMPLING_STARTING] = "starting",
    [READER_SAMPLING_NO_UNWINDER] = "no unwinder",
    [READER_SAMPLING_SANDBOXED] = "sandboxed",
    [READER_SAMPLING_TOO_MANY_MEANS] = "too many means",
    [READER_SAMPLING_UNKNOWN] = NULL,
};

/* ---------------------------------------------------------------- write */

static void bytes_add(struct json_builder *builder, const char *name,
                      const char *suffix, double value)
{
    char field[NAME_BYTES];

    (void)snprintf(field, sizeof(field), "%s%s", name, suffix);
    json_add_made(builder, field, json_object_new_double(value));
}

static void figure_add(struct json_builder *builder, const char *name,
                       const char *suffix, double value)
{
    char field[NAME_BYTES];

    (void)snprintf(field, sizeof(field), "%s%s", name, suffix);
    json_add_number(builder, field,
                    value < 0x1p63 ? (uint64_t)llround(value) : READER_UNKNOWN);
}

/* unit: 0 for blocks, of which it is not known what a sample stands for. */
static void estimate_add(struct json_builder *builder, const char *name,
                         struct reader_estimate estimate, double unit)
{
    struct reader_range95 range = reader_estimate_range(estimate, unit);

    figure_add(builder, name, "", estimate.value);
    bytes_add(builder, name, "_variance", estimate.variance);
    figure_add(builder, name, "_low", range.low);
    figure_add(builder, name, "_high", range.high);
}

static struct json_object *line_object(const struct sites_line *line)
{
    struct json_builder builder = {.object = json_object_new_object()};

    if (!builder.object)
        return NULL;
    json_add_optional_text(&builder, "function", line->function);
    json_add_optional_text(&builder, "file", line->file);
    json_add_number(&builder, "line",
                    line->line != 0 ? line->line : READER_UNKNOWN);
    json_add_optional_text(&builder, "module", line->module);
    json_add_optional_text(&builder, "place", line->place);
    json_add_made(&builder, "is_inlined",
                  json_object_new_boolean(line->is_inlined));
    json_add_made(&builder, "is_interpreted",
                  json_object_new_boolean(line->is_named));
    return json_finish(&builder);
}

static struct json_object *
thread_object(const struct reader_site_thread *thread)
{
    struct json_builder builder = {.object = json_object_new_object()};

    if (!builder.object)
        return NULL;
    json_add_number(&builder, "tid", thread->tid);
    json_add_text(&builder, "name", thread->name);
    figure_add(&builder, "live_bytes", "", thread->live_bytes.value);
    figure_add(&builder, "live_blocks", "", thread->live_blocks.value);
    return json_finish(&builder);
}

/* Adds to an array: false where that cannot be. */
static bool array_add(struct json_object *array, struct json_object *made)
{
    if (made && json_object_array_add(array, made) == 0)
        return true;
    json_object_put(made);
    return false;
}

static struct json_object *frames_array(const struct sites_entry *entry)
{
    struct json_object *array = json_object_new_array();
    bool is_good = array != NULL;

    for (size_t i = 0; is_good && i < entry->line_count; i++)
        is_good = array_add(array, line_object(&entry->lines[i]));
    if (is_good)
        return array;
    json_object_put(array);
    return NULL;
}

static struct json_object *threads_array(const struct reader_site *site)
{
    struct json_object *array = json_object_new_array();
    bool is_good = array != NULL;

    for (size_t i = 0; is_good && i < site->thread_count; i++)
        is_good = array_add(array, thread_object(&site->threads[i]));
    if (is_good)
        return array;
    json_object_put(array);
    return NULL;
}

static void estimates_add(struct json_builder *builder,
                          struct reader_estimate live_bytes,
                          struct reader_estimate live_blocks,
                          struct reader_estimate total_bytes,
                          struct reader_estimate total_blocks, double unit)
{
    estimate_add(builder, "live_bytes", live_bytes, unit);
    estimate_add(builder, "live_blocks", live_blocks, 0);
    estimate_add(builder, "total_bytes", total_bytes, unit);
    estimate_add(builder, "total_blocks", total_blocks, 0);
}

static struct json_object *site_object(const struct sites *sites,
                                       const struct sites_entry *entry)
{
    const struct reader_site *site = entry->site;
    struct json_builder builder = {.object = json_object_new_object()};

    if (!builder.object)
        return NULL;
    json_add_number(&builder, "site", site->number);
    json_add_number(&builder, "samples", site->samples);
    json_add_number(&builder, "live_samples", site->live_samples);
    estimates_add(&builder, site->live_bytes, site->live_blocks,
                  site->total_bytes, site->total_blocks,
                  (double)sites->profile.most_mean_bytes);
    json_add_number(&builder, "oldest_ms", site->oldest_ms);
    json_add_number(&builder, "youngest_ms", site->youngest_ms);
    json_add_made(&builder, "threads", threads_array(site));
    json_add_made(&builder, "is_cut", json_object_new_boolean(site->is_cut));
    json_add_made(&builder, "is_beyond",
                  json_object_new_boolean(site->is_beyond));
    json_add_made(&builder, "frames", frames_array(entry));
    return json_finish(&builder);
}

static void heading_add(struct json_builder *builder, const struct sites *sites)
{
    const struct reader_profile *profile = &sites->profile;

    json_add_number(builder, "schema_version", JSON_SCHEMA_VERSION);
    json_add_number(builder, "pid", sites->pid);
    json_add_text(builder, "comm", sites->comm);
    json_add_text(builder, "state", sites->is_live ? "live" : "dead");
    json_add_optional_text(builder, "sampling", state_names[profile->state]);
    json_add_number(builder, "mean_bytes", profile->mean_bytes);
    json_add_number(builder, "most_mean_bytes", profile->most_mean_bytes);
    json_add_number(builder, "age_ms", profile->age_ms);
    json_add_number(builder, "used_bytes", profile->used_bytes);
    json_add_number(builder, "unsampled_huge_bytes",
                    profile->unsampled_huge_bytes);
    json_add_number(builder, "samples_unlisted", profile->samples_unlisted);
    json_add_number(builder, "sites_dropped", profile->sites_dropped);
    json_add_number(builder, "modules_dropped", profile->modules_dropped);
    json_add_number(builder, "names_dropped", profile->names_dropped);
    estimates_add(builder, profile->live_bytes, profile->live_blocks,
                  profile->total_bytes, profile->total_blocks,
                  (double)profile->most_mean_bytes);
}

static struct json_object *sites_array(struct sites *sites, size_t shown)
{
    struct json_object *array = json_object_new_array();
    bool is_good = array != NULL;

    for (size_t i = 0; is_good && i < shown; i++)
        is_good = sites_resolve(sites, &sites->entries[i]) == 0 &&
                  array_add(array, site_object(sites, &sites->entries[i]));
    if (is_good)
        return array;
    json_object_put(array);
    return NULL;
}

int document_write(FILE *out, struct sites *sites,
                   const struct selection *selection)
{
    int flags = JSON_C_TO_STRING_NOSLASHESCAPE | JSON_C_TO_STRING_PRETTY |
                JSON_C_TO_STRING_SPACED;
    size_t shown = selection_make(selection, sites);
    struct json_builder builder = {.object = json_object_new_object()};
    struct json_object *document = NULL;
    const char *text = NULL;

    if (builder.object) {
        heading_add(&builder, sites);
        json_add_made(&builder, "sites", sites_array(sites, shown));
        document = json_finish(&builder);
    }
    if (document)
        text = json_object_to_json_string_ext(document, flags);
    if (text)
        (void)fprintf(out, "%s\n", text);
    json_object_put(document);
    return text ? 0 : -ENOMEM;
}

/* ----------------------------------------------------------------- read */

static struct json_object *field(struct json_object *object, const char *name,
                                 enum json_type type)
{
    struct json_object *value = json_object_object_get(object, name);

    return json_object_is_type(value, type) ? value : NULL;
}

static uint64_t number_of(struct json_object *object, const char *name)
{
    struct json_object *value = field(object, name, json_type_int);

    /* As a signed number: json-c makes 0 of the negative. */
    return value && json_object_get_int64(value) >= 0
               ? json_object_get_uint64(value)
               : READER_UNKNOWN;
}

static bool truth_of(struct json_object *object, const char *name)
{
    return json_object_get_boolean(field(object, name, json_type_boolean));
}

/* Texts of a file that anybody may have written.  NULL where there is none, or
 * memory is short. */
static const char *text_of(struct sites *sites, struct json_object *object,
                           const char *name)
{
    struct json_object *value = field(object, name, json_type_string);
    size_t length = value ? (size_t)json_object_get_string_len(value) : 0;
    char *copy = NULL;
    const char *kept = NULL;

    if (length == 0 || length > TEXT_BYTES_MAX)
        return NULL;
    copy = malloc(length + 1);
    if (!copy)
        return NULL;
    text_copy(copy, length + 1, json_object_get_string(value), length);
    kept = sites_keep(sites, copy);
    free(copy);
    return kept;
}

static bool is_value(struct json_object *value)
{
    return json_object_is_type(value, json_type_int) ||
           json_object_is_type(value, json_type_double);
}

static struct reader_estimate estimate_of(struct json_object *object,
                                          const char *name, bool *is_good)
{
    char variance_name[NAME_BYTES];
    struct json_object *value = json_object_object_get(object, name);

    (void)snprintf(variance_name, sizeof(variance_name), "%s_variance", name);
    struct json_object *variance =
        json_object_object_get(object, variance_name);
    struct reader_estimate estimate = {json_object_get_double(value),
                                       json_object_get_double(variance)};

    if (is_value(value) && is_value(variance) && estimate.value >= 0 &&
        estimate.value <= VALUE_MAX && estimate.variance >= 0) {
        estimate.variance =
            fmin(estimate.variance, estimate.value * estimate.value);
        return estimate;
    }
    *is_good = false;
    return (struct reader_estimate){0, 0};
}

static void line_read(struct sites *sites, struct json_object *object,
                      struct sites_line *line)
{
    uint64_t number = number_of(object, "line");
    const char *place = text_of(sites, object, "place");

    *line = (struct sites_line){
        .function = text_of(sites, object, "function"),
        .file = text_of(sites, object, "file"),
        .line = number <= UINT32_MAX ? (uint32_t)number : 0,
        .module = text_of(sites, object, "module"),
        .place = place ? place : "",
        .is_inlined = truth_of(object, "is_inlined"),
        .is_named = truth_of(object, "is_interpreted"),
    };
}

static int lines_read(struct sites *sites, struct json_object *frames,
                      struct sites_entry *entry)
{
    size_t count = json_object_array_length(frames);

    entry->is_resolved = true;
    entry->lines = calloc(count + 1, sizeof(*entry->lines));
    if (!entry->lines)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++)
        line_read(sites, json_object_array_get_idx(frames, i),
                  &entry->lines[i]);
    entry->line_count = count;
    return 0;
}

static int site_read(struct sites *sites, struct json_object *object,
                     size_t index)
{
    struct reader_site *site = &sites->profile.sites[index];
    struct json_object *frames = field(object, "frames", json_type_array);
    uint64_t number = number_of(object, "site");
    bool is_good = frames && number <= UINT32_MAX;

    sites->entries[index].site = site;
    *site = (struct reader_site){
        .number = (uint32_t)number,
        .is_cut = truth_of(object, "is_cut"),
        .is_beyond = truth_of(object, "is_beyond"),
        .live_bytes = estimate_of(object, "live_bytes", &is_good),
        .live_blocks = estimate_of(object, "live_blocks", &is_good),
        .total_bytes = estimate_of(object, "total_bytes", &is_good),
        .total_blocks = estimate_of(object, "total_blocks", &is_good),
    };
    return is_good ? lines_read(sites, frames, &sites->entries[index])
                   : -EPROTO;
}

static int entries_read(struct sites *sites, struct json_object *list)
{
    size_t count = json_object_array_length(list);
    int err = 0;

    sites->profile.sites = calloc(count + 1, sizeof(*sites->profile.sites));
    sites->entries = calloc(count + 1, sizeof(*sites->entries));
    if (!sites->profile.sites || !sites->entries)
        return -ENOMEM;
    sites->profile.site_count = count;
    sites->count = count;
    for (size_t i = 0; err == 0 && i < count; i++)
        err = site_read(sites, json_object_array_get_idx(list, i), i);
    return err;
}

static int heading_read(struct sites *sites, struct json_object *object)
{
    struct reader_profile *profile = &sites->profile;
    const char *comm = text_of(sites, object, "comm");
    const char *state = text_of(sites, object, "state");
    uint64_t pid = number_of(object, "pid");
    uint64_t mean = number_of(object, "most_mean_bytes");
    bool is_good = pid <= UINT32_MAX && mean != READER_UNKNOWN;

    sites->pid = (uint32_t)pid;
    sites->is_live = state && strcmp(state, "live") == 0;
    text_copy(sites->comm, sizeof(sites->comm), comm ? comm : "?",
              comm ? strlen(comm) : 1);
    profile->most_mean_bytes = mean;
    profile->used_bytes = number_of(object, "used_bytes");
    profile->live_bytes = estimate_of(object, "live_bytes", &is_good);
    profile->total_bytes = estimate_of(object, "total_bytes", &is_good);
    return is_good ? 0 : -EPROTO;
}

static int object_read(struct sites *sites, struct json_object *object,
                       char reason[DOCUMENT_REASON_BYTES])
{
    struct json_object *list = field(object, "sites", json_type_array);
    int err = -EPROTO;

    if (number_of(object, "schema_version") != JSON_SCHEMA_VERSION || !list) {
        (void)snprintf(reason, DOCUMENT_REASON_BYTES,
                       "is JSON, but no profile that 'gcshim-prof --json' "
                       "has written");
        return err;
    }
    err = heading_read(sites, object);
    if (err == 0)
        err = entries_read(sites, list);
    if (err == -EPROTO)
        (void)snprintf(reason, DOCUMENT_REASON_BYTES,
                       "has fields of a profile that are missing or wrong");
    return err;
}

int document_read(struct sites *ret_sites, const char *path,
                  char ret_reason[DOCUMENT_REASON_BYTES])
{
    struct json_object *object = json_object_from_file(path);
    int err = 0;

    *ret_sites = (struct sites){0};
    if (!object) {
        (void)snprintf(ret_reason, DOCUMENT_REASON_BYTES,
                       "is not readable as JSON");
        return -EPROTO;
    }
    err = object_read(ret_sites, object, ret_reason);
    json_object_put(object);
    if (err)
        sites_fini(ret_sites);
    return err;
}
