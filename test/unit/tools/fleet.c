/* A survey of made-up processes: see fleet.h. */
#include "fleet.h"

#include <stdio.h>
#include <stdlib.h>

#include "unit.h"

enum { MIB = 1 << 20, FIRST_PID = 101 };

static struct reader_thread *threads_of(uint32_t pid)
{
    struct reader_thread *threads = calloc(2, sizeof(*threads));

    assert_non_null(threads);
    for (uint32_t i = 0; i < 2; i++) {
        threads[i].tid = pid + i * 1000;
        threads[i].state = 'S';
        snprintf(threads[i].name, sizeof(threads[i].name), "thread-%u", i);
        threads[i].totals.allocated_bytes = (uint64_t)(pid + i) * MIB;
        threads[i].totals.allocated_blocks = 10;
    }
    return threads;
}

static void process_fill(struct reader_process *process, uint32_t pid)
{
    *process = (struct reader_process){
        .pid = pid,
        .parent_pid = 1,
        .state = READER_LIVE,
        .run_state = 'S',
        .created_ns = pid,
        .used_bytes = (uint64_t)pid * MIB,
        .used_peak_bytes = (uint64_t)pid * MIB,
        .allocated_bytes = (uint64_t)pid * 2 * MIB,
        .allocated_peak_bytes = (uint64_t)pid * 2 * MIB,
        .resident_bytes = (uint64_t)pid * MIB,
        .rss_bytes = (uint64_t)pid * MIB,
        .age_ms = 100,
        .totals = {(uint64_t)pid * 3 * MIB, 300, (uint64_t)pid * 2 * MIB, 200},
        .threads = threads_of(pid),
        .thread_count = 2,
        .bill = {.owned_bytes = (uint64_t)pid * MIB,
                 .unreturned_bytes = (uint64_t)pid * MIB},
        .baseline.age_ms = READER_UNKNOWN,
        .mappings = {READER_UNKNOWN, READER_UNKNOWN, READER_UNKNOWN,
                     READER_UNKNOWN, READER_UNKNOWN, READER_UNKNOWN,
                     READER_UNKNOWN},
    };
    snprintf(process->comm, sizeof(process->comm), "program-%u", pid);
    snprintf(process->command, sizeof(process->command), "program-%u run", pid);
}

struct reader_survey fleet(uint32_t count, int last_dead)
{
    struct reader_survey survey = {.process_count = count};

    survey.processes = calloc(count + 1, sizeof(*survey.processes));
    assert_non_null(survey.processes);
    for (uint32_t i = 0; i < count; i++)
        process_fill(&survey.processes[i], FIRST_PID + i);
    if (last_dead && count > 0) {
        struct reader_process *dead = &survey.processes[count - 1];

        dead->state = READER_DEAD;
        dead->run_state = 'X';
        dead->command[0] = '\0';
        dead->resident_bytes = READER_UNKNOWN;
        dead->rss_bytes = READER_UNKNOWN;
    }
    return survey;
}
