#include "tick.h"

#include "census.h"
#include "clock.h"
#include "collector.h"
#include "figures.h"
#include "profile.h"
#include "shelf.h"
#include "thread.h"
#include "trim.h"

void tick(void)
{
    uint64_t now = clock_coarse_ns();
    thread.ticked_ns = now;
    uint64_t used = figures_tick(now);
    if (thread.in_mimalloc)
        return;
    collectors_tick(used);
    profile_tick();
    trim_tick();
    shelf_tick(now);
    census_tick(now);
}
