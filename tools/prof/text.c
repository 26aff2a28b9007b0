/* Call sites as a report for people: see text.h. */
#include "prof/text.h"

#include <errno.h>
#include <inttypes.h>

#include "common/wrap.h"
#include "sites/text.h"

enum { LABEL_WIDTH = 16, WIDTH = 78, NOTE_BYTES = 400 };

/* -------------------------------------------------------------- heading */

static void state_print(FILE *out, const struct reader_profile *profile)
{
    char state[SITES_TEXT_BYTES];
    char age[AGE_BYTES];

    (void)fprintf(out, "  %s",
                  sites_state_text(state, profile->state, profile->mean_bytes));
    if (profile->age_ms != READER_UNKNOWN)
        (void)fprintf(out, "; last turned on %s ago",
                      age_format(age, profile->age_ms));
    (void)fputc('\n', out);
}

static void figure_print(FILE *out, const char *label, uint64_t bytes)
{
    char size[SIZE_BYTES];

    (void)fprintf(out, "  %-*s %*s", LABEL_WIDTH, label, SIZE_COLUMNS,
                  size_format(size, bytes));
}

static void estimate_print(FILE *out, const char *label,
                           struct reader_estimate estimate, double unit)
{
    char size[SIZE_BYTES];
    char range[SITES_TEXT_BYTES];

    (void)fprintf(out, "  %-*s %*s   %s", LABEL_WIDTH, label, SIZE_COLUMNS,
                  sites_size(size, estimate.value),
                  sites_range_text(range, estimate, unit));
}

/* What is in use at no site that is known. */
static void rest_print(FILE *out, const struct reader_profile *profile)
{
    double rest = (double)profile->used_bytes - profile->live_bytes.value;
    char huge[SIZE_BYTES];

    if (rest < 1)
        return;
    figure_print(out, "at no site", (uint64_t)rest);
    if (profile->unsampled_huge_bytes > 0)
        (void)fprintf(out, "   %s in huge blocks from before sampling",
                      size_format(huge, profile->unsampled_huge_bytes));
    else
        (void)fprintf(out, "   allocated while sampling was off, or chance");
    (void)fputc('\n', out);
}

static void dropped_print(FILE *out, const char *what, uint64_t count)
{
    char text[COUNT_BYTES];

    if (count > 0)
        (void)fprintf(out, "  %s %s had no room\n", count_format(text, count),
                      what);
}

void text_heading(FILE *out, const struct sites *sites)
{
    const struct reader_profile *profile = &sites->profile;
    double unit = (double)profile->most_mean_bytes;

    (void)fprintf(out, "%s (pid %" PRIu32 "), %s: call sites\n", sites->comm,
                  sites->pid,
                  sites->is_live ? "live" : "dead: its last figures");
    state_print(out, profile);
    figure_print(out, "memory used", profile->used_bytes);
    (void)fprintf(out, "   exact\n");
    estimate_print(out, "in use at sites", profile->live_bytes, unit);
    if (profile->used_bytes > 0)
        (void)fprintf(out, ", %.1f%% of used",
                      100 * profile->live_bytes.value /
                          (double)profile->used_bytes);
    (void)fputc('\n', out);
    rest_print(out, profile);
    estimate_print(out, "ever asked for", profile->total_bytes, unit);
    (void)fputc('\n', out);
    dropped_print(out, "samples, whose blocks are not among those in use,",
                  profile->samples_unlisted);
    dropped_print(out, "call stacks", profile->sites_dropped);
    dropped_print(out, "modules", profile->modules_dropped);
    dropped_print(out, "names", profile->names_dropped);
}

/* ---------------------------------------------------------------- notes */

void text_notes(FILE *out, const struct sites *sites)
{
    bool is_first = true;

    for (size_t i = 0; sites->with_symbols && i < sites->profile.module_count;
         i++) {
        const char *note = symbols_note(sites->symbols, i);

        if (!note)
            continue;
        if (is_first)
            (void)fputc('\n', out);
        is_first = false;
        wrap_print(out, note, WIDTH, 0);
    }
}

/* ---------------------------------------------------------------- sites */

static void more_print(FILE *out, const struct sites *sites,
                       const struct selection *selection, size_t shown)
{
    struct reader_estimate rest = {0, 0};
    size_t count = 0;
    char size[SIZE_BYTES];

    for (size_t i = shown; i < sites->count; i++) {
        struct reader_estimate bytes =
            selection_bytes(selection, sites->entries[i].site);

        count += bytes.value > 0;
        rest = reader_estimate_sum(rest, bytes);
    }
    if (count > 0)
        (void)fprintf(out, "\n%zu more site%s with %s %s (-n, --min)\n", count,
                      count == 1 ? "" : "s", sites_size(size, rest.value),
                      selection->by_total ? "ever asked for" : "in use");
}

int text_write(FILE *out, struct sites *sites,
               const struct selection *selection)
{
    size_t shown = selection_make(selection, sites);

    text_heading(out, sites);
    for (size_t i = 0; i < shown; i++) {
        if (sites_resolve(sites, &sites->entries[i]) < 0)
            return -ENOMEM;
        sites_entry_print(out, sites, &sites->entries[i],
                          selection->most_lines);
    }
    more_print(out, sites, selection, shown);
    text_notes(out, sites);
    return 0;
}
