/* The public API, include/gcshim/gcshim.h. */
#define GCSHIM_NO_MACROS
#include "gcshim/gcshim.h"

#include "account.h"
#include "collector.h"
#include "counter.h"
#include "huge.h"

#include <string.h>

EXPORT uint64_t gcshim_used(void)
{
    return account_used();
}

static uint64_t max(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static void snapshot_take(struct gcshim_snapshot *snapshot)
{
    const struct gcshim_header *header = &region.segment.header;
    struct slots_sum sum;
    slots_sum(&sum);
    uint64_t used = sum.allocated_bytes - sum.freed_bytes;
    /* What was published is older than what has just been summed. */
    uint64_t committed = max(counter_read(&header->committed_bytes), used);
    snapshot->used_bytes = used;
    snapshot->used_peak_bytes =
        max(counter_read(&header->used_peak_bytes), used);
    snapshot->allocated_bytes = committed;
    snapshot->allocated_peak_bytes =
        max(counter_read(&header->committed_peak_bytes), committed);
    snapshot->allocated_total_bytes = sum.allocated_bytes;
    snapshot->allocated_total_blocks = sum.allocated_blocks;
    snapshot->freed_total_bytes = sum.freed_bytes;
    snapshot->freed_total_blocks = sum.freed_blocks;
    huge_sum(&snapshot->huge_blocks, &snapshot->huge_bytes);
}

EXPORT int gcshim_snapshot(struct gcshim_snapshot *ret_snapshot, size_t bytes)
{
    struct gcshim_snapshot snapshot;
    size_t known = bytes < sizeof(snapshot) ? bytes : sizeof(snapshot);
    snapshot_take(&snapshot);
    memcpy(ret_snapshot, &snapshot, known);
    memset((char *)ret_snapshot + known, 0xff, bytes - known);
    return 0;
}

EXPORT void gcshim_gc_begin(unsigned generation)
{
    collector_start_api(GCSHIM_GC_OBSERVE);
    collector_api_begin(generation);
}

EXPORT void gcshim_gc_end(uint64_t objects)
{
    collector_api_end(objects);
}

EXPORT int gcshim_gc_should_collect(void)
{
    collector_start_api(GCSHIM_GC_PACE);
    return collector_api_should_collect();
}

EXPORT uint64_t gcshim_gc_goal(void)
{
    collector_start_api(GCSHIM_GC_PACE);
    return collector_goal();
}

EXPORT int gcshim_gc_on_request(gcshim_gc_request *request, void *arg)
{
    collector_start_api(GCSHIM_GC_PACE);
    collector_register(request, arg);
    return 0;
}
