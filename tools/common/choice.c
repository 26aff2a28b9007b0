/* Which processes a command line asks for: see choice.h. */
#include "common/choice.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "common/cli.h"
#include "common/users.h"

static int pid_add(struct choice *choice, const char *command, const char *text)
{
    uint64_t pid = 0;

    if (cli_number(text, 1, INT_MAX, &pid) < 0)
        return cli_usage(command, "-p: '%s' is no process id", text);
    uint32_t *pids =
        reallocarray(choice->pids, choice->pid_count + 1, sizeof(*pids));

    if (!pids)
        return cli_failure(command, "%s", strerror(ENOMEM));
    pids[choice->pid_count++] = (uint32_t)pid;
    choice->pids = pids;
    return CLI_DONE;
}

int choice_pids_add(struct choice *choice, const char *command, char *list)
{
    int status = CLI_DONE;

    if (!*list)
        return cli_usage(command, "-p: no process id");
    while (list && status == CLI_DONE)
        status = pid_add(choice, command, strsep(&list, ","));
    return status;
}

int choice_user_set(struct choice *choice, const char *command,
                    const char *name)
{
    if (users_find(name, &choice->uid) < 0)
        return cli_usage(command, "-u: there is no user '%s'", name);
    choice->by_user = true;
    return CLI_DONE;
}

void choice_fini(struct choice *choice)
{
    free(choice->pids);
    choice->pids = NULL;
    choice->pid_count = 0;
}

bool choice_has(const struct choice *choice,
                const struct reader_process *process)
{
    if (choice->by_user && process->uid != choice->uid)
        return false;
    for (size_t i = 0; i < choice->pid_count; i++) {
        if (choice->pids[i] == process->pid)
            return true;
    }
    return choice->pid_count == 0;
}
