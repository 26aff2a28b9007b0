/* Programs in hard places.  Each scenario allocates where something that the
 * shim might want is missing, and says "ok" if the program itself went well
 * and the shim's figure moved by what the program did.
 *
 *     contexts SCENARIO [ARG]
 */
#include "gcshim/gcshim.h"

#include <dlfcn.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <pthread.h>
#include <stdbool.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BLOCKS = 2000, THREADS = 200, STACK_BYTES = 128 * 1024 };

/* One system call, whatever is allowed. */
static int say(const char *words)
{
    return syscall(SYS_write, STDOUT_FILENO, words, strlen(words)) < 0;
}

static int fail(const char *what)
{
    dprintf(STDERR_FILENO, "contexts: %s: %s\n", what, strerror(errno));
    return 1;
}

/* Allocates and frees enough for many ticks; true if the account followed. */
static bool account_follows(void)
{
    static void *blocks[BLOCKS];
    uint64_t before = gcshim_used(), bytes = 0;
    for (int i = 0; i < BLOCKS; i++) {
        blocks[i] = malloc((size_t)(i % 50) * 1000);
        bytes += malloc_usable_size(blocks[i]);
    }
    bool is_right = gcshim_used() - before == bytes;
    for (int i = 0; i < BLOCKS; i++)
        free(blocks[i]);
    return is_right && gcshim_used() == before;
}

static int verdict(void)
{
    if (!account_follows())
        return fail("the account did not follow");
    return say("ok\n");
}

static pthread_barrier_t all_there;

static void *allocate_in_thread(void *arg)
{
    free(malloc(100));
    pthread_barrier_wait(&all_there);
    free(malloc(100000));
    return arg;
}

/* More than the segment has room reserved for at first. */
static int crowd(void)
{
    static pthread_t threads[THREADS];
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_BYTES);
    pthread_barrier_init(&all_there, NULL, THREADS);
    for (int i = 0; i < THREADS; i++)
        if ((errno = pthread_create(&threads[i], &attr, allocate_in_thread,
                                    NULL)) != 0)
            return fail("pthread_create");
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    return 0;
}

static int plain(const char *arg)
{
    (void)arg;
    return crowd() || verdict();
}

/* What allocating, threads and leaving take, and nothing else: an unforeseen
 * call kills the process. */
static const int allowed[] = {
    SYS_read, SYS_write, SYS_exit, SYS_exit_group, SYS_futex, SYS_mmap,
    SYS_munmap, SYS_mprotect, SYS_madvise, SYS_brk, SYS_clone3, SYS_clone,
    SYS_rseq, SYS_set_robust_list, SYS_rt_sigprocmask, SYS_rt_sigreturn,
    SYS_rt_sigaction, SYS_fstat, SYS_newfstatat,
    SYS_getrandom, /* mimalloc, for a thread's heap */
};

/* madvise is allowed, but for no advice newer than mimalloc's. */
static int enter_filter(void)
{
    enum {
        COUNT = sizeof(allowed) / sizeof(allowed[0]),
        ADVICE_MAX = MADV_WIPEONFORK,
    };
    struct sock_filter code[COUNT + 3], advice[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_madvise, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                 offsetof(struct seccomp_data, args[2])),
        BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, ADVICE_MAX, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    code[0] = (struct sock_filter)BPF_STMT(
        BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (int i = 0; i < COUNT; i++)
        code[i + 1] = (struct sock_filter)BPF_JUMP(
            BPF_JMP | BPF_JEQ | BPF_K, (unsigned)allowed[i],
            (unsigned char)(COUNT - i), 0);
    code[COUNT + 1] = (struct sock_filter)BPF_STMT(
        BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
    code[COUNT + 2] =
        (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog program = {COUNT + 3, code};
    struct sock_fprog advice_program = {sizeof(advice) / sizeof(advice[0]),
                                        advice};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &advice_program) != 0)
        return fail("prctl");
    /* The second may not be forbidden by the first. */
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        return fail("prctl");
    return 0;
}

static int seccomp_filter(const char *arg)
{
    (void)arg;
    return enter_filter() || crowd() || verdict();
}

/* read, write, exit and sigreturn only, and no clock.  mimalloc needs both for
 * a page, so that the page is there before. */
static int seccomp_strict(const char *arg)
{
    (void)arg;
    if (!account_follows())
        return fail("the account did not follow");
    void *keeps_page = malloc(48);
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0)
        return fail("prctl");
    for (int i = 0; i < 100000; i++)
        free(malloc(48));
    free(keeps_page);
    say("ok\n");
    syscall(SYS_exit, 0);
    return 1;
}

