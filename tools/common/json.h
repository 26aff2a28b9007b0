/* JSON for scripts, in the form that docs/ promises: fields are only ever
 * added, sizes are plain bytes, and what cannot be known is null. */
#ifndef GCSHIM_COMMON_JSON_H
#define GCSHIM_COMMON_JSON_H

#include <stdbool.h>

#include <json-c/json.h>

#include "reader/reader.h"

enum {
    JSON_SCHEMA_VERSION = 1,
    JSON_GC_EVENTS = 16, /* the last ones, where all would be too many */
};

/* {"schema_version":1, "processes":[]}.  The caller releases with
 * json_object_put; NULL when memory is short. */
struct json_object *json_document(void);

/* Adds one process to the document, with its whole past or only what is of
 * now: without history, and few of its collections.  0 or -ENOMEM. */
int json_document_add(struct json_object *document,
                      const struct reader_process *process, bool with_past);

/* Prints the document and a newline, over many lines or in one: 0 or
 * -errno. */
int json_document_print(struct json_object *document, bool pretty);

#endif
