/* What has changed from one profile to another: see diff.h. */
#include "prof/diff.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "prof/text.h"
#include "sites/text.h"

/* A site of one of the two; then all sites with the same stack. */
struct change {
    char *key;
    const struct sites_entry *entry; /* that has most of it */
    struct reader_estimate now, then;
    struct reader_range95 range;
};

/* ----------------------------------------------------------------- keys */

static void line_key(FILE *out, const struct sites_line *line)
{
    const char *where = line->is_named ? line->file : line->module;

    if (line->function)
        (void)fprintf(out, "%s\n%s\n", line->function,
                      where ? sites_base_name(where) : "");
    else
        (void)fprintf(out, "\n%s\n", line->place);
}

/* Names hold no newline.  NULL when memory is short; the caller frees. */
static char *key_make(const struct sites_entry *entry)
{
    char *key = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&key, &size);

    if (!out)
        return NULL;
    if (entry->line_count == 0)
        (void)fputs(sites_entry_name(entry), out);
    for (size_t i = 0; i < entry->line_count; i++)
        line_key(out, &entry->lines[i]);
    if (fclose(out) == EOF) {
        free(key);
        return NULL;
    }
    return key;
}

/* -------------------------------------------------------------- changes */

static int side_add(struct change *changes, size_t *count, struct sites *sites,
                    const struct selection *selection, bool is_now)
{
    for (size_t i = 0; i < sites->count; i++) {
        struct sites_entry *entry = &sites->entries[i];
        struct reader_estimate bytes = selection_bytes(selection, entry->site);
        struct change *change = &changes[*count];

        if (bytes.value <= 0)
            continue;
        if (sites_resolve(sites, entry) < 0)
            return -ENOMEM;
        *change = (struct change){.key = key_make(entry), .entry = entry};
        if (!change->key)
            return -ENOMEM;
        *(is_now ? &change->now : &change->then) = bytes;
        ++*count;
    }
    return 0;
}

static int key_compare(const void *left, const void *right)
{
    const struct change *a = left;
    const struct change *b = right;

    return strcmp(a->key, b->key);
}

static double weight(const struct change *change)
{
    return change->now.value + change->then.value;
}

static void change_join(struct change *whole, struct change *part)
{
    if (weight(part) > weight(whole))
        whole->entry = part->entry;
    whole->now = reader_estimate_sum(whole->now, part->now);
    whole->then = reader_estimate_sum(whole->then, part->then);
    free(part->key);
}

static size_t changes_join(struct change *changes, size_t count)
{
    size_t joined = 0;

    qsort(changes, count, sizeof(*changes), key_compare);
    for (size_t i = 0; i < count; i++) {
        if (joined > 0 && strcmp(changes[joined - 1].key, changes[i].key) == 0)
            change_join(&changes[joined - 1], &changes[i]);
        else
            changes[joined++] = changes[i];
    }
    return joined;
}

static int growth_compare(const void *left, const void *right)
{
    const struct change *a = left;
    const struct change *b = right;
    double x = a->now.value - a->then.value;
    double y = b->now.value - b->then.value;

    if (x != y)
        return x < y ? 1 : -1;
    return strcmp(a->key, b->key);
}

/* ---------------------------------------------------------------- print */

static char *change_format(char text[SIZE_BYTES], double change)
{
    return size_format_change(text, fabs(change) < 0x1p62 ? llround(change)
                                                          : INT64_MIN);
}

static void change_print(FILE *out, const struct change *change,
                         size_t most_lines)
{
    char grown[SIZE_BYTES];
    char low[SIZE_BYTES];
    char high[SIZE_BYTES];
    char now[SIZE_BYTES];
    char then[SIZE_BYTES];
    bool may_be_none = change->range.low <= 0 && change->range.high >= 0;

    (void)fprintf(out, "\n%s: %s -> %s",
                  change_format(grown, change->now.value - change->then.value),
                  sites_size(then, change->then.value),
                  sites_size(now, change->now.value));
    if (change->range.low < change->range.high)
        (void)fprintf(out, " (%s to %s%s)",
                      change_format(low, change->range.low),
                      change_format(high, change->range.high),
                      may_be_none ? ": may be chance" : "");
    else
        (void)fprintf(out, " (exact)");
    (void)fputc('\n', out);
    sites_stack_print(out, change->entry, most_lines, 4);
}

static void heading_print(FILE *out, const struct sites *now,
                          const struct sites *then)
{
    char used[SIZE_BYTES];
    char was[SIZE_BYTES];
    char grown[SIZE_BYTES];

    text_heading(out, now);
    (void)fprintf(
        out, "compared with %s (pid %" PRIu32 "): used %s -> %s, %s\n",
        then->comm, then->pid, size_format(was, then->profile.used_bytes),
        size_format(used, now->profile.used_bytes),
        size_format_change(grown, size_change(now->profile.used_bytes,
                                              then->profile.used_bytes)));
}

static bool is_large(const struct change *change,
                     const struct selection *selection)
{
    double grown = fabs(change->now.value - change->then.value);

    return grown >= 1 && grown >= (double)selection->least_bytes;
}

static void changes_print(FILE *out, struct change *changes, size_t count,
                          double now_unit, double then_unit,
                          const struct selection *selection)
{
    size_t shown = 0;
    size_t left = 0;

    for (size_t i = 0; i < count; i++) {
        struct change *change = &changes[i];

        if (!is_large(change, selection)) {
            left++;
            continue;
        }
        if (selection->most != 0 && shown >= selection->most) {
            left++;
            continue;
        }
        change->range = reader_estimate_change(change->now, now_unit,
                                               change->then, then_unit);
        change_print(out, change, selection->most_lines);
        shown++;
    }
    if (left > 0)
        (void)fprintf(out, "\n%zu more stack%s (-n, --min)\n", left,
                      left == 1 ? "" : "s");
}

int diff_write(FILE *out, struct sites *now, struct sites *then,
               const struct selection *selection)
{
    struct change *changes =
        calloc(now->count + then->count + 1, sizeof(*changes));
    size_t count = 0;
    int err =
        changes ? side_add(changes, &count, now, selection, true) : -ENOMEM;

    if (err == 0)
        err = side_add(changes, &count, then, selection, false);
    if (err == 0) {
        count = changes_join(changes, count);
        qsort(changes, count, sizeof(*changes), growth_compare);
        heading_print(out, now, then);
        changes_print(out, changes, count, (double)now->profile.most_mean_bytes,
                      (double)then->profile.most_mean_bytes, selection);
        text_notes(out, now);
    }
    for (size_t i = 0; changes && i < count; i++)
        free(changes[i].key);
    free(changes);
    return err;
}
