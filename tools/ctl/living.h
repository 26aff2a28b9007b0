/* A process that something is asked of. */
#ifndef GCSHIM_CTL_LIVING_H
#define GCSHIM_CTL_LIVING_H

#include "reader/control.h"
#include "reader/reader.h"

/* Reads the process of this pid and opens it for requests: CLI_DONE, or
 * CLI_FAILED after one line that says why not.  Release with living_close. */
int living_open(uint32_t pid, struct reader_process *ret_process,
                struct control *ret_control);
void living_close(struct reader_process *process, struct control *control);

/* Looks again and again, as a process has no way to tell us, until look says
 * that it is over, or fails, or the time is up: 0 or -errno. */
int living_await(double timeout_s,
                 int (*look)(void *context, bool *ret_is_over), void *context);

/* One line for a request that came back with -errno: CLI_FAILED. */
int living_failure(uint32_t pid, int err);

#endif
