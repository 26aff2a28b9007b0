/* gcshim-plot: pictures of recordings. */
#include <errno.h>
#include <getopt.h>
#include <locale.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/cli.h"
#include "plot/gnuplot.h"
#include "plot/page.h"
#include "plot/stack.h"
#include "plot/timeline.h"
#include "reader/text.h"
#include "recording/recording.h"
#include "recording/thin.h"

static const char command[] = "gcshim-plot";

static const char help_text[] =
    "Usage: gcshim-plot [OPTION...] FILE [FILE] -o PICTURE\n"
    "Draws what gcshim-record has recorded: a picture (.svg, through gnuplot)\n"
    "or a page (.html) that needs nothing but a browser.  Two recordings are\n"
    "compared in one.\n"
    "\n"
    "  -o, --output PICTURE   where to: a name that ends in .svg or .html\n"
    "      --classes          the size classes over time, as .svg; a page has\n"
    "                         them anyway\n"
    "      --top N            so many size classes by themselves (8)\n"
    "  -h, --help             print this\n"
    "  -V, --version          print the version\n"
    "\n"
    "Exit status: 0 done, 1 nothing to draw or failed, 2 usage.\n";

enum {
    OPTION_CLASSES = 256,
    OPTION_TOP,
    CONTINUE = -1,
    FILES_MAX = 2,
    SHOWN_BYTES = 512,
    /* More than can be told apart, or looked at. */
    PICTURE_POINTS = 500,
    PAGE_POINTS = 2000,
};

static const struct option long_options[] = {
    {"output", required_argument, NULL, 'o'},
    {"classes", no_argument, NULL, OPTION_CLASSES},
    {"top", required_argument, NULL, OPTION_TOP},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {NULL, 0, NULL, 0},
};

struct options {
    const char *output;
    bool classes;
    uint64_t top;
    char **files;
    size_t file_count;
};

/* -------------------------------------------------------- command line */

static bool ends_in(const char *name, const char *ending)
{
    size_t length = strlen(name);

    return length > strlen(ending) &&
           strcasecmp(name + length - strlen(ending), ending) == 0;
}

static int option_set(struct options *options, int option)
{
    switch (option) {
    case 'o':
        options->output = optarg;
        return CONTINUE;
    case OPTION_CLASSES:
        options->classes = true;
        return CONTINUE;
    case OPTION_TOP:
        if (cli_number(optarg, 1, STACK_TOP_MAX, &options->top) < 0)
            return cli_usage(command, "--top: '%s' is no number from 1 to %d",
                             optarg, STACK_TOP_MAX);
        return CONTINUE;
    case 'h':
        return cli_help(help_text);
    case 'V':
        return cli_version(command);
    default: /* getopt has printed its line */
        return CLI_USAGE;
    }
}

static bool is_page(const struct options *options)
{
    return ends_in(options->output, ".html");
}

static int options_check(const struct options *options)
{
    if (options->file_count == 0)
        return cli_usage(command, "no recording");
    if (options->file_count > FILES_MAX)
        return cli_usage(command, "'%s' is too much",
                         options->files[FILES_MAX]);
    if (*options->output == '\0')
        return cli_usage(command, "no picture to draw (-o)");
    if (!is_page(options) && !ends_in(options->output, ".svg"))
        return cli_usage(command, "'%s' ends neither in .svg nor in .html",
                         options->output);
    if (options->classes && is_page(options))
        return cli_usage(command, "--classes is for .svg");
    if (options->classes && options->file_count > 1)
        return cli_usage(command, "--classes is of one recording");
    return CONTINUE;
}

static int options_read(struct options *options, int argc, char **argv)
{
    int status = CONTINUE;

    while (status == CONTINUE) {
        int option = getopt_long(argc, argv, "o:hV", long_options, NULL);

        if (option == -1)
            break;
        status = option_set(options, option);
    }
    options->files = argv + optind;
    options->file_count = (size_t)(argc - optind);
    return status == CONTINUE ? options_check(options) : status;
}

/* --------------------------------------------------------------- drawing */

