/* gcshim-ctl PID baseline: has the account remember the figures of now. */
#include <stdio.h>

#include "common/cli.h"
#include "common/size.h"
#include "ctl/commands.h"
#include "ctl/living.h"

static int remembered_print(const struct reader_process *process)
{
    char used[SIZE_BYTES];
    char allocated[SIZE_BYTES];
    char resident[SIZE_BYTES];

    (void)printf("remembered: used %s, allocated %s, resident %s\n",
                 size_format(used, process->used_bytes),
                 size_format(allocated, process->allocated_bytes),
                 size_format(resident, process->resident_bytes));
    return fflush(stdout) == EOF ? CLI_FAILED : CLI_DONE;
}

int ctl_baseline(const struct ctl_request *request)
{
    struct reader_process process;
    struct control control;
    int status = living_open(request->pid, &process, &control);

    if (status != CLI_DONE)
        return status;
    int err = control_baseline(&control, &process);

    status =
        err ? living_failure(request->pid, err) : remembered_print(&process);
    living_close(&process, &control);
    return status;
}
