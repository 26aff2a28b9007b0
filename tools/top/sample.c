/* Figures of one moment: see sample.h. */
#include "top/sample.h"

#include <errno.h>
#include <stdlib.h>

static struct sample sample_of(const struct reader_process *process,
                               const struct reader_thread *thread)
{
    const struct reader_totals *totals =
        thread ? &thread->totals : &process->totals;

    return (struct sample){
        .pid = process->pid,
        .tid = thread ? thread->tid : 0,
        .created_ns = process->created_ns,
        .used_bytes = thread ? 0 : process->used_bytes,
        .allocated_bytes = totals->allocated_bytes,
    };
}

static int compare(const void *left, const void *right)
{
    const struct sample *a = left;
    const struct sample *b = right;

    if (a->pid != b->pid)
        return a->pid < b->pid ? -1 : 1;
    if (a->created_ns != b->created_ns)
        return a->created_ns < b->created_ns ? -1 : 1;
    return (a->tid > b->tid) - (a->tid < b->tid);
}

int samples_init(struct samples *ret_samples,
                 const struct reader_survey *survey, uint64_t time_ns)
{
    size_t count = survey->process_count;

    for (size_t i = 0; i < survey->process_count; i++)
        count += survey->processes[i].thread_count;

    struct sample *entries = calloc(count + 1, sizeof(*entries));
    struct sample *at = entries;

    if (!entries)
        return -ENOMEM;
    for (size_t i = 0; i < survey->process_count; i++) {
        const struct reader_process *process = &survey->processes[i];

        *at++ = sample_of(process, NULL);
        for (size_t k = 0; k < process->thread_count; k++)
            *at++ = sample_of(process, &process->threads[k]);
    }
    qsort(entries, count, sizeof(*entries), compare);
    *ret_samples = (struct samples){entries, count, time_ns};
    return 0;
}

void samples_fini(struct samples *samples)
{
    free(samples->entries);
    *samples = (struct samples){0};
}

const struct sample *samples_find(const struct samples *samples,
                                  const struct reader_process *process,
                                  const struct reader_thread *thread)
{
    struct sample wanted = sample_of(process, thread);

    if (samples->count == 0)
        return NULL;
    return bsearch(&wanted, samples->entries, samples->count, sizeof(wanted),
                   compare);
}
