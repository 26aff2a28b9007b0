#include "process.h"

#include "account.h"
#include "cache.h"
#include "census.h"
#include "children.h"
#include "class.h"
#include "clock.h"
#include "collector.h"
#include "figures.h"
#include "history.h"
#include "huge.h"
#include "identity.h"
#include "profile.h"
#include "ranges.h"
#include "region.h"
#include "report.h"
#include "samples.h"
#include "segment.h"
#include "settings.h"
#include "shelf.h"
#include "slot.h"
#include "stack.h"
#include "sweep.h"
#include "sys.h"
#include "text.h"
#include "thread.h"

#include <mimalloc.h>
#include <pthread.h>
#include <string.h>
#include <stdlib.h>
#include <unistd.h>

static struct {
    uint32_t pid; /* 0 before the first begin */
    bool is_child;
    bool ended;
    bool sandboxed;
    bool wipes; /* the kernel zeroes wiped in a child (Linux 4.14) */
} process;

uint32_t process_id(void)
{
    return process.pid;
}

bool process_is_child(void)
{
    return process.is_child;
}

static void warn_private(int error)
{
    char buffer[256];
    struct text text = text_on(buffer, sizeof(buffer));
    text_put(&text, GCSHIM_SEGMENT_DIR ": ");
    text_put(&text, strerrordesc_np(-error));
    text_put(&text, "; the account goes on in private memory, where no "
                    "reader sees it");
    text_warn(&text);
}

/* Whether the memory and its slots are a parent's, copied by fork. */
static bool is_fork_child(void)
{
    return process.pid != 0;
}

/* The thread that called fork is the only one here, and keeps its slot.  The
 * parent's segment has been left by now. */
static void inherit(uint32_t pid)
{
    slots_inherit(thread.slot == SLOT_LATE ? NULL : thread.slot, pid);
    thread.tid = pid;
    thread.last_slot = NULL;
    thread.refused = false;
    process.pid = pid;
    process.is_child = true;
    process.ended = false;
}

/* When the segment stands where it will be: what a process begins with. */
static void tables_start(void)
{
    history_start();
    if (process.is_child) {
        census_inherit();
        huge_inherit();
        ranges_inherit();
        sweep_inherit();
        shelf_inherit();
        collectors_forked();
        profile_inherit();
    }
}

/* What holds in a fork child alone. */
static void settle_child(void)
{
    report_release_stderr();
    if (!settings.children)
        settings_silence();
}

/* Once a process image. */
static void settle_first(uint32_t pid)
{
    process.pid = pid;
    settings_load(environ);
    if (!settings.children)
        children_spare(environ);
    class_start();
    cache_start();
}

/* Everything is written where it will be read, so that no page is written to
 * twice. */
static int segment_begin(const struct identity *identity)
{
    if (!settings.disable)
        return segment_open(identity, slots_high());
    segment_detach();
    return 0;
}

/* A first begin or a child's; signals are blocked. */
static int begin_shared(bool is_child)
{
    struct identity identity;
    identity_learn(&identity);
    if (is_child)
        settle_child();
    else
        settle_first(identity.pid);
    int error = segment_begin(&identity);
    if (is_child)
        inherit(identity.pid);
    else
        slots_start();
    figures_start();
    segment_describe(&identity);
    segment_publish();
    tables_start();
    return error;
}

/* By now the kernel has wiped these words; where it cannot, we do. */
static void on_fork_child(void)
{
    if (!process.wipes)
        memset(&region.wiped, 0, sizeof(region.wiped));
    process_begin();
}

/* Once a process image, after the account stands: these may allocate. */
static void watch(void)
{
    thread_watch_exits();
    pthread_atfork(stack_before_fork, stack_after_fork, on_fork_child);
}

/* Before that page is written to, which makes it the cheaper; to say it twice
 * is harmless. */
static void wipe_on_fork(void)
{
    process.wipes =
        sys_madvise(&region.wiped, sizeof(region.wiped), MADV_WIPEONFORK) == 0;
}

