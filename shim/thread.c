#include "thread.h"

#include "cache.h"
#include "census.h"
#include "process.h"
#include "shelf.h"
#include "slot.h"
#include "stack.h"

#include <mimalloc.h>
#include <pthread.h>

THREAD_LOCAL struct thread thread = {
    .slot = SLOT_LATE,
    .cache.lists = CACHE_NONE,
};

/* An error-checking mutex notes its owner's id, which libc keeps at hand. */
uint32_t thread_id(void)
{
    pthread_mutex_t own = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP;
    pthread_mutex_lock(&own);
    uint32_t tid = (uint32_t)own.__data.__owner;
    pthread_mutex_unlock(&own);
    return tid;
}

void thread_claim(void)
{
    mi_thread_init();
    thread.tid = thread_id();
    struct gcshim_slot *slot = NULL;
    if (thread.last_slot)
        slot = slot_reclaim(thread.last_slot, thread.last_epoch, thread.tid);
    if (!slot)
        slot = slot_claim(thread.tid);
    if (!slot) {
        thread.refused = true;
        counter_add_shared(&region.segment.header.dropped_threads, 1);
        return;
    }
    thread.slot = slot;
    thread.released = false;
    thread.to_tick = 0;
    slot_arm(slot, 0);
    thread.heap = mi_heap_get_default();
    census_plan_first();
}

void thread_release(void)
{
    struct gcshim_slot *slot = thread.slot;
    if (slot == SLOT_LATE)
        return;
    thread.slot = SLOT_LATE;
    thread.released = true;
    thread.last_slot = slot;
    thread.last_epoch = slot_release(slot);
    stack_thread_exit();
}

/* The main thread keeps its heap to the end of the process.  Who is in the
 * middle of the slow path goes on with its slot. */
static bool may_be_at_its_end(void)
{
    return process_has_begun() && thread.slot != SLOT_LATE && !thread.busy &&
           !thread.trims && thread.tid != process_id();
}

/* Where memory is short a thread goes on, too, but keeps nothing that somebody
 * might use. */
static void on_deferred_free(bool force, unsigned long long heartbeat,
                             void *arg)
{
    (void)heartbeat;
    (void)arg;
    if (!force)
        return;
    if (!may_be_at_its_end() || !cache_close()) {
        cache_flush();
        return;
    }
    cache_publish();
    shelf_leave();
    census_take_at_exit();
    thread_release();
}

void thread_watch_exits(void)
{
    mi_register_deferred_free(on_deferred_free, NULL);
}
