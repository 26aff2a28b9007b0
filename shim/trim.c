#include "trim.h"

#include "cache.h"
#include "census.h"
#include "clock.h"
#include "counter.h"
#include "figures.h"
#include "region.h"
#include "shelf.h"
#include "sweep.h"
#include "thread.h"

#include <mimalloc.h>

static _Atomic uint32_t *requested(void)
{
    return &region.segment.header.trim_requested;
}

static bool has_slot(void)
{
    return thread.slot != SLOT_LATE;
}

/* mimalloc calls for deferred frees on the way, as it does when a thread
 * exits: this is none. */
static void collect(void)
{
    thread.trims = true;
    cache_flush();
    shelf_clear();
    mi_collect(true);
    sweep();
    thread.trims = false;
}

/* The request is read before, and noted as served when the new figures are
 * out.  P: [trim] */
static void serve(uint32_t request)
{
    collect();
    census_take();
    cache_publish();
    figures_publish();
    atomic_store_explicit(&thread.slot->trimmed, request,
                          memory_order_release);
}

void trim_tick(void)
{
    uint32_t request = atomic_load_explicit(requested(), memory_order_acquire);
    if (request == atomic_load_explicit(&thread.slot->trimmed,
                                        memory_order_relaxed) ||
        clock_is_stopped())
        return;
    serve(request);
}

bool trim_all(void)
{
    struct gcshim_header *header = &region.segment.header;
    figures_publish();
    uint64_t before = counter_read(&header->committed_bytes);
    uint32_t request = atomic_fetch_add_explicit(requested(), 1,
                                                 memory_order_acq_rel) +
                       1;
    if (has_slot()) {
        serve(request);
    } else {
        collect();
        figures_publish();
    }
    return counter_read(&header->committed_bytes) < before;
}
