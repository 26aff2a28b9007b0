/* gcshim-run: runs a program under the shim, and tells what it used. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <locale.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/cli.h"
#include "reader/proc.h"
#include "run/child.h"
#include "run/launch.h"
#include "run/program.h"
#include "run/report.h"

static const char command[] = "gcshim-run";

static const char help_text[] =
    "Usage: gcshim-run [OPTION...] [--] COMMAND [ARG...]\n"
    "Runs a program under gcshim, so that gcshim-top and others see what\n"
    "memory it uses.\n"
    "\n"
    "      --report[=FILE]    when it has ended, report what memory it used,\n"
    "                         on stderr or at the end of FILE\n"
    "      --keep             leave the account in /dev/shm when it ends\n"
    "      --gc[=MODE]        what to do about the garbage collections of its\n"
    "                         runtime: off, observe (measure them), or pace\n"
    "                         (ask for them as memory in use grows), which is\n"
    "                         meant where no MODE is given\n"
    "      --all-python       have Python take its small objects from malloc\n"
    "                         too, so that they are seen (PYTHONMALLOC)\n"
    "      --set KEY:VALUE    a setting of the shim, GCSHIM_KEY=VALUE\n"
    "      --shim=PATH        this libgcshim.so\n"
    "  -h, --help             print this\n"
    "  -V, --version          print the version\n"
    "\n"
    "Exit status: the program's own, 128+N when signal N has killed it, 127\n"
    "when it is not found, 126 when it cannot be run; 1 when gcshim-run has\n"
    "failed, 2 for usage.\n";

enum {
    OPTION_REPORT = 256,
    CONTINUE = LAUNCH_CONTINUE,
    REPORT_MODE = 0666,
};

static const struct option long_options[] = {
    {"report", optional_argument, NULL, OPTION_REPORT},
    LAUNCH_OPTIONS,
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {NULL, 0, NULL, 0},
};

struct options {
    struct launch launch;
    bool report;
    const char *report_path; /* NULL: stderr */
    char **argv;             /* of the program */
};

/* -------------------------------------------------------- command line */

static int option_set(struct options *options, int option)
{
    switch (option) {
    case OPTION_REPORT:
        options->report = true;
        options->report_path = optarg;
        return CONTINUE;
    case 'h':
        return cli_help(help_text);
    case 'V':
        return cli_version(command);
    default:
        return launch_option(&options->launch, command, option, optarg);
    }
}

static int options_read(struct options *options, int argc, char **argv)
{
    int status = CONTINUE;

    while (status == CONTINUE) {
        /* +: what follows the program's name is the program's. */
        int option = getopt_long(argc, argv, "+hV", long_options, NULL);

        if (option == -1)
            break;
        status = option_set(options, option);
    }
    if (status == CONTINUE && optind == argc)
        status = cli_usage(command, "no command to run");
    options->argv = argv + optind;
    return status;
}

/* ---------------------------------------------------------------- runs */

static int run_directly(char **argv)
{
    execvp(argv[0], argv);
    return launch_failure(command, argv[0], errno);
}

/* Where fd leads, in a place that is none of the standard ones: what is
 * closed there stays closed, and no message ends up in the report. */
static FILE *stream_open(int fd)
{
    int own = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    FILE *out = own < 0 ? NULL : fdopen(own, "a");

    if (!out && own >= 0)
        (void)close(own);
    return out;
}

/* Opened before the program runs, so that a bad path is known at once. */
static FILE *report_open(const char *path)
{
    if (!path)
        return stream_open(STDERR_FILENO);
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY,
                  REPORT_MODE);

    if (fd < 0)
        return NULL;
    FILE *out = stream_open(fd);

    (void)close(fd);
    return out;
}

static int run_and_report(const struct options *options, const char *obstacle)
{
    uint64_t began_ns = proc_now_ns();
    bool keep = launch_keeps_all(&options->launch);
    struct child child;
    FILE *out = report_open(options->report_path);

    if (!out && options->report_path)
        return cli_failure(command, "%s: %s", options->report_path,
                           strerror(errno));
    if (!out) /* stderr is closed: there is nobody to report to */
        return run_directly(options->argv);
    int err = child_run(&child, options->argv, !keep);

    if (err) {
        (void)fclose(out);
        return cli_failure(command, "%s", strerror(-err));
    }
    /* The status is the program's, though nobody may read the report. */
    (void)signal(SIGPIPE, SIG_IGN);
    if (child.exec_error)
        (void)launch_failure(command, options->argv[0], child.exec_error);
    else
        report_print(out, &child, options->argv[0], began_ns, obstacle, keep);
    child_release(&child);
    /* A report that cannot be written is told of; the status stays the
     * program's. */
    if (fclose(out) == EOF && options->report_path)
        (void)cli_failure(command, "%s: %s", options->report_path,
                          strerror(errno));
    return child_status(&child);
}

int main(int argc, char **argv)
{
    struct options options = {0};
    char obstacle[PROGRAM_OBSTACLE_BYTES];

    (void)setlocale(LC_ALL, "");
    int status = options_read(&options, argc, argv);

    if (status == CONTINUE)
        status =
            launch_prepare(&options.launch, command, options.argv[0], obstacle);
    if (status != CONTINUE)
        return status;
    return options.report ? run_and_report(&options, obstacle)
                          : run_directly(options.argv);
}
