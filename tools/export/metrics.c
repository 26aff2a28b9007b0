/* Every metric there is: see metrics.h.
 *
 * A row says what a metric is called and means, what goes through what it is
 * of, and where its figure stands there.  To add one is to add a row.
 *
 * A figure that is not known makes no sample: a gap in a graph is the truth,
 * and a 0 would not be.  Names and labels are promised to dashboards and
 * alert rules; what a row says is in docs/export.md too.
 */
#include "export/metrics.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "common/users.h"

enum {
    NS_PER_MS = 1000000,
    NUMBER_BYTES = 24,
    LABELS_MAX = 8,
};

struct metric {
    struct openmetrics_family family;
    void (*write)(struct openmetrics *out, const struct metric *metric,
                  const struct scrape *scrape);
    size_t offset; /* of a uint64_t in what write goes through */
};

/* --------------------------------------------------------------- labels */

struct labels {
    struct openmetrics_label of[LABELS_MAX];
    size_t count;
    char pid[NUMBER_BYTES];
    char namespace[NUMBER_BYTES];
};

static void label_add(struct labels *labels, const char *name,
                      const char *value)
{
    labels->of[labels->count++] = (struct openmetrics_label){name, value};
}

static char *number_format(char text[NUMBER_BYTES], uint64_t number)
{
    (void)snprintf(text, NUMBER_BYTES, "%" PRIu64, number);
    return text;
}

/* What tells a process from every other of its machine.  The namespace is
 * told of containers alone, where a dead process has its pid in there. */
static void labels_init(struct labels *ret_labels,
                        const struct reader_process *process)
{
    ret_labels->count = 0;
    label_add(ret_labels, "pid", number_format(ret_labels->pid, process->pid));
    label_add(ret_labels, "comm", process->comm);
    label_add(ret_labels, "user", users_name(process->uid));
    if (process->pid_namespace != 0)
        label_add(ret_labels, "pid_namespace",
                  number_format(ret_labels->namespace, process->pid_namespace));
}

/* --------------------------------------------------------------- samples */

static uint64_t figure_at(const void *object, size_t offset)
{
    uint64_t figure = 0;

    memcpy(&figure, (const char *)object + offset, sizeof(figure));
    return figure;
}

static void put(struct openmetrics *out, const struct labels *labels,
                uint64_t figure)
{
    if (figure != READER_UNKNOWN)
        openmetrics_sample(out, labels->of, labels->count, figure);
}

/* A sample whose last label is another for each: [base]{..., name="value"} */
static void put_labelled(struct openmetrics *out, const struct labels *base,
                         const char *name, const char *value, uint64_t figure)
{
    struct labels labels = *base;

    label_add(&labels, name, value);
    put(out, &labels, figure);
}

/* ------------------------------------------------------------- processes */

static void process_put(struct openmetrics *out, const struct metric *metric,
                        const struct scrape *scrape)
{
    for (size_t i = 0; i < scrape->count; i++) {
        const struct reader_process *process = scrape->subjects[i].process;
        struct labels labels;

        labels_init(&labels, process);
        put(out, &labels, figure_at(process, metric->offset));
    }
}

static void up_put(struct openmetrics *out, const struct metric *metric,
                   const struct scrape *scrape)
{
    (void)metric;
    for (size_t i = 0; i < scrape->count; i++) {
        const struct reader_process *process = scrape->subjects[i].process;
        struct labels labels;

        labels_init(&labels, process);
        put(out, &labels, process->state == READER_LIVE);
    }
}

static void info_put(struct openmetrics *out, const struct metric *metric,
                     const struct scrape *scrape)
{
    (void)metric;
    for (size_t i = 0; i < scrape->count; i++) {
        const struct reader_process *process = scrape->subjects[i].process;
        char namespace_pid[NUMBER_BYTES];
        struct labels labels;

        labels_init(&labels, process);
        label_add(&labels, "segment", process->segment);
        label_add(&labels, "namespace_pid",
                  process->pid_namespace == 0
                      ? NULL
                      : number_format(namespace_pid, process->namespace_pid));
        put(out, &labels, 1);
    }
}

static void age_put(struct openmetrics *out, const struct metric *metric,
                    const struct scrape *scrape)
{
    for (size_t i = 0; i < scrape->count; i++) {
        const struct reader_process *process = scrape->subjects[i].process;
        uint64_t age_ms = figure_at(process, metric->offset);
        struct labels labels;

        labels_init(&labels, process);
        put(out, &labels,
            age_ms < READER_UNKNOWN / NS_PER_MS ? age_ms * NS_PER_MS
                                                : READER_UNKNOWN);
    }
}

