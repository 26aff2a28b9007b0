/* The command line of gcshim-top: see options.h. */
#include "top/options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "common/cli.h"

static const char command[] = "gcshim-top";

static const char help_text[] =
    "Usage: gcshim-top [OPTION...]\n"
    "Shows the memory that processes under gcshim use and have allocated.\n"
    "\n"
    "  -b, --batch          print to stdout, without a terminal\n"
    "  -n, --refreshes=N    end after N refreshes\n"
    "  -d, --delay=SECONDS  refresh so often (default 1.0; from 0.1)\n"
    "  -p, --pid=PID,...    only these processes\n"
    "  -u, --user=USER      only processes of this user, a name or a number\n"
    "  -s, --sort=COLUMN    sort by this column; '-s help' lists them\n"
    "  -t, --tree           show the processes as a tree of families\n"
    "  -H, --threads        show the threads under each process\n"
    "  -M, --no-mouse       leave the mouse to the terminal\n"
    "      --json           print JSON: with -n 1 one document over many\n"
    "                       lines, else one document in each line; as with -b\n"
    "  -h, --help           print this\n"
    "  -V, --version        print the version\n"
    "\n"
    "F1 in the program shows its keys.  Exit status: 0 done, 1 nothing to\n"
    "show or failed, 2 usage.\n";

enum { OPTION_JSON = 256, CONTINUE = -1 };

static const struct option long_options[] = {
    {"batch", no_argument, NULL, 'b'},
    {"refreshes", required_argument, NULL, 'n'},
    {"delay", required_argument, NULL, 'd'},
    {"pid", required_argument, NULL, 'p'},
    {"user", required_argument, NULL, 'u'},
    {"sort", required_argument, NULL, 's'},
    {"tree", no_argument, NULL, 't'},
    {"threads", no_argument, NULL, 'H'},
    {"json", no_argument, NULL, OPTION_JSON},
    {"no-mouse", no_argument, NULL, 'M'},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {NULL, 0, NULL, 0},
};

/* A change needs a baseline, which a key sets. */
static bool is_sortable(enum column_id id)
{
    return columns[id].compare && id != COLUMN_CHANGE;
}

static int columns_list(void)
{
    for (int id = 0; id < COLUMN_COUNT; id++) {
        if (is_sortable((enum column_id)id))
            (void)printf("%-9s %s\n", columns[id].name, columns[id].help);
    }
    return fflush(stdout) == 0 ? CLI_DONE : CLI_FAILED;
}

static int sort_set(struct options *options, const char *name)
{
    if (strcmp(name, "help") == 0)
        return columns_list();
    options->sort = column_find(name);
    if (options->sort == COLUMN_COUNT || !is_sortable(options->sort))
        return cli_usage(command,
                         "-s: there is no column '%s'; '-s help' "
                         "lists them",
                         name);
    return CONTINUE;
}

/* What common/ says of a value. */
static int checked(int status)
{
    return status == CLI_DONE ? CONTINUE : status;
}

static int option_set(struct options *options, int option, char *value)
{
    switch (option) {
    case 'b':
        options->batch = true;
        return CONTINUE;
    case 'n':
        if (cli_number(value, 1, UINT64_MAX, &options->refreshes) < 0)
            return cli_usage(command, "-n: '%s' is no number of refreshes",
                             value);
        return CONTINUE;
    case 'd':
        if (cli_seconds(value, MODEL_INTERVAL_LEAST, MODEL_INTERVAL_MOST,
                        &options->interval_s) < 0)
            return cli_usage(command,
                             "-d: '%s' is not from 0.1 to 3600 "
                             "seconds",
                             value);
        return CONTINUE;
    case 'p':
        return checked(choice_pids_add(&options->choice, command, value));
    case 'u':
        return checked(choice_user_set(&options->choice, command, value));
    case 's':
        return sort_set(options, value);
    case 't':
        options->tree = true;
        return CONTINUE;
    case 'M':
        options->mouse = false;
        return CONTINUE;
    case 'H':
        options->threads = true;
        return CONTINUE;
    case OPTION_JSON:
        options->json = true;
        options->batch = true;
        return CONTINUE;
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
    struct options options = {.mouse = true, .sort = COLUMN_COUNT};
    int status = CONTINUE;

    while (status == CONTINUE) {
        int option =
            getopt_long(argc, argv, "bn:d:p:u:s:tHMhV", long_options, NULL);

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
    choice_fini(&options->choice);
}
