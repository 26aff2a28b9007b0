/* What reader_process_explain has said of processes, kept for a while, as the
 * kernel walks their page tables for it. */
#ifndef GCSHIM_COMMON_EXPLAIN_H
#define GCSHIM_COMMON_EXPLAIN_H

#include <stdbool.h>

#include "reader/reader.h"

/* An explanation is not read again before it is so old, nor before so many
 * times the time has gone by that it took to read. */
enum {
    EXPLAIN_LISTED_MS = 10000,
    EXPLAIN_SHOWN_MS = 1000, /* of the one process that is shown in detail */
    EXPLAIN_COST_FACTOR = 20,
};

struct explanation {
    uint32_t pid;
    uint64_t created_ns; /* tells apart two that were given the same pid */
    uint64_t began_ns;
    uint64_t cost_ns;
    struct reader_mappings mappings;
    enum reader_verdict verdict;
    char evidence[READER_EVIDENCE_BYTES];
};

struct explanations {
    struct explanation *entries;
    size_t count;
};

void explanations_fini(struct explanations *explanations);

/* Gives the processes of a survey what is known of them, and forgets those
 * that are not in it. */
void explanations_apply(struct explanations *explanations,
                        struct reader_survey *survey);

/* Whether a process is to be explained, for the first time or anew. */
bool explanations_is_due(const struct explanations *explanations,
                         const struct reader_process *process,
                         uint64_t after_ms, uint64_t now_ns);

/* Keeps what has been read of a process: 0 or -ENOMEM. */
int explanations_keep(struct explanations *explanations,
                      const struct reader_process *process, uint64_t began_ns,
                      uint64_t ended_ns);

/* Has a process explained anew at the next occasion. */
void explanations_forget(struct explanations *explanations,
                         const struct reader_process *process);

#endif
