/* gcshim-ctl PID profile: turns the sampling of call stacks on or off. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/cli.h"
#include "ctl/commands.h"
#include "ctl/living.h"
#include "sites/text.h"

/* As GCSHIM_SAMPLE is used to be set. */
enum { MEAN_DEFAULT = 512 * 1024 };

/* A request on its way. */
struct asking {
    const struct control *control;
    bool is_served;
    enum reader_sampling state;
    uint64_t mean_bytes;
};

static int served_look(void *context, bool *ret_is_over)
{
    struct asking *asking = context;
    int err = control_profile_served(asking->control, &asking->is_served,
                                     &asking->state, &asking->mean_bytes);

    *ret_is_over = asking->is_served;
    return err;
}

static int nobody_failure(const struct ctl_request *request)
{
    return cli_failure(CTL_NAME,
                       "in %.1f s no thread of process %" PRIu32
                       " allocated or freed enough to take notice; one will "
                       "when it does",
                       request->timeout_s, request->pid);
}

static int outcome_print(const struct asking *asking, bool is_wanted)
{
    char text[SITES_TEXT_BYTES];
    bool is_on = asking->state == READER_SAMPLING_ON ||
                 asking->state == READER_SAMPLING_STARTING;

    sites_state_text(text, asking->state, asking->mean_bytes);
    if (is_on != is_wanted)
        return cli_failure(CTL_NAME, "%s", text);
    (void)printf("%s\n", text);
    return fflush(stdout) == EOF ? CLI_FAILED : CLI_DONE;
}

static int ask_and_tell(const struct ctl_request *request, uint64_t mean_bytes,
                        struct control *control)
{
    struct asking asking = {.control = control};
    int err = control_profile(control, mean_bytes);

    if (err == -ENOTSUP)
        return cli_failure(CTL_NAME,
                           "process %" PRIu32 " runs under a gcshim that does "
                           "not sample",
                           request->pid);
    if (err == 0)
        err = living_await(request->timeout_s, served_look, &asking);
    if (err)
        return living_failure(request->pid, err);
    return asking.is_served ? outcome_print(&asking, mean_bytes != 0)
                            : nobody_failure(request);
}

/* 0 for off. */
static int mean_read(const char *argument, uint64_t *ret_mean)
{
    uint64_t mean = MEAN_DEFAULT;

    if (strcmp(argument, "off") == 0)
        mean = 0;
    else if (strncmp(argument, "on=", strlen("on=")) == 0) {
        if (cli_size(argument + strlen("on="), 1, INT64_MAX, &mean) < 0)
            return -EINVAL;
    } else if (strcmp(argument, "on") != 0) {
        return -EINVAL;
    }
    *ret_mean = mean;
    return 0;
}

int ctl_profile(const struct ctl_request *request)
{
    struct reader_process process;
    struct control control;
    uint64_t mean_bytes = 0;

    if (mean_read(request->argument, &mean_bytes) < 0)
        return cli_usage(CTL_NAME,
                         "profile: '%s' is not on, on=MEAN (512KiB) or off",
                         request->argument);
    int status = living_open(request->pid, &process, &control);

    if (status != CLI_DONE)
        return status;
    status = ask_and_tell(request, mean_bytes, &control);
    living_close(&process, &control);
    return status;
}
