/* One recording: see session.h. */
#include "record/session.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "common/cli.h"
#include "common/size.h"
#include "common/target.h"
#include "reader/proc.h"
#include "record/progress.h"
#include "record/sampler.h"
#include "run/child.h"
#include "run/left.h"

const char session_command[] = "gcshim-record";
static const char *const command = session_command;

enum {
    FIRST_LOOK_MS = 5, /* until there is an account, so long a wait, */
    FIRST_LOOKS = 400, /* and so many of them */
    NS_PER_MS = 1000000,
};

/* What goes on.  A recording that has failed is over; a program that is run
 * goes on all the same. */
struct session {
    const struct session_options *options;
    struct store store;
    struct sampler sampler;
    struct progress progress;
    uint64_t next_ns; /* CLOCK_BOOTTIME */
    unsigned looks;   /* for an account, so far */
    bool has_failed;
};

static uint64_t ns_of(double seconds)
{
    return (uint64_t)(seconds * (double)RECORDING_NS_PER_S);
}

static void told(struct session *session, int err)
{
    if (err == 0 || session->has_failed)
        return;
    session->has_failed = true;
    progress_clear(&session->progress);
    (void)cli_failure(command, "%s: %s", session->options->path,
                      strerror(-err));
}

static int session_begin(struct session *session,
                         const struct session_options *options,
                         uint64_t began_ns)
{
    struct timespec now = {0};
    struct recording head = {.began_ns = began_ns,
                             .interval_ns = ns_of(options->interval_s)};

    (void)clock_gettime(CLOCK_REALTIME, &now);
    head.began_unix_ns =
        (uint64_t)now.tv_sec * RECORDING_NS_PER_S + (uint64_t)now.tv_nsec;
    *session = (struct session){.options = options, .next_ns = began_ns};
    int err =
        store_open(&session->store, options->path, options->bytes_max, &head);

    if (err == -EPROTO)
        return cli_failure(command, "%s is not a regular file", options->path);
    if (err)
        return cli_failure(command, "%s: %s", options->path, strerror(-err));
    session->progress = progress_make(!options->quiet);
    return LAUNCH_CONTINUE;
}

static void session_watch(struct session *session, uint32_t pid)
{
    session->sampler =
        sampler_make(&session->store, pid, session->store.recording.began_ns,
                     session->store.recording.interval_ns);
    session->sampler.is_from_start = session->options->pid == 0;
}

static bool is_over(const struct session *session)
{
    uint64_t began_ns = session->sampler.began_ns;

    return session->has_failed ||
           (session->options->duration_s > 0 &&
            proc_now_ns() - began_ns >= ns_of(session->options->duration_s));
}

/* A program takes a moment until it has an account, and may end soon. */
static uint64_t wait_of(struct session *session)
{
    uint64_t interval_ns = session->sampler.interval_ns;
    uint64_t look_ns = (uint64_t)FIRST_LOOK_MS * NS_PER_MS;
    bool is_looking = session->sampler.is_from_start &&
                      session->sampler.samples == 0 &&
                      session->looks++ < FIRST_LOOKS;

    return is_looking && look_ns < interval_ns ? look_ns : interval_ns;
}

/* Takes a sample if it is time to; what was missed is not made up for. */
static void session_step(struct session *session)
{
    uint64_t now_ns = proc_now_ns();

    if (now_ns < session->next_ns)
        return;
    told(session, sampler_take(&session->sampler));
    if (!session->has_failed)
        progress_print(&session->progress, &session->sampler);
    uint64_t wait_ns = wait_of(session);

    session->next_ns += wait_ns;
    if (session->next_ns <= now_ns)
        session->next_ns = now_ns + wait_ns;
}

static struct timespec until_next(const struct session *session)
{
    uint64_t now_ns = proc_now_ns();
    uint64_t end_ns =
        session->sampler.began_ns + ns_of(session->options->duration_s);
    uint64_t next_ns =
        session->options->duration_s > 0 && end_ns < session->next_ns
            ? end_ns
            : session->next_ns;
    uint64_t left = next_ns > now_ns ? next_ns - now_ns : 0;

    return (struct timespec){.tv_sec = (time_t)(left / RECORDING_NS_PER_S),
                             .tv_nsec = (long)(left % RECORDING_NS_PER_S)};
}

static void summary_print(const struct session *session)
{
    const struct sampler *sampler = &session->sampler;
    const struct recording *recording = &session->store.recording;
    const struct recording_entry *last =
        recording_last(recording, RECORDING_PROCESS);
    char elapsed[AGE_BYTES];
    char file[SIZE_BYTES];
    char used[SIZE_BYTES];
    char allocated[SIZE_BYTES];
    char points[COUNT_BYTES];
    char events[COUNT_BYTES];

    (void)fprintf(
        stderr,
        "%s: %s (pid %" PRIu32 "), %s: used at most %s, allocated %s, "
        "%s collection%s; %s point%s, %s in %s\n",
        command, last->process->comm, sampler->pid,
        age_format(elapsed, recording_length_ns(recording) / NS_PER_MS),
        size_format(used, sampler->used_most_bytes),
        size_format(allocated, sampler->allocated_most_bytes),
        count_format(events, sampler->events), sampler->events == 1 ? "" : "s",
        count_format(points, recording_count(recording, RECORDING_SAMPLE)),
        recording_count(recording, RECORDING_SAMPLE) == 1 ? "" : "s",
        size_format(file, session->store.bytes), session->options->path);
}

static void session_end(struct session *session)
{
    progress_clear(&session->progress);
    if (!session->has_failed && session->sampler.samples == 0)
        (void)cli_failure(command,
                          "nothing was recorded: no account of process %" PRIu32
                          " was found",
                          session->sampler.pid);
    else if (!session->has_failed && !session->options->quiet)
        summary_print(session);
    sampler_fini(&session->sampler);
    told(session, store_close(&session->store));
}

