/* A request that a process give memory back: see trim.h. */
#include "top/trim.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/size.h"

#define NS_PER_S UINT64_C(1000000000)
#define WAIT_NS  (5 * NS_PER_S)
#define SHOWN_NS (8 * NS_PER_S)

void trim_close(struct trim *trim)
{
    if (trim->is_open)
        control_close(&trim->control);
    trim->is_open = false;
}

static const char *trouble(int err)
{
    if (err == -EACCES || err == -EPERM)
        return "it belongs to another user";
    return err == -ENOENT || err == -ESRCH ? "it has ended" : strerror(-err);
}

static void fail(struct trim *trim, struct model *model, uint32_t pid, int err,
                 uint64_t now_ns)
{
    trim_close(trim);
    model_say(model, now_ns + SHOWN_NS,
              "process %" PRIu32 " gives nothing back: %s", pid, trouble(err));
}

static void begin(struct trim *trim, struct model *model, uint64_t now_ns)
{
    const struct model_trim *wanted = &model->trim;
    const struct reader_process *process =
        model_process(model, wanted->pid, wanted->created_ns);

    trim_close(trim);
    int err = process ? control_open(&trim->control, process) : -ESRCH;

    if (err) {
        fail(trim, model, wanted->pid, err, now_ns);
        return;
    }
    *trim = (struct trim){
        .is_open = true,
        .control = trim->control,
        .pid = process->pid,
        .created_ns = process->created_ns,
        .before = trim_moment_of(process),
        .deadline_ns = now_ns + WAIT_NS,
    };
    err = control_trim(&trim->control);
    if (err)
        fail(trim, model, trim->pid, err, now_ns);
}

/* What has come of it, by a look at the process as it is now. */
static void tell(const struct trim *trim, struct model *model, size_t done,
                 size_t threads, uint64_t now_ns)
{
    struct reader_process after;
    char rest[TRIM_TEXT_BYTES] = "";
    char gain[TRIM_TEXT_BYTES];
    int err = reader_process_find(&after, NULL, trim->pid);

    if (err) {
        model_say(model, now_ns + SHOWN_NS, "process %" PRIu32 ": %s",
                  trim->pid, trouble(err));
        return;
    }
    if (done < threads)
        (void)snprintf(rest, sizeof(rest), " (%zu of %zu threads)", done,
                       threads);
    model_say(model, now_ns + SHOWN_NS, "process %" PRIu32 " %s%s", trim->pid,
              trim_format_short(gain, trim->before, trim_moment_of(&after)),
              rest);
    explanations_forget(&model->explained, &after);
    reader_process_fini(&after);
}

static void tell_nothing(const struct trim *trim, struct model *model,
                         uint64_t now_ns)
{
    model_say(model, now_ns + SHOWN_NS,
              "process %" PRIu32 " has not allocated or freed since: it will "
              "when it does",
              trim->pid);
}

static bool progress(struct trim *trim, struct model *model, uint64_t now_ns)
{
    size_t done = 0;
    size_t threads = 0;
    int err = control_trim_progress(&trim->control, &done, &threads);

    if (err) {
        fail(trim, model, trim->pid, err, now_ns);
        return true;
    }
    if (done < threads && now_ns < trim->deadline_ns) {
        model_say(model, now_ns + SHOWN_NS,
                  "process %" PRIu32 " gives memory back: %zu of %zu threads",
                  trim->pid, done, threads);
        return false;
    }
    if (done > 0)
        tell(trim, model, done, threads, now_ns);
    else
        tell_nothing(trim, model, now_ns);
    trim_close(trim);
    return true;
}

bool trim_follow(struct trim *trim, struct model *model, uint64_t now_ns)
{
    if (model->trim.is_wanted) {
        model->trim.is_wanted = false;
        begin(trim, model, now_ns);
    }
    return trim->is_open && progress(trim, model, now_ns);
}
