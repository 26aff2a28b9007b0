/* Programs that make it hard to take a call stack within malloc.  Each says
 * "ok" if it went as it would without.  Run with GCSHIM_SAMPLE, 1 for every
 * block.
 *
 *     sampling SCENARIO [ARG]
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

enum {
    MANY_THREADS = 24, /* more than may trace fast */
    BLOCKS = 2000,
    CHILDREN = 200,
    SMALL_STACK = 8 * 1024,
    PAGE = 4096,
};

static int fail(const char *what)
{
    dprintf(STDERR_FILENO, "sampling: %s: %s\n", what, strerror(errno));
    return 1;
}

/* Below it lies a page that must not be touched. */
static void *stack_make(size_t bytes)
{
    char *all = mmap(NULL, PAGE + bytes, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mprotect(all, PAGE, PROT_NONE);
    return all + PAGE;
}

static void stack_unmake(void *stack, size_t bytes)
{
    munmap((char *)stack - PAGE, PAGE + bytes);
}

/* Different callers, so that libunwind has something to look up. */
#define LEAF(n)                                                              \
    __attribute__((noinline)) static void *leaf_##n(size_t bytes)            \
    {                                                                        \
        void *volatile p = malloc(bytes);                                    \
        return p;                                                            \
    }
LEAF(0) LEAF(1) LEAF(2) LEAF(3) LEAF(4) LEAF(5) LEAF(6) LEAF(7)

static void *(*const leaves[])(size_t) = {leaf_0, leaf_1, leaf_2, leaf_3,
                                          leaf_4, leaf_5, leaf_6, leaf_7};

static bool allocate(int blocks)
{
    for (int i = 0; i < blocks; i++) {
        size_t bytes = (size_t)(i % 100 + 1) * 16;
        char *p = leaves[i % 8](bytes);
        if (!p)
            return false;
        memset(p, i, bytes);
        free(p);
    }
    return true;
}

static void *allocate_in_thread(void *arg)
{
    return allocate(BLOCKS) ? arg : NULL;
}

static bool run_threads(void *(*body)(void *), int threads,
                        const pthread_attr_t *attributes)
{
    pthread_t ids[MANY_THREADS];
    bool is_good = true;
    for (int i = 0; i < threads; i++)
        if (pthread_create(&ids[i], attributes, body, (void *)1) != 0)
            return false;
    for (int i = 0; i < threads; i++) {
        void *result = NULL;
        pthread_join(ids[i], &result);
        is_good = is_good && result;
    }
    return is_good;
}

/* ------------------------------------------------ under the loader's lock */

static int run_once_under_lock(struct dl_phdr_info *info, size_t bytes,
                               void *ret_is_good)
{
    (void)info;
    (void)bytes;
    *(bool *)ret_is_good = run_threads(allocate_in_thread, MANY_THREADS, NULL);
    return 1;
}

/* The lock of dl_iterate_phdr() is held here, and threads are waited for that
 * take their first stacks. */
static int loader_locked(const char *arg)
{
    bool is_good = false;
    (void)arg;
    dl_iterate_phdr(run_once_under_lock, &is_good);
    return is_good ? 0 : fail("threads");
}

static _Atomic bool is_over;

static void *load_and_unload(void *plugin)
{
    for (int i = 0; i < 200; i++) {
        void *library = dlopen(plugin, RTLD_NOW);
        if (!library)
            return NULL;
        dlclose(library);
    }
    return plugin;
}

static void *allocate_until_over(void *arg)
{
    while (!is_over)
        if (!allocate(100))
            return NULL;
    return arg;
}

/* Its constructor waits for a thread that allocates. */
static int storm(const char *plugin)
{
    pthread_t loader, others[4];
    void *result = NULL;
    for (int i = 0; i < 4; i++)
        pthread_create(&others[i], NULL, allocate_until_over, (void *)1);
    pthread_create(&loader, NULL, load_and_unload, (void *)plugin);
    pthread_join(loader, &result);
    is_over = true;
    for (int i = 0; i < 4; i++)
        pthread_join(others[i], NULL);
    return result ? 0 : fail(plugin);
}

/* ------------------------------------------------------------------- fork */

static bool child_is_good(pid_t child)
{
    int status = 0;
    return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

static int be_grandchild(void)
{
    return !allocate(BLOCKS);
}

static int be_child(void)
{
    if (!allocate(BLOCKS))
        return 1;
    pid_t child = fork();
    if (child == 0)
        _exit(be_grandchild());
    return !child_is_good(child);
}

static int forks(const char *arg)
{
    pthread_t others[4];
    int bad = 0;
    (void)arg;
    for (int i = 0; i < 4; i++)
        pthread_create(&others[i], NULL, allocate_until_over, (void *)1);
    for (int i = 0; i < CHILDREN; i++) {
        pid_t child = fork();
        if (child == 0)
            _exit(be_child());
        bad += !child_is_good(child);
    }
    is_over = true;
    for (int i = 0; i < 4; i++)
        pthread_join(others[i], NULL);
    return bad == 0 ? 0 : fail("a child");
}

/* ---------------------------------------------------------------- signals */

static _Atomic bool is_good_in_handler;

static void on_signal(int number)
{
    (void)number;
    is_good_in_handler = allocate(10);
}

/* On a stack on which a stack walk would not have room.  Raised between two
 * calls of malloc: mimalloc does not bear a handler that comes in one. */
static int signals(const char *arg)
{
    struct sigaction action = {.sa_handler = on_signal,
                               .sa_flags = SA_ONSTACK};
    stack_t alternative = {.ss_sp = stack_make(SMALL_STACK),
                           .ss_size = SMALL_STACK};
    (void)arg;
    sigaltstack(&alternative, NULL);
    sigaction(SIGUSR1, &action, NULL);
    for (int i = 0; i < 500; i++) {
        is_good_in_handler = false;
        raise(SIGUSR1);
        if (!is_good_in_handler || !allocate(10))
            return fail("malloc");
    }
    return 0;
}

/* ----------------------------------------------------------- other stacks */

static ucontext_t coroutine, scheduler;
static bool is_good_there;

static void body(void)
{
    is_good_there = allocate(BLOCKS);
}

static int coroutines(const char *arg)
{
    (void)arg;
    for (int i = 0; i < 20; i++) {
        char *stack = stack_make(SMALL_STACK);
        memset(stack, 0xee, SMALL_STACK);
        getcontext(&coroutine);
        coroutine.uc_stack.ss_sp = stack;
        coroutine.uc_stack.ss_size = SMALL_STACK;
        coroutine.uc_link = &scheduler;
        makecontext(&coroutine, body, 0);
        is_good_there = false;
        swapcontext(&scheduler, &coroutine);
        stack_unmake(stack, SMALL_STACK);
        if (!is_good_there)
            return fail("coroutine");
    }
    return 0;
}

static int small_stacks(const char *arg)
{
    pthread_attr_t attributes;
    (void)arg;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, (size_t)PTHREAD_STACK_MIN);
    return run_threads(allocate_in_thread, MANY_THREADS, &attributes)
               ? 0
               : fail("threads");
}

/* ----------------------------------------------------------- cancellation */

static void *allocate_until_cancelled(void *arg)
{
    for (;;) {
        pthread_testcancel();
        if (!allocate(10))
            return arg;
    }
}

static int cancels(const char *arg)
{
    (void)arg;
    for (int i = 0; i < 200; i++) {
        pthread_t id;
        void *result = NULL;
        pthread_create(&id, NULL, allocate_until_cancelled, NULL);
        allocate(10);
        pthread_cancel(id);
        pthread_join(id, &result);
        if (result != PTHREAD_CANCELED)
            return fail("thread");
    }
    return allocate(BLOCKS) ? 0 : fail("malloc");
}

/* ------------------------------------------------------------ descriptors */

static int open_descriptors(void)
{
    int count = 0;
    DIR *directory = opendir("/proc/self/fd");
    for (struct dirent *entry; (entry = readdir(directory));)
        count += entry->d_name[0] != '.' && atoi(entry->d_name) > 2 &&
                 atoi(entry->d_name) != dirfd(directory);
    closedir(directory);
    return count;
}

/* libunwind would have two of a pipe, and write to what has their numbers
 * when they are closed. */
static int descriptors(const char *path)
{
    char content[64] = "";
    if (open_descriptors() != 0)
        return fail("there are some at first");
    int fds[8];
    for (int i = 0; i < 8; i++)
        fds[i] = open(path, O_RDWR | O_CREAT, 0600);
    if (coroutines(NULL) != 0 ||
        !run_threads(allocate_in_thread, MANY_THREADS, NULL))
        return 1;
    if (pread(fds[0], content, sizeof(content), 0) != 0)
        return fail("something was written");
    for (int i = 0; i < 8; i++)
        if (close(fds[i]) != 0)
            return fail("one was closed");
    return open_descriptors() == 0 ? 0 : fail("there are some at last");
}

/* --------------------------------------------------------------- at a time */

/* Goes on until its standard input ends; says when it has begun. */
static int until_told(const char *plugin)
{
    pthread_t others[4];
    char c;
    for (int i = 0; i < 4; i++)
        pthread_create(&others[i], NULL, allocate_until_over, (void *)1);
    pthread_t loader;
    void *result = (void *)1;
    if (*plugin)
        pthread_create(&loader, NULL, load_and_unload, (void *)plugin);
    puts("begun");
    fflush(stdout);
    while (read(STDIN_FILENO, &c, 1) > 0) {
    }
    if (*plugin)
        pthread_join(loader, &result);
    is_over = true;
    for (int i = 0; i < 4; i++)
        pthread_join(others[i], NULL);
    return result ? 0 : fail(plugin);
}

static const struct scenario {
    const char *name;
    int (*run)(const char *arg);
} scenarios[] = {
    {"loader_locked", loader_locked}, {"storm", storm},
    {"forks", forks},                 {"signals", signals},
    {"coroutines", coroutines},       {"small_stacks", small_stacks},
    {"cancels", cancels},             {"descriptors", descriptors},
    {"until_told", until_told},
};

int main(int argc, char **argv)
{
    for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++)
        if (argc > 1 && strcmp(argv[1], scenarios[i].name) == 0) {
            int bad = scenarios[i].run(argc > 2 ? argv[2] : "");
            puts(bad ? "bad" : "ok");
            return bad;
        }
    return fail("no such scenario");
}