/* The other way to leave a sandbox. */
static int seccomp_exit_early(const char *arg)
{
    (void)arg;
    if (enter_filter() || verdict())
        return 1;
    _exit(0);
}

/* A child made around libc that is in its sandbox before its first malloc. */
static int seccomp_in_bare_child(const char *arg)
{
    int status;
    (void)arg;
    pid_t child = (pid_t)syscall(SYS_fork);
    if (child == 0) {
        status = enter_filter() || !account_follows();
        syscall(SYS_exit_group, status);
    }
    if (waitpid(child, &status, 0) != child || status != 0)
        return fail("the child");
    return verdict();
}

/* A vfork child's sandbox is not its parent's, which removes its file. */
static int seccomp_in_vfork_child(const char *arg)
{
    int status;
    (void)arg;
    pid_t child = vfork();
    if (child == 0) {
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        _exit(0);
    }
    if (waitpid(child, &status, 0) != child || status != 0)
        return fail("the child");
    return verdict();
}

static int every_key_taken(const char *arg)
{
    pthread_key_t key;
    int taken = 0;
    (void)arg;
    while (pthread_key_create(&key, free) == 0) {
        pthread_setspecific(key, malloc(10));
        taken++;
    }
    if (taken < 1000)
        return fail("fewer keys than under plain libmimalloc");
    return crowd() || verdict();
}

static int every_descriptor_closed(const char *arg)
{
    (void)arg;
    int out = dup(STDOUT_FILENO);
    if (out != 3) /* anything else was left open by somebody */
        return fail("a descriptor is open that the program did not open");
    for (int fd = 0; fd < 1024; fd++)
        if (fd != out)
            close(fd);
    int status = crowd() || !account_follows();
    dprintf(out, status ? "no\n" : "ok\n");
    return status;
}

static int changed_root(const char *arg)
{
    if (chroot(arg) != 0 || chdir("/") != 0)
        return fail("chroot");
    return crowd() || verdict();
}

static int changed_user(const char *arg)
{
    (void)arg;
    if (setgid(65534) != 0 || setuid(65534) != 0)
        return fail("setuid");
    if (crowd())
        return 1;
    pid_t child = fork();
    if (child == 0)
        _exit(!account_follows());
    int status;
    if (waitpid(child, &status, 0) != child || status != 0)
        return fail("the child's account did not follow");
    return verdict();
}

/* Until there is no more, and then all of it back. */
static int out_of_memory(const char *arg)
{
    static void *blocks[100000];
    struct rlimit limit = {1UL << 29, 1UL << 29};
    (void)arg;
    if (setrlimit(RLIMIT_AS, &limit) != 0)
        return fail("setrlimit");
    uint64_t before = gcshim_used(), bytes = 0;
    int count = 0;
    while (count < 100000 && (blocks[count] = malloc(100000)))
        bytes += malloc_usable_size(blocks[count++]);
    if (errno != ENOMEM || count < 1000)
        return fail("malloc");
    if (gcshim_used() - before != bytes)
        return fail("the account did not follow");
    while (count > 0)
        free(blocks[--count]);
    if (gcshim_used() != before)
        return fail("the account did not come back");
    return verdict();
}

/* Until the kernel kills us. */
static int until_killed(const char *arg)
{
    char *p;
    while ((p = malloc(100000)))
        memset(p, 1, malloc_usable_size(p));
    return fail(arg);
}

static int loads_and_unloads(const char *plugin)
{
    for (int i = 0; i < 300; i++) {
        void *library = dlopen(plugin, RTLD_NOW);
        if (!library)
            return fail(dlerror());
        dlclose(library);
    }
    uint64_t before = gcshim_used();
    for (int i = 0; i < 300; i++)
        dlclose(dlopen(plugin, RTLD_NOW));
    if (gcshim_used() != before)
        return fail("an unloaded library's blocks are still counted");
    return verdict();
}

