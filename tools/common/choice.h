/* Which processes a command line asks for: -p and -u. */
#ifndef GCSHIM_COMMON_CHOICE_H
#define GCSHIM_COMMON_CHOICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reader/reader.h"

struct choice {
    uint32_t *pids;
    size_t pid_count; /* 0: all */
    bool by_user;
    uint32_t uid;
};

/* What -p and -u are followed by: CLI_DONE, or the exit status after one line
 * that says what is wrong.  The list of pids is cut up in place, and adds to
 * what was there.  Release with choice_fini. */
int choice_pids_add(struct choice *choice, const char *command, char *list);
int choice_user_set(struct choice *choice, const char *command,
                    const char *name);
void choice_fini(struct choice *choice);

bool choice_has(const struct choice *choice,
                const struct reader_process *process);

#endif
