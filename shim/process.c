#include "process.h"

#include "account.h"
#include "clock.h"
#include "figures.h"
#include "identity.h"
#include "region.h"
#include "report.h"
#include "segment.h"
#include "settings.h"
#include "slot.h"
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
    bool ended;
    bool sandboxed;
    bool wipes; /* the kernel zeroes region.wiped in a child (Linux 4.14) */
} process;

uint32_t process_id(void)
{
    return process.pid;
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

/* The thread that called fork is the only one here, and keeps its slot. */
static void inherit(uint32_t pid)
{
    segment_detach();
    slots_inherit(thread.slot == SLOT_LATE ? NULL : thread.slot, pid);
    thread.tid = pid;
    thread.last_slot = NULL;
    thread.net_published = 0;
    figures_restart();
    process.pid = pid;
    process.ended = false;
}

static int publish(const struct identity *identity)
{
    segment_describe(identity, settings_in_force());
    return settings.disable ? 0 : segment_publish(identity);
}

/* A first begin or a child's; signals are blocked. */
static int begin_shared(bool is_child)
{
    struct identity identity;
    identity_learn(&identity);
    if (is_child) {
        inherit(identity.pid);
        return publish(&identity);
    }
    process.wipes = sys_madvise(&region.wiped, sizeof(region.wiped),
                                MADV_WIPEONFORK) == 0;
    process.pid = identity.pid;
    settings_load(environ);
    slots_inherit(NULL, 0);
    return publish(&identity);
}

/* By now the kernel has wiped these words; where it cannot, we do. */
static void on_fork_child(void)
{
    if (!process.wipes) {
        atomic_store_explicit(&region.wiped.begun, 0, memory_order_relaxed);
        atomic_store_explicit(&region.wiped.beginning, 0,
                              memory_order_relaxed);
    }
    process_begin();
}

/* Once a process image, after the account stands: these may allocate. */
static void watch(void)
{
    thread_watch_exits();
    pthread_atfork(NULL, NULL, on_fork_child);
}

static bool may_begin(void)
{
    return !process_has_begun() &&
           !atomic_exchange_explicit(&region.wiped.beginning, 1,
                                     memory_order_acquire);
}

/* Whoever may fork in a sandbox need not be allowed to open a file: that
 * child goes on in private memory. */
static int begin(bool is_child)
{
    uint64_t old_signals;
    if (process.sandboxed) {
        inherit(thread_id());
        return 0;
    }
    sys_block_signals(&old_signals);
    int error = begin_shared(is_child);
    sys_restore_signals(&old_signals);
    return error;
}

COLD void process_begin(void)
{
    int saved_errno = errno;
    if (!may_begin())
        return;
    bool is_child = is_fork_child();
    int error = begin(is_child);
    /* Release: whoever finds it begun finds it whole.  P: [begin] */
    atomic_store_explicit(&region.wiped.begun, 1, memory_order_release);
    if (!is_child) {
        if (error)
            warn_private(error);
        watch();
        settings_tell();
        if (strcmp(settings.report, "stderr") == 0)
            report_keep_stderr();
    }
    errno = saved_errno;
}

/* mimalloc looks for NUMA nodes in /sys when it first wants a second segment;
 * it takes our word for it if that comes before. */
void process_enter_sandbox(void)
{
    if (process.sandboxed || sys_getpid() != process.pid)
        return;
    process.sandboxed = true;
    mi_option_set(mi_option_use_numa_nodes, 1);
}

static bool keeps_segment(void)
{
    return settings.keep == 1 || settings.keep == process.pid;
}

void process_end(void)
{
    int saved_errno = errno;
    if (process.ended || process.sandboxed || !process_has_begun() ||
        sys_getpid() != process.pid)
        return;
    process.ended = true;
    figures_publish();
    if (settings.report[0])
        report_write(settings.report);
    if (keeps_segment())
        counter_set(&region.segment.header.ended_ns, clock_boottime_ns());
    else
        segment_remove();
    errno = saved_errno;
}

/* A program that never allocates has an account too. */
__attribute__((constructor)) static void on_load(void)
{
    process_enter();
    at_quick_exit(process_end);
}

__attribute__((destructor)) static void on_unload(void)
{
    process_end();
}
