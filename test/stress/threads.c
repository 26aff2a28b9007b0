/* Threads that come and go in every way that pthreads know.
 *
 *     threads SCENARIO [COUNT]
 *
 * Runs one scenario, frees what it may, prints "ready" and waits for a line,
 * so that whoever watches from outside can compare the accounts at rest.
 */
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

enum {
    IN_SEQUENCE = 10000, /* unless COUNT says otherwise */
    AT_ONCE = 2000,
    DETACHED = 500,
    CANCELLED = 200,
    COROUTINES = 64,
    SWITCHES = 2000,
    KEYS = 8,
    STACK_BYTES = 256 * 1024,
};

static size_t count;

static void must(int error)
{
    if (error) {
        fprintf(stderr, "threads: %s\n", strerror(error));
        exit(2);
    }
}

static pthread_t start(void *(*body)(void *), void *arg)
{
    pthread_attr_t attr;
    pthread_t thread;
    must(pthread_attr_init(&attr));
    must(pthread_attr_setstacksize(&attr, STACK_BYTES));
    must(pthread_create(&thread, &attr, body, arg));
    pthread_attr_destroy(&attr);
    return thread;
}

/* ------------------------------------------------------------ sequence */

static void *left_behind;

/* Frees its predecessor's block and leaves one of its own. */
static void *hand_on(void *arg)
{
    size_t i = (size_t)arg;
    free(left_behind);
    left_behind = malloc(1 + i % 3000);
    free(malloc(i % 500));
    return NULL;
}

static void in_sequence(void)
{
    for (size_t i = 0; i < count; i++)
        must(pthread_join(start(hand_on, (void *)i), NULL));
    free(left_behind);
}

/* ------------------------------------------------------------- at once */

static pthread_barrier_t all_there;
static void *crowd_blocks[AT_ONCE];

static void *stand_in_crowd(void *arg)
{
    size_t i = (size_t)arg;
    crowd_blocks[i] = malloc(i + 1);
    pthread_barrier_wait(&all_there);
    free(crowd_blocks[(i * 7 + 1) % AT_ONCE]); /* 7 and 2000: one each */
    return NULL;
}

static void at_once(void)
{
    static pthread_t crowd[AT_ONCE];
    must(pthread_barrier_init(&all_there, NULL, AT_ONCE));
    for (size_t i = 0; i < AT_ONCE; i++)
        crowd[i] = start(stand_in_crowd, (void *)i);
    for (size_t i = 0; i < AT_ONCE; i++)
        must(pthread_join(crowd[i], NULL));
}

/* ------------------------------------------------------------ detached */

static sem_t detached_done;

static void *run_detached(void *arg)
{
    pthread_detach(pthread_self());
    free(malloc((size_t)arg));
    sem_post(&detached_done);
    return malloc(10); /* leaked on purpose: nobody joins */
}

static void detached(void)
{
    must(sem_init(&detached_done, 0, 0));
    for (size_t i = 0; i < DETACHED; i++)
        start(run_detached, (void *)i);
    for (size_t i = 0; i < DETACHED; i++)
        sem_wait(&detached_done);
}

/* -------------------------------------------------------------- cancel */

static void clean_up(void *block)
{
    free(block);
    free(malloc(77));
}

static void *wait_to_be_cancelled(void *arg)
{
    void *block = malloc(5000);
    sem_t never;
    sem_init(&never, 0, 0);
    pthread_cleanup_push(clean_up, block);
    sem_post(arg);
    sem_wait(&never);
    pthread_cleanup_pop(1);
    return NULL;
}

static void *allocate_until_cancelled(void *arg)
{
    sem_post(arg);
    for (;;) {
        pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
        free(malloc(100));
        pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
        pthread_testcancel();
    }
    return NULL;
}

static void cancelled(void)
{
    sem_t started;
    must(sem_init(&started, 0, 0));
    for (int i = 0; i < CANCELLED; i++) {
        pthread_t thread = start(
            i % 2 ? wait_to_be_cancelled : allocate_until_cancelled, &started);
        sem_wait(&started);
        must(pthread_cancel(thread));
        must(pthread_join(thread, NULL));
    }
}

/* --------------------------------------------------------- destructors */

