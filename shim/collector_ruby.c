/* Ruby 3.1 and its kin, by its exported symbols.  Watched, and asked for a
 * collection on request; not paced, for it paces itself by bytes, and every
 * way to pace it that was tried made it slower or larger (docs/gc-ruby.md).
 *
 * Ruby collects in pieces, and the program goes on between them: marking may
 * be incremental, and what is dead is freed little by little as objects are
 * asked for (lazy sweeping).  Each piece lies between the events GC_ENTER and
 * GC_EXIT.  A collection, here, begins with the piece that Ruby's own count
 * of them grows in and ends with the one that leaves no phase under way.  Its
 * pause is the time of its pieces, what it gave back is what less was in use
 * after each piece than before it.  Used before is what was in use as it began,
 * used after what it left of that: what the program has asked for meanwhile
 * is no part of either.
 *
 * Nothing is arranged but where Ruby's global lock is certainly held, for
 * Ruby 3.1 has a race in its queue of postponed jobs, and ruby_thread_has_gvl_p
 * follows a dangling pointer in a thread of Ruby's that is at its end.  That
 * leaves the process's first thread, for which the question is sound, and the
 * events, on any thread.
 *
 * Nobody may listen while a Ractor begins: it makes objects before it has a
 * frame, and where that takes a collection Ruby 3.1 looks into the frame to
 * tell of it, and crashes (Ruby's bug 18464).  A Ractor's coming is announced
 * by nothing but the collection that Ruby makes by rb_gc() just before the
 * first, without a safe point between the two.  So after any such collection
 * we are gone, and come back at a safe point if no Ractor has come of it.
 *
 * No object of Ruby's is kept; symbols made by rb_intern live for ever.
 */
#include "account.h"
#include "clock.h"
#include "collection.h"
#include "collector.h"
#include "process.h"
#include "text.h"
#include "thread.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>

/* What of Ruby's headers is needed here. */
typedef uintptr_t value;
typedef uintptr_t id;
typedef void job_function(void *arg);
typedef void event_function(uint32_t event, value data, value self, id method,
                            value class);

enum {
    QFALSE = 0,
    NIL_AT_MOST = 8, /* from Ruby 3.2 on, 4 */
    EVENT_GC_ENTER = 0x2000000,
    EVENT_GC_EXIT = 0x4000000,
};

/* Each name as Ruby exports it. */
#define NEEDED(X)                                                            \
    X(int, ruby_thread_has_gvl_p, (void))                                    \
    X(int, rb_postponed_job_register_one,                                    \
      (unsigned, job_function *, void *))                                    \
    X(void, rb_add_event_hook, (event_function *, uint32_t, value))          \
    X(int, rb_remove_event_hook, (event_function *))                         \
    X(void, rb_set_end_proc, (void (*)(value), value))                       \
    X(value, rb_protect, (value (*)(value), value, int *))                   \
    X(void, rb_set_errinfo, (value))                                         \
    X(id, rb_intern, (const char *))                                         \
    X(value, rb_id2sym, (id))                                                \
    X(void, rb_gc, (void))                                                   \
    X(size_t, rb_gc_count, (void))                                           \
    X(size_t, rb_gc_stat, (value))                                           \
    X(value, rb_gc_latest_gc_info, (value))                                  \
    X(value, rb_errinfo, (void))

static struct {
#define FUNCTION(result, name, parameters) result(*name) parameters;
    NEEDED(FUNCTION)
#undef FUNCTION
    const char *ruby_version;
    void **ruby_current_vm_ptr;
    void **ruby_single_main_ractor; /* NULL once there has been another */
    uint32_t *ruby_vm_event_flags;  /* all events that anyone listens to */
    value *rb_cRational; /* made when nearly all is initialised */
} ruby;

static struct {
    value major_by, gc_by, capi, state, none;
    value total_freed_objects;
} symbols;

static bool has_ended; /* or cannot be begun */
static bool is_prepared;
static bool is_attached;
static _Atomic uint32_t is_asked; /* a job of ours is to serve */

/* The collection under way.  Ruby's lock guards it: pieces do not overlap. */
static struct {
    bool is_open;
    size_t number; /* Ruby's count of collections when a piece last ended */
    uint64_t piece_begin_ns, piece_used; /* begin 0: not in a piece */
    size_t objects_before;               /* when the piece began */
    struct collected collected;
} current;

static void find_symbol(void *to, const char *name)
{
    *(void **)to = dlsym(RTLD_DEFAULT, name);
}

