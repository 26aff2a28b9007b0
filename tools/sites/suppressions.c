/* Call sites that a report says nothing of: see suppressions.h. */
#include "sites/suppressions.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reader/array.h"

static const char kind[] = "leak:";
static const char blanks[] = " \t\r\n";
static const char dividers[] = " ,:\n\t\r";

/* ------------------------------------------------------------- patterns */

/* Where a piece of a pattern stands in a text, NULL if nowhere. */
static const char *piece_find(const char *text, const char *piece,
                              size_t length)
{
    return memmem(text, strlen(text), piece, length);
}

static bool ends_with(const char *text, const char *piece, size_t length)
{
    size_t whole = strlen(text);

    return whole >= length && memcmp(text + whole - length, piece, length) == 0;
}

/* Piece by piece, each at the first place that it is found in behind the one
 * before; only the last one may have to stand at the end. */
bool suppressions_matches(const char *pattern, const char *text)
{
    bool is_at_start = *pattern == '^';
    const char *piece = pattern + is_at_start;
    size_t pattern_length = strcspn(piece, "$"); /* what follows says nothing */
    const char *end = piece + pattern_length;

    if (*text == '\0')
        return false;
    for (;;) {
        size_t length = strcspn(piece, "*$");
        bool is_last = piece + length == end;

        if (is_last && *end == '$' && !is_at_start)
            return ends_with(text, piece, length);
        const char *found = piece_find(text, piece, length);

        if (!found || (is_at_start && found != text))
            return false;
        text = found + length;
        if (is_last)
            return *end != '$' || *text == '\0';
        is_at_start = false;
        piece += length + 1;
    }
}

static bool is_found(const char *pattern, const char *text)
{
    return text && suppressions_matches(pattern, text);
}

static bool line_matches(const char *pattern, const struct sites_line *line)
{
    return is_found(pattern, line->function) || is_found(pattern, line->file) ||
           is_found(pattern, line->module);
}

bool suppressions_cover(const struct suppressions *suppressions,
                        const struct sites_entry *entry)
{
    for (size_t i = 0; i < suppressions->count; i++) {
        for (size_t k = 0; k < entry->line_count; k++) {
            if (line_matches(suppressions->patterns[i], &entry->lines[k]))
                return true;
        }
    }
    return false;
}

/* ----------------------------------------------------------------- file */

static int pattern_add(struct suppressions *suppressions, const char *pattern)
{
    char *copy = strdup(pattern);

    if (!copy ||
        array_grow((void **)&suppressions->patterns, suppressions->count,
                   sizeof(*suppressions->patterns)) < 0) {
        free(copy);
        return -ENOMEM;
    }
    suppressions->patterns[suppressions->count++] = copy;
    return 0;
}

static int line_read(struct suppressions *suppressions, char *line,
                     size_t number, char reason[SUPPRESSIONS_REASON_BYTES])
{
    line += strspn(line, blanks);
    size_t length = strlen(line);

    while (length > 0 && strchr(blanks, line[length - 1]))
        line[--length] = '\0';
    if (length == 0 || *line == '#')
        return 0;
    if (strncmp(line, kind, strlen(kind)) == 0 && line[strlen(kind)] != '\0')
        return pattern_add(suppressions, line + strlen(kind));
    (void)snprintf(reason, SUPPRESSIONS_REASON_BYTES,
                   "line %zu is not of the form leak:PATTERN", number);
    return -EPROTO;
}

int suppressions_read(struct suppressions *suppressions, const char *path,
                      char ret_reason[SUPPRESSIONS_REASON_BYTES])
{
    FILE *file = fopen(path, "re");
    char *line = NULL;
    size_t room = 0;
    int err = 0;

    if (!file)
        return -errno;
    errno = 0;
    for (size_t number = 1; err == 0 && getline(&line, &room, file) >= 0;
         number++)
        err = line_read(suppressions, line, number, ret_reason);
    if (err == 0 && ferror(file))
        err = errno ? -errno : -EIO;
    free(line);
    (void)fclose(file);
    return err;
}

void suppressions_fini(struct suppressions *suppressions)
{
    for (size_t i = 0; i < suppressions->count; i++)
        free(suppressions->patterns[i]);
    free(suppressions->patterns);
    *suppressions = (struct suppressions){0};
}

/* --------------------------------------------------------- LSAN_OPTIONS */

/* The value at text, quoted or not, and where it ends. */
static const char *value_end(const char **text)
{
    if (**text == '"' || **text == '\'') {
        const char *end = strchr(*text + 1, **text);

        ++*text;
        return end ? end : *text + strlen(*text);
    }
    return *text + strcspn(*text, dividers);
}

bool suppressions_option(const char *options,
                         char ret_path[SUPPRESSIONS_PATH_BYTES])
{
    static const char name[] = "suppressions=";
    bool is_found = false;

    while (*(options += strspn(options, dividers)) != '\0') {
        bool is_it = strncmp(options, name, strlen(name)) == 0;
        const char *value = options + strcspn(options, "=");

        value += *value == '=';
        const char *end = value_end(&value);
        size_t length = (size_t)(end - value);

        if (is_it && length > 0 && length < SUPPRESSIONS_PATH_BYTES) {
            memcpy(ret_path, value, length);
            ret_path[length] = '\0';
            is_found = true; /* the last one counts */
        }
        options = end + (*end == '"' || *end == '\'');
    }
    return is_found;
}
