/* crowd PROCESSES THREADS: so many processes with so many threads each, all
 * of them asleep, until the standard input ends.  Prints the pid of each. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { STACK_BYTES = 64 << 10 };

static void *sleep_on(void *unused)
{
    for (;;)
        pause();
    return unused;
}

/* The threads exist when the pid is printed. */
static void child_run(long threads)
{
    pthread_attr_t attributes;
    pthread_t thread;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)pthread_attr_init(&attributes);
    (void)pthread_attr_setstacksize(&attributes, STACK_BYTES);
    for (long i = 1; i < threads; i++) {
        if (pthread_create(&thread, &attributes, sleep_on, NULL) != 0)
            _exit(1);
    }
    (void)dprintf(STDOUT_FILENO, "%d\n", getpid());
    sleep_on(NULL);
}

int main(int argc, char **argv)
{
    long processes = argc == 3 ? strtol(argv[1], NULL, 10) : 0;
    long threads = argc == 3 ? strtol(argv[2], NULL, 10) : 0;
    char byte = 0;

    if (processes < 1 || threads < 1) {
        (void)fputs("Usage: crowd PROCESSES THREADS\n", stderr);
        return 2;
    }
    for (long i = 0; i < processes; i++) {
        pid_t child = fork();

        if (child < 0) {
            perror("crowd: fork");
            return 1;
        }
        if (child == 0)
            child_run(threads);
    }
    while (read(STDIN_FILENO, &byte, 1) > 0)
        continue;
    return 0; /* the children go with us */
}