static bool has_all(void)
{
#define HAS(result, name, parameters)                                        \
    if (!ruby.name)                                                          \
        return false;
    NEEDED(HAS)
#undef HAS
    return ruby.ruby_version && ruby.ruby_current_vm_ptr &&
           ruby.ruby_single_main_ractor && ruby.ruby_vm_event_flags &&
           ruby.rb_cRational;
}

static void introduce(void)
{
    char name[GCSHIM_GC_RUNTIME_BYTES];
    struct text text = text_on(name, sizeof(name));
    text_put(&text, "ruby ");
    text_put(&text, ruby.ruby_version);
    collection_introduce(name, false);
}

static bool find(void)
{
#define FIND(result, name, parameters) find_symbol((void *)&ruby.name, #name);
    NEEDED(FIND)
#undef FIND
    find_symbol((void *)&ruby.ruby_version, "ruby_version");
    find_symbol((void *)&ruby.ruby_current_vm_ptr, "ruby_current_vm_ptr");
    find_symbol((void *)&ruby.ruby_single_main_ractor,
                "ruby_single_main_ractor");
    find_symbol((void *)&ruby.ruby_vm_event_flags, "ruby_vm_event_flags");
    find_symbol((void *)&ruby.rb_cRational, "rb_cRational");
    if (!has_all())
        return false;
    introduce();
    collection_set_mode(GCSHIM_GC_OBSERVE);
    return true;
}

/* --------------------------------------------------- collections, observed */

static void arm(void);

static bool is_symbol(value v)
{
    return v > NIL_AT_MOST;
}

static void add_piece(uint64_t pause_ns, uint64_t used_bytes)
{
    struct collected *collected = &current.collected;
    collected->pause_ns += pause_ns;
    if (pause_ns > collected->longest_ns)
        collected->longest_ns = pause_ns;
    if (current.piece_used > used_bytes)
        collected->freed_bytes += current.piece_used - used_bytes;
}

static void open_collection(void)
{
    bool is_major = is_symbol(ruby.rb_gc_latest_gc_info(symbols.major_by));
    current.is_open = true;
    current.collected = (struct collected){
        .begin_ns = current.piece_begin_ns,
        .used_before = current.piece_used,
        .generation = is_major ? GENERATION_WHOLE : 0,
        .flags = thread.collection.flags,
    };
}

static void close_collection(void)
{
    current.is_open = false;
    current.collected.objects =
        ruby.rb_gc_stat(symbols.total_freed_objects) - current.objects_before;
    collection_tell(&current.collected);
}

static void piece_begin(void)
{
    current.piece_used = account_used();
    current.piece_begin_ns = clock_boottime_ns();
    if (!current.is_open)
        current.objects_before = ruby.rb_gc_stat(symbols.total_freed_objects);
}

static bool is_new(void)
{
    return ruby.rb_gc_count() != current.number;
}

static void piece_end(void)
{
    uint64_t end_ns = clock_boottime_ns();
    if (current.piece_begin_ns == 0)
        return;
    if (is_new())
        open_collection();
    current.number = ruby.rb_gc_count();
    if (current.is_open) {
        add_piece(end_ns - current.piece_begin_ns, account_used());
        if (ruby.rb_gc_latest_gc_info(symbols.state) == symbols.none)
            close_collection();
    }
    current.piece_begin_ns = 0;
}

/* By C code other than ours. */
static bool is_by_c(void)
{
    return thread.collection.flags == 0 &&
           ruby.rb_gc_latest_gc_info(symbols.gc_by) == symbols.capi;
}

static bool is_single(void)
{
    return *ruby.ruby_single_main_ractor;
}

static event_function on_event;

/* In an event: Ruby forgets us as soon as we have returned. */
static void detach(void)
{
    is_attached = false;
    if (current.is_open)
        close_collection();
    ruby.rb_remove_event_hook(on_event);
    collection_set_mode(GCSHIM_GC_OFF);
}

static void piece_end_or_detach(void)
{
    bool is_alarm = (is_new() && is_by_c()) || !is_single();
    piece_end();
    if (is_alarm)
        detach();
    if (atomic_load_explicit(&is_asked, memory_order_relaxed))
        arm();
}

/* Within a collection: nothing may be asked of Ruby that makes an object. */
static void on_event(uint32_t event, value data, value self, id method,
                     value class)
{
    int saved_errno = errno;
    (void)data, (void)self, (void)method, (void)class;
    if (event == EVENT_GC_ENTER)
        piece_begin();
    else
        piece_end_or_detach();
    errno = saved_errno;
}