static void start_put(struct openmetrics *out, const struct metric *metric,
                      const struct scrape *scrape)
{
    (void)metric;
    for (size_t i = 0; i < scrape->count; i++) {
        const struct reader_process *process = scrape->subjects[i].process;
        uint64_t start_ns = READER_UNKNOWN;
        struct labels labels;

        labels_init(&labels, process);
        if (__builtin_add_overflow(scrape->boot_time_ns, process->created_ns,
                                   &start_ns))
            start_ns = READER_UNKNOWN;
        put(out, &labels, start_ns);
    }
}

/* All verdicts that can be given, so that a series does not come and go; none
 * where there is no verdict. */
static void verdict_put(struct openmetrics *out, const struct metric *metric,
                        const struct scrape *scrape)
{
    (void)metric;
    for (size_t i = 0; i < scrape->count; i++) {
        const struct reader_process *process = scrape->subjects[i].process;
        struct labels labels;

        labels_init(&labels, process);
        for (int verdict = READER_VERDICT_IN_USE;
             process->verdict != READER_VERDICT_UNKNOWN &&
             verdict <= READER_VERDICT_OUTSIDE;
             verdict++)
            put_labelled(out, &labels, "verdict",
                         reader_verdict_name((enum reader_verdict)verdict),
                         process->verdict == (enum reader_verdict)verdict);
    }
}

/* ----------------------------------------------------------- collections */

static void gc_put(struct openmetrics *out, const struct metric *metric,
                   const struct scrape *scrape)
{
    for (size_t i = 0; i < scrape->count; i++) {
        const struct reader_process *process = scrape->subjects[i].process;
        struct labels labels;

        if (!process->gc.is_there)
            continue;
        labels_init(&labels, process);
        put(out, &labels, figure_at(process, metric->offset));
    }
}

static void collections_put(struct openmetrics *out,
                            const struct metric *metric,
                            const struct scrape *scrape)
{
    (void)metric;
    for (size_t i = 0; i < scrape->count; i++) {
        const struct reader_process *process = scrape->subjects[i].process;
        char generation[NUMBER_BYTES];
        struct labels labels;

        labels_init(&labels, process);
        for (size_t g = 0; process->gc.is_there && g < READER_GC_GENERATIONS;
             g++)
            put_labelled(out, &labels, "generation",
                         number_format(generation, g),
                         process->gc.collections[g]);
    }
}

static void gc_info_put(struct openmetrics *out, const struct metric *metric,
                        const struct scrape *scrape)
{
    (void)metric;
    for (size_t i = 0; i < scrape->count; i++) {
        const struct reader_process *process = scrape->subjects[i].process;
        const struct reader_gc *gc = &process->gc;
        struct labels labels;

        if (!gc->is_there)
            continue;
        labels_init(&labels, process);
        label_add(&labels, "runtime", gc->runtime[0] ? gc->runtime : NULL);
        label_add(&labels, "mode", reader_gc_mode_name(gc->mode));
        label_add(&labels, "blind", gc->is_blind ? "true" : "false");
        put(out, &labels, 1);
    }
}

/* --------------------------------------------------------------- threads */

static void threads_left_out_put(struct openmetrics *out,
                                 const struct metric *metric,
                                 const struct scrape *scrape)
{
    (void)metric;
    for (size_t i = 0; i < scrape->count; i++) {
        const struct scrape_subject *subject = &scrape->subjects[i];
        struct labels labels;

        if (!subject->threads)
            continue;
        labels_init(&labels, subject->process);
        put(out, &labels, subject->threads_left_out);
    }
}

static void threads_put(struct openmetrics *out, const struct metric *metric,
                        const struct scrape *scrape)
{
    for (size_t i = 0; i < scrape->count; i++) {
        const struct scrape_subject *subject = &scrape->subjects[i];

        for (size_t k = 0; k < subject->thread_groups; k++) {
            const struct threads_group *group = &subject->threads[k];
            char tid[NUMBER_BYTES];
            struct labels labels;

            labels_init(&labels, subject->process);
            label_add(&labels, "thread", group->name[0] ? group->name : NULL);
            label_add(&labels, "tid",
                      group->tid ? number_format(tid, group->tid) : NULL);
            put(out, &labels, figure_at(group, metric->offset));
        }
    }
}

