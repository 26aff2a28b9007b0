/* The few other names of libc that the shim interposes, each with its reason.
 */
#include "clock.h"
#include "compiler.h"
#include "figures.h"
#include "process.h"
#include "stack.h"

#include <dlfcn.h>
#include <link.h>
#include <linux/seccomp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A program that leaves by _exit() runs no destructor, and would leave its
 * segment behind: a shell does so in every subshell. */
static _Noreturn void leave(int status)
{
    process_end();
    for (;;)
        syscall(SYS_exit_group, status);
}

EXPORT _Noreturn void _exit(int status)
{
    leave(status);
}

EXPORT _Noreturn void _Exit(int status)
{
    leave(status);
}

/* mi_process_info() asks for the process's times with the figure that we
 * want.  A tick must make no system call that a sandboxed program did not
 * foresee, so that this one question is answered here, with zeros. */
EXPORT int getrusage(__rusage_who_t who, struct rusage *ret_usage)
{
    if (UNLIKELY(figures_ask_from(__builtin_return_address(0)))) {
        memset(ret_usage, 0, sizeof(*ret_usage));
        return 0;
    }
    return (int)syscall(SYS_getrusage, who, ret_usage);
}

/* A program that gives up its rights this way is about to be watched by
 * seccomp, or is already: libseccomp too comes by here.  What is then killed
 * for an unforeseen system call must not be so because of us. */
static bool enters_sandbox(int option)
{
    return option == PR_SET_SECCOMP || option == PR_SET_NO_NEW_PRIVS;
}

/* The vDSO reads the clock off the time-stamp counter, which these forbid. */
static bool forbids_clock(int option, long argument)
{
    return (option == PR_SET_SECCOMP && argument == SECCOMP_MODE_STRICT) ||
           (option == PR_SET_TSC && argument == PR_TSC_SIGSEGV);
}

EXPORT int prctl(int option, ...)
{
    long arguments[4];
    va_list list;
    va_start(list, option);
    for (int i = 0; i < 4; i++)
        arguments[i] = va_arg(list, long);
    va_end(list);
    if (enters_sandbox(option))
        process_enter_sandbox();
    if (forbids_clock(option, arguments[0]))
        clock_stop();
    return (int)syscall(SYS_prctl, option, arguments[0], arguments[1],
                        arguments[2], arguments[3]);
}

typedef int module_callback(struct dl_phdr_info *, size_t, void *);
typedef int module_iterate(module_callback *, void *);

static module_iterate loaders_own_find;

/* Until the constructor has run: who looks for it.  Relaxed: a lookup that is
 * done twice finds the same. */
static _Atomic(module_iterate *) loaders_own = loaders_own_find;

/* dlsym() takes a lock that the function itself does not. */
__attribute__((constructor)) static void loaders_own_know(void)
{
    module_iterate *function;
    *(void **)&function = dlsym(RTLD_NEXT, "dl_iterate_phdr");
    atomic_store_explicit(&loaders_own, function, memory_order_relaxed);
}

static module_iterate *loaders_own_now(void)
{
    return atomic_load_explicit(&loaders_own, memory_order_relaxed);
}

static int loaders_own_find(module_callback *callback, void *data)
{
    loaders_own_know();
    return loaders_own_now()(callback, data);
}

/* libunwind asks so which file an address is of, within malloc when a sample
 * is taken: the loader would answer with its lock held, which a thread may
 * hold that waits for this one.  All others are passed on. */
EXPORT int dl_iterate_phdr(module_callback *callback, void *data)
{
    return stack_asks_loader() ? stack_tell_module(callback, data)
                               : loaders_own_now()(callback, data);
}
