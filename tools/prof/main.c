/* gcshim-prof: who asked for a process's memory. */
#include <errno.h>
#include <getopt.h>
#include <locale.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/cli.h"
#include "common/target.h"
#include "prof/selection.h"
#include "prof/diff.h"
#include "prof/document.h"
#include "prof/folded.h"
#include "prof/pprof.h"
#include "prof/speedscope.h"
#include "prof/text.h"
#include "sites/text.h"

static const char command[] = "gcshim-prof";

static const char help_text[] =
    "Usage: gcshim-prof [OPTION...] PID|FILE\n"
    "Shows the call sites that a process under gcshim asked for its memory\n"
    "from, as far as they were sampled.  FILE is an account in /dev/shm, or a\n"
    "copy of one.\n"
    "\n"
    "      --text           a report (what is done without an option)\n"
    "      --folded         a line for each stack, as flame graphs want them\n"
    "      --pprof          the gzipped form that 'go tool pprof' reads\n"
    "      --speedscope     the form that www.speedscope.app reads\n"
    "      --json           for scripts, and to compare with later\n"
    "  -o, --output=FILE    write to FILE instead of stdout\n"
    "      --diff=BASE      show what has changed since BASE: another PID or\n"
    "                       FILE, or what --json has written\n"
    "      --live           memory that is in use (what is shown otherwise)\n"
    "      --total          all that was ever asked for\n"
    "  -n, --sites=N        at most N call sites; 0: all (default: 10 in a\n"
    "                       report, else all)\n"
    "      --min=SIZE       leave out call sites with less than SIZE\n"
    "      --depth=N        at most N calls of each stack in a report; 0: all\n"
    "                       (default: 20)\n"
    "      --no-symbols     addresses only, no functions and source lines\n"
    "  -h, --help           print this\n"
    "  -V, --version        print the version\n"
    "\n"
    "Exit status: 0 done, 1 nothing to show or failed, 2 usage.\n";

enum {
    OPTION_DIFF = 256,
    OPTION_LIVE,
    OPTION_TOTAL,
    OPTION_MIN,
    OPTION_NO_SYMBOLS,
    OPTION_DEPTH,
    OPTION_FORM, /* the first of them */
    CONTINUE = -1,
    SITES_SHOWN = 10,
    LINES_SHOWN = 20,
    SITES_MOST = 1000000,
    NS_PER_S = 1000000000,
    TITLE_BYTES = 64,
};

enum form { TEXT, FOLDED, PPROF, SPEEDSCOPE, JSON };

static const char *const form_names[] = {"text", "folded", "pprof",
                                         "speedscope", "json"};

static const struct option long_options[] = {
    {"text", no_argument, NULL, OPTION_FORM + TEXT},
    {"folded", no_argument, NULL, OPTION_FORM + FOLDED},
    {"pprof", no_argument, NULL, OPTION_FORM + PPROF},
    {"speedscope", no_argument, NULL, OPTION_FORM + SPEEDSCOPE},
    {"json", no_argument, NULL, OPTION_FORM + JSON},
    {"output", required_argument, NULL, 'o'},
    {"diff", required_argument, NULL, OPTION_DIFF},
    {"live", no_argument, NULL, OPTION_LIVE},
    {"total", no_argument, NULL, OPTION_TOTAL},
    {"sites", required_argument, NULL, 'n'},
    {"min", required_argument, NULL, OPTION_MIN},
    {"depth", required_argument, NULL, OPTION_DEPTH},
    {"no-symbols", no_argument, NULL, OPTION_NO_SYMBOLS},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {NULL, 0, NULL, 0},
};

struct options {
    enum form form;
    bool has_form, has_most, has_least, no_symbols;
    struct selection selection;
    const char *output; /* NULL: stdout */
    const char *base;   /* NULL: nothing to compare with */
    const char *target;
};

/* -------------------------------------------------------- command line */

static int form_set(struct options *options, enum form form)
{
    if (options->has_form && options->form != form)
        return cli_usage(command, "--%s and --%s are two forms at once",
                         form_names[options->form], form_names[form]);
    options->form = form;
    options->has_form = true;
    return CONTINUE;
}

static int most_set(struct options *options, const char *text)
{
    uint64_t most = 0;

    if (cli_number(text, 0, SITES_MOST, &most) < 0)
        return cli_usage(command, "-n: '%s' is no number from 0 to %d", text,
                         SITES_MOST);
    options->selection.most = (size_t)most;
    options->has_most = true;
    return CONTINUE;
}

static int depth_set(struct options *options, const char *text)
{
    uint64_t most = 0;

    if (cli_number(text, 0, SITES_MOST, &most) < 0)
        return cli_usage(command, "--depth: '%s' is no number from 0 to %d",
                         text, SITES_MOST);
    options->selection.most_lines = (size_t)most;
    return CONTINUE;
}

static int least_set(struct options *options, const char *text)
{
    if (cli_size(text, 1, INT64_MAX, &options->selection.least_bytes) < 0)
        return cli_usage(command, "--min: '%s' is no size (1048576, 1MiB)",
                         text);
    options->has_least = true;
    return CONTINUE;
}

static int option_set(struct options *options, int option)
{
    if (option >= OPTION_FORM)
        return form_set(options, (enum form)(option - OPTION_FORM));
    switch (option) {
    case 'o':
        options->output = optarg;
        return CONTINUE;
    case OPTION_DIFF:
        options->base = optarg;
        return CONTINUE;
    case OPTION_LIVE:
    case OPTION_TOTAL:
        options->selection.by_total = option == OPTION_TOTAL;
        return CONTINUE;
    case 'n':
        return most_set(options, optarg);
    case OPTION_MIN:
        return least_set(options, optarg);
    case OPTION_DEPTH:
        return depth_set(options, optarg);
    case OPTION_NO_SYMBOLS:
        options->no_symbols = true;
        return CONTINUE;
    case 'h':
        return cli_help(help_text);
    case 'V':
        return cli_version(command);
    default: /* getopt has printed its line */
        return CLI_USAGE;
    }
}

