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
#include <time.h>
#include <unistd.h>

#include "common/cli.h"
#include "run/child.h"
#include "run/preload.h"
#include "run/program.h"
#include "run/report.h"
#include "run/runtime.h"

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
    "Exit status: the program's own, 128+N when signal N has killed it, 127\n"
    "when it is not found, 126 when it cannot be run; 1 when gcshim-run has\n"
    "failed, 2 for usage.\n";

enum {
    OPTION_REPORT = 256,
    OPTION_KEEP,
    OPTION_GC,
    OPTION_ALL_PYTHON,
    OPTION_PRESET,
    OPTION_NO_CHILDREN,
    OPTION_SET,
    OPTION_SHIM,
    CONTINUE = -1,
    NS_PER_S = 1000000000,
    REPORT_MODE = 0666,
};

static const struct option long_options[] = {
    {"report", optional_argument, NULL, OPTION_REPORT},
    {"keep", no_argument, NULL, OPTION_KEEP},
    {"gc", optional_argument, NULL, OPTION_GC},
    {"all-python", no_argument, NULL, OPTION_ALL_PYTHON},
    {"preset", required_argument, NULL, OPTION_PRESET},
    {"no-children", no_argument, NULL, OPTION_NO_CHILDREN},
    {"set", required_argument, NULL, OPTION_SET},
    {"shim", required_argument, NULL, OPTION_SHIM},
    {"quiet", no_argument, NULL, 'q'},
    {"verbose", no_argument, NULL, 'v'},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {NULL, 0, NULL, 0},
};

struct options {
    bool report, keep, quiet, verbose;
    const char *report_path; /* NULL: stderr */
    const char *shim;
    const char *preset; /* NULL: none */
    char **argv;        /* of the program */
};

/* -------------------------------------------------------- command line */

static int variable_set(const char *name, const char *value)
{
    if (setenv(name, value, 1) < 0)
        return cli_failure(command, "%s", strerror(errno));
    return CONTINUE;
}

static int gc_set(const char *mode)
{
    static const char *const modes[] = {"off", "observe", "pace"};

    if (!mode)
        mode = "pace";
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        if (strcmp(mode, modes[i]) == 0)
            return variable_set("GCSHIM_GC", mode);
    }
    return cli_usage(command, "--gc: '%s' is none of: off, observe, pace",
                     mode);
}

static int preset_choose(struct options *options, const char *name)
{
    if (!preset_find(name, RUNTIME_NONE))
        return cli_usage(command,
                         "--preset: '%s' is none of: auto, python, ruby", name);
    options->preset = name;
    return CONTINUE;
}

static int setting_set(const char *setting)
{
    int err = preload_setting(setting);

    if (err == -EINVAL)
        return cli_usage(command, "--set: '%s' is not of the form KEY:VALUE",
                         setting);
    if (err)
        return cli_failure(command, "%s", strerror(-err));
    return CONTINUE;
}

