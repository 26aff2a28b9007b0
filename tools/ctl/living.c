/* A process that something is asked of: see living.h. */
#include "ctl/living.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "common/cli.h"
#include "common/target.h"
#include "ctl/commands.h"

enum { NS_PER_S = 1000000000, POLL_NS = 5000000 };

int living_failure(uint32_t pid, int err)
{
    if (err == -EACCES || err == -EPERM)
        return cli_failure(CTL_NAME,
                           "process %" PRIu32 " belongs to another user", pid);
    if (err == -ENOENT || err == -ESRCH)
        return cli_failure(CTL_NAME, "process %" PRIu32 " has ended", pid);
    return cli_failure(CTL_NAME, "process %" PRIu32 ": %s", pid,
                       strerror(-err));
}

int living_open(uint32_t pid, struct reader_process *ret_process,
                struct control *ret_control)
{
    struct reader_process process;
    int status = target_pid(CTL_NAME, pid, &process);

    if (status != CLI_DONE)
        return status;
    if (process.state == READER_DEAD) {
        reader_process_fini(&process);
        return cli_failure(CTL_NAME, "process %" PRIu32 " is dead", pid);
    }
    int err = control_open(ret_control, &process);

    if (err) {
        reader_process_fini(&process);
        return living_failure(pid, err);
    }
    *ret_process = process;
    return CLI_DONE;
}

void living_close(struct reader_process *process, struct control *control)
{
    control_close(control);
    reader_process_fini(process);
}

static uint64_t now_ns(void)
{
    struct timespec now = {0};

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

int living_await(double timeout_s,
                 int (*look)(void *context, bool *ret_is_over), void *context)
{
    const struct timespec pause = {.tv_nsec = POLL_NS};
    uint64_t deadline = now_ns() + (uint64_t)(timeout_s * NS_PER_S);

    for (;;) {
        bool is_over = false;
        int err = look(context, &is_over);

        if (err || is_over || now_ns() >= deadline)
            return err;
        (void)nanosleep(&pause, NULL);
    }
}
