#include "figures.h"

#include "account.h"
#include "clock.h"
#include "history.h"
#include "slot.h"
#include "thread.h"

#include <mimalloc.h>

enum {
    PUBLISH_SPACING_NS = 4000000,
    /* A publication reads every slot: with many, each may grow more before
     * the next, so that the cost stays a small share. */
    SLOTS_PER_STEP = 16,
};

static _Atomic uint64_t next_publish_ns;

/* Where in mimalloc getrusage() is called: learnt when nothing else can call
 * it, so that a signal handler's call is never taken for mimalloc's. */
static const void *process_info_site;

static uint64_t own_net_bytes(void)
{
    const struct gcshim_counters *own = &thread.slot->total;
    return counter_read(&own->allocated_bytes) -
           counter_read(&own->freed_bytes);
}

bool figures_would_grow(uint64_t bytes)
{
    int64_t growth = (int64_t)(own_net_bytes() + bytes - thread.net_published);
    return growth >= TICK_BYTES &&
           growth >=
               (int64_t)(TICK_BYTES * (1 + slots_high() / SLOTS_PER_STEP));
}

uint64_t figures_tick(uint64_t now_ns)
{
    if (now_ns >= counter_read(&next_publish_ns) || figures_would_grow(0)) {
        counter_set(&next_publish_ns, now_ns + PUBLISH_SPACING_NS);
        return figures_publish();
    }
    return UINT64_MAX;
}

bool figures_ask_from(const void *call_site)
{
    if (!thread.asks_process_info)
        return false;
    if (!process_info_site)
        process_info_site = call_site;
    return call_site == process_info_site;
}

/* mimalloc reads the clock as well. */
static void committed_publish(struct gcshim_header *header)
{
    size_t elapsed, user, system, rss, rss_peak, committed, peak, faults;
    if (clock_is_stopped())
        return;
    thread.asks_process_info = true;
    mi_process_info(&elapsed, &user, &system, &rss, &rss_peak, &committed,
                    &peak, &faults);
    thread.asks_process_info = false;
    counter_set(&header->committed_bytes, committed);
    counter_raise(&header->committed_peak_bytes, peak);
}

uint64_t figures_publish(void)
{
    struct gcshim_header *header = &region.segment.header;
    uint64_t used = slots_used_at_least(), now = clock_boottime_ns();
    counter_raise(&header->used_peak_bytes, used);
    committed_publish(header);
    counter_set(&header->published_ns, now);
    history_note(now, used, counter_read(&header->committed_bytes));
    thread.net_published = own_net_bytes();
    return used;
}

void figures_start(void)
{
    struct gcshim_header *header = &region.segment.header;
    counter_set(&header->used_peak_bytes, 0);
    counter_set(&header->committed_peak_bytes, 0);
    counter_set(&next_publish_ns, 0);
    figures_publish();
}
