/* What a snapshot costs that a reader takes from outside:
 *
 *     outside libgcshim.so [THREADS [quiet|counted|busy]]
 *
 * starts itself under that shim with so many threads (1,000), and prints the
 * median and the 99th percentile of many snapshots, part by part.  quiet: the
 * threads have allocated a block each, and sleep (the default); counted: each
 * has counted its pages too; busy: each goes on allocating, ten times a second.
 */
#include "reader/account.h"
#include "reader/proc.h"
#include "reader/reader.h"
#include "reader/segment.h"
#include "reader/slots.h"

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    ROUNDS = 400,
    THREADS_MOST = 1020, /* the shim has slots for so many, and a few more */
    STACK_BYTES = 64 << 10,
    BLOCKS = 1000,
    BLOCK_BYTES = 1000,
    SPACING_US = 100000, /* a thread counts its pages no sooner */
};

/* ------------------------------------------------- who is looked at */

static pthread_barrier_t all_are_there;
static bool is_counted, is_busy;

static void work(void)
{
    void *blocks[BLOCKS];

    for (int i = 0; i < BLOCKS; i++)
        blocks[i] = malloc(BLOCK_BYTES);
    for (int i = 0; i < BLOCKS; i++)
        free(blocks[i]);
}

static void *sleep_on(void *unused)
{
    void *block = malloc(BLOCK_BYTES);

    if (is_counted) {
        (void)usleep(SPACING_US);
        work();
    }
    (void)pthread_barrier_wait(&all_are_there);
    while (is_busy) {
        (void)usleep(SPACING_US);
        work();
    }
    pause();
    free(block);
    return unused;
}

static int crowd_run(unsigned threads, const char *what)
{
    pthread_attr_t attributes;
    pthread_t thread;

    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    is_busy = strcmp(what, "busy") == 0;
    is_counted = is_busy || strcmp(what, "counted") == 0;
    (void)pthread_attr_init(&attributes);
    (void)pthread_attr_setstacksize(&attributes, STACK_BYTES);
    (void)pthread_barrier_init(&all_are_there, NULL, threads);
    for (unsigned i = 1; i < threads; i++) {
        if (pthread_create(&thread, &attributes, sleep_on, NULL) != 0)
            return 1;
    }
    free(malloc(BLOCK_BYTES));
    (void)pthread_barrier_wait(&all_are_there);
    (void)puts("ready");
    (void)fflush(stdout);
    (void)getchar(); /* the end, or a signal */
    return 0;
}

struct crowd {
    pid_t pid;
    int input, output;
};

/* Returns when its threads are there: false where they never will be. */
static bool crowd_start(struct crowd *crowd, const char *shim, char *threads,
                        char *what)
{
    char self[] = "/proc/self/exe";
    char mark[] = "--crowd";
    char *argv[] = {self, mark, threads, what, NULL};
    int in[2];
    int out[2];
    char byte = 0;

    if (pipe(in) < 0 || pipe(out) < 0)
        return false;
    crowd->pid = fork();
    if (crowd->pid == 0) {
        (void)dup2(in[0], STDIN_FILENO);
        (void)dup2(out[1], STDOUT_FILENO);
        (void)close(in[1]);
        (void)setenv("LD_PRELOAD", shim, 1);
        (void)execv(self, argv);
        _exit(127);
    }
    (void)close(in[0]);
    (void)close(out[1]);
    crowd->input = in[1];
    crowd->output = out[0];
    return crowd->pid > 0 && read(crowd->output, &byte, 1) == 1;
}

/* It ends by itself, and so takes its segment with it. */
static void crowd_end(struct crowd *crowd)
{
    (void)close(crowd->input);
    (void)close(crowd->output);
    (void)waitpid(crowd->pid, NULL, 0);
}

/* -------------------------------------------------------- what is timed */

struct subject {
    char path[PATH_MAX];
    struct segment segment;
    struct recall recall; /* nothing is kept in it */
    struct slots slots;
    struct reader_census *each;
    struct reader_hold *hold;
    struct reader_process process;
    uint32_t pid;
};

static int open_it(struct subject *subject)
{
    char reason[READER_REASON_BYTES];
    struct segment segment;
    int err = segment_open(&segment, AT_FDCWD, subject->path, reason);

    if (err == 0)
        segment_close(&segment);
    return err;
}

static int read_slots(struct subject *subject)
{
    char reason[READER_REASON_BYTES];
    struct slots slots;

    return slots_read(&subject->segment, &subject->recall, &slots, reason);
}

static int read_censuses(struct subject *subject)
{
    char reason[READER_REASON_BYTES];
    struct censuses censuses;
    int err = censuses_read(&subject->segment, &subject->recall,
                            &subject->slots, subject->each, &censuses, reason);

    if (err == 0)
        censuses_fini(&censuses);
    return err;
}