/* ---------------------------------------------------------- size classes */

static void classes_put(struct openmetrics *out, const struct metric *metric,
                        const struct scrape *scrape)
{
    for (size_t i = 0; scrape->wish->size_classes && i < scrape->count; i++) {
        const struct reader_process *process = scrape->subjects[i].process;
        struct labels labels;

        labels_init(&labels, process);
        for (size_t k = 0; k < process->class_count; k++) {
            const struct reader_class *class = &process->classes[k];
            char bytes[NUMBER_BYTES];

            put_labelled(out, &labels, "block_bytes",
                         number_format(bytes, class->block_bytes),
                         figure_at(class, metric->offset));
        }
    }
}

/* ----------------------------------------------------------- the exporter */

static void scrape_put(struct openmetrics *out, const struct metric *metric,
                       const struct scrape *scrape)
{
    struct labels none = {.count = 0};

    put(out, &none, figure_at(scrape, metric->offset));
}

static void build_put(struct openmetrics *out, const struct metric *metric,
                      const struct scrape *scrape)
{
    struct labels none = {.count = 0};

    (void)metric;
    (void)scrape;
    put_labelled(out, &none, "version", GCSHIM_VERSION, 1);
}

static void exported_put(struct openmetrics *out, const struct metric *metric,
                         const struct scrape *scrape)
{
    struct labels none = {.count = 0};
    uint64_t live = 0;

    (void)metric;
    for (size_t i = 0; i < scrape->count; i++)
        live += scrape->subjects[i].process->state == READER_LIVE;
    put_labelled(out, &none, "state", "live", live);
    put_labelled(out, &none, "state", "dead", scrape->count - live);
}

static void left_out_put(struct openmetrics *out, const struct metric *metric,
                         const struct scrape *scrape)
{
    struct labels none = {.count = 0};

    (void)metric;
    put_labelled(out, &none, "reason", "limit", scrape->left_out);
    put_labelled(out, &none, "reason", "namesake", scrape->namesakes);
}

/* The sentences of refusals name pids: as labels they would be without
 * bound.  gcshim-top -b prints them. */
static void refused_put(struct openmetrics *out, const struct metric *metric,
                        const struct scrape *scrape)
{
    const struct reader_survey *survey = &scrape->survey;
    struct labels none = {.count = 0};

    (void)metric;
    put_labelled(out, &none, "reason", "denied", survey->denied_count);
    put_labelled(out, &none, "reason", "unfit", survey->refusal_count);
    put_labelled(out, &none, "reason", "beyond_limits", survey->beyond_count);
}

/* -------------------------------------------------------------- the table */

static_assert(sizeof(size_t) == sizeof(uint64_t),
              "the table takes counts for figures");

/* clang-format off */
#define GAUGE(name, unit, help) {name, OPENMETRICS_GAUGE, unit, help}
#define COUNTER(name, unit, help) {name, OPENMETRICS_COUNTER, unit, help}
#define INFO(name, help) {name, OPENMETRICS_INFO, NONE, help}
#define NONE OPENMETRICS_NO_UNIT
#define BYTES OPENMETRICS_BYTES
#define SECONDS OPENMETRICS_SECONDS

#define OF_PROCESS(field) process_put, offsetof(struct reader_process, field)
#define OF_AGE(field) age_put, offsetof(struct reader_process, field)
#define OF_GC(field) gc_put, offsetof(struct reader_process, gc.field)
#define OF_THREADS(field) threads_put, offsetof(struct threads_group, field)
#define OF_CLASS(field) classes_put, offsetof(struct reader_class, field)
#define OF_SCRAPE(field) scrape_put, offsetof(struct scrape, field)