static value symbol(const char *name)
{
    return ruby.rb_id2sym(ruby.rb_intern(name));
}

/* At the end of the program's own code, before the virtual machine goes and
 * the events with it: what is under way will not be seen to its end. */
static void on_end(value data)
{
    (void)data;
    has_ended = true;
    if (current.is_open)
        close_collection();
}

/* Asks for each figure once, for Ruby then makes the symbols that it answers
 * by, and refuses here those that it does not know. */
static value prepare_or_raise(value unused)
{
    symbols.major_by = symbol("major_by");
    symbols.gc_by = symbol("gc_by");
    symbols.capi = symbol("capi");
    symbols.state = symbol("state");
    symbols.none = symbol("none");
    symbols.total_freed_objects = symbol("total_freed_objects");
    ruby.rb_gc_latest_gc_info(symbols.major_by);
    ruby.rb_gc_latest_gc_info(symbols.gc_by);
    ruby.rb_gc_latest_gc_info(symbols.state);
    ruby.rb_gc_stat(symbols.total_freed_objects);
    ruby.rb_set_end_proc(on_end, QFALSE);
    is_prepared = true;
    return unused;
}

static value attach_or_raise(value unused)
{
    current.is_open = false;
    current.piece_begin_ns = 0;
    current.number = ruby.rb_gc_count();
    ruby.rb_remove_event_hook(on_event);
    ruby.rb_add_event_hook(on_event, EVENT_GC_ENTER | EVENT_GC_EXIT, QFALSE);
    return unused;
}

static bool protect(value (*function)(value), value argument)
{
    value error = ruby.rb_errinfo();
    int state = 0;
    ruby.rb_protect(function, argument, &state);
    if (state)
        ruby.rb_set_errinfo(error);
    return state == 0;
}

/* ------------------------------------------------------------- safe points */

static value collect_whole(value unused)
{
    ruby.rb_gc();
    return unused;
}

/* By C alone: a method of Ruby's would look for what other threads have to say
 * to this one, and that would then be lost.  Does nothing where the collector
 * is turned off. */
static bool collect(void *arg, int generation)
{
    size_t before = ruby.rb_gc_count();
    (void)arg, (void)generation;
    return protect(collect_whole, QFALSE) && ruby.rb_gc_count() != before;
}

static bool is_running(void)
{
    return *ruby.ruby_current_vm_ptr && *ruby.rb_cRational && !has_ended &&
           is_single();
}

/* When Ruby frees a Ractor, be it one that could not be begun, it forgets that
 * anybody listens to anything. */
static bool is_heard(void)
{
    return is_attached && (*ruby.ruby_vm_event_flags & EVENT_GC_EXIT);
}

static void attach(void)
{
    bool is_done = (is_prepared || protect(prepare_or_raise, QFALSE)) &&
                   protect(attach_or_raise, QFALSE);
    is_attached = is_done;
    has_ended = !is_done;
    if (is_done)
        collection_set_mode(GCSHIM_GC_OBSERVE);
}

static void job(void *arg)
{
    int saved_errno = errno;
    (void)arg;
    if (is_running() && !is_heard())
        attach();
    if (atomic_exchange_explicit(&is_asked, 0, memory_order_acq_rel)) {
        if (is_running())
            collector_serve(true, collect, NULL);
        else
            collector_pass();
    }
    errno = saved_errno;
}

/* ------------------------------------------------------------------ asking */

static bool is_first_thread(void)
{
    return thread.tid == process_id();
}

/* Under Ruby's lock. */
static void arm(void)
{
    if (is_running())
        ruby.rb_postponed_job_register_one(0, job, NULL);
}

/* Again and again until it has run: the fiber that was to run it may be
 * waiting. */
static void tick(void)
{
    if (is_heard() && !atomic_load_explicit(&is_asked, memory_order_relaxed))
        return;
    if (is_running() && is_first_thread() && ruby.ruby_thread_has_gvl_p())
        arm();
}

static bool ask(void)
{
    if (!is_attached || !is_running())
        return false;
    atomic_store_explicit(&is_asked, 1, memory_order_release);
    tick();
    return true;
}

static void forked(void)
{
    atomic_store_explicit(&is_asked, 0, memory_order_relaxed);
    current.is_open = false;
    current.piece_begin_ns = 0;
}

const struct collector collector_ruby = {
    .name = "ruby",
    .find = find,
    .tick = tick,
    .ask = ask,
    .forked = forked,
};