/* One caller alone may. */
static bool may_begin(void)
{
    return !atomic_exchange_explicit(&region.wiped.beginning, 1,
                                     memory_order_acquire);
}

/* Release: whoever finds it begun finds it whole.  P: [begin]  From then on
 * there may be fast blocks. */
static void set_begun(void)
{
    atomic_store_explicit(&region.wiped.begun, 1, memory_order_release);
    samples_rest();
    class_begin();
}

/* Whoever may fork in a sandbox need not be allowed to block a signal or to
 * open a file: that child goes on in private memory. */
static void begin_sandboxed(void)
{
    if (!may_begin())
        return;
    segment_detach();
    inherit(thread_id());
    figures_start();
    tables_start();
    set_begun();
}

/* From before it is decided who begins: what a handler counts meanwhile would
 * be lost, or be counted in a parent's segment. */
static void begin_with_signals_blocked(void)
{
    uint64_t old_signals;
    sys_block_signals(&old_signals);
    bool is_child = is_fork_child();
    if (!is_child)
        wipe_on_fork();
    bool begins = may_begin();
    int error = begins ? begin_shared(is_child) : 0;
    if (begins)
        set_begun();
    sys_restore_signals(&old_signals);
    if (begins && !is_child) {
        if (error)
            warn_private(error);
        watch();
        settings_tell();
        if (strcmp(settings.report, "stderr") == 0)
            report_keep_stderr();
    }
}

COLD void process_begin(void)
{
    int saved_errno = errno;
    if (process.sandboxed)
        begin_sandboxed();
    else
        begin_with_signals_blocked();
    errno = saved_errno;
}

/* A child made around fork begins its account first; a vfork child has its
 * parent's, which is none of its business.  mimalloc looks for NUMA nodes in
 * /sys when it first wants a second segment; it takes our word for it if that
 * comes before. */
void process_enter_sandbox(void)
{
    process_enter();
    if (process.sandboxed || sys_getpid() != process.pid)
        return;
    segment_reserve_for_sandbox();
    mi_option_set(mi_option_use_numa_nodes, 1);
    process.sandboxed = true;
}

bool process_is_sandboxed(void)
{
    return process.sandboxed;
}

static bool keeps_segment(void)
{
    return settings.keep == 1 || settings.keep == process.pid;
}

/* In a sandbox nothing is asked of the kernel, not even who we are. */
static bool is_own_process(void)
{
    return process.sandboxed || sys_getpid() == process.pid;
}

/* Whether anybody will read them after the end. */
static bool leaves_figures(void)
{
    return keeps_segment() || settings.report[0];
}

/* Of the thread that ends the process, unless it is a handler that came while
 * the thread was inside mimalloc, or inside a census. */
static void last_census(void)
{
    if (thread.slot != SLOT_LATE && !thread.in_mimalloc && !thread.busy)
        census_take();
    cache_publish();
    history_hasten();
}

static void end_account(void)
{
    if (leaves_figures())
        last_census();
    figures_publish();
    if (settings.report[0] && !process.sandboxed)
        report_write(settings.report);
    if (keeps_segment())
        counter_set(&region.segment.header.ended_ns, clock_boottime_ns());
    else
        segment_remove(!process.sandboxed);
}

void process_end(void)
{
    int saved_errno = errno;
    if (process.ended || !process_has_begun() || !is_own_process())
        return;
    process.ended = true;
    end_account();
    errno = saved_errno;
}

/* A program that never allocates has an account too.  Whoever reads fresh
 * memory before he writes to it has the kernel look for it twice: the pid, and
 * not the wiped page, says here whether anything has begun. */
__attribute__((constructor)) static void on_load(void)
{
    if (process.pid == 0)
        process_begin();
    collectors_find();
    profile_start();
    at_quick_exit(process_end);
}

__attribute__((destructor)) static void on_unload(void)
{
    process_end();
}