static pthread_key_t keys[KEYS];

/* Comes back as long as rounds of destructors allow. */
static void destroy(void *value)
{
    int *rounds = value;
    free(malloc(333));
    if (--*rounds > 0)
        pthread_setspecific(keys[*rounds % KEYS], rounds);
    else
        free(rounds);
}

static void *leave_to_destructors(void *arg)
{
    for (int i = 0; i < KEYS; i++) {
        int *rounds = malloc(sizeof(*rounds));
        *rounds = 1;
        pthread_setspecific(keys[i], rounds);
    }
    return arg;
}

static void destructors(void)
{
    for (int i = 0; i < KEYS; i++)
        must(pthread_key_create(&keys[i], destroy));
    for (int i = 0; i < 1000; i++)
        must(pthread_join(start(leave_to_destructors, NULL), NULL));
}

/* ---------------------------------------------------------- coroutines */

static ucontext_t home, coroutines[COROUTINES];
static int unfinished;

static void coroutine(int i)
{
    for (int turn = 0; turn < SWITCHES / COROUTINES; turn++) {
        void *block = malloc((size_t)(i * 100 + turn));
        swapcontext(&coroutines[i], &home);
        free(block);
    }
    unfinished--;
}

static void coroutine_switches(void)
{
    static char *stacks[COROUTINES];
    unfinished = COROUTINES;
    for (int i = 0; i < COROUTINES; i++) {
        stacks[i] = malloc(STACK_BYTES);
        getcontext(&coroutines[i]);
        coroutines[i].uc_stack.ss_sp = stacks[i];
        coroutines[i].uc_stack.ss_size = STACK_BYTES;
        coroutines[i].uc_link = &home;
        makecontext(&coroutines[i], (void (*)(void))coroutine, 1, i);
    }
    for (int turn = 0; unfinished > 0; turn++)
        for (int i = 0; i < COROUTINES; i++)
            if (turn <= SWITCHES / COROUTINES)
                swapcontext(&home, &coroutines[i]);
    for (int i = 0; i < COROUTINES; i++)
        free(stacks[i]);
}

/* -------------------------------------------- alternative signal stack */

static void handle(int signal_number)
{
    (void)signal_number;
    free(malloc(1234)); /* raised where no malloc is under way */
}

static void signal_stack(void)
{
    stack_t stack = {.ss_sp = malloc(STACK_BYTES), .ss_size = STACK_BYTES};
    struct sigaction action = {.sa_handler = handle, .sa_flags = SA_ONSTACK};
    sigaltstack(&stack, NULL);
    sigaction(SIGUSR1, &action, NULL);
    for (int i = 0; i < 10000; i++)
        raise(SIGUSR1);
    stack.ss_flags = SS_DISABLE;
    sigaltstack(&stack, NULL);
    free(stack.ss_sp);
}

/* -------------------------------------------------- main leaves first */

static void ready(void)
{
    char line[16];
    puts("ready");
    fflush(stdout);
    if (fgets(line, sizeof(line), stdin))
        exit(0);
}

static void *outlive_main(void *arg)
{
    pthread_join(*(pthread_t *)arg, NULL);
    for (int i = 0; i < 1000; i++)
        free(malloc((size_t)i));
    ready();
    return NULL;
}

static void main_leaves_first(void)
{
    static pthread_t main_thread;
    main_thread = pthread_self();
    free(malloc(1000));
    start(outlive_main, &main_thread);
    pthread_exit(malloc(99));
}

static const struct {
    const char *name;
    void (*run)(void);
} scenarios[] = {
    {"in_sequence", in_sequence},
    {"at_once", at_once},
    {"detached", detached},
    {"cancelled", cancelled},
    {"destructors", destructors},
    {"coroutines", coroutine_switches},
    {"signal_stack", signal_stack},
    {"main_leaves_first", main_leaves_first},
};

int main(int argc, char **argv)
{
    count = argc > 2 ? strtoul(argv[2], NULL, 10) : IN_SEQUENCE;
    for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++)
        if (argc > 1 && strcmp(argv[1], scenarios[i].name) == 0) {
            scenarios[i].run();
            ready();
        }
    fprintf(stderr, "threads: no such scenario\n");
    return 2;
}