static int file_failure(const char *path, int err, const char *reason)
{
    char shown[SHOWN_BYTES];

    text_copy(shown, sizeof(shown), path, strlen(path));
    if (err == -EPROTO)
        return cli_failure(command, "%s %s", shown, reason);
    return cli_failure(command, "%s: %s", shown, strerror(-err));
}

/* Reads one that has something to show, and no more of it than that. */
static int recording_open(struct recording *ret_recording, const char *path,
                          const struct options *options)
{
    char reason[READER_REASON_BYTES] = "";
    bool classes = options->classes;
    size_t most = is_page(options) ? PAGE_POINTS : PICTURE_POINTS;
    int err = recording_read(ret_recording, path, reason);
    enum recording_kind kind = classes ? RECORDING_CLASSES : RECORDING_SAMPLE;

    if (err)
        return file_failure(path, err, reason);
    if (recording_first(ret_recording, kind)) {
        thin(ret_recording, RECORDING_SAMPLE, most);
        thin(ret_recording, RECORDING_CLASSES, most / 4);
        thin(ret_recording, RECORDING_GC, most / 4);
        return CLI_DONE;
    }
    recording_fini(ret_recording);
    return file_failure(path, -EPROTO,
                        classes ? "holds no size classes" : "holds no sample");
}

static int picture_draw(const struct options *options,
                        const struct recording *const recordings[], FILE *out)
{
    char reason[GNUPLOT_REASON_BYTES] = "";
    FILE *script = tmpfile();
    int err = script ? 0 : -errno;

    if (script && options->classes)
        err = stack_print(script, recordings[0], options->top);
    else if (script)
        timeline_print(script, recordings, options->file_count);
    if (err == 0)
        err = gnuplot_run(script, out, reason);
    if (script)
        (void)fclose(script);
    if (err == -ENOENT)
        return cli_failure(command, "there is no gnuplot, which draws .svg: "
                                    "install gnuplot-nox, or ask for .html");
    if (err == -EPROTO)
        return cli_failure(command, "gnuplot: %s", reason);
    return err ? cli_failure(command, "%s", strerror(-err)) : CLI_DONE;
}

static int page_draw(const struct options *options,
                     const struct recording *const recordings[], FILE *out)
{
    int err =
        page_print(out, recordings, options->file_count, (size_t)options->top);

    return err ? cli_failure(command, "%s", strerror(-err)) : CLI_DONE;
}

/* What is there already stays until all is drawn. */
static int output_write(const struct options *options,
                        const struct recording *const recordings[])
{
    char *text = NULL;
    size_t length = 0;
    FILE *drawn = open_memstream(&text, &length);

    if (!drawn)
        return cli_failure(command, "%s", strerror(errno));
    int status = is_page(options) ? page_draw(options, recordings, drawn)
                                  : picture_draw(options, recordings, drawn);
    bool is_whole = fclose(drawn) == 0;

    if (status == CLI_DONE) {
        FILE *out = is_whole ? fopen(options->output, "we") : NULL;
        bool is_written = out && fwrite(text, 1, length, out) == length;

        if (out && fclose(out) == EOF)
            is_written = false;
        if (!is_written)
            status = file_failure(options->output, -errno, "");
    }
    free(text);
    return status;
}

int main(int argc, char **argv)
{
    struct options options = {.output = "", .top = STACK_TOP};
    struct recording recordings[FILES_MAX];
    const struct recording *const both[FILES_MAX] = {&recordings[0],
                                                     &recordings[1]};
    size_t opened = 0;

    (void)setlocale(LC_ALL, "");
    (void)setlocale(LC_NUMERIC, "C");
    int status = options_read(&options, argc, argv);

    if (status != CONTINUE)
        return status;
    status = CLI_DONE;
    while (opened < options.file_count && status == CLI_DONE) {
        status = recording_open(&recordings[opened], options.files[opened],
                                &options);
        opened += status == CLI_DONE;
    }
    if (status == CLI_DONE)
        status = output_write(&options, both);
    while (opened > 0)
        recording_fini(&recordings[--opened]);
    return status;
}
