/* What has been said of processes: see explain.h. */
#include "common/explain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { NS_PER_MS = 1000000 };

void explanations_fini(struct explanations *explanations)
{
    free(explanations->entries);
    *explanations = (struct explanations){0};
}

static bool is_about(const struct explanation *explanation,
                     const struct reader_process *process)
{
    return explanation->pid == process->pid &&
           explanation->created_ns == process->created_ns;
}

static struct explanation *find(const struct explanations *explanations,
                                const struct reader_process *process)
{
    for (size_t i = 0; i < explanations->count; i++) {
        if (is_about(&explanations->entries[i], process))
            return &explanations->entries[i];
    }
    return NULL;
}

/* The dead have no mappings, and what is said of them needs none.  A survey
 * is sorted by pid. */
static struct reader_process *find_live(const struct reader_survey *survey,
                                        const struct explanation *explanation)
{
    size_t low = 0;
    size_t high = survey->process_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (survey->processes[middle].pid < explanation->pid)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < survey->process_count &&
           survey->processes[low].pid == explanation->pid;
         low++) {
        if (survey->processes[low].state == READER_LIVE &&
            is_about(explanation, &survey->processes[low]))
            return &survey->processes[low];
    }
    return NULL;
}

void explanations_apply(struct explanations *explanations,
                        struct reader_survey *survey)
{
    size_t left = 0;

    for (size_t i = 0; i < explanations->count; i++) {
        struct explanation *explanation = &explanations->entries[i];
        struct reader_process *process = find_live(survey, explanation);

        if (!process)
            continue;
        process->mappings = explanation->mappings;
        process->verdict = explanation->verdict;
        memcpy(process->evidence, explanation->evidence,
               sizeof(process->evidence));
        explanations->entries[left++] = *explanation;
    }
    explanations->count = left;
}

bool explanations_is_due(const struct explanations *explanations,
                         const struct reader_process *process,
                         uint64_t after_ms, uint64_t now_ns)
{
    const struct explanation *explanation = find(explanations, process);

    if (process->state != READER_LIVE)
        return false;
    if (!explanation)
        return true;
    uint64_t age_ns = now_ns - explanation->began_ns;

    return age_ns >= after_ms * NS_PER_MS &&
           age_ns >= explanation->cost_ns * EXPLAIN_COST_FACTOR;
}

int explanations_keep(struct explanations *explanations,
                      const struct reader_process *process, uint64_t began_ns,
                      uint64_t ended_ns)
{
    struct explanation *kept = find(explanations, process);

    if (!kept) {
        struct explanation *entries = reallocarray(
            explanations->entries, explanations->count + 1, sizeof(*entries));

        if (!entries)
            return -ENOMEM;
        explanations->entries = entries;
        kept = &entries[explanations->count++];
    }
    *kept = (struct explanation){
        .pid = process->pid,
        .created_ns = process->created_ns,
        .began_ns = began_ns,
        .cost_ns = ended_ns - began_ns,
        .mappings = process->mappings,
        .verdict = process->verdict,
    };
    memcpy(kept->evidence, process->evidence, sizeof(kept->evidence));
    return 0;
}

void explanations_forget(struct explanations *explanations,
                         const struct reader_process *process)
{
    struct explanation *kept = find(explanations, process);

    if (kept)
        *kept = explanations->entries[--explanations->count];
}
