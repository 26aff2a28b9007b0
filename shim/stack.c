#include "stack.h"

#include "clock.h"
#include "compiler.h"
#include "sampler.h"
#include "settings.h"
#include "sys.h"
#include "thread.h"

#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <ucontext.h>

#define UNW_LOCAL_ONLY
#include <libunwind.h>

#define NAME_OF(symbol) #symbol
#define NAME(symbol) NAME_OF(symbol)

/* glibc 2.35; without it there are no stacks. */
#pragma weak _dl_find_object

enum {
    OWN_FRAMES_MAX = 16, /* of the shim's own, innermost */
    SEARCHED_FRAMES = 256,
    FAST_THREADS = 16,
    STACKS = 16,
    STACK_BYTES = 64 * 1024,
    LOADER_STACK_BYTES = 256 * 1024,
    FORK_WAIT_NS = 20000000,
};

/* Of libunwind; set once, before is_loaded. */
static struct {
    int (*backtrace)(void **buffer, int size);
    int (*init_local)(unw_cursor_t *cursor, unw_context_t *context);
    int (*step)(unw_cursor_t *cursor);
    int (*get_reg)(unw_cursor_t *cursor, int reg, unw_word_t *ret_value);
    unw_accessors_t *(*get_accessors)(unw_addr_space_t space);
    int (*set_caching_policy)(unw_addr_space_t space, unw_caching_policy_t how);
    unw_addr_space_t *space;
    int (*access_mem)(unw_addr_space_t space, unw_word_t address,
                      unw_word_t *value, int write, void *arg);
} unwinder;

static _Atomic bool is_loaded;
static _Atomic uint32_t inside; /* threads that take a stack */
static _Atomic uint32_t forks;  /* about to be made */
static bool is_lost;            /* one was made in spite of the former */
static bool asks_loader;        /* as libunwind asks in another way */
static _Atomic uint32_t fast_threads;

/* Which of ours are in use, a bit each. */
static _Atomic uint32_t stacks_in_use;
TABLE static alignas(4096) char stacks[STACKS][STACK_BYTES];

static bool file_of(uint64_t address, struct dl_find_object *ret_object)
{
    return _dl_find_object &&
           _dl_find_object((void *)address, ret_object) == 0;
}

/* -------------------------------------------------- what libunwind asks for */

/* Memory is read on the word of unwind information, which may be wrong. */
static int access_mem(unw_addr_space_t space, unw_word_t address,
                      unw_word_t *value, int write, void *arg)
{
    if (!thread.takes_stack)
        return unwinder.access_mem(space, address, value, write, arg);
    if (write) {
        *(unw_word_t *)address = *value;
        return 0;
    }
    if (!sys_can_read(address))
        return -UNW_EINVAL;
    *value = *(unw_word_t *)address;
    return 0;
}

bool stack_asks_loader(void)
{
    return UNLIKELY(thread.takes_stack) && !asks_loader;
}

/* What is asked begins with the address that it is about. */
int stack_tell_module(int (*callback)(struct dl_phdr_info *, size_t, void *),
                      void *data)
{
    struct dl_find_object object;
    if (!file_of(*(const uint64_t *)data, &object))
        return 0;
    const ElfW(Ehdr) *header = object.dlfo_map_start;
    if (memcmp(header->e_ident, ELFMAG, SELFMAG) != 0)
        return 0;
    struct dl_phdr_info info = {
        .dlpi_addr = object.dlfo_link_map->l_addr,
        .dlpi_name = object.dlfo_link_map->l_name,
        .dlpi_phdr =
            (const ElfW(Phdr) *)((const char *)header + header->e_phoff),
        .dlpi_phnum = header->e_phnum,
    };
    return callback(&info, sizeof(info), data);
}

/* ---------------------------------------------------------- taking a stack */

/* A thread that has traced fast once does so for good. */
static bool may_trace_fast(void)
{
    if (thread.traces_fast)
        return true;
    if (atomic_fetch_add_explicit(&fast_threads, 1, memory_order_relaxed) <
        FAST_THREADS)
        return thread.traces_fast = true;
    atomic_fetch_sub_explicit(&fast_threads, 1, memory_order_relaxed);
    return false;
}

static int step_through(uint64_t *to, int max)
{
    ucontext_t context;
    unw_cursor_t cursor;
    int depth = 0;
    getcontext(&context);
    if (unwinder.init_local(&cursor, &context) < 0)
        return 0;
    while (depth < max && unwinder.step(&cursor) > 0) {
        unw_word_t address;
        if (unwinder.get_reg(&cursor, UNW_REG_IP, &address) < 0)
            break;
        to[depth++] = address;
    }
    return depth;
}

static int trace(uint64_t *to, int max)
{
    return may_trace_fast() ? unwinder.backtrace((void **)to, max)
                            : step_through(to, max);
}