/* -------------------------------------------------------------- attached */

/* Which process it is; a pid is soon another's. */
static bool is_running(uint32_t pid, uint64_t start_time_ticks)
{
    struct proc proc;
    bool is = proc_open(&proc, pid) == 0;

    if (!is)
        return false;
    is = proc_is_running(&proc) &&
         (start_time_ticks == 0 ||
          proc.stat.start_time_ticks == start_time_ticks);
    proc_close(&proc);
    return is;
}

/* What may happen before the next sample. */
struct alarms {
    int process; /* a pidfd; -1 where the kernel has none */
    int signals;
};

static struct alarms alarms_open(uint32_t pid)
{
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    (void)sigprocmask(SIG_BLOCK, &signals, NULL);
    return (struct alarms){
        .process = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0),
        .signals = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK)};
}

static void alarms_close(const struct alarms *alarms)
{
    if (alarms->process >= 0)
        (void)close(alarms->process);
    (void)close(alarms->signals);
}

/* Waits for the next sample or for the process's end; whether a signal has
 * come. */
static bool alarms_wait(const struct alarms *alarms, struct timespec wait)
{
    struct pollfd polled[] = {{.fd = alarms->signals, .events = POLLIN},
                              {.fd = alarms->process, .events = POLLIN}};

    if (alarms->process < 0 && wait.tv_sec > 0)
        wait = (struct timespec){.tv_sec = 1};
    return ppoll(polled, 2, &wait, NULL) > 0 && polled[0].revents != 0;
}

/* Until the process ends, the time is over, or a signal comes. */
static const char *follow(struct session *session, const struct alarms *alarms,
                          uint64_t start_time_ticks)
{
    for (;;) {
        /* Asked first: its last figures are then taken after its end. */
        bool goes_on = is_running(session->options->pid, start_time_ticks);

        if (!goes_on)
            session->next_ns = 0;
        session_step(session);
        if (!goes_on && !session->sampler.hold)
            return "ended";
        if (is_over(session))
            return "duration";
        if (alarms_wait(alarms, until_next(session)))
            return "interrupted";
    }
}

int session_of_process(const struct session_options *options)
{
    struct reader_process process;
    struct session session;
    int status = target_pid(command, options->pid, &process);

    if (status != CLI_DONE)
        return status;
    bool is_dead = process.state == READER_DEAD;
    uint64_t start_time_ticks = process.start_time_ticks;

    reader_process_fini(&process);
    if (is_dead)
        return cli_failure(command,
                           "process %" PRIu32 " has ended (gcshim-stat %" PRIu32
                           " shows its last figures)",
                           options->pid, options->pid);
    status = session_begin(&session, options, proc_now_ns());
    if (status != LAUNCH_CONTINUE)
        return status;
    session_watch(&session, options->pid);
    struct alarms alarms = alarms_open(options->pid);
    const char *reason = follow(&session, &alarms, start_time_ticks);

    alarms_close(&alarms);
    if (!session.has_failed)
        told(&session,
             sampler_finish(&session.sampler, reason, READER_UNKNOWN));
    session_end(&session);
    return session.has_failed || session.sampler.samples == 0 ? CLI_FAILED
                                                              : CLI_DONE;
}

/* -------------------------------------------------------------- programs */

/* The account of its end, and of what could not be seen while it ran. */
static void end_record(struct session *session, const struct child *child,
                       bool keep)
{
    struct left left = left_by(child, session->store.recording.began_ns);
    struct reader_process process;

    if (!session->has_failed)
        told(session, sampler_take(&session->sampler));
    if (!session->has_failed && left_find(&left, &process) == 0) {
        told(session, sampler_add_left(&session->sampler, &process));
        reader_process_fini(&process);
    }
    if (!keep)
        left_remove(&left);
}

static void child_follow(struct session *session, struct child *child,
                         bool keep)
{
    bool is_finished = false;
    struct timespec wait = {0};

    while (!child_wait(child, is_finished ? NULL : &wait)) {
        if (is_finished)
            continue;
        session_step(session);
        is_finished = is_over(session);
        if (is_finished && !session->has_failed)
            told(session,
                 sampler_finish(&session->sampler, "duration", READER_UNKNOWN));
        wait = until_next(session);
    }
    if (is_finished) {
        struct left left = left_by(child, session->store.recording.began_ns);

        if (!keep)
            left_remove(&left);
        return;
    }
    end_record(session, child, keep);
    if (!session->has_failed)
        told(session, sampler_finish(&session->sampler,
                                     child->was_killed ? "killed" : "exited",
                                     (uint64_t)child_status(child)));
}

int session_of_program(const struct session_options *options)
{
    char obstacle[PROGRAM_OBSTACLE_BYTES];
    bool keep = launch_keeps_all(&options->launch);
    struct session session;
    struct child child;
    int status =
        launch_prepare(&options->launch, command, options->argv, obstacle);

    if (status != LAUNCH_CONTINUE)
        return status;
    status = session_begin(&session, options, proc_now_ns());
    if (status != LAUNCH_CONTINUE)
        return status;
    int err = child_start(&child, options->argv, !keep);

    if (err) {
        (void)store_close(&session.store);
        return cli_failure(command, "%s", strerror(-err));
    }
    session_watch(&session, (uint32_t)child.pid);
    child_follow(&session, &child, keep);
    if (child.exec_error) {
        (void)launch_failure(command, options->argv[0], child.exec_error);
        session.has_failed = true;
    }
    session_end(&session);
    child_release(&child);
    return child_status(&child);
}
