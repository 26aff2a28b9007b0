/* gcshim-run: runs a program under the shim, and tells what it used. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <locale.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cli.h"
#include "reader/proc.h"
#include "run/child.h"
#include "run/launch.h"
#include "run/program.h"
#include "run/recorder.h"
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
    "      --record=FILE      record its figures over time, for gcshim-plot; it\n"
    "                         goes without a report\n"
    "      --sample[=MEAN]    note who asks for memory, by one byte in MEAN\n"
    "                         (default 512KiB; 1: every block), for\n"
    "                         gcshim-prof; --report then tells what was\n"
    "                         never freed, and who had asked for it\n"
    "      --suppressions=FILE    call sites that this says nothing of, as\n"
    "                         LeakSanitizer wants them (leak:PATTERN)\n"
    "      --leak-exitcode=N  exit with N if anything else was never freed\n"
    "                         and the program's own status is 0; reports, and\n"
    "                         takes every block if there is no --sample\n"
    "      --all-python       have Python take its small objects from malloc\n"
    "                         too, so that they are seen (PYTHONMALLOC)\n"
    "      --preset=NAME      what shows most of a runtime's memory: python\n"
    "                         (--all-python, --gc=observe), ruby\n"
    "                         (--gc=observe), or auto, whichever it is;\n"
    "                         other options and variables prevail\n"
    "      --no-children      only the program itself has an account, and not\n"
    "                         what it starts\n"
    "      --set KEY:VALUE    a setting of the shim, GCSHIM_KEY=VALUE\n"
    "      --shim=PATH        this libgcshim.so\n"
    "  -q, --quiet            do not say before the run what will not be seen\n"
    "  -v, --verbose          say before the run what is set in its "
    "environment\n"
    "  -h, --help             print this\n"
    "  -V, --version          print the version\n"
    "\n"
    "Exit status: the program's own (but see --leak-exitcode), 128+N when\n"
    "signal N has killed it, 127 when it is not found, 126 when it cannot be\n"
    "run; 1 when gcshim-run has failed, 2 for usage.\n";

enum {
    OPTION_REPORT = 256,
    OPTION_PRESET,
    OPTION_NO_CHILDREN,
    OPTION_SAMPLE,
    OPTION_SUPPRESSIONS,
    OPTION_LEAK_EXITCODE,
    OPTION_RECORD,
    CONTINUE = LAUNCH_CONTINUE,
    REPORT_MODE = 0666,
    STATUS_MOST = 255,
};

static const struct option long_options[] = {
    {"report", optional_argument, NULL, OPTION_REPORT},
    {"sample", optional_argument, NULL, OPTION_SAMPLE},
    {"suppressions", required_argument, NULL, OPTION_SUPPRESSIONS},
    {"leak-exitcode", required_argument, NULL, OPTION_LEAK_EXITCODE},
    {"record", required_argument, NULL, OPTION_RECORD},
    {"preset", required_argument, NULL, OPTION_PRESET},
    {"no-children", no_argument, NULL, OPTION_NO_CHILDREN},
    {"quiet", no_argument, NULL, 'q'},
    {"verbose", no_argument, NULL, 'v'},
    LAUNCH_OPTIONS,
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {NULL, 0, NULL, 0},
};

struct options {
    struct launch launch;
    bool report, sample;
    int leak_status; /* 0: leaks do not show in the exit status */
    struct suppressions suppressions;
    const char *report_path; /* NULL: stderr */
    const char *record_path; /* NULL: it is not recorded */
    char **argv;             /* of the program */
};

/* -------------------------------------------------------- command line */

/* Checked here, so that a mistake does not go by as a warning of the shim. */
static int sample_set(struct options *options, const char *mean)
{
    uint64_t ignored = 0;

    options->sample = !mean || strcmp(mean, "0") != 0;
    if (mean && options->sample && cli_size(mean, 1, INT64_MAX, &ignored) < 0)
        return cli_usage(command, "--sample: '%s' is no size (512KiB)", mean);
    if (setenv("GCSHIM_SAMPLE", mean ? mean : "512KiB", 1) < 0)
        return cli_failure(command, "%s", strerror(errno));
    return CONTINUE;
}

static int suppressions_add(struct options *options, const char *path)
{
    char reason[SUPPRESSIONS_REASON_BYTES];
    int err = suppressions_read(&options->suppressions, path, reason);

    if (err == -EPROTO)
        return cli_failure(command, "%s: %s", path, reason);
    if (err)
        return cli_failure(command, "%s: %s", path, strerror(-err));
    return CONTINUE;
}

static int leak_status_set(struct options *options, const char *text)
{
    uint64_t status = 0;

    if (cli_number(text, 1, STATUS_MOST, &status) < 0)
        return cli_usage(command,
                         "--leak-exitcode: '%s' is no number from 1 to %d",
                         text, STATUS_MOST);
    options->leak_status = (int)status;
    options->report = true;
    return CONTINUE;
}