/* A frame's pointer is where the one that it has called ends. */
static bool search_end(unw_cursor_t *cursor, uint64_t address,
                       uint64_t *ret_end)
{
    unw_word_t pointer = UINT64_MAX, end;
    for (int i = 0; i < SEARCHED_FRAMES && unwinder.step(cursor) > 0; i++) {
        if (unwinder.get_reg(cursor, UNW_REG_SP, &end) < 0)
            return false;
        if (address >= pointer && address < end) {
            *ret_end = end;
            return true;
        }
        pointer = end;
    }
    return false;
}

bool stack_frame_end(uint64_t address, uint64_t *ret_end)
{
    ucontext_t context;
    unw_cursor_t cursor;
    getcontext(&context);
    return unwinder.init_local(&cursor, &context) >= 0 &&
           search_end(&cursor, address, ret_end);
}

static int own_frames(const uint64_t *addresses, int depth)
{
    struct dl_find_object own;
    int i = 0;
    if (file_of((uint64_t)own_frames, &own))
        while (i < depth && addresses[i] >= (uint64_t)own.dlfo_map_start &&
               addresses[i] < (uint64_t)own.dlfo_map_end)
            i++;
    return i;
}

struct taking {
    void (*look)(struct stack *stack, void *arg);
    void *arg;
    uint32_t depth;
};

/* On a stack of ours. */
static void take(void *arg)
{
    struct taking *taking = arg;
    struct stack stack;
    uint64_t addresses[GCSHIM_STACK_DEPTH_MAX + OWN_FRAMES_MAX + 1];
    uint32_t max = settings.stack_depth;
    int depth = trace(addresses, (int)max + OWN_FRAMES_MAX + 1);
    int own = own_frames(addresses, depth);
    taking->depth = (uint32_t)(depth - own);
    stack.is_cut = taking->depth > max;
    stack.depth = stack.is_cut ? max : taking->depth;
    for (uint32_t i = 0; i < stack.depth; i++)
        stack.frames[i] = (struct gcshim_frame){
            .address = addresses[(uint32_t)own + i],
            .module = GCSHIM_MODULE_NONE,
        };
    taking->look(&stack, taking->arg);
}

#ifdef __x86_64__
/* Its frame tells libunwind how to get back to the stack that it came from. */
void stack_switch(void *top, void (*function)(void *), void *arg);
__asm__(".text\n"
        ".hidden stack_switch\n"
        ".globl stack_switch\n"
        ".type stack_switch, @function\n"
        "stack_switch:\n"
        ".cfi_startproc\n"
        "    pushq %rbp\n"
        ".cfi_def_cfa_offset 16\n"
        ".cfi_offset %rbp, -16\n"
        "    movq %rsp, %rbp\n"
        ".cfi_def_cfa_register %rbp\n"
        "    movq %rdi, %rsp\n"
        "    movq %rdx, %rdi\n"
        "    call *%rsi\n"
        "    movq %rbp, %rsp\n"
        "    popq %rbp\n"
        ".cfi_def_cfa %rsp, 8\n"
        "    ret\n"
        ".cfi_endproc\n"
        ".size stack_switch, . - stack_switch\n");
#else
static void stack_switch(void *top, void (*function)(void *), void *arg)
{
    (void)top;
    function(arg);
}
#endif

/* -1 where all are taken. */
static int stack_claim(void)
{
    uint32_t taken = atomic_load_explicit(&stacks_in_use,
                                          memory_order_relaxed);
    while (~taken & ((1U << STACKS) - 1)) {
        int free = __builtin_ctz(~taken);
        if (atomic_compare_exchange_weak_explicit(
                &stacks_in_use, &taken, taken | 1U << free,
                memory_order_acquire, memory_order_relaxed))
            return free;
    }
    return -1;
}

static void stack_release(int number)
{
    atomic_fetch_and_explicit(&stacks_in_use, ~(1U << number),
                              memory_order_release);
}

static bool take_on_own_stack(struct taking *taking)
{
    uint64_t old_signals;
    int number = stack_claim();
    if (number < 0)
        return false;
    sys_block_signals(&old_signals);
    thread.takes_stack = true;
    stack_switch(stacks[number] + STACK_BYTES, take, taking);
    thread.takes_stack = false;
    sys_restore_signals(&old_signals);
    stack_release(number);
    return taking->depth > 0;
}

/* Whoever enters looks whether a fork is due, whoever forks looks whether
 * somebody is inside, each after it has said so: one of them sees the other.
 * P: [stack-fork] */
static bool enter(void)
{
    if (is_lost)
        return false;
    atomic_fetch_add_explicit(&inside, 1, memory_order_seq_cst);
    if (atomic_load_explicit(&forks, memory_order_seq_cst) == 0)
        return true;
    atomic_fetch_sub_explicit(&inside, 1, memory_order_release);
    return false;
}

static bool take_guarded(struct taking *taking)
{
    if (!enter())
        return false;
    bool is_taken = take_on_own_stack(taking);
    atomic_fetch_sub_explicit(&inside, 1, memory_order_release);
    return is_taken;
}

bool stack_take(void (*look)(struct stack *stack, void *arg), void *arg)
{
    struct taking taking = {.look = look, .arg = arg};
    return stack_is_loaded() && take_guarded(&taking);
}

