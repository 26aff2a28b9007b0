/* gcshim-ctl PID collect: has the process's runtime collect its garbage. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "common/cli.h"
#include "common/gc.h"
#include "ctl/commands.h"
#include "ctl/living.h"
#include "reader/proc.h"

/* A request on its way. */
struct collecting {
    const struct control *control;
    uint64_t asked_ns;
    bool is_served;
    bool has_event;
    struct reader_gc_event event;
};

static int event_find(struct collecting *collecting,
                      enum reader_gc_asker asked_by)
{
    int err = control_collected(collecting->control, collecting->asked_ns,
                                asked_by, &collecting->event);

    collecting->has_event = err == 0;
    return err == -ENODATA ? 0 : err;
}

/* Of a runtime that has an adapter, which says when it is through. */
static int served_look(void *context, bool *ret_is_over)
{
    struct collecting *collecting = context;
    int err =
        control_collect_served(collecting->control, &collecting->is_served);

    if (err == 0 && collecting->is_served)
        err = event_find(collecting, READER_GC_BY_REQUEST);
    *ret_is_over = collecting->is_served;
    return err;
}

/* Of one that speaks to the shim by itself: it does not say that it has
 * collected because it was asked, only that it has. */
static int event_look(void *context, bool *ret_is_over)
{
    struct collecting *collecting = context;
    bool ignored = false;
    int err = control_collect_served(collecting->control, &ignored);

    if (err == 0)
        err = event_find(collecting, 0);
    *ret_is_over = collecting->has_event;
    return err;
}

static int outcome_print(const struct reader_gc *gc,
                         const struct reader_gc_event *event)
{
    char text[GC_TEXT_BYTES];

    (void)printf("collected: %s\n", gc_outcome(text, gc, event));
    return fflush(stdout) == EOF ? CLI_FAILED : CLI_DONE;
}

static int silence_print(void)
{
    (void)printf("asked; the runtime does not say when it is done\n");
    return fflush(stdout) == EOF ? CLI_FAILED : CLI_DONE;
}

static int nobody_failure(const struct ctl_request *request)
{
    return cli_failure(CTL_NAME,
                       "in %.1f s process %" PRIu32 " has not collected: no "
                       "thread allocated or freed enough to take notice, or "
                       "none came where it is safe to collect; it will when "
                       "it does",
                       request->timeout_s, request->pid);
}

static int collect_and_tell(const struct ctl_request *request,
                            const struct reader_gc *gc, struct control *control)
{
    struct collecting collecting = {.control = control,
                                    .asked_ns = proc_now_ns()};
    bool is_named = gc->runtime[0] != '\0';
    int err = control_collect(control);

    if (err == 0)
        err = living_await(request->timeout_s,
                           is_named ? served_look : event_look, &collecting);
    if (err)
        return living_failure(request->pid, err);
    if (collecting.has_event)
        return outcome_print(gc, &collecting.event);
    if (collecting.is_served)
        return cli_failure(CTL_NAME,
                           "the collector of process %" PRIu32 " was busy or "
                           "gave no sign: nothing is known to be collected",
                           request->pid);
    return is_named ? nobody_failure(request) : silence_print();
}

static bool is_let_alone(const struct reader_gc *gc)
{
    return gc->runtime[0] != '\0' && gc->mode == READER_GC_OFF;
}

/* CLI_DONE where there is somebody to be asked. */
static int runtime_check(const struct reader_process *process)
{
    if (!process->gc.is_there)
        return cli_failure(CTL_NAME,
                           "process %" PRIu32 " has no runtime that could be "
                           "asked: that takes GCSHIM_GC=observe or pace from "
                           "its start on (gcshim-run --gc), or a runtime that "
                           "calls gcshim_gc_on_request()",
                           process->pid);
    if (process->gc.is_blind)
        return cli_failure(CTL_NAME,
                           "process %" PRIu32 " cannot be asked: %s keeps its "
                           "objects in an allocator of its own and is left "
                           "alone",
                           process->pid, gc_name(&process->gc));
    if (is_let_alone(&process->gc))
        return cli_failure(CTL_NAME,
                           "process %" PRIu32 " cannot be asked: %s is not "
                           "watched any more, see CAVEATS in gcshim(7)",
                           process->pid, gc_name(&process->gc));
    return CLI_DONE;
}

int ctl_collect(const struct ctl_request *request)
{
    struct reader_process process;
    struct control control;
    int status = living_open(request->pid, &process, &control);

    if (status != CLI_DONE)
        return status;
    status = runtime_check(&process);
    if (status == CLI_DONE)
        status = collect_and_tell(request, &process.gc, &control);
    living_close(&process, &control);
    return status;
}
