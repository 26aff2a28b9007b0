/* gcshim-ctl PID trim: has the process give back what it can. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "common/cli.h"
#include "common/trim.h"
#include "ctl/commands.h"
#include "ctl/living.h"

/* How far a request has come. */
struct progress {
    const struct control *control;
    size_t done, threads;
};

/* Until all of its threads have done it. */
static int progress_look(void *context, bool *ret_is_over)
{
    struct progress *progress = context;
    int err = control_trim_progress(progress->control, &progress->done,
                                    &progress->threads);

    *ret_is_over = err == 0 && progress->done >= progress->threads;
    return err;
}

static int nobody_failure(const struct ctl_request *request)
{
    return cli_failure(CTL_NAME,
                       "in %.1f s no thread of process %" PRIu32
                       " allocated or freed enough to take notice; they will "
                       "when they do",
                       request->timeout_s, request->pid);
}

static void rest_print(const struct progress *progress)
{
    if (progress->done < progress->threads)
        (void)printf("%zu of %zu threads; the others have not allocated or "
                     "freed since (their free memory stays until they do)\n",
                     progress->done, progress->threads);
}

/* Reads the process once more, for what has become of it. */
static int result_print(const struct reader_process *before,
                        const struct progress *progress)
{
    struct reader_process after;
    char text[TRIM_TEXT_BYTES];
    int err = reader_process_find(&after, NULL, before->pid);

    if (err == 0 && (after.created_ns != before->created_ns ||
                     after.state == READER_DEAD)) {
        reader_process_fini(&after);
        err = -ESRCH;
    }
    if (err)
        return living_failure(before->pid, err);
    (void)printf("%s\n", trim_format(text, trim_moment_of(before),
                                     trim_moment_of(&after)));
    rest_print(progress);
    reader_process_fini(&after);
    return fflush(stdout) == EOF ? CLI_FAILED : CLI_DONE;
}

static int trim_and_tell(const struct ctl_request *request,
                         const struct reader_process *process,
                         struct control *control)
{
    struct progress progress = {.control = control};
    int err = control_trim(control);

    if (err == 0)
        err = living_await(request->timeout_s, progress_look, &progress);
    if (err)
        return living_failure(request->pid, err);
    if (progress.done == 0)
        return nobody_failure(request);
    return result_print(process, &progress);
}

int ctl_trim(const struct ctl_request *request)
{
    struct reader_process process;
    struct control control;
    int status = living_open(request->pid, &process, &control);

    if (status != CLI_DONE)
        return status;
    status = trim_and_tell(request, &process, &control);
    living_close(&process, &control);
    return status;
}
