/* Who this process is, as a reader in the same world can check. */
#ifndef SHIM_IDENTITY_H
#define SHIM_IDENTITY_H

#include "gcshim/layout.h"

struct identity {
    uint32_t pid;
    uint32_t parent_pid;
    uint32_t uid; /* effective: the owner of what it creates */
    uint64_t pid_namespace;
    uint64_t start_time_ticks;
    uint64_t stack_start;
    char comm[GCSHIM_COMM_BYTES];
};

/* Asks the kernel.  What /proc does not tell stays 0, and comm "?". */
void identity_learn(struct identity *ret_identity);

/* The parsing alone: fields of a line of /proc/PID/stat into *identity.
 * A line that makes no sense changes nothing. */
void identity_parse_stat(struct identity *identity, const char *line);

#endif