static int option_set(struct options *options, int option)
{
    switch (option) {
    case OPTION_REPORT:
        options->report = true;
        options->report_path = optarg;
        return CONTINUE;
    case OPTION_SAMPLE:
        return sample_set(options, optarg);
    case OPTION_SUPPRESSIONS:
        return suppressions_add(options, optarg);
    case OPTION_LEAK_EXITCODE:
        return leak_status_set(options, optarg);
    case OPTION_RECORD:
        options->record_path = optarg;
        return CONTINUE;
    case OPTION_PRESET:
        return launch_preset(&options->launch, command, optarg);
    case OPTION_NO_CHILDREN:
        return launch_no_children(command);
    case 'q':
        options->launch.quiet = true;
        return CONTINUE;
    case 'v':
        options->launch.verbose = true;
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
        int option = getopt_long(argc, argv, "+hqvV", long_options, NULL);

        if (option == -1)
            break;
        status = option_set(options, option);
    }
    if (status == CONTINUE && optind == argc)
        status = cli_usage(command, "no command to run");
    if (status == CONTINUE && options->record_path && options->report)
        status = cli_usage(command, "--record goes without a report: "
                                    "gcshim-plot shows what was recorded");
    options->argv = argv + optind;
    return status;
}

/* ---------------------------------------------------------------- leaks */

/* A file that is LeakSanitizer's own affair is no reason not to run. */
static void suppressions_of_lsan(struct options *options)
{
    char path[SUPPRESSIONS_PATH_BYTES];
    const char *variable = getenv("LSAN_OPTIONS");

    if (variable && suppressions_option(variable, path))
        (void)suppressions_add(options, path);
}

/* Whether anything is told of what was never freed; and the settings for it. */
static void leaks_arrange(struct options *options)
{
    const char *others = getenv("GCSHIM_SAMPLE");

    if (!options->sample && options->leak_status != 0) {
        if (others && *others)
            options->sample = true;
        else
            (void)sample_set(options, "1");
    }
    options->sample |=
        options->report && others && *others && strcmp(others, "0") != 0;
    if (options->sample && options->report)
        suppressions_of_lsan(options);
}

/* The program's own status, unless that is 0 and is to tell of leaks. */
static int status_of(const struct options *options, const struct child *child,
                     enum leaks_result leaks)
{
    int status = child_status(child);

    if (status != 0 || options->leak_status == 0 || leaks == LEAKS_NONE)
        return status;
    return leaks == LEAKS_LEFT
               ? options->leak_status
               : cli_failure(command, "what was never freed is not known");
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
    enum leaks_result leaks = LEAKS_UNKNOWN;
    struct child child;
    FILE *out = report_open(options->report_path);

    if (!out && options->report_path)
        return cli_failure(command, "%s: %s", options->report_path,
                           strerror(errno));
    if (!out && options->leak_status != 0)
        out = fopen("/dev/null", "we");
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
        leaks =
            report_print(out, &child, options->argv[0], began_ns, obstacle,
                         keep, options->sample ? &options->suppressions : NULL);
    child_release(&child);
    /* A report that cannot be written is told of; the status stays the
     * program's. */
    if (fclose(out) == EOF && options->report_path)
        (void)cli_failure(command, "%s: %s", options->report_path,
                          strerror(errno));
    return child.exec_error ? child_status(&child)
                            : status_of(options, &child, leaks);
}

/* The recorder sets LD_PRELOAD for the program, and is not to run under the
 * shim itself. */
static int run_recorded(const struct options *options, const char *preloaded)
{
    if (preloaded ? setenv("LD_PRELOAD", preloaded, 1) : unsetenv("LD_PRELOAD"))
        return cli_failure(command, "%s", strerror(errno));
    int err = recorder_exec(options->record_path, &options->launch,
                            options->argv);

    return cli_failure(command, "gcshim-record: %s", strerror(-err));
}

static int run(const struct options *options)
{
    char obstacle[PROGRAM_OBSTACLE_BYTES];
    const char *preloaded = getenv("LD_PRELOAD");
    char *before = preloaded ? strdup(preloaded) : NULL;
    int status =
        launch_prepare(&options->launch, command, options->argv, obstacle);

    if (status == CONTINUE && options->record_path)
        status = run_recorded(options, before);
    else if (status == CONTINUE)
        status = options->report ? run_and_report(options, obstacle)
                                 : run_directly(options->argv);
    free(before);
    return status;
}

int main(int argc, char **argv)
{
    struct options options = {0};

    (void)setlocale(LC_ALL, "");
    int status = options_read(&options, argc, argv);

    if (status == CONTINUE) {
        leaks_arrange(&options);
        status = run(&options);
    }
    suppressions_fini(&options.suppressions);
    return status;
}
