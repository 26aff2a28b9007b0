/* A program run as a child: see child.h.
 *
 * No handlers: all signals of interest stay blocked and are taken one by one
 * with sigwaitinfo, so none comes between two lines, and none is sent to a
 * pid that has been given to another process. */
#include "run/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NUMBER_BYTES = 16, SIGNALLED = 128, NOT_FOUND = 127, NOT_RUN = 126 };

/* What this process was started with of that which is changed here. */
struct inherited {
    sigset_t mask;
    struct sigaction on_child; /* SIGCHLD's */
};

static const int passed_on[] = {SIGTERM, SIGHUP, SIGUSR1,
                                SIGUSR2, SIGINT, SIGQUIT};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

int child_exec_status(int error)
{
    return error == ENOENT ? NOT_FOUND : NOT_RUN;
}

int child_status(const struct child *child)
{
    if (child->exec_error)
        return child_exec_status(child->exec_error);
    return child->was_killed ? SIGNALLED + child->code : child->code;
}

/* -------------------------------------------------------- in the child */

static void signals_restore(const struct inherited *inherited)
{
    (void)sigaction(SIGCHLD, &inherited->on_child, NULL);
    (void)sigprocmask(SIG_SETMASK, &inherited->mask, NULL);
}

/* Tells the parent what exec says if it returns; else the pipe closes. */
__attribute__((noreturn)) static void become(char **argv, bool keep_own,
                                             int pipe_fd,
                                             const struct inherited *inherited)
{
    char own_pid[NUMBER_BYTES];
    int error = 0;

    (void)snprintf(own_pid, sizeof(own_pid), "%d", getpid());
    if (keep_own && setenv("GCSHIM_KEEP", own_pid, 1) < 0) {
        error = ENOMEM;
    } else {
        signals_restore(inherited);
        execvp(argv[0], argv);
        error = errno;
    }
    (void)!write(pipe_fd, &error, sizeof(error));
    _exit(child_exec_status(error));
}

/* ------------------------------------------------------- in the parent */

/* One that we were told to ignore, as under nohup, is passed on all the same:
 * the child was told so too. */
static void signals_of_interest(sigset_t *ret_set)
{
    sigemptyset(ret_set);
    sigaddset(ret_set, SIGCHLD);
    for (size_t i = 0; i < COUNT(passed_on); i++)
        sigaddset(ret_set, passed_on[i]);
}

static int exec_error_read(int pipe_fd)
{
    int error = 0;
    ssize_t got = 0;

    do
        got = read(pipe_fd, &error, sizeof(error));
    while (got < 0 && errno == EINTR);
    return got == sizeof(error) ? error : 0;
}

/* Whether it has ended, without releasing it. */
static bool has_ended(pid_t pid, struct child *child)
{
    siginfo_t info = {0};

    if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 ||
        info.si_pid != pid)
        return false;
    child->was_killed = info.si_code != CLD_EXITED;
    child->code = info.si_status;
    return true;
}

/* Whether the child has not had it yet.  The terminal's ^C and ^\ go to the
 * whole process group; and what the child sends its parent, or its group, it
 * does not mean for itself. */
static bool is_for_child(const siginfo_t *info, const struct child *child)
{
    bool is_sent = info->si_code == SI_USER || info->si_code == SI_QUEUE ||
                   info->si_code == SI_TKILL;

    if (is_sent)
        return info->si_pid != child->pid;
    return info->si_signo != SIGINT && info->si_signo != SIGQUIT;
}

bool child_wait(struct child *child, const struct timespec *timeout)
{
    sigset_t signals;
    siginfo_t info;

    signals_of_interest(&signals);
    if (has_ended(child->pid, child))
        return true;
    int number = timeout ? sigtimedwait(&signals, &info, timeout)
                         : sigwaitinfo(&signals, &info);

    if (number > 0 && number != SIGCHLD && is_for_child(&info, child))
        (void)kill(child->pid, number);
    return has_ended(child->pid, child);
}

/* The signals stay blocked to the end: a ^C must not cost the report. */
static void signals_take(const sigset_t *signals, struct inherited *ret_before)
{
    struct sigaction by_default = {.sa_handler = SIG_DFL};

    (void)sigprocmask(SIG_BLOCK, signals, &ret_before->mask);
    /* An ignored SIGCHLD would have the kernel release the child. */
    (void)sigaction(SIGCHLD, &by_default, &ret_before->on_child);
}

int child_start(struct child *ret_child, char **argv, bool keep_own)
{
    struct child child = {0};
    struct inherited inherited;
    sigset_t signals;
    int pipe_fds[2];

    if (pipe2(pipe_fds, O_CLOEXEC) < 0)
        return -errno;
    signals_of_interest(&signals);
    signals_take(&signals, &inherited);
    (void)fflush(NULL);
    child.pid = fork();
    if (child.pid == 0)
        become(argv, keep_own, pipe_fds[1], &inherited);

    int err = child.pid < 0 ? -errno : 0;

    (void)close(pipe_fds[1]);
    if (err == 0) {
        child.exec_error = exec_error_read(pipe_fds[0]);
        *ret_child = child;
    }
    (void)close(pipe_fds[0]);
    return err;
}

int child_run(struct child *ret_child, char **argv, bool keep_own)
{
    int err = child_start(ret_child, argv, keep_own);

    while (err == 0 && !child_wait(ret_child, NULL))
        continue;
    return err;
}

void child_release(const struct child *child)
{
    while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
}
