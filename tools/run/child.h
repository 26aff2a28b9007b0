/* A program run as a child, watched to its end. */
#ifndef GCSHIM_RUN_CHILD_H
#define GCSHIM_RUN_CHILD_H

#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

struct child {
    pid_t pid;
    int exec_error; /* an errno: it could not be run; 0 if it was */
    bool was_killed;
    int code; /* exit status, or the signal that killed it */
};

/* Runs argv.  With keep_own it leaves its own segment behind when it ends
 * (GCSHIM_KEEP=<its pid>).  It has the signals that this process was started
 * with.  Passes on SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGINT and SIGQUIT,
 * but for what the terminal sends to both and what the child itself sends;
 * these signals stay blocked here from then on.  When this returns 0, the
 * child has ended but is not yet released, so that its pid is still its own;
 * child_release does that.  -errno where there is no child. */
int child_run(struct child *ret_child, char **argv, bool keep_own);
void child_release(const struct child *child);

/* The same in two: child_start returns when the program runs, or has not been
 * found to; child_wait waits until something happens, at most for timeout
 * (NULL: for ever), and tells whether the child has ended.  To be called
 * until it has. */
int child_start(struct child *ret_child, char **argv, bool keep_own);
bool child_wait(struct child *child, const struct timespec *timeout);

/* The status that a shell would give. */
int child_status(const struct child *child);

/* What a shell says of an errno of exec: 127 not found, 126 anything else. */
int child_exec_status(int error);

#endif
