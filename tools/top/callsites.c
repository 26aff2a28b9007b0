/* The call sites of the process in detail: see callsites.h. */
#include "top/callsites.h"

#include <time.h>

enum { NS_PER_S = 1000000000, SHARE = 20 };

static uint64_t clock_ns(void)
{
    struct timespec now = {0};

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

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

/* All lines at once: the survey that the process is of will not last. */
static void lines_find(struct sites *sites)
{
    for (size_t i = 0; i < sites->count && i < MODEL_SITES; i++)
        (void)sites_resolve(sites, &sites->entries[i]);
}

static void read_anew(struct callsites *callsites,
                      const struct reader_process *process)
{
    uint64_t began = clock_ns();
    uint64_t ended = 0;

    callsites_fini(callsites);
    callsites->is_read =
        sites_init(&callsites->sites, process, true, NULL) == 0;
    if (callsites->is_read)
        lines_find(&callsites->sites);
    ended = clock_ns();
    callsites->pid = process->pid;
    callsites->created_ns = process->created_ns;
    callsites->due_ns = ended + SHARE * (ended - began);
}

void callsites_follow(struct callsites *callsites, struct model *model,
                      uint64_t now_ns)
{
    const struct reader_process *process = model->shown.process;
    bool is_looked_at = model->screen == SCREEN_DETAIL &&
                        model->panel == PANEL_SITES && process;

    /* What the model has must not outlive what it is of. */
    if (is_looked_at && !model->paused &&
        (!are_of(callsites, process) || now_ns >= callsites->due_ns))
        read_anew(callsites, process);
    model_sites_set(model, callsites->is_read && are_of(callsites, process)
                               ? &callsites->sites
                               : NULL);
}