static _Atomic bool watched;
static _Atomic uint64_t least_used = UINT64_MAX, most_used;

static void *watch_used(void *arg)
{
    while (watched) {
        uint64_t used = gcshim_used();
        if (used < least_used)
            least_used = used;
        if (used > most_used)
            most_used = used;
    }
    return arg;
}

/* A block that is resized all the time is in use all the time. */
static int used_never_dips(const char *arg)
{
    enum { LARGE = 64 << 20, TURNS = 300000 };
    pthread_t thread;
    (void)arg;
    void *block = malloc(LARGE);
    watched = true;
    pthread_create(&thread, NULL, watch_used, NULL);
    for (int i = 0; i < TURNS; i++)
        block = realloc(block, (size_t)LARGE - (size_t)i % 4096);
    watched = false;
    pthread_join(thread, NULL);
    free(block);
    if (least_used < LARGE - 4096)
        return fail("used was too small");
    if (most_used > 100UL * LARGE)
        return fail("used was out of all proportion");
    return verdict();
}

/* The process's own times and sizes, asked in a handler at any moment. */
static volatile sig_atomic_t zero_answers, answers;

static void ask_usage(int number)
{
    struct rusage usage = {0};
    (void)number;
    getrusage(RUSAGE_SELF, &usage);
    zero_answers += usage.ru_maxrss == 0;
    answers++;
}

static int usage_is_true(const char *arg)
{
    struct sigaction action = {.sa_handler = ask_usage};
    struct itimerval often = {{0, 100}, {0, 100}};
    (void)arg;
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    while (answers < 3000)
        free(malloc(1 << 20)); /* a tick each */
    often = (struct itimerval){0};
    setitimer(ITIMER_REAL, &often, NULL);
    return zero_answers ? fail("getrusage said nothing") : verdict();
}

static void at_quick_end(void)
{
    free(malloc(5000));
    say("ok\n");
}

static int leaves_quickly(const char *arg)
{
    (void)arg;
    at_quick_exit(at_quick_end);
    quick_exit(crowd());
}

static void *allocate_forever(void *arg)
{
    for (size_t i = 0;; i++)
        free(malloc(i % 100000));
    return arg;
}

static void *exit_from_thread(void *arg)
{
    (void)arg;
    free(malloc(100000));
    say("ok\n");
    exit(0);
}

static int exits_from_a_thread(const char *arg)
{
    pthread_t thread;
    (void)arg;
    for (int i = 0; i < 4; i++)
        pthread_create(&thread, NULL, allocate_forever, NULL);
    pthread_create(&thread, NULL, exit_from_thread, NULL);
    pthread_join(thread, NULL);
    return 1;
}

static const struct {
    const char *name;
    int (*run)(const char *arg);
} scenarios[] = {
    {"plain", plain},
    {"seccomp_filter", seccomp_filter},
    {"seccomp_strict", seccomp_strict},
    {"seccomp_exit_early", seccomp_exit_early},
    {"seccomp_in_bare_child", seccomp_in_bare_child},
    {"seccomp_in_vfork_child", seccomp_in_vfork_child},
    {"every_key_taken", every_key_taken},
    {"every_descriptor_closed", every_descriptor_closed},
    {"changed_root", changed_root},
    {"changed_user", changed_user},
    {"out_of_memory", out_of_memory},
    {"until_killed", until_killed},
    {"loads_and_unloads", loads_and_unloads},
    {"used_never_dips", used_never_dips},
    {"usage_is_true", usage_is_true},
    {"leaves_quickly", leaves_quickly},
    {"exits_from_a_thread", exits_from_a_thread},
};

int main(int argc, char **argv)
{
    for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++)
        if (gcshim_used && argc > 1 &&
            strcmp(argv[1], scenarios[i].name) == 0)
            return scenarios[i].run(argc > 2 ? argv[2] : "");
    fprintf(stderr, "contexts: no such scenario, or no shim\n");
    return 2;
}