static const struct metric table[] = {
    {GAUGE("gcshim_process_up", NONE,
        "1 while the process lives; 0 after a crash or a kill, with its last "
        "figures."), up_put, 0},
    {INFO("gcshim_process",
        "The name of the process's account, and its id in its container."),
        info_put, 0},
    {GAUGE("gcshim_process_start_time_seconds", SECONDS,
        "When the account began, since 1970."), start_put, 0},
    {GAUGE("gcshim_process_figures_age_seconds", SECONDS,
        "How long ago the process published what it has allocated."),
        OF_AGE(age_ms)},

    {GAUGE("gcshim_process_used_bytes", BYTES,
        "In blocks handed out by malloc and not yet freed, exact."),
        OF_PROCESS(used_bytes)},
    {GAUGE("gcshim_process_used_peak_bytes", BYTES,
        "The most that was seen of it."), OF_PROCESS(used_peak_bytes)},
    {GAUGE("gcshim_process_allocated_bytes", BYTES,
        "What malloc has taken from the system."),
        OF_PROCESS(allocated_bytes)},
    {GAUGE("gcshim_process_allocated_peak_bytes", BYTES,
        "The most that it was."), OF_PROCESS(allocated_peak_bytes)},
    {GAUGE("gcshim_process_resident_bytes", BYTES,
        "Anonymous memory in RAM, as the kernel counts it."),
        OF_PROCESS(resident_bytes)},
    {GAUGE("gcshim_process_rss_bytes", BYTES,
        "All memory in RAM, files and shared memory too."),
        OF_PROCESS(rss_bytes)},

    {COUNTER("gcshim_process_handed_out_bytes", BYTES,
        "In blocks handed out since the process began."),
        OF_PROCESS(totals.allocated_bytes)},
    {COUNTER("gcshim_process_freed_bytes", BYTES,
        "In blocks freed since the process began."),
        OF_PROCESS(totals.freed_bytes)},
    {COUNTER("gcshim_process_handed_out_blocks", NONE,
        "Blocks handed out since the process began."),
        OF_PROCESS(totals.allocated_blocks)},
    {COUNTER("gcshim_process_freed_blocks", NONE,
        "Blocks freed since the process began."),
        OF_PROCESS(totals.freed_blocks)},

    {GAUGE("gcshim_process_cached_bytes", BYTES,
        "Of allocated: freed, kept in gcshim's own caches."),
        OF_PROCESS(bill.cached_bytes)},
    {GAUGE("gcshim_process_fragmented_bytes", BYTES,
        "Of allocated: free blocks in pages that hold a used one, which "
        "cannot be given back."), OF_PROCESS(bill.fragmented_bytes)},
    {GAUGE("gcshim_process_unreturned_bytes", BYTES,
        "Of allocated: wholly free pages, which gcshim-ctl PID trim gives "
        "back."), OF_PROCESS(bill.unreturned_bytes)},
    {GAUGE("gcshim_process_overhead_bytes", BYTES,
        "Of allocated: rounding, and room not yet cut into blocks."),
        OF_PROCESS(bill.overhead_bytes)},
    {GAUGE("gcshim_process_orphaned_bytes", BYTES,
        "Of used: in pages whose thread has exited."),
        OF_PROCESS(bill.orphaned_bytes)},
    {GAUGE("gcshim_process_full_page_bytes", BYTES,
        "In pages without a free block, of threads that live."),
        OF_PROCESS(full_page_bytes)},
    {GAUGE("gcshim_process_huge_bytes", BYTES,
        "In blocks above 128 KiB, which have a page each."),
        OF_PROCESS(huge_bytes)},
    {GAUGE("gcshim_process_huge_blocks", NONE,
        "Blocks above 128 KiB."), OF_PROCESS(huge_blocks)},
    {GAUGE("gcshim_process_outside_bytes", BYTES,
        "Of resident: what no malloc handed out, as mappings, stacks and JIT "
        "code."), OF_PROCESS(mappings.outside_bytes)},
    {GAUGE("gcshim_process_census_age_seconds", SECONDS,
        "How long ago the pages were counted that the parts of allocated "
        "rest on, the oldest of the counts."), OF_AGE(bill.age_ms)},
    {GAUGE("gcshim_process_uncounted_threads", NONE,
        "Threads that have not counted their pages yet."),
        OF_PROCESS(bill.uncounted_threads)},
    {GAUGE("gcshim_process_verdict", NONE,
        "1 for where most of the memory is, 0 for the other places."),
        verdict_put, 0},

    {GAUGE("gcshim_process_threads", NONE,
        "Threads that have allocated."), OF_PROCESS(thread_count)},
    {COUNTER("gcshim_process_dropped_threads", NONE,
        "Threads that found no account of their own; what they allocate is "
        "counted in the process's."), OF_PROCESS(dropped)},

    {INFO("gcshim_process_gc",
        "The runtime that collects garbage, what gcshim does about it, and "
        "whether it keeps its objects where gcshim cannot see them."),
        gc_info_put, 0},
    {COUNTER("gcshim_process_gc_collections", NONE,
        "Garbage collections; generation 2 is the whole heap."),
        collections_put, 0},
    {COUNTER("gcshim_process_gc_pause_seconds", SECONDS,
        "How long the program stood still for them, all together."),
        OF_GC(pause_ns_total)},
    {GAUGE("gcshim_process_gc_pause_max_seconds", SECONDS,
        "The longest that it stood still for one."), OF_GC(pause_ns_max)},
    {COUNTER("gcshim_process_gc_freed_bytes", BYTES,
        "What they gave back, all together."), OF_GC(freed_total_bytes)},
    {COUNTER("gcshim_process_gc_collected_objects", NONE,
        "Objects that they collected."), OF_GC(objects_collected)},
    {GAUGE("gcshim_process_gc_used_after_bytes", BYTES,
        "What was in use after the last one."), OF_GC(used_after_last)},
    {GAUGE("gcshim_process_gc_goal_bytes", BYTES,
        "The memory in use at which the pacer asks for the next one."),
        OF_GC(goal_bytes)},
    {COUNTER("gcshim_process_gc_paced", NONE,
        "How often the pacer asked for one."), OF_GC(asked)},

    {GAUGE("gcshim_threads", NONE,
        "With --threads: threads of this name."), OF_THREADS(count)},
    {GAUGE("gcshim_thread_owned_bytes", BYTES,
        "With --threads: used blocks in their pages, as far as they have "
        "counted them."), OF_THREADS(owned_bytes)},
    {GAUGE("gcshim_thread_full_page_bytes", BYTES,
        "With --threads: in those of their pages without a free block."),
        OF_THREADS(full_page_bytes)},
    {COUNTER("gcshim_thread_handed_out_bytes", BYTES,
        "With --threads=tid: in blocks handed out since the thread began."),
        OF_THREADS(allocated_bytes)},
    {COUNTER("gcshim_thread_freed_bytes", BYTES,
        "With --threads=tid: in blocks that the thread has freed, whoever "
        "asked for them."), OF_THREADS(freed_bytes)},
    {GAUGE("gcshim_process_threads_left_out", NONE,
        "With --threads: names, or threads, beyond the 32 that own most."),
        threads_left_out_put, 0},

    {GAUGE("gcshim_size_class_pages", NONE,
        "With --size-classes: pages of blocks of this size."),
        OF_CLASS(pages)},
    {GAUGE("gcshim_size_class_full_pages", NONE,
        "With --size-classes: those of them without a free block."),
        OF_CLASS(full_pages)},
    {GAUGE("gcshim_size_class_empty_pages", NONE,
        "With --size-classes: those of them without a used block."),
        OF_CLASS(empty_pages)},
    {GAUGE("gcshim_size_class_used_blocks", NONE,
        "With --size-classes: blocks in use."), OF_CLASS(used_blocks)},
    {GAUGE("gcshim_size_class_capacity_blocks", NONE,
        "With --size-classes: blocks cut so far, in pages that hold a used "
        "one."), OF_CLASS(capacity_blocks)},

    {INFO("gcshim_exporter_build", "The exporter's version."), build_put, 0},
    {GAUGE("gcshim_exporter_scrape_duration_seconds", SECONDS,
        "How long it took to read all accounts for this scrape."),
        OF_SCRAPE(duration_ns)},
    {GAUGE("gcshim_exporter_processes", NONE,
        "Processes told of in this scrape."), exported_put, 0},
    {GAUGE("gcshim_exporter_processes_left_out", NONE,
        "Processes not told of: beyond --max-processes, or dead and named "
        "like a later one."), left_out_put, 0},
    {GAUGE("gcshim_exporter_segments_refused", NONE,
        "Accounts not read: of users whom the exporter may not read, not to "
        "be believed, or too many."), refused_put, 0},
};
/* clang-format on */

enum { METRICS = sizeof(table) / sizeof(table[0]) };

int metrics_write(FILE *out, enum openmetrics_format format,
                  const struct scrape *scrape)
{
    struct openmetrics metrics = {.out = out, .format = format};

    for (size_t i = 0; i < METRICS; i++) {
        openmetrics_family(&metrics, &table[i].family);
        table[i].write(&metrics, &table[i], scrape);
    }
    return openmetrics_end(&metrics);
}

int metrics_list(FILE *out)
{
    for (size_t i = 0; i < METRICS; i++) {
        const struct openmetrics_family *family = &table[i].family;

        (void)fprintf(out, "%s%s\n    %s\n", family->name,
                      openmetrics_suffix(family->type), family->help);
    }
    return fflush(out) == EOF || ferror(out) ? -EIO : 0;
}
