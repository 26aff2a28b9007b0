/* gcshim-ctl: asks something of a process under gcshim. */
#include <getopt.h>
#include <limits.h>
#include <locale.h>
#include <stdio.h>

#include "common/cli.h"
#include "ctl/commands.h"

static const char help_text[] =
    "Usage: gcshim-ctl [--timeout=SECONDS] PID trim|collect\n"
    "       gcshim-ctl [--timeout=SECONDS] PID profile on[=MEAN]|off\n"
    "       gcshim-ctl PID baseline\n"
    "       gcshim-ctl clean\n"
    "Asks something of a process under gcshim, and says what came of it.\n"
    "\n"
    "  trim      give back what memory can be given back\n"
    "  collect   have its runtime collect its garbage\n"
    "  profile   sample call stacks from now on, one byte in MEAN (default\n"
    "            512KiB), for gcshim-prof; or do so no more\n"
    "  baseline  remember the figures of now, for readers to show the change\n"
    "  clean     remove the accounts that dead processes have left\n"
    "\n"
    "  -t, --timeout=SECONDS  wait so long for an answer (default 5)\n"
    "  -h, --help             print this\n"
    "  -V, --version          print the version\n"
    "\n"
    "Exit status: 0 done, 1 not done, 2 usage.\n";

enum { CONTINUE = -1, NAMES_BYTES = 128 };

#define TIMEOUT_DEFAULT 5.0
#define TIMEOUT_MOST    86400.0

static const struct option long_options[] = {
    {"timeout", required_argument, NULL, 't'},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {NULL, 0, NULL, 0},
};

static int option_set(struct ctl_request *request, int option)
{
    switch (option) {
    case 't':
        if (cli_seconds(optarg, 0, TIMEOUT_MOST, &request->timeout_s) < 0)
            return cli_usage(CTL_NAME,
                             "--timeout: '%s' is not from 0 to %.0f seconds",
                             optarg, TIMEOUT_MOST);
        return CONTINUE;
    case 'h':
        return cli_help(help_text);
    case 'V':
        return cli_version(CTL_NAME);
    default: /* getopt has printed its line */
        return CLI_USAGE;
    }
}

/* "trim, baseline" */
static const char *names_format(char names[NAMES_BYTES], bool is_of_process)
{
    int length = 0;

    names[0] = '\0';
    for (size_t i = 0; i < ctl_command_count; i++) {
        if (ctl_commands[i].is_of_process == is_of_process)
            length +=
                snprintf(names + length, NAMES_BYTES - (size_t)length, "%s%s",
                         length > 0 ? ", " : "", ctl_commands[i].name);
    }
    return names;
}

/* PID COMMAND, or a COMMAND that is about no process. */
static int command_read(struct ctl_request *request, char **words,
                        const struct ctl_command **ret_command)
{
    char names[NAMES_BYTES];
    uint64_t pid = 0;
    bool is_of_process = *words && cli_number(*words, 1, INT_MAX, &pid) == 0;
    const char *name = is_of_process ? words[1] : words[0];

    if (!name && is_of_process)
        return cli_usage(CTL_NAME, "%s what? One of: %s", *words,
                         names_format(names, true));
    if (!name)
        return cli_usage(CTL_NAME, "no process id");
    const struct ctl_command *found = ctl_command_find(name, is_of_process);

    if (!found)
        return cli_usage(CTL_NAME,
                         is_of_process ? "'%s' is none of: %s"
                                       : "'%s' is no process id, and none "
                                         "of: %s",
                         name, names_format(names, is_of_process));
    words += 1 + is_of_process;
    if (found->takes && !*words)
        return cli_usage(CTL_NAME, "%s what? %s", name, found->takes);
    request->argument = found->takes ? *words++ : NULL;
    if (*words)
        return cli_usage(CTL_NAME, "'%s' is too much", *words);
    request->pid = (uint32_t)pid;
    *ret_command = found;
    return CONTINUE;
}

int main(int argc, char **argv)
{
    struct ctl_request request = {.timeout_s = TIMEOUT_DEFAULT};
    const struct ctl_command *command = NULL;
    int status = CONTINUE;

    (void)setlocale(LC_ALL, "");
    (void)setlocale(LC_NUMERIC, "C"); /* --timeout 0.5 everywhere */
    while (status == CONTINUE) {
        int option = getopt_long(argc, argv, "t:hV", long_options, NULL);

        if (option == -1)
            break;
        status = option_set(&request, option);
    }
    if (status == CONTINUE)
        status = command_read(&request, argv + optind, &command);
    return command ? command->run(&request) : status;
}
