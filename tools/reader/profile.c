/* Call sites: see profile.h.
 *
 * What is read first is never ahead of what is read after it: the lists of
 * blocks, then the sites they name, then the counts of the tables, then the
 * tables.  P: [profile-tables] */
#include "reader/profile.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "reader/blocks.h"
#include "reader/frames.h"
#include "reader/proc.h"
#include "reader/process.h"
#include "reader/profile_state.h"
#include "reader/refuse.h"
#include "reader/reopen.h"

enum { NS_PER_MS = 1000000 };

/* More than there can be: 128 TiB each microsecond for a thousand years. */
#define SUM_MAX 1e31

static_assert(
    (int)READER_SAMPLING_OFF == (int)GCSHIM_SAMPLING_OFF &&
        (int)READER_SAMPLING_ON == (int)GCSHIM_SAMPLING_ON &&
        (int)READER_SAMPLING_STARTING == (int)GCSHIM_SAMPLING_STARTING &&
        (int)READER_SAMPLING_NO_UNWINDER == (int)GCSHIM_SAMPLING_NO_UNWINDER &&
        (int)READER_SAMPLING_SANDBOXED == (int)GCSHIM_SAMPLING_SANDBOXED &&
        (int)READER_SAMPLING_TOO_MANY_MEANS ==
            (int)GCSHIM_SAMPLING_TOO_MANY_MEANS,
    "a state is taken over as it is");

/* A segment's tables, as they are read. */
struct tables {
    struct block *samples, *huge;
    size_t sample_count, huge_count;
    struct gcshim_site *sites;
    size_t site_count;
    struct gcshim_profile profile;
    struct frames frames;
};

/* What lives of one thread at one site: a block, then the sum of several. */
struct share {
    uint32_t site;
    struct reader_site_thread thread;
};

/* ----------------------------------------------------------------- read */

static bool has_table(const struct segment *segment,
                      enum gcshim_section_kind kind)
{
    return segment->sections[kind].entries != 0;
}

static int profile_read(const struct segment *segment,
                        struct gcshim_profile *ret_profile,
                        char reason[READER_REASON_BYTES])
{
    return segment_read(segment, ret_profile, sizeof(*ret_profile),
                        segment_entry(segment, GCSHIM_SECTION_PROFILE, 0),
                        reason);
}

static int lists_read(const struct segment *segment, struct tables *tables,
                      char reason[READER_REASON_BYTES])
{
    uint64_t huge_high = 0;
    int err = profile_read(segment, &tables->profile, reason);

    if (err == 0)
        err = blocks_read(segment, GCSHIM_SECTION_SAMPLES,
                          tables->profile.samples_high, "samples",
                          &tables->samples, &tables->sample_count, reason);
    if (err == 0)
        err = blocks_huge_high(segment, &huge_high, reason);
    if (err == 0)
        err =
            blocks_read(segment, GCSHIM_SECTION_HUGE, huge_high, "huge blocks",
                        &tables->huge, &tables->huge_count, reason);
    return err;
}

static int sites_read(const struct segment *segment, struct tables *tables,
                      char reason[READER_REASON_BYTES])
{
    size_t count = (size_t)segment->sections[GCSHIM_SECTION_SITES].entries;

    tables->sites = calloc(count, sizeof(*tables->sites));
    if (!tables->sites)
        return -ENOMEM;
    tables->site_count = count;
    return segment_read(segment, tables->sites, count * sizeof(*tables->sites),
                        segment_entry(segment, GCSHIM_SECTION_SITES, 0),
                        reason);
}

static int tables_read(const struct segment *segment, struct tables *tables,
                       char reason[READER_REASON_BYTES])
{
    int err = lists_read(segment, tables, reason);

    if (err == 0)
        err = sites_read(segment, tables, reason);
    if (err == 0)
        err = profile_read(segment, &tables->profile, reason);
    if (err == 0)
        err = frames_read(segment, &tables->profile, &tables->frames, reason);
    return err;
}

