/* JSON objects, field by field: see builder.h. */
#include "common/builder.h"

#include "reader/reader.h"

void json_add(struct json_builder *builder, const char *name,
              struct json_object *value)
{
    /* json_object_object_add takes value over only where it succeeds. */
    if (json_object_object_add(builder->object, name, value) < 0) {
        json_object_put(value);
        builder->failed = true;
    }
}

void json_add_number(struct json_builder *builder, const char *name,
                     uint64_t value)
{
    if (value == READER_UNKNOWN)
        json_add(builder, name, NULL);
    else
        json_add_made(builder, name, json_object_new_uint64(value));
}

void json_add_text(struct json_builder *builder, const char *name,
                   const char *value)
{
    json_add_made(builder, name, json_object_new_string(value));
}

void json_add_optional_text(struct json_builder *builder, const char *name,
                            const char *value)
{
    if (value && *value)
        json_add_text(builder, name, value);
    else
        json_add(builder, name, NULL);
}

void json_add_made(struct json_builder *builder, const char *name,
                   struct json_object *made)
{
    builder->failed |= !made;
    json_add(builder, name, made);
}

struct json_object *json_finish(struct json_builder *builder)
{
    if (!builder->failed)
        return builder->object;
    json_object_put(builder->object);
    return NULL;
}