void stack_thread_exit(void)
{
    if (!thread.traces_fast)
        return;
    thread.traces_fast = false;
    atomic_fetch_sub_explicit(&fast_threads, 1, memory_order_relaxed);
}

/* ------------------------------------------------------------------- fork */

void stack_before_fork(void)
{
    atomic_fetch_add_explicit(&forks, 1, memory_order_seq_cst);
    if (!stack_is_loaded())
        return;
    uint64_t begin_ns = clock_boottime_ns();
    while (atomic_load_explicit(&inside, memory_order_seq_cst) > 0 &&
           clock_boottime_ns() - begin_ns < FORK_WAIT_NS)
        sched_yield();
}

void stack_after_fork(void)
{
    atomic_fetch_sub_explicit(&forks, 1, memory_order_release);
}

void stack_in_child(void)
{
    is_lost = is_lost || atomic_load_explicit(&inside, memory_order_relaxed);
    atomic_store_explicit(&inside, 0, memory_order_relaxed);
    atomic_store_explicit(&forks, 0, memory_order_relaxed);
    atomic_store_explicit(&stacks_in_use, 0, memory_order_relaxed);
    atomic_store_explicit(&fast_threads, thread.traces_fast,
                          memory_order_relaxed);
}

/* ---------------------------------------------------------------- loading */

static bool find(void *library, const char *name, void *ret_function)
{
    void *symbol = library ? dlsym(library, name) : NULL;
    *(void **)ret_function = symbol;
    return symbol != NULL;
}

static bool functions_find(void *library)
{
    return find(library, NAME(unw_backtrace), &unwinder.backtrace) &&
           find(library, NAME(unw_init_local), &unwinder.init_local) &&
           find(library, NAME(unw_step), &unwinder.step) &&
           find(library, NAME(unw_get_reg), &unwinder.get_reg) &&
           find(library, NAME(unw_get_accessors), &unwinder.get_accessors) &&
           find(library, NAME(unw_set_caching_policy),
                &unwinder.set_caching_policy) &&
           find(library, NAME(unw_local_addr_space), &unwinder.space);
}

static bool math_find(void)
{
    void *library = dlopen("libm.so.6", RTLD_NOW | RTLD_LOCAL);
    return find(library, "log", &sampler_math.log) &&
           find(library, "expm1", &sampler_math.expm1);
}

static void look_at_nothing(struct stack *stack, void *arg)
{
    (void)stack;
    (void)arg;
}

/* What is done once for all: libunwind's beginning, and that of its memory. */
static bool warm_up(void)
{
    struct taking taking = {.look = look_at_nothing};
    bool was_busy = thread.busy;
    thread.busy = true;
    bool is_good = take_guarded(&taking);
    thread.busy = was_busy;
    return is_good;
}

/* The first call makes it begin, and open its pipe. */
static void take_over_access(void)
{
    unw_accessors_t *accessors = unwinder.get_accessors(*unwinder.space);
    unwinder.access_mem = accessors->access_mem;
    accessors->access_mem = access_mem;
}

static void begin_without_files(void)
{
    struct rlimit none, old;
    bool is_limited = sys_file_count_limit(NULL, &old) == 0;
    none = old;
    none.rlim_cur = 0;
    is_limited = is_limited && sys_file_count_limit(&none, NULL) == 0;
    take_over_access();
    if (is_limited)
        sys_file_count_limit(&old, NULL);
}

static const char LIBRARY[] = "libunwind.so.8";

/* A program that has it too may have begun with it, and needs its pipe. */
static bool is_programs_own(void)
{
    return dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD) != NULL;
}

static bool load(void (*begin)(void))
{
    if (stack_is_loaded())
        return true;
    if (!_dl_find_object || !math_find())
        return false;
    if (is_programs_own())
        begin = take_over_access;
    void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!functions_find(library)) {
        dlerror();
        dlerror();
        return false;
    }
    begin();
    unwinder.set_caching_policy(*unwinder.space, UNW_CACHE_NONE);
    asks_loader = !warm_up();
    if (asks_loader && !warm_up())
        return false;
    atomic_store_explicit(&is_loaded, true, memory_order_release);
    return true;
}

bool stack_is_loaded(void)
{
    return atomic_load_explicit(&is_loaded, memory_order_acquire);
}

bool stack_load(void)
{
    return load(begin_without_files);
}

/* Where the thread has files of its own, what it opens is gone with it. */
static void *load_in_thread(void *arg)
{
    void (*done)(bool) = *(void (**)(bool))&arg;
    bool is_private = sys_unshare_files() == 0;
    done(load(is_private ? take_over_access : begin_without_files));
    return NULL;
}

bool stack_load_later(void (*done)(bool is_loaded))
{
    pthread_attr_t attributes;
    pthread_t id;
    uint64_t old_signals;
    if (pthread_attr_init(&attributes) != 0)
        return false;
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, LOADER_STACK_BYTES);
    sys_block_signals(&old_signals);
    int error = pthread_create(&id, &attributes, load_in_thread,
                               *(void **)&done);
    sys_restore_signals(&old_signals);
    pthread_attr_destroy(&attributes);
    return error == 0;
}