static void tables_fini(struct tables *tables)
{
    free(tables->samples);
    free(tables->huge);
    free(tables->sites);
    frames_fini(&tables->frames);
}

/* ---------------------------------------------------------------- sites */

static struct reader_estimate plus(struct reader_estimate a,
                                   struct reader_estimate b)
{
    return reader_estimate_sum(a, b);
}

static bool is_sum(double sum)
{
    return sum >= 0 && sum <= SUM_MAX; /* no NaN either */
}

/* The sum of squares is no more than the square of the sum; the two words may
 * be of different moments. */
static struct reader_estimate estimate_of(double value, double variance)
{
    return (struct reader_estimate){value, fmin(variance, value * value)};
}

static int sums_check(struct gcshim_site *raw, size_t number,
                      char reason[READER_REASON_BYTES])
{
    if (is_sum(raw->bytes) && is_sum(raw->blocks) && raw->bytes_variance >= 0 &&
        raw->blocks_variance >= 0)
        return 0;
    return refuse(reason, "has impossible sums at site %zu", number);
}

static int stack_set(struct reader_site *site, struct gcshim_site *raw,
                     const struct frames *frames,
                     char reason[READER_REASON_BYTES])
{
    size_t first = raw->first_frame;
    size_t count = raw->frames;

    if (count > GCSHIM_STACK_DEPTH_MAX || first > frames->count ||
        count > frames->count - first)
        return refuse(reason, "has site %u with frames that there are not",
                      site->number);
    site->frames = frames->list + first;
    site->frame_count = count;
    return 0;
}

static int site_set(struct reader_site *site, size_t number,
                    const struct tables *tables,
                    char reason[READER_REASON_BYTES])
{
    struct gcshim_site *raw = &tables->sites[number];
    int err = sums_check(raw, number, reason);

    if (err)
        return err;
    *site = (struct reader_site){
        .number = (uint32_t)number,
        .is_cut = raw->is_cut != 0,
        .is_beyond = number == GCSHIM_SITE_NO_ROOM,
        .samples = raw->samples,
        .total_bytes = estimate_of(raw->bytes, raw->bytes_variance),
        .total_blocks = estimate_of(raw->blocks, raw->blocks_variance),
        .oldest_ms = READER_UNKNOWN,
        .youngest_ms = READER_UNKNOWN,
    };
    return stack_set(site, raw, &tables->frames, reason);
}

/* All entries of the table, in use or not. */
static int sites_set(struct reader_profile *profile,
                     const struct tables *tables,
                     char reason[READER_REASON_BYTES])
{
    int err = 0;

    profile->sites = calloc(tables->site_count, sizeof(*profile->sites));
    if (!profile->sites)
        return -ENOMEM;
    profile->site_count = tables->site_count;
    for (size_t i = GCSHIM_SITE_UNKNOWN; err == 0 && i < tables->site_count;
         i++)
        err = site_set(&profile->sites[i], i, tables, reason);
    return err;
}

/* --------------------------------------------------------------- blocks */

static void age_add(struct reader_site *site, uint64_t then_ns, uint64_t now_ns)
{
    uint64_t age_ms = now_ns > then_ns ? (now_ns - then_ns) / NS_PER_MS : 0;

    if (site->oldest_ms == READER_UNKNOWN || age_ms > site->oldest_ms)
        site->oldest_ms = age_ms;
    if (age_ms < site->youngest_ms)
        site->youngest_ms = age_ms;
}

/* Whether what it says of its sample is possible. */
static bool is_sound(const struct block *block, struct tables *tables)
{
    return block->bytes > 0 && block->site < tables->site_count &&
           block->mean < GCSHIM_MEANS &&
           tables->profile.means[block->mean] <= SEGMENT_BYTES_MAX;
}

