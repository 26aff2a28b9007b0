#include "leaks.h"

#include "compiler.h"
#include "counter.h"
#include "region.h"
#include "sampler.h"

#include <stdbool.h>

enum { SITES_SHOWN = 10, FRAMES_SHOWN = 12 };

/* Estimates of what lives, of a site. */
struct sums {
    double bytes, blocks;
    uint64_t samples;
};

TABLE static struct sums sums[GCSHIM_SITES];

static void add(const struct gcshim_huge *entry)
{
    uint64_t bytes = counter_read(&entry->bytes);
    uint32_t site = atomic_load_explicit(&entry->site, memory_order_relaxed);
    uint32_t mean = site >> GCSHIM_SITE_MEAN_SHIFT;
    struct sums *sum = &sums[site & GCSHIM_SITE_MASK];
    if (counter_read(&entry->address) == 0 ||
        (site & GCSHIM_SITE_MASK) == GCSHIM_SITE_NONE)
        return;
    double p = sampler_probability(
        bytes, counter_read(&region.segment.profile.means[mean]));
    sum->bytes += (double)bytes / p;
    sum->blocks += 1 / p;
    sum->samples++;
}

static void add_all(void)
{
    const struct gcshim_segment *segment = &region.segment;
    uint64_t samples = counter_read(&segment->profile.samples_high);
    uint64_t huge = counter_read(&segment->header.huge_high);
    for (uint64_t i = 0; i < samples; i++)
        add(&segment->samples[i]);
    for (uint64_t i = 0; i < huge; i++)
        add(&segment->huge[i]);
}

/* The one with the most bytes, forgotten with that; NULL: none is left. */
static const struct gcshim_site *largest(struct sums *ret_sums)
{
    uint32_t found = GCSHIM_SITE_NONE;
    for (uint32_t i = GCSHIM_SITE_NONE + 1; i < GCSHIM_SITES; i++)
        if (sums[i].bytes > sums[found].bytes)
            found = i;
    *ret_sums = sums[found];
    sums[found] = (struct sums){0};
    return found == GCSHIM_SITE_NONE ? NULL : &region.segment.sites[found];
}

static void put_named(struct text *text, const struct gcshim_frame *frame)
{
    const char *function = region.segment.names[frame->address].text;
    const char *file = function;
    while (*file++) {
    }
    text_put(text, function);
    text_put(text, " at ");
    text_put(text, file);
    if (frame->line) {
        text_put(text, ":");
        text_put_number(text, frame->line);
    }
}

/* The call, not where it returns to. */
static void put_code(struct text *text, const struct gcshim_frame *frame)
{
    if (frame->module != GCSHIM_MODULE_NONE)
        text_put(text, region.segment.modules[frame->module].path);
    text_put(text, "+");
    text_put_hex(text, frame->address - 1);
}

static void put_frame(struct text *text, const struct gcshim_frame *frame)
{
    text_put(text, "      ");
    if (frame->module == GCSHIM_MODULE_NAMED)
        put_named(text, frame);
    else
        put_code(text, frame);
    text_put(text, "\n");
}

static void put_stack(struct text *text, const struct gcshim_site *site)
{
    uint32_t depth = atomic_load_explicit(&site->frames,
                                          memory_order_acquire);
    uint32_t first = atomic_load_explicit(&site->first_frame,
                                          memory_order_relaxed);
    if (depth == 0)
        text_put(text, "      (the stack could not be taken)\n");
    for (uint32_t i = 0; i < depth && i < FRAMES_SHOWN; i++)
        put_frame(text, &region.segment.frames[first + i]);
    if (depth > FRAMES_SHOWN)
        text_put(text, "      ...\n");
}

static void put_site(struct text *text, const struct gcshim_site *site,
                     const struct sums *sum)
{
    text_put(text, "    ");
    text_put_size(text, (uint64_t)sum->bytes);
    text_put(text, " in ");
    text_put_number(text, (uint64_t)(sum->blocks + 0.5));
    text_put(text, " blocks, estimated from ");
    text_put_number(text, sum->samples);
    text_put(text, sum->samples == 1 ? " sample\n" : " samples\n");
    put_stack(text, site);
}

void leaks_put(struct text *text)
{
    const struct gcshim_site *site;
    struct sums sum;
    if (counter_read(&region.segment.profile.means[1]) == 0)
        return;
    add_all();
    for (int i = 0; i < SITES_SHOWN && (site = largest(&sum)) != NULL; i++) {
        if (i == 0)
            text_put(text, "  never freed, by call site\n");
        put_site(text, site, &sum);
    }
}