/* What does not go together. */
static int options_check(const struct options *options)
{
    bool is_whole = options->form == PPROF || options->form == SPEEDSCOPE;

    if (options->base && options->form != TEXT)
        return cli_usage(command, "--diff is for --text, not for --%s",
                         form_names[options->form]);
    if (is_whole && (options->has_most || options->has_least ||
                     options->selection.by_total))
        return cli_usage(command,
                         "--%s has all call sites, and what was ever "
                         "asked for too: no -n, --min or --total",
                         form_names[options->form]);
    if (options->form == PPROF && !options->output && isatty(STDOUT_FILENO))
        return cli_usage(command, "--pprof is nothing to be read on a "
                                  "terminal: -o FILE");
    return CONTINUE;
}

static int options_read(struct options *options, int argc, char **argv)
{
    int status = CONTINUE;

    while (status == CONTINUE) {
        int option = getopt_long(argc, argv, "o:n:hV", long_options, NULL);

        if (option == -1)
            break;
        status = option_set(options, option);
    }
    if (status == CONTINUE && target_only(command, argv + optind,
                                          &options->target) != CLI_DONE)
        status = CLI_USAGE;
    if (status != CONTINUE)
        return status;
    if (!options->has_most && options->form == TEXT)
        options->selection.most = SITES_SHOWN;
    return options_check(options);
}

/* --------------------------------------------------------------- sources */

/* A process and its call sites. */
struct source {
    struct reader_process process;
    struct sites sites;
};

static void source_fini(struct source *source)
{
    sites_fini(&source->sites);
    reader_process_fini(&source->process);
}

static int source_init(struct source *source, const char *name,
                       bool with_symbols)
{
    char reason[READER_REASON_BYTES] = "";
    char text[SITES_REASON_BYTES];
    int status = target_named(command, name, &source->process);

    if (status != CLI_DONE)
        return status;
    int err =
        sites_init(&source->sites, &source->process, with_symbols, reason);

    if (err == 0 && source->sites.count > 0)
        return CLI_DONE;
    status = cli_failure(
        command, "%s",
        sites_reason(text, &source->process, &source->sites, err, reason));
    if (err == 0)
        sites_fini(&source->sites);
    reader_process_fini(&source->process);
    return status;
}

/* Whether a file holds JSON, not a segment. */
static bool is_document(const char *path)
{
    FILE *file = fopen(path, "re");
    int first = file ? fgetc(file) : EOF;

    if (file)
        (void)fclose(file);
    return first == '{';
}

static int base_init(struct source *base, const char *name, bool with_symbols)
{
    char reason[DOCUMENT_REASON_BYTES];
    uint64_t pid = 0;

    if (cli_number(name, 1, UINT32_MAX, &pid) == 0 || !is_document(name))
        return source_init(base, name, with_symbols);
    int err = document_read(&base->sites, name, reason);

    if (err == -EPROTO)
        return cli_failure(command, "%s %s", name, reason);
    if (err)
        return cli_failure(command, "%s: %s", name, strerror(-err));
    return CLI_DONE;
}

/* --------------------------------------------------------------- output */

static uint64_t now_ns(void)
{
    struct timespec now = {0};

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static int form_write(FILE *out, const struct options *options,
                      struct sites *sites)
{
    char title[TITLE_BYTES];

    switch (options->form) {
    case FOLDED:
        return folded_write(out, sites, &options->selection);
    case PPROF:
        return pprof_write(out, &sites->profile, sites->symbols, now_ns());
    case SPEEDSCOPE:
        (void)snprintf(title, sizeof(title), "%s (pid %u)", sites->comm,
                       sites->pid);
        return speedscope_write(out, &sites->profile, sites->symbols, title);
    case JSON:
        return document_write(out, sites, &options->selection);
    case TEXT:
        break;
    }
    return text_write(out, sites, &options->selection);
}

static int sites_write(FILE *out, const struct options *options,
                       struct source *source)
{
    struct source base = {0};
    int status = CLI_DONE;
    int err = 0;

    if (options->base) {
        status = base_init(&base, options->base, !options->no_symbols);
        if (status != CLI_DONE)
            return status;
        err = diff_write(out, &source->sites, &base.sites, &options->selection);
        source_fini(&base);
    } else {
        err = form_write(out, options, &source->sites);
    }
    return err ? cli_failure(command, "%s", strerror(-err)) : CLI_DONE;
}

static int output_write(const struct options *options, struct source *source)
{
    const char *name = options->output ? options->output : "writing";
    FILE *out = options->output ? fopen(options->output, "we") : stdout;

    if (!out)
        return cli_failure(command, "%s: %s", name, strerror(errno));
    int status = sites_write(out, options, source);
    bool has_failed = ferror(out);

    errno = EIO;
    has_failed |= out == stdout ? fflush(out) == EOF : fclose(out) == EOF;
    if (status == CLI_DONE && has_failed)
        return cli_failure(command, "%s: %s", name, strerror(errno));
    return status;
}

int main(int argc, char **argv)
{
    struct options options = {.selection.most_lines = LINES_SHOWN};
    struct source source = {0};

    (void)setlocale(LC_ALL, "");
    (void)setlocale(LC_NUMERIC, "C");
    int status = options_read(&options, argc, argv);

    if (status != CONTINUE)
        return status;
    status = source_init(&source, options.target, !options.no_symbols);
    if (status != CLI_DONE)
        return status;
    status = output_write(&options, &source);
    source_fini(&source);
    return status;
}