static void block_add(struct reader_profile *profile, struct tables *tables,
                      const struct block *block, uint64_t now_ns,
                      struct share *share)
{
    struct reader_site *site = &profile->sites[block->site];
    uint64_t mean = tables->profile.means[block->mean];
    struct reader_estimate bytes = reader_estimate_bytes(block->bytes, mean);
    struct reader_estimate blocks = reader_estimate_blocks(block->bytes, mean);

    site->live_samples++;
    site->live_bytes = plus(site->live_bytes, bytes);
    site->live_blocks = plus(site->live_blocks, blocks);
    age_add(site, block->allocated_ns, now_ns);
    *share = (struct share){
        block->site,
        {.tid = block->tid, .live_bytes = bytes, .live_blocks = blocks}};
}

/* Returns how many of the blocks belong to a site. */
static size_t blocks_add(struct reader_profile *profile, struct tables *tables,
                         const struct block *blocks, size_t count,
                         struct share *shares)
{
    uint64_t now_ns = proc_now_ns();
    size_t added = 0;

    for (size_t i = 0; i < count; i++) {
        if (blocks[i].site == GCSHIM_SITE_NONE)
            profile->unsampled_huge_bytes += blocks[i].bytes;
        else if (is_sound(&blocks[i], tables))
            block_add(profile, tables, &blocks[i], now_ns, &shares[added++]);
    }
    return added;
}

/* -------------------------------------------------------------- threads */

static int share_compare(const void *left, const void *right)
{
    const struct share *a = left;
    const struct share *b = right;

    if (a->site != b->site)
        return a->site < b->site ? -1 : 1;
    return (a->thread.tid > b->thread.tid) - (a->thread.tid < b->thread.tid);
}

/* Of the same site and thread into one: how many are left. */
static size_t shares_join(struct share *shares, size_t count)
{
    size_t joined = 0;

    qsort(shares, count, sizeof(*shares), share_compare);
    for (size_t i = 0; i < count; i++) {
        struct share *last = &shares[joined > 0 ? joined - 1 : 0];

        if (joined == 0 || share_compare(last, &shares[i]) != 0) {
            shares[joined++] = shares[i];
            continue;
        }
        last->thread.live_bytes =
            plus(last->thread.live_bytes, shares[i].thread.live_bytes);
        last->thread.live_blocks =
            plus(last->thread.live_blocks, shares[i].thread.live_blocks);
    }
    return joined;
}

static int thread_compare(const void *left, const void *right)
{
    const struct reader_site_thread *a = left;
    const struct reader_site_thread *b = right;

    if (a->live_bytes.value != b->live_bytes.value)
        return a->live_bytes.value < b->live_bytes.value ? 1 : -1;
    return (a->tid > b->tid) - (a->tid < b->tid);
}

static void name_set(struct reader_site_thread *thread,
                     const struct reader_process *process)
{
    for (size_t i = 0; i < process->thread_count; i++) {
        if (process->threads[i].tid == thread->tid)
            memcpy(thread->name, process->threads[i].name,
                   sizeof(thread->name));
    }
}

/* The ids as this reader sees them: of a process that is no more, and of one
 * that ends this instant, they are what it called its threads. */
static void tids_translate(const struct reader_process *process,
                           struct share *shares, size_t count)
{
    struct process_tids tids = {0};
    struct proc proc;

    if (process->state == READER_LIVE && process->pid_namespace != 0 &&
        proc_open(&proc, process->pid) == 0) {
        (void)process_tids_init(&tids, process, &proc);
        proc_close(&proc);
    }
    for (size_t i = 0; i < count; i++) {
        struct reader_site_thread *thread = &shares[i].thread;

        thread->tid = process_tid_seen(&tids, thread->tid);
        name_set(thread, process);
    }
    process_tids_fini(&tids);
}

