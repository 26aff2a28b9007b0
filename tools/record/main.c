/* gcshim-record: a process's figures over time, in a file of bounded size. */
#include <getopt.h>
#include <limits.h>
#include <locale.h>
#include <stdbool.h>
#include <string.h>

#include "common/cli.h"
#include "record/session.h"
#include "recording/store.h"

static const char *const command = session_command;

static const char help_text[] =
    "Usage: gcshim-record [OPTION...] -o FILE PID\n"
    "       gcshim-record [OPTION...] -o FILE [--] COMMAND [ARG...]\n"
    "Records the figures of a process that runs under gcshim, and its garbage\n"
    "collections, until it ends or ^C; or runs a program under gcshim, and\n"
    "records it.  gcshim-plot draws what was recorded.\n"
    "\n"
    "  -o, --output FILE      where to; what is there is replaced\n"
    "  -i, --interval S       seconds between two samples (0.1)\n"
    "  -d, --duration S       record no longer than this\n"
    "      --max-size SIZE    thin what was recorded, the older the more, "
    "when\n"
    "                         the file would become larger than this (8MiB)\n"
    "  -q, --quiet            neither progress nor a last line, nor what will not\n"
    "                         be seen of COMMAND\n"
    "      --keep, --gc[=MODE], --all-python, --set KEY:VALUE, --shim=PATH\n"
    "                         for COMMAND, as with gcshim-run\n"
    "  -h, --help             print this\n"
    "  -V, --version          print the version\n"
    "\n"
    "Exit status: with COMMAND that of gcshim-run, the program's own; else 0\n"
    "done, 1 failed, 2 usage.\n";

enum {
    OPTION_MAX_SIZE = 256,
    CONTINUE = LAUNCH_CONTINUE,
};

static const double interval_least = 0.005;
static const double seconds_most = 1e8;

static const struct option long_options[] = {
    {"output", required_argument, NULL, 'o'},
    {"interval", required_argument, NULL, 'i'},
    {"duration", required_argument, NULL, 'd'},
    {"max-size", required_argument, NULL, OPTION_MAX_SIZE},
    {"quiet", no_argument, NULL, 'q'},
    LAUNCH_OPTIONS,
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {NULL, 0, NULL, 0},
};

/* -------------------------------------------------------- command line */

static int seconds_set(double *seconds, const char *name, const char *text)
{
    if (cli_seconds(text, interval_least, seconds_most, seconds) < 0)
        return cli_usage(command,
                         "%s: '%s' is no number of seconds from %.3f on", name,
                         text, interval_least);
    return CONTINUE;
}

static int bytes_max_set(struct session_options *options, const char *text)
{
    if (cli_size(text, STORE_BYTES_MIN, RECORDING_FILE_BYTES_MAX,
                 &options->bytes_max) < 0)
        return cli_usage(
            command, "--max-size: '%s' is no size from 256KiB to 256MiB", text);
    return CONTINUE;
}

static int option_set(struct session_options *options, int option)
{
    switch (option) {
    case 'o':
        options->path = optarg;
        return CONTINUE;
    case 'i':
        return seconds_set(&options->interval_s, "--interval", optarg);
    case 'd':
        return seconds_set(&options->duration_s, "--duration", optarg);
    case OPTION_MAX_SIZE:
        return bytes_max_set(options, optarg);
    case 'q':
        options->quiet = true;
        options->launch.quiet = true;
        return CONTINUE;
    case 'h':
        return cli_help(help_text);
    case 'V':
        return cli_version(command);
    default:
        return launch_option(&options->launch, command, option, optarg);
    }
}

/* One number is a process, unless "--" says that a command follows. */
static void target_set(struct session_options *options, int argc, char **argv)
{
    bool is_command = strcmp(argv[optind - 1], "--") == 0;
    uint64_t pid = 0;

    if (!is_command && optind + 1 == argc &&
        cli_number(argv[optind], 1, INT_MAX, &pid) == 0)
        options->pid = (uint32_t)pid;
}

static int options_read(struct session_options *options, int argc, char **argv)
{
    int status = CONTINUE;

    while (status == CONTINUE) {
        /* +: what follows the program's name is the program's. */
        int option = getopt_long(argc, argv, "+o:i:d:qhV", long_options, NULL);

        if (option == -1)
            break;
        status = option_set(options, option);
    }
    options->argv = argv + optind;
    if (status != CONTINUE)
        return status;
    if (!options->path)
        return cli_usage(command, "no file to record to (-o)");
    if (optind == argc)
        return cli_usage(command, "no process id and no command");
    target_set(options, argc, argv);
    return CONTINUE;
}

int main(int argc, char **argv)
{
    struct session_options options = {.interval_s = 0.1,
                                      .bytes_max = STORE_BYTES_DEFAULT};

    (void)setlocale(LC_ALL, "");
    (void)setlocale(LC_NUMERIC, "C");
    int status = options_read(&options, argc, argv);

    if (status != CONTINUE)
        return status;
    return options.pid != 0 ? session_of_process(&options)
                            : session_of_program(&options);
}