static int read_account(struct subject *subject)
{
    char reason[READER_REASON_BYTES];
    struct account account;
    int err = account_read(&subject->segment, &account, reason);

    if (err == 0)
        account_fini(&account);
    return err;
}

static int read_proc(struct subject *subject)
{
    char command[READER_COMMAND_BYTES];
    struct proc_status status;
    struct proc proc;
    int err = proc_open(&proc, subject->pid);

    if (err)
        return err;
    err = proc_status_read(&proc, &status);
    proc_command_read(&proc, command);
    proc_close(&proc);
    return err;
}

static int read_names(struct subject *subject)
{
    struct proc proc;
    int err = proc_open(&proc, subject->pid);

    if (err)
        return err;
    for (size_t i = 0; i < subject->process.thread_count; i++) {
        struct proc_stat stat;

        (void)proc_thread_read(&proc, subject->process.threads[i].tid, &stat);
    }
    proc_close(&proc);
    return 0;
}

static int read_whole(struct subject *subject)
{
    struct reader_process process;
    int err = reader_process_init(&process, subject->path, NULL);

    if (err == 0)
        reader_process_fini(&process);
    return err;
}

static int read_held(struct subject *subject)
{
    struct reader_process process;
    int err = reader_hold_read(subject->hold, &process);

    if (err == 0)
        reader_process_fini(&process);
    return err;
}

static const struct {
    const char *name;
    int (*read)(struct subject *subject);
} parts[] = {
    {"the file opened and checked", open_it},
    {"slots", read_slots},
    {"censuses", read_censuses},
    {"all of the segment", read_account},
    {"the process in /proc", read_proc},
    {"names of its threads in /proc", read_names},
    {"all of it, of a file by name", read_whole},
    {"all of it, once more (hold)", read_held},
};

/* ------------------------------------------------------------ measuring */

static double now_us(void)
{
    struct timespec time;

    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static int compare(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;

    return (a > b) - (a < b);
}

static bool measure(struct subject *subject, size_t part)
{
    static double us[ROUNDS];

    for (int i = 0; i < ROUNDS; i++) {
        double start = now_us();

        if (parts[part].read(subject) < 0)
            return false;
        us[i] = now_us() - start;
    }
    qsort(us, ROUNDS, sizeof(us[0]), compare);
    (void)printf("%-32s %9.1f us  %9.1f us\n", parts[part].name, us[ROUNDS / 2],
                 us[ROUNDS * 99 / 100]);
    return true;
}

static bool subject_init(struct subject *subject, uint32_t pid)
{
    char reason[READER_REASON_BYTES];

    subject->pid = pid;
    if (reader_process_find(&subject->process, NULL, pid) < 0)
        return false;
    (void)snprintf(subject->path, sizeof(subject->path), "%s/%s", READER_DIR,
                   subject->process.segment);
    if (reader_hold_open(&subject->hold, &subject->process) < 0 ||
        segment_open(&subject->segment, AT_FDCWD, subject->path, reason) < 0 ||
        slots_read(&subject->segment, &subject->recall, &subject->slots,
                   reason) < 0)
        return false;
    subject->each =
        calloc(subject->slots.owner_count + 1, sizeof(*subject->each));
    return subject->each != NULL;
}

static int measure_all(struct crowd *crowd)
{
    static struct subject subject;

    if (!subject_init(&subject, (uint32_t)crowd->pid)) {
        (void)fputs("outside: no segment: is that the shim?\n", stderr);
        return 1;
    }
    (void)printf("%-32s %9s     %9s\n", "", "median", "99 %");
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (!measure(&subject, i)) {
            (void)fprintf(stderr, "outside: %s: cannot be read\n",
                          parts[i].name);
            return 1;
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    static char as_usual[] = "1000";
    static char quiet[] = "quiet";
    bool is_crowd = argc == 4 && strcmp(argv[1], "--crowd") == 0;
    char *threads = argc > 2 ? argv[2] : as_usual;
    char *what = argc > 3 ? argv[3] : quiet;
    long count = strtol(threads, NULL, 10);
    struct crowd crowd = {.pid = -1, .input = -1, .output = -1};

    if (argc < 2 || argc > 4 || count < 1 || count > THREADS_MOST) {
        (void)fprintf(stderr,
                      "usage: outside libgcshim.so [THREADS "
                      "[quiet|counted|busy]], 1 to %d\n",
                      THREADS_MOST);
        return 2;
    }
    if (is_crowd)
        return crowd_run((unsigned)count, what);
    int status = 1;

    if (crowd_start(&crowd, argv[1], threads, what))
        status = measure_all(&crowd);
    else
        (void)fputs("outside: the threads cannot be started\n", stderr);
    crowd_end(&crowd);
    return status;
}
