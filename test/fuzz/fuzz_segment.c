/* Any bytes as a segment.  The input is the beginning of the file; with an
 * even length the file is then as long as a whole segment, so that a short
 * input reaches the tables: those of the corpus put them right behind the
 * header, one over the other. */
#include "fuzz.h"

#include "gcshim/layout.h"
#include "reader/profile.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void check_text(const char *text, size_t size)
{
    require(strnlen(text, size) < size);
    for (const char *c = text; *c; c++)
        require((unsigned char)*c >= ' ' && *c != 0x7f);
}

/* The parts are those of the whole, or not known. */
static void check_bill(const struct reader_process *process)
{
    const struct reader_bill *bill = &process->bill;

    if (bill->orphaned_bytes == READER_UNKNOWN) {
        require(bill->fragmented_bytes == READER_UNKNOWN);
        require(bill->age_ms == READER_UNKNOWN);
        return;
    }
    require(bill->owned_bytes <= process->used_bytes);
    require(bill->owned_bytes + bill->orphaned_bytes == process->used_bytes);
    require(bill->unreturned_bytes <= process->allocated_bytes);
    require(bill->fragmented_bytes <= process->allocated_bytes);
    require(process->used_bytes + bill->fragmented_bytes +
                bill->unreturned_bytes + bill->overhead_bytes ==
            process->allocated_bytes);
}

static void check_classes(const struct reader_process *process)
{
    for (size_t i = 0; i < process->class_count; i++) {
        const struct reader_class *class = &process->classes[i];

        require(class->block_bytes > (i ? class[-1].block_bytes : 0));
        require(class->used_blocks <= class->capacity_blocks);
        require(class->capacity_blocks <= class->reserved_blocks);
        require(class->full_pages + class->empty_pages <= class->pages);
    }
}

static void check_lists(const struct reader_process *process)
{
    require(process->huge_count <= GCSHIM_HUGE_ENTRIES);
    for (size_t i = 1; i < process->huge_count; i++)
        require(process->huge[i - 1].bytes >= process->huge[i].bytes);
    for (size_t i = 0; i < process->history_count; i++) {
        const struct reader_point *point = &process->history[i];

        require(point->time_ns > (i ? point[-1].time_ns : 0));
        require(point->used_bytes <= point->used_peak_bytes);
        require(point->used_bytes <= point->allocated_bytes);
    }
}

static bool is_bytes(uint64_t figure)
{
    return figure == READER_UNKNOWN || figure <= UINT64_C(1) << 47;
}

static void check_gc(const struct reader_gc *gc)
{
    check_text(gc->runtime, sizeof(gc->runtime));
    require(gc->mode <= READER_GC_MODE_UNKNOWN);
    require(is_bytes(gc->used_before_last) && is_bytes(gc->used_after_last));
    require(is_bytes(gc->goal_bytes) && is_bytes(gc->baseline_bytes));
    require(gc->event_count <= READER_GC_EVENTS_MAX);
    require(gc->is_there || gc->event_count == 0);
    for (size_t i = 0; i < gc->event_count; i++) {
        require(gc->events[i].generation < READER_GC_GENERATIONS);
        require(is_bytes(gc->events[i].used_before));
        require(is_bytes(gc->events[i].used_after));
    }
}

static void check_estimate(struct reader_estimate estimate)
{
    struct reader_range95 range = reader_estimate_range(estimate, 0);

    require(estimate.value >= 0 && isfinite(estimate.value));
    require(estimate.variance >= 0 && isfinite(estimate.variance));
    require(range.low >= 0 && range.low <= estimate.value);
    require(range.high >= estimate.value && isfinite(range.high));
}

static void check_frame(const struct reader_profile *profile,
                        const struct reader_frame *frame)
{
    require(frame->module >= READER_MODULE_NONE);
    require(frame->module < (int)profile->module_count);
    if (!frame->function)
        return;
    check_text(frame->function, GCSHIM_NAME_BYTES);
    check_text(frame->file, GCSHIM_NAME_BYTES);
}

static void check_site(const struct reader_profile *profile,
                       const struct reader_site *site)
{
    require(site->number < GCSHIM_SITES && site->samples > 0);
    require(site->live_samples <= site->samples);
    require(site->thread_count <= site->live_samples);
    check_estimate(site->live_bytes);
    check_estimate(site->live_blocks);
    check_estimate(site->total_bytes);
    check_estimate(site->total_blocks);
    require(site->live_bytes.value <= site->total_bytes.value);
    require(site->frame_count <= GCSHIM_STACK_DEPTH_MAX);
    for (size_t i = 0; i < site->frame_count; i++)
        check_frame(profile, &site->frames[i]);
    for (size_t i = 0; i < site->thread_count; i++)
        check_estimate(site->threads[i].live_bytes);
}

static void check_profile(const struct reader_profile *profile)
{
    require(profile->state <= READER_SAMPLING_UNKNOWN);
    check_estimate(profile->live_bytes);
    check_estimate(profile->total_bytes);
    for (size_t i = 0; i < profile->module_count; i++) {
        check_text(profile->modules[i].path, GCSHIM_MODULE_BYTES);
        require(profile->modules[i].build_id_bytes <= READER_BUILD_ID_BYTES);
    }
    for (size_t i = 0; i < profile->site_count; i++)
        check_site(profile, &profile->sites[i]);
}

static void profile_of(const struct reader_process *process)
{
    struct reader_profile profile;

    if (reader_profile_init(&profile, process, NULL) < 0)
        return;
    check_profile(&profile);
    reader_profile_fini(&profile);
}

/* Whatever the file says, what the reader says must make sense. */
static void check(const struct reader_process *process)
{
    check_text(process->comm, sizeof(process->comm));
    check_text(process->evidence, sizeof(process->evidence));
    require(process->verdict == READER_VERDICT_UNKNOWN ||
            process->evidence[0] != '\0');
    check_bill(process);
    check_classes(process);
    check_lists(process);
    check_gc(&process->gc);
    require(process->used_bytes <= process->allocated_bytes);
    require(process->used_bytes <= process->used_peak_bytes);
    require(process->allocated_bytes <= process->allocated_peak_bytes);
    require(process->totals.freed_bytes <= process->totals.allocated_bytes);
    require(process->totals.freed_blocks <= process->totals.allocated_blocks);
    require(process->thread_count <= GCSHIM_SLOTS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[] = "/tmp/gcshim-fuzz-XXXXXX";
    char reason[READER_REASON_BYTES] = "";
    struct reader_process process;
    int fd = mkstemp(path);
    require(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    if (size % 2 == 0 && size < sizeof(struct gcshim_segment))
        require(ftruncate(fd, sizeof(struct gcshim_segment)) == 0);
    close(fd);
    int error = reader_process_init(&process, path, reason);
    if (error == 0) {
        check(&process);
        require(reader_process_explain(&process) == 0);
        check(&process);
        profile_of(&process);
        reader_process_fini(&process);
    }
    unlink(path);
    return 0;
}
