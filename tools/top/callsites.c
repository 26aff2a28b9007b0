/* The call sites of the process in detail: see callsites.h. */
#include "top/callsites.h"

#include "top/live.h"

#define NS_PER_S UINT64_C(1000000000)

enum { SHARE = 20 };

void callsites_fini(struct callsites *callsites)
{
    if (callsites->is_read)
        sites_fini(&callsites->sites);
    *callsites = (struct callsites){0};
}

static bool are_of(const struct callsites *callsites,
                   const struct reader_process *process)
{
    return process && callsites->pid == process->pid &&
           callsites->created_ns == process->created_ns;
}

bool callsites_are_due(const struct callsites *callsites,
                       const struct model *model, uint64_t now_ns)
{
    const struct reader_process *process = model->shown.process;

    if (model->paused || model->screen != SCREEN_DETAIL ||
        model->panel != PANEL_SITES || !process)
        return false;
    return !are_of(callsites, process) || now_ns >= callsites->due_ns;
}

/* All lines at once: the survey that the process is of will not last. */
static void lines_find(struct sites *sites)
{
    for (size_t i = 0; i < sites->count && i < MODEL_SITES; i++)
        (void)sites_resolve(sites, &sites->entries[i]);
}

void callsites_read(struct callsites *callsites, const struct model *model)
{
    const struct reader_process *process = model->shown.process;
    uint64_t began = live_now_ns();
    uint64_t pause = 0;

    callsites_fini(callsites);
    callsites->is_read =
        sites_init(&callsites->sites, process, true, NULL) == 0;
    if (callsites->is_read)
        lines_find(&callsites->sites);
    callsites->pid = process->pid;
    callsites->created_ns = process->created_ns;
    pause = SHARE * (live_now_ns() - began);
    callsites->due_ns = live_now_ns() + (pause > NS_PER_S ? pause : NS_PER_S);
}

void callsites_give(const struct callsites *callsites, struct model *model)
{
    bool are_shown =
        callsites->is_read && are_of(callsites, model->shown.process);

    model_sites_set(model, are_shown ? &callsites->sites : NULL);
}
