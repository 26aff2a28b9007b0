/* JSON objects, field by field.  Building goes on after memory ran short, and
 * the end of it tells. */
#ifndef GCSHIM_COMMON_BUILDER_H
#define GCSHIM_COMMON_BUILDER_H

#include <stdbool.h>
#include <stdint.h>

#include <json-c/json.h>

struct json_builder {
    struct json_object *object;
    bool failed;
};

/* value, or JSON's null where that is NULL.  Takes it over. */
void json_add(struct json_builder *builder, const char *name,
              struct json_object *value);

/* null for READER_UNKNOWN. */
void json_add_number(struct json_builder *builder, const char *name,
                     uint64_t value);
void json_add_text(struct json_builder *builder, const char *name,
                   const char *value);

/* null for NULL or "", which is not known. */
void json_add_optional_text(struct json_builder *builder, const char *name,
                            const char *value);

/* What was created for it: NULL is a failure. */
void json_add_made(struct json_builder *builder, const char *name,
                   struct json_object *made);

/* Ends the building: the object, or NULL if any part of it is missing. */
struct json_object *json_finish(struct json_builder *builder);

#endif
