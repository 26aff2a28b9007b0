/* What a program never freed: see leaks.h. */
#include "run/leaks.h"

#include "common/wrap.h"
#include "sites/text.h"

enum {
    SITES_SHOWN = 10,
    LINES_SHOWN = 12,
    LABEL_WIDTH = 18,
    WORDS_WIDTH = 74,
    WORDS_INDENT = 4,
};

/* Sites that are told of, or are not. */
struct sum {
    size_t sites;
    struct reader_estimate bytes, blocks;
};

static void sum_add(struct sum *sum, const struct reader_site *site)
{
    sum->sites++;
    sum->bytes = reader_estimate_sum(sum->bytes, site->live_bytes);
    sum->blocks = reader_estimate_sum(sum->blocks, site->live_blocks);
}

static void sum_print(FILE *out, const char *label, const struct sum *sum)
{
    char size[SIZE_BYTES];
    char count[COUNT_BYTES];
    char range[SITES_TEXT_BYTES];

    (void)fprintf(
        out, "  %-*s%*s   in %s%s block%s at %zu call site%s", LABEL_WIDTH,
        label, SIZE_COLUMNS, sites_size(size, sum->bytes.value),
        sum->blocks.variance > 0 ? "about " : "",
        sites_count(count, sum->blocks.value),
        sum->blocks.value >= 0.5 && sum->blocks.value < 1.5 ? "" : "s",
        sum->sites, sum->sites == 1 ? "" : "s");
    if (sum->bytes.variance > 0)
        (void)fprintf(out, " (%s)", sites_range_text(range, sum->bytes, 0));
    (void)fputc('\n', out);
}

/* What is in use and was not sampled. */
static void rest_print(FILE *out, const struct reader_profile *profile)
{
    double rest = (double)profile->used_bytes - profile->live_bytes.value;
    char size[SIZE_BYTES];

    if (rest >= 1)
        (void)fprintf(out, "  %-*s%*s   from before sampling had begun%s\n",
                      LABEL_WIDTH, "at no call site", SIZE_COLUMNS,
                      sites_size(size, rest),
                      profile->most_mean_bytes > 1 ? ", or chance" : "");
}

/* A program that was sampled by chance may have leaked at a site that no
 * sample hit. */
static void words_print(FILE *out, const struct sites *sites,
                        const struct sum *left)
{
    char text[SITES_TEXT_BYTES];
    char mean[SIZE_BYTES];
    uint64_t most = sites->profile.most_mean_bytes;

    if (left->sites > 0)
        wrap_print(out,
                   "In use when the program ended; whether anything still "
                   "pointed there is not known. Interpreters and libraries "
                   "keep blocks on purpose.",
                   WORDS_WIDTH, WORDS_INDENT);
    if (most > 1) {
        (void)snprintf(text, sizeof(text),
                       "Sampled one byte in %s: small leaks may be missing "
                       "(--sample=1 takes all).",
                       size_format(mean, most));
        wrap_print(out, text, WORDS_WIDTH, WORDS_INDENT);
    }
}

/* Those with most that lives stand first. */
static void sites_print(FILE *out, struct sites *sites,
                        const struct suppressions *suppressions,
                        const struct sum *left)
{
    size_t shown = 0;
    char size[SIZE_BYTES];
    struct sum told = {0};

    for (size_t i = 0; i < sites->count && shown < SITES_SHOWN; i++) {
        const struct sites_entry *entry = &sites->entries[i];

        if (entry->site->live_samples == 0 ||
            suppressions_cover(suppressions, entry))
            continue;
        sites_entry_print(out, sites, entry, LINES_SHOWN);
        sum_add(&told, entry->site);
        shown++;
    }
    if (shown < left->sites)
        (void)fprintf(out,
                      "\n%zu more sites with %s (--keep and gcshim-prof "
                      "show all)\n",
                      left->sites - shown,
                      sites_size(size, left->bytes.value - told.bytes.value));
}

/* 0 or -ENOMEM. */
static int sites_sum(struct sites *sites,
                     const struct suppressions *suppressions, struct sum *left,
                     struct sum *suppressed)
{
    int err = 0;

    for (size_t i = 0; i < sites->count && err == 0; i++) {
        struct sites_entry *entry = &sites->entries[i];

        if (entry->site->live_samples == 0)
            continue;
        err = sites_resolve(sites, entry);
        sum_add(suppressions_cover(suppressions, entry) ? suppressed : left,
                entry->site);
    }
    return err;
}

static enum leaks_result leaks_of(FILE *out, struct sites *sites,
                                  const struct suppressions *suppressions)
{
    struct sum left = {0};
    struct sum suppressed = {0};

    if (sites_sum(sites, suppressions, &left, &suppressed) < 0)
        return LEAKS_UNKNOWN;
    sum_print(out, "never freed", &left);
    if (suppressed.sites > 0)
        sum_print(out, "suppressed", &suppressed);
    rest_print(out, &sites->profile);
    words_print(out, sites, &left);
    sites_print(out, sites, suppressions, &left);
    return left.sites > 0 ? LEAKS_LEFT : LEAKS_NONE;
}

/* A program that sampling was on in from its start, and that has no samples,
 * has asked for nothing that was hit. */
static bool is_known(const struct sites *sites)
{
    return sites->profile.age_ms != READER_UNKNOWN;
}

enum leaks_result leaks_print(FILE *out, const struct reader_process *process,
                              const struct suppressions *suppressions)
{
    char reason[READER_REASON_BYTES] = "";
    char text[SITES_REASON_BYTES];
    struct sites sites = {0};
    enum leaks_result result = LEAKS_UNKNOWN;
    int err = sites_init(&sites, process, true, reason);

    if (err == 0 && is_known(&sites))
        result = leaks_of(out, &sites, suppressions);
    else
        (void)fprintf(out, "  %-*s%*s   %s\n", LABEL_WIDTH, "never freed",
                      SIZE_COLUMNS, "-",
                      sites_reason(text, process, &sites, err, reason));
    if (err == 0)
        sites_fini(&sites);
    return result;
}
