/* Prints what a program can see of the process it runs in.  The output under
 * the shim must be that under plain libmimalloc.  Uses no stdio before the
 * end: what it allocates must not differ either way. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static void descriptors(const char *when)
{
    struct stat stat;
    for (int fd = 0; fd < 1024; fd++)
        if (!fstat(fd, &stat))
            printf("%s: descriptor %d is open\n", when, fd);
}

static void tasks(const char *when)
{
    int count = 0;
    DIR *directory = opendir("/proc/self/task");
    while (readdir(directory))
        count++;
    closedir(directory);
    printf("%s: %d threads\n", when, count - 2);
}

static void signals(const char *when)
{
    sigset_t mask, pending;
    sigprocmask(SIG_BLOCK, NULL, &mask);
    sigpending(&pending);
    for (int number = 1; number <= SIGRTMAX; number++) {
        struct sigaction action = {.sa_handler = SIG_DFL};
        if (!sigaction(number, NULL, &action) && action.sa_handler != SIG_DFL)
            printf("%s: signal %d is handled\n", when, number);
        if (sigismember(&mask, number) == 1)
            printf("%s: signal %d is blocked\n", when, number);
        if (sigismember(&pending, number) == 1)
            printf("%s: signal %d is pending\n", when, number);
    }
}

static void environment(const char *when)
{
    for (char **at = environ; *at; at++)
        if (strncmp(*at, "LD_PRELOAD=", 11))
            printf("%s: %s\n", when, *at);
}

static void process(const char *when)
{
    struct itimerval timer;
    struct rlimit limit;
    stack_t stack;
    char name[32], directory[4096];
    mode_t mask = umask(0);
    umask(mask);
    getitimer(ITIMER_REAL, &timer);
    sigaltstack(NULL, &stack);
    prctl(PR_GET_NAME, name);
    printf("%s: umask %o, timer %ld, dumpable %d, name %s, in %s\n", when,
           (unsigned)mask, timer.it_value.tv_sec + timer.it_value.tv_usec,
           prctl(PR_GET_DUMPABLE), name, getcwd(directory, sizeof directory));
    printf("%s: signal stack %d, subreaper %d, errno %d\n", when,
           stack.ss_flags, prctl(PR_GET_NO_NEW_PRIVS), errno);
    for (int resource = 0; resource < RLIM_NLIMITS; resource++)
        if (!getrlimit((__rlimit_resource_t)resource, &limit))
            printf("%s: limit %d is %lu of %lu\n", when, resource,
                   (unsigned long)limit.rlim_cur,
                   (unsigned long)limit.rlim_max);
}

/* How many keys are to be had.  All are given back. */
static void keys(const char *when)
{
    static pthread_key_t key[4096];
    int count = 0;
    while (count < 4096 && !pthread_key_create(&key[count], NULL))
        count++;
    for (int i = 0; i < count; i++)
        pthread_key_delete(key[i]);
    printf("%s: %d keys\n", when, count);
}

static void everything(const char *when)
{
    descriptors(when);
    tasks(when);
    signals(when);
    environment(when);
    process(when);
    keys(when);
    fflush(stdout);
}

static void *thread(void *argument)
{
    for (size_t i = 1; i < 1000; i++)
        free(malloc(i * 100));
    keys("in a thread");
    signals("in a thread");
    return argument;
}

/* Enough work for several ticks. */
static void work(void)
{
    void *block[1000];
    for (int round = 0; round < 100; round++) {
        for (size_t i = 0; i < 1000; i++)
            block[i] = malloc(i * 10);
        for (size_t i = 0; i < 1000; i++)
            free(block[i]);
    }
}

static void last(void)
{
    everything("at exit");
}

int main(void)
{
    errno = 0;
    everything("at first");
    atexit(last);
    pthread_t id;
    for (int i = 0; i < 3; i++)
        if (pthread_create(&id, NULL, thread, NULL) || pthread_join(id, NULL))
            return 1;
    work();
    everything("after work");
    return 0;
}