static int option_set(struct options *options, int option)
{
    switch (option) {
    case OPTION_REPORT:
        options->report = true;
        options->report_path = optarg;
        return CONTINUE;
    case OPTION_KEEP:
        options->keep = true;
        return variable_set("GCSHIM_KEEP", "1");
    case OPTION_GC:
        return gc_set(optarg);
    case OPTION_ALL_PYTHON:
        return variable_set("PYTHONMALLOC", "malloc");
    case OPTION_PRESET:
        return preset_choose(options, optarg);
    case OPTION_NO_CHILDREN:
        return variable_set("GCSHIM_CHILDREN", "0");
    case OPTION_SET:
        return setting_set(optarg);
    case OPTION_SHIM:
        options->shim = optarg;
        return CONTINUE;
    case 'q':
        options->quiet = true;
        return CONTINUE;
    case 'v':
        options->verbose = true;
        return CONTINUE;
    case 'h':
        return cli_help(help_text);
    case 'V':
        return cli_version(command);
    default: /* getopt has printed its line */
        return CLI_USAGE;
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
    options->argv = argv + optind;
    return status;
}

/* ---------------------------------------------------------- environment */

static int preload(const struct options *options)
{
    char path[PATH_MAX];
    int err = preload_find(options->shim, path);

    if (err == -EINVAL)
        return cli_failure(command, "libgcshim.so lies in a directory with a "
                                    "blank or colon in its name, which "
                                    "LD_PRELOAD cannot hold");
    if (err)
        return cli_failure(command, "%s is not to be found",
                           options->shim ? options->shim : "libgcshim.so");
    err = preload_set(path);
    if (err)
        return cli_failure(command, "%s", strerror(-err));
    return CONTINUE;
}

static int preset_set(const char *preset, enum runtime runtime)
{
    const struct preset_variable *variable = preset_find(preset, runtime);

    /* Whoever has set one of these meant it. */
    for (; variable->name; variable++) {
        if (setenv(variable->name, variable->value, 0) < 0)
            return cli_failure(command, "%s", strerror(errno));
    }
    return CONTINUE;
}

/* In the form in which a shell takes them. */
static void tell_variables(void)
{
    (void)fprintf(stderr, "%s:", command);
    for (char **entry = environ; *entry; entry++) {
        if (strncmp(*entry, "GCSHIM", strlen("GCSHIM")) == 0 ||
            strncmp(*entry, "LD_PRELOAD=", strlen("LD_PRELOAD=")) == 0 ||
            strncmp(*entry, "PYTHONMALLOC=", strlen("PYTHONMALLOC=")) == 0)
            (void)fprintf(stderr, " %s", *entry);
    }
    (void)fputc('\n', stderr);
}

/* What keeps the shim from taking effect is said; else what it will not see.
 * Both follow scripts to their interpreters. */
static void tell_limits(const struct options *options, const char *obstacle,
                        enum runtime runtime)
{
    const char *limit = runtime_limit(runtime, options->argv);

    if (*obstacle)
        (void)cli_failure(command, "%s", obstacle);
    else if (limit)
        (void)cli_failure(command, "%s %s", options->argv[0], limit);
}

/* What is known of the program before it runs, and what follows from it. */
static int prepare(const struct options *options,
                   char ret_obstacle[PROGRAM_OBSTACLE_BYTES])
{
    enum runtime runtime = RUNTIME_NONE;
    char path[PATH_MAX];
    char real[PATH_MAX];
    int status = CONTINUE;

    ret_obstacle[0] = '\0';
    if (program_find(options->argv[0], path) == 0) {
        program_inspect(path, ret_obstacle);
        program_interpret(path, real);
        runtime = runtime_of(real);
    }
    if (options->preset)
        status = preset_set(options->preset, runtime);
    if (status == CONTINUE && !options->quiet)
        tell_limits(options, ret_obstacle, runtime);
    if (status == CONTINUE && options->verbose)
        tell_variables();
    return status;
}

/* ---------------------------------------------------------------- runs */

static int exec_failure(const char *name, int error)
{
    (void)cli_failure(command, "%s: %s", name, strerror(error));
    return child_exec_status(error);
}

static int run_directly(char **argv)
{
    execvp(argv[0], argv);
    return exec_failure(argv[0], errno);
}

static uint64_t boottime_ns(void)
{
    struct timespec now = {0};

    (void)clock_gettime(CLOCK_BOOTTIME, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
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

/* Another may have asked for all segments to be kept. */
static bool keeps_all(const struct options *options)
{
    const char *keep = getenv("GCSHIM_KEEP");

    return options->keep || (keep && strcmp(keep, "1") == 0);
}

static int run_and_report(const struct options *options, const char *obstacle)
{
    uint64_t began_ns = boottime_ns();
    bool keep = keeps_all(options);
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
        (void)exec_failure(options->argv[0], child.exec_error);
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
        status = preload(&options);
    if (status == CONTINUE)
        status = prepare(&options, obstacle);
    if (status != CONTINUE)
        return status;
    return options.report ? run_and_report(&options, obstacle)
                          : run_directly(options.argv);
}
