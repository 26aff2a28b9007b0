/* The process that a command line names: see target.h. */
#include "common/target.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <string.h>

#include "common/cli.h"
#include "reader/text.h"

int target_only(const char *command, char *const *rest, const char **ret_name)
{
    if (!rest[0])
        return cli_usage(command, "no process id or file");
    if (rest[1])
        return cli_usage(command, "'%s' is too much", rest[1]);
    *ret_name = rest[0];
    return CLI_DONE;
}

int target_pid(const char *command, uint32_t pid,
               struct reader_process *ret_process)
{
    int err = reader_process_find(ret_process, NULL, pid);

    if (err == 0)
        return CLI_DONE;
    if (err != -ENOENT && err != -ESRCH)
        return cli_failure(command, "process %" PRIu32 ": %s", pid,
                           strerror(-err));
    if (kill((pid_t)pid, 0) < 0 && errno == ESRCH)
        return cli_failure(command,
                           "there is no process %" PRIu32
                           ", nor an account of a dead one",
                           pid);
    return cli_failure(command, "process %" PRIu32 " does not run under gcshim",
                       pid);
}

/* The reasons of refusals continue a sentence that begins with the name. */
static int target_file(const char *command, const char *path,
                       struct reader_process *ret_process)
{
    char reason[READER_REASON_BYTES] = "";
    char shown[READER_COMMAND_BYTES];
    int err = reader_process_init(ret_process, path, reason);

    if (err == 0)
        return CLI_DONE;
    text_copy(shown, sizeof(shown), path, strlen(path));
    if (err == -EPROTO)
        return cli_failure(command, "%s %s", shown, reason);
    if (err == -EAGAIN)
        return cli_failure(command, "%s is still being created", shown);
    return cli_failure(command, "%s: %s", shown, strerror(-err));
}

int target_named(const char *command, const char *name,
                 struct reader_process *ret_process)
{
    uint64_t pid = 0;

    if (cli_number(name, 1, INT_MAX, &pid) == 0)
        return target_pid(command, (uint32_t)pid, ret_process);
    return target_file(command, name, ret_process);
}
