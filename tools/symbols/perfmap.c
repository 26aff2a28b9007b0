/* perf-PID.map: see perfmap.h. */
#include "symbols/perfmap.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "reader/array.h"

enum {
    BYTES_MAX = 64 << 20,
    LINES_MAX = 1 << 20,
};

/* A hexadecimal number and the blank behind it.  strtoull alone would take
 * blanks and signs too. */
static bool number_parse(const char **text, uint64_t *ret_number)
{
    char *end = NULL;

    if (!isxdigit((unsigned char)**text))
        return false;
    errno = 0;
    *ret_number = strtoull(*text, &end, 16);
    if (errno || *end != ' ')
        return false;
    *text = end + 1;
    return true;
}

static int line_parse(struct perfmap *map, const char *line)
{
    uint64_t start = 0;
    uint64_t bytes = 0;

    if (!number_parse(&line, &start) || !number_parse(&line, &bytes) ||
        *line == '\0')
        return 0;

    int r =
        array_grow((void **)&map->names, map->name_count, sizeof(*map->names));

    if (r < 0)
        return r;
    /* One that goes round is empty to spans, and passed over. */
    map->names[map->name_count] = (size_t)(line - map->text);
    return spans_add(&map->spans, start, start + bytes, map->name_count++);
}

static int text_parse(struct perfmap *map)
{
    char *rest = map->text;
    char *line = NULL;

    while (map->name_count < LINES_MAX && (line = strsep(&rest, "\n"))) {
        int r = line_parse(map, line);

        if (r < 0)
            return r;
    }
    spans_sort(&map->spans);
    return 0;
}

int perfmap_read(struct perfmap *map, FILE *file)
{
    enum { STEP_BYTES = 1 << 16 };
    size_t got = 0;

    do {
        char *larger = realloc(map->text, map->bytes + STEP_BYTES + 1);

        if (!larger)
            return -ENOMEM;
        map->text = larger;
        got = fread(map->text + map->bytes, 1, STEP_BYTES, file);
        map->bytes += got;
        map->text[map->bytes] = '\0';
    } while (got == STEP_BYTES && map->bytes < BYTES_MAX);
    return ferror(file) ? -EIO : text_parse(map);
}

const char *perfmap_find(const struct perfmap *map, uint64_t address)
{
    size_t index = 0;

    return spans_find(&map->spans, address, &index)
               ? map->text + map->names[index]
               : NULL;
}

void perfmap_fini(struct perfmap *map)
{
    spans_fini(&map->spans);
    free(map->names);
    free(map->text);
    *map = (struct perfmap){0};
}
