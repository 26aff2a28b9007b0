/* The command line of gcshim-export: see options.h. */
#include "export/options.h"

#include <assert.h>
#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "common/cli.h"
#include "export/metrics.h"

static const char command[] = "gcshim-export";

static const char help_text[] =
    "Usage: gcshim-export [OPTION...]\n"
    "Serves the memory figures of processes under gcshim to Prometheus.\n"
    "\n"
    "      --listen=ADDR:PORT  serve there (default " LISTEN_DEFAULT ");\n"
    "                          an IPv6 address in brackets; port 0 is any\n"
    "      --once              print the metrics to stdout and end\n"
    "  -p, --pid=PID,...       only these processes\n"
    "  -u, --user=USER         only processes of this user, a name or a "
    "number\n"
    "      --max-processes=N   tell of so many at most, the largest first\n"
    "                          (default 256)\n"
    "  -H, --threads[=tid]     tell of threads too, by name or one by one\n"
    "      --size-classes      tell of size classes too\n"
    "      --list              print the names of all metrics and what they\n"
    "                          mean\n"
    "  -h, --help              print this\n"
    "  -V, --version           print the version\n"
    "\n"
    "Exit status: 0 done, 1 failed, 2 usage.\n";

static_assert(SCRAPE_PROCESSES_DEFAULT == 256, "the help says so");

enum {
    OPTION_LISTEN = 256,
    OPTION_ONCE,
    OPTION_MAX_PROCESSES,
    OPTION_SIZE_CLASSES,
    OPTION_LIST,
    CONTINUE = -1
};

static const struct option long_options[] = {
    {"listen", required_argument, NULL, OPTION_LISTEN},
    {"once", no_argument, NULL, OPTION_ONCE},
    {"pid", required_argument, NULL, 'p'},
    {"user", required_argument, NULL, 'u'},
    {"max-processes", required_argument, NULL, OPTION_MAX_PROCESSES},
    {"threads", optional_argument, NULL, 'H'},
    {"size-classes", no_argument, NULL, OPTION_SIZE_CLASSES},
    {"list", no_argument, NULL, OPTION_LIST},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {NULL, 0, NULL, 0},
};

/* What common/ says of a value. */
static int checked(int status)
{
    return status == CLI_DONE ? CONTINUE : status;
}

static int listen_set(struct options *options, const char *text)
{
    options->listen = text;
    if (listen_parse(text, &options->place) < 0)
        return cli_usage(
            command, "--listen: '%s' is not ADDR:PORT, or [ADDR]:PORT", text);
    return CONTINUE;
}

static int processes_max_set(struct options *options, const char *text)
{
    uint64_t most = 0;

    if (cli_number(text, 1, READER_PROCESSES_MAX, &most) < 0)
        return cli_usage(command, "--max-processes: '%s' is not from 1 to %d",
                         text, READER_PROCESSES_MAX);
    options->wish.processes_max = (size_t)most;
    return CONTINUE;
}

static int threads_set(struct options *options, const char *by)
{
    if (by && strcmp(by, "tid") != 0)
        return cli_usage(command, "--threads: '%s' is not 'tid'", by);
    options->wish.threads = by ? THREADS_BY_TID : THREADS_BY_NAME;
    return CONTINUE;
}

static int option_set(struct options *options, int option, char *value)
{
    struct scrape_wish *wish = &options->wish;

    switch (option) {
    case OPTION_LISTEN:
        return listen_set(options, value);
    case OPTION_ONCE:
        options->once = true;
        return CONTINUE;
    case 'p':
        return checked(choice_pids_add(&wish->choice, command, value));
    case 'u':
        return checked(choice_user_set(&wish->choice, command, value));
    case OPTION_MAX_PROCESSES:
        return processes_max_set(options, value);
    case 'H':
        return threads_set(options, value);
    case OPTION_SIZE_CLASSES:
        wish->size_classes = true;
        return CONTINUE;
    case OPTION_LIST:
        return metrics_list(stdout) < 0 ? CLI_FAILED : CLI_DONE;
    case 'h':
        return cli_help(help_text);
    case 'V':
        return cli_version(command);
    default: /* getopt has printed its line */
        return CLI_USAGE;
    }
}

int options_init(struct options *ret_options, int argc, char **argv)
{
    struct options options = {
        .wish = {.processes_max = SCRAPE_PROCESSES_DEFAULT}};
    int status = listen_set(&options, LISTEN_DEFAULT);

    while (status == CONTINUE) {
        int option = getopt_long(argc, argv, "p:u:HhV", long_options, NULL);

        if (option == -1)
            break;
        status = option_set(&options, option, optarg);
    }
    if (status == CONTINUE && optind < argc)
        status = cli_usage(command, "'%s' is too much", argv[optind]);
    if (status == CONTINUE)
        *ret_options = options;
    else
        options_fini(&options);
    return status;
}

void options_fini(struct options *options)
{
    choice_fini(&options->wish.choice);
}