/* Hands each site its threads, which lie side by side. */
static void threads_deal(struct reader_profile *profile,
                         const struct share *shares, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct reader_site *site = &profile->sites[shares[i].site];

        profile->threads[i] = shares[i].thread;
        if (site->thread_count++ == 0)
            site->threads = &profile->threads[i];
    }
    for (size_t i = 0; i < profile->site_count; i++) {
        struct reader_site *site = &profile->sites[i];

        if (site->thread_count > 1)
            qsort(site->threads, site->thread_count, sizeof(*site->threads),
                  thread_compare);
    }
}

static int live_set(struct reader_profile *profile, struct tables *tables,
                    const struct reader_process *process)
{
    size_t room = tables->sample_count + tables->huge_count + 1;
    struct share *shares = calloc(room, sizeof(*shares));
    size_t count = 0;

    if (!shares)
        return -ENOMEM;
    count = blocks_add(profile, tables, tables->samples, tables->sample_count,
                       shares);
    profile->unsampled_huge_bytes = 0; /* nor is a sample without a site huge */
    count += blocks_add(profile, tables, tables->huge, tables->huge_count,
                        shares + count);
    count = shares_join(shares, count);
    tids_translate(process, shares, count);
    profile->threads = calloc(count + 1, sizeof(*profile->threads));
    if (profile->threads)
        threads_deal(profile, shares, count);
    free(shares);
    return profile->threads ? 0 : -ENOMEM;
}

/* --------------------------------------------------------------- totals */

/* What lives was once asked for, if only since its site was read. */
static void total_raise(struct reader_site *site)
{
    if (site->total_bytes.value < site->live_bytes.value)
        site->total_bytes = site->live_bytes;
    if (site->total_blocks.value < site->live_blocks.value)
        site->total_blocks = site->live_blocks;
    if (site->samples < site->live_samples)
        site->samples = site->live_samples;
}

static void site_sum(struct reader_profile *profile,
                     const struct reader_site *site)
{
    profile->live_bytes = plus(profile->live_bytes, site->live_bytes);
    profile->live_blocks = plus(profile->live_blocks, site->live_blocks);
    profile->total_bytes = plus(profile->total_bytes, site->total_bytes);
    profile->total_blocks = plus(profile->total_blocks, site->total_blocks);
}

static int site_compare(const void *left, const void *right)
{
    const struct reader_site *a = left;
    const struct reader_site *b = right;

    if (a->live_bytes.value != b->live_bytes.value)
        return a->live_bytes.value < b->live_bytes.value ? 1 : -1;
    if (a->total_bytes.value != b->total_bytes.value)
        return a->total_bytes.value < b->total_bytes.value ? 1 : -1;
    return (a->number > b->number) - (a->number < b->number);
}

/* Leaves those that anything was asked for from. */
static void sites_finish(struct reader_profile *profile)
{
    size_t count = 0;

    for (size_t i = 0; i < profile->site_count; i++) {
        struct reader_site *site = &profile->sites[i];

        total_raise(site);
        if (site->samples == 0)
            continue;
        site_sum(profile, site);
        profile->sites[count++] = *site;
    }
    profile->site_count = count;
    qsort(profile->sites, count, sizeof(*profile->sites), site_compare);
}

static uint64_t most_mean(struct gcshim_profile *raw)
{
    uint64_t most = 0;

    for (size_t i = 0; i < GCSHIM_MEANS; i++) {
        if (raw->means[i] > most && raw->means[i] <= SEGMENT_BYTES_MAX)
            most = raw->means[i];
    }
    return most;
}

static enum reader_sampling state_of(struct gcshim_profile *raw)
{
    return raw->state <= GCSHIM_SAMPLING_TOO_MANY_MEANS
               ? (enum reader_sampling)raw->state
               : READER_SAMPLING_UNKNOWN;
}

