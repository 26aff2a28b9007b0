/* The figures of a recording: see figures.h.  To add one, add a row. */
#include "recording/figures.h"

#include <assert.h>

#define FIELD(field) offsetof(struct reader_process, field), FIGURE_BYTES, false
#define NUMBER(field) \
    offsetof(struct reader_process, field), FIGURE_COUNT, false
#define OF_GC(f, unit) offsetof(struct reader_process, gc.f), unit, true

static_assert(sizeof(size_t) == sizeof(uint64_t), "a count is read as one");

const struct figure figures[] = {
    [FIGURE_USED] = {"used_bytes", "used", FIELD(used_bytes)},
    [FIGURE_ALLOCATED] = {"allocated_bytes", "allocated",
                          FIELD(allocated_bytes)},
    [FIGURE_RESIDENT] = {"resident_bytes", "resident", FIELD(resident_bytes)},
    [FIGURE_RSS] = {"rss_bytes", "RSS", FIELD(rss_bytes)},
    [FIGURE_USED_PEAK] = {"used_peak_bytes", "used at most",
                          FIELD(used_peak_bytes)},
    [FIGURE_ALLOCATED_PEAK] = {"allocated_peak_bytes", "allocated at most",
                               FIELD(allocated_peak_bytes)},
    {"fragmented_bytes", "fragmented", FIELD(bill.fragmented_bytes)},
    {"unreturned_bytes", "unreturned", FIELD(bill.unreturned_bytes)},
    {"orphaned_bytes", "orphaned", FIELD(bill.orphaned_bytes)},
    {"cached_bytes", "cached", FIELD(bill.cached_bytes)},
    {"overhead_bytes", "overhead", FIELD(bill.overhead_bytes)},
    {"full_page_bytes", "in full pages", FIELD(full_page_bytes)},
    {"huge_bytes", "huge", FIELD(huge_bytes)},
    {"huge_blocks", "huge blocks", NUMBER(huge_blocks)},
    {"huge_unlisted", "huge, not listed", NUMBER(huge_unlisted)},
    {"outside_bytes", "outside malloc", FIELD(mappings.outside_bytes)},
    {"malloc_bytes", "resident: malloc", FIELD(mappings.malloc_bytes)},
    {"stack_bytes", "resident: stacks", FIELD(mappings.stack_bytes)},
    {"code_bytes", "resident: JIT code", FIELD(mappings.code_bytes)},
    {"file_bytes", "resident: files", FIELD(mappings.file_bytes)},
    {"heap_bytes", "resident: libc's heap", FIELD(mappings.heap_bytes)},
    {"other_bytes", "resident: other", FIELD(mappings.other_bytes)},
    {"allocated_total_bytes", "handed out in all",
     FIELD(totals.allocated_bytes)},
    {"freed_total_bytes", "freed in all", FIELD(totals.freed_bytes)},
    {"allocated_total_blocks", "blocks handed out",
     NUMBER(totals.allocated_blocks)},
    {"freed_total_blocks", "blocks freed", NUMBER(totals.freed_blocks)},
    {"dropped", "threads without figures", NUMBER(dropped)},
    {"age_ms", "age of allocated", offsetof(struct reader_process, age_ms),
     FIGURE_MS, false},
    {"thread_count", "threads", NUMBER(thread_count)},
    {"gc_collections_0", "collections, generation 0",
     OF_GC(collections[0], FIGURE_COUNT)},
    {"gc_collections_1", "collections, generation 1",
     OF_GC(collections[1], FIGURE_COUNT)},
    {"gc_collections_2", "collections, generation 2",
     OF_GC(collections[2], FIGURE_COUNT)},
    {"gc_objects_collected", "objects collected",
     OF_GC(objects_collected, FIGURE_COUNT)},
    {"gc_freed_bytes_total", "freed by collections",
     OF_GC(freed_total_bytes, FIGURE_BYTES)},
    {"gc_pause_ns_total", "pauses in all", OF_GC(pause_ns_total, FIGURE_NS)},
    {"gc_pause_ns_max", "longest pause", OF_GC(pause_ns_max, FIGURE_NS)},
    {"gc_goal_bytes", "goal of the pacer", OF_GC(goal_bytes, FIGURE_BYTES)},
    {"gc_requested", "asked by the pacer", OF_GC(asked, FIGURE_COUNT)},
};

const size_t figure_count = sizeof(figures) / sizeof(figures[0]);
static_assert(sizeof(figures) / sizeof(figures[0]) <= FIGURES_MAX, "room");

const char *const figure_least_names[FIGURE_RANGES] = {
    "used_min_bytes", "allocated_min_bytes", "resident_min_bytes",
    "rss_min_bytes"};
const char *const figure_most_names[FIGURE_RANGES] = {
    "used_max_bytes", "allocated_max_bytes", "resident_max_bytes",
    "rss_max_bytes"};

const char *figure_unit_name(enum figure_unit unit)
{
    static const char *const names[] = {"bytes", "count", "ns", "ms"};

    return names[unit];
}

uint64_t figure_of(const struct reader_process *process, size_t index)
{
    const struct figure *figure = &figures[index];

    if (figure->is_of_gc && !process->gc.is_there)
        return READER_UNKNOWN;
    return *(const uint64_t *)((const char *)process + figure->offset);
}
