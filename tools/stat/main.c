/* gcshim-stat: one process's memory, reported once. */
#include <errno.h>
#include <getopt.h>
#include <locale.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/cli.h"
#include "common/json.h"
#include "common/target.h"
#include "stat/report.h"

static const char command[] = "gcshim-stat";

static const char help_text[] =
    "Usage: gcshim-stat [OPTION...] PID|FILE\n"
    "Reports where the memory of a process under gcshim is.  A process that\n"
    "has crashed or was killed has its last figures; FILE is an account in\n"
    "/dev/shm, or a copy of one.\n"
    "\n"
    "  -a, --all      whole tables, not only their first ten lines\n"
    "      --json     print JSON, in bytes, with the history\n"
    "  -h, --help     print this\n"
    "  -V, --version  print the version\n"
    "\n"
    "Exit status: 0 done, 1 nothing to show or failed, 2 usage.\n";

enum { OPTION_JSON = 256, CONTINUE = -1 };

static const struct option long_options[] = {
    {"all", no_argument, NULL, 'a'},
    {"json", no_argument, NULL, OPTION_JSON},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {NULL, 0, NULL, 0},
};

struct options {
    bool all, json;
    const char *target;
};

/* -------------------------------------------------------- command line */

static int option_set(struct options *options, int option)
{
    switch (option) {
    case 'a':
        options->all = true;
        return CONTINUE;
    case OPTION_JSON:
        options->json = true;
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
        int option = getopt_long(argc, argv, "ahV", long_options, NULL);

        if (option == -1)
            break;
        status = option_set(options, option);
    }
    if (status == CONTINUE && target_only(command, argv + optind,
                                          &options->target) != CLI_DONE)
        status = CLI_USAGE;
    return status;
}

/* --------------------------------------------------------------- output */

static int json_print(const struct reader_process *process)
{
    struct json_object *document = json_document();
    int err = document ? json_document_add(document, process, true) : -ENOMEM;

    if (err == 0)
        err = json_document_print(document, true);
    json_object_put(document);
    return err;
}

/* Without call sites there is still a report. */
static int text_print(const struct reader_process *process, bool all)
{
    struct sites sites = {0};
    bool is_sampled = sites_init(&sites, process, true, NULL) == 0;
    struct report_options options = {
        .all = all,
        .utf8 = cli_has_utf8(),
        .sites = is_sampled ? &sites : NULL,
    };
    int err = report_print(stdout, process, &options);

    if (is_sampled)
        sites_fini(&sites);
    if (err)
        return err;
    return fflush(stdout) == EOF || ferror(stdout) ? -EIO : 0;
}

int main(int argc, char **argv)
{
    struct options options = {0};
    struct reader_process process;

    (void)setlocale(LC_ALL, "");
    (void)setlocale(LC_NUMERIC, "C");
    int status = options_read(&options, argc, argv);

    if (status != CONTINUE)
        return status;
    status = target_named(command, options.target, &process);
    if (status != CLI_DONE)
        return status;
    /* Without the mappings there is still a report. */
    (void)reader_process_explain(&process);
    int err =
        options.json ? json_print(&process) : text_print(&process, options.all);

    reader_process_fini(&process);
    return err ? cli_failure(command, "writing: %s", strerror(-err)) : CLI_DONE;
}