static void state_set(struct reader_profile *profile,
                      struct gcshim_profile *raw,
                      const struct reader_process *process)
{
    uint64_t now_ns = proc_now_ns();
    uint64_t since_ns = raw->since_ns;
    uint64_t created_ns = process->created_ns;

    profile->state = state_of(raw);
    profile->mean_bytes = raw->mean_bytes;
    profile->most_mean_bytes = most_mean(raw);
    profile->age_ms = READER_UNKNOWN;
    profile->began_ms = READER_UNKNOWN;
    profile->used_bytes = process->used_bytes;
    profile->samples_unlisted = raw->samples_unlisted;
    profile->sites_dropped = raw->sites_dropped;
    profile->modules_dropped = raw->modules_dropped;
    profile->names_dropped = raw->names_dropped;
    if (since_ns == 0)
        return;
    profile->age_ms = now_ns > since_ns ? (now_ns - since_ns) / NS_PER_MS : 0;
    profile->began_ms =
        since_ns > created_ns ? (since_ns - created_ns) / NS_PER_MS : 0;
}

/* ----------------------------------------------------------------- whole */

static void frames_take(struct reader_profile *profile, struct frames *frames)
{
    profile->frames = frames->list;
    profile->modules = frames->modules;
    profile->module_count = frames->module_count;
    profile->names = frames->names;
    profile->paths = frames->paths;
    *frames = (struct frames){0};
}

static bool has_been_on(const struct reader_profile *profile)
{
    return profile->state != READER_SAMPLING_OFF ||
           profile->age_ms != READER_UNKNOWN || profile->site_count > 0;
}

static int profile_make(struct reader_profile *profile, struct tables *tables,
                        const struct reader_process *process,
                        char reason[READER_REASON_BYTES])
{
    int err = sites_set(profile, tables, reason);

    if (err == 0)
        err = live_set(profile, tables, process);
    if (err)
        return err;
    state_set(profile, &tables->profile, process);
    sites_finish(profile);
    frames_take(profile, &tables->frames);
    return has_been_on(profile) ? 0 : -ENODATA;
}

static int segment_profile(const struct segment *segment,
                           const struct reader_process *process,
                           struct reader_profile *ret_profile,
                           char reason[READER_REASON_BYTES])
{
    struct reader_profile profile = {0};
    struct tables tables = {0};
    int err = 0;

    if (!has_table(segment, GCSHIM_SECTION_PROFILE) ||
        !has_table(segment, GCSHIM_SECTION_SITES))
        return -ENODATA;
    err = tables_read(segment, &tables, reason);
    if (err == 0)
        err = profile_make(&profile, &tables, process, reason);
    tables_fini(&tables);
    if (err)
        reader_profile_fini(&profile);
    else
        *ret_profile = profile;
    return err;
}

int reader_profile_init(struct reader_profile *ret_profile,
                        const struct reader_process *process,
                        char ret_reason[READER_REASON_BYTES])
{
    char ignored[READER_REASON_BYTES];
    char *reason = ret_reason ? ret_reason : ignored;
    struct segment segment;
    int err = reopen(&segment, process, reason);

    if (err)
        return err == -ESRCH ? -ENOENT : err;
    err = segment_profile(&segment, process, ret_profile, reason);
    segment_close(&segment);
    return err;
}

void reader_profile_fini(struct reader_profile *profile)
{
    free(profile->sites);
    free(profile->modules);
    free(profile->frames);
    free(profile->threads);
    free(profile->names);
    free(profile->paths);
    *profile = (struct reader_profile){0};
}

int profile_state_read(const struct segment *segment, uint32_t *ret_served,
                       enum reader_sampling *ret_state,
                       uint64_t *ret_mean_bytes)
{
    char ignored[READER_REASON_BYTES];
    uint64_t offset = segment_entry(segment, GCSHIM_SECTION_PROFILE, 0);
    struct gcshim_profile raw;
    uint32_t served = 0;
    int err =
        segment_read(segment, &served, sizeof(served),
                     offset + offsetof(struct gcshim_profile, served), ignored);

    if (err == 0)
        err = profile_read(segment, &raw, ignored);
    if (err)
        return err;
    *ret_served = served;
    *ret_state = state_of(&raw);
    *ret_mean_bytes = raw.mean_bytes;
    return 0;
}
