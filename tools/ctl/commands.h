/* What gcshim-ctl can be told to do: one table, a row for each command.  To
 * add one, add its row and its function; usage and mistakes follow. */
#ifndef GCSHIM_CTL_COMMANDS_H
#define GCSHIM_CTL_COMMANDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CTL_NAME "gcshim-ctl"

struct ctl_request {
    uint32_t pid; /* 0 where the command is about none */
    double timeout_s;
    const char *argument; /* NULL where the command takes none */
};

struct ctl_command {
    const char *name;
    bool is_of_process; /* PID NAME, else NAME alone */
    int (*run)(const struct ctl_request *request); /* the exit status */
    const char *takes; /* what it takes an argument for; NULL: it takes none */
};

extern const struct ctl_command ctl_commands[];
extern const size_t ctl_command_count;

/* The command of that name; NULL if there is none. */
const struct ctl_command *ctl_command_find(const char *name,
                                           bool is_of_process);

/* ---- one file each ---- */

int ctl_trim(const struct ctl_request *request);
int ctl_collect(const struct ctl_request *request);
int ctl_profile(const struct ctl_request *request);
int ctl_baseline(const struct ctl_request *request);
int ctl_clean(const struct ctl_request *request);

#endif
