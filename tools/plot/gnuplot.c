/* gnuplot, run as a child: see gnuplot.h.  It reads its script from a file
 * without a name and writes to another, so that neither waits for us. */
#include "plot/gnuplot.h"

#include <ctype.h>
#include <errno.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "reader/text.h"

void gnuplot_begin(FILE *script, int width, int height)
{
    (void)fprintf(script,
                  "reset session\n"
                  "set encoding utf8\n"
                  "set terminal svg size %d,%d noenhanced rounded "
                  "font 'sans-serif,13' background '#ffffff'\n"
                  "set datafile separator ' '\n"
                  "set border 3 lc rgb '#666666'\n"
                  "set tics nomirror out scale 0.6 textcolor rgb '#333333'\n"
                  "set grid y lc rgb '#dddddd' lt 1 lw 0.7\n",
                  width, height);
}

/* Whatever could mean something is written by its number: gnuplot looks for
 * quotes, backquotes and semicolons before it knows what is a text.  So is a
 * digit behind a number, to which it would belong. */
void gnuplot_text(FILE *script, const char *text)
{
    bool is_number = false;

    (void)fputc('"', script);
    for (; *text; text++) {
        unsigned char byte = (unsigned char)*text;

        is_number = byte < 0x80 && byte != ' ' && !isalpha(byte) &&
                    (is_number || !isdigit(byte));
        if (is_number)
            (void)fprintf(script, "\\%03o", byte);
        else
            (void)fputc(byte, script);
    }
    (void)fputc('"', script);
}

void gnuplot_tics(FILE *script, const char *name, const struct axis *axis)
{
    char text[AXIS_TEXT_BYTES];

    (void)fprintf(script, "set %s (", name);
    for (int i = 0; i * axis->step <= axis->most * 1.0001; i++)
        (void)fprintf(script, "%s'%s' %.9g", i > 0 ? ", " : "",
                      axis_text(text, axis, i * axis->step), i * axis->step);
    (void)fputs(")\n", script);
}

/* ------------------------------------------------------------------- run */

static int spawn(FILE *script, FILE *picture, FILE *errors, pid_t *ret_pid)
{
    static char name[] = "gnuplot";
    static char option[] = "-d"; /* no gnuplotrc, no ~/.gnuplot */
    static char source[] = "-";
    char *const argv[] = {name, option, source, NULL};
    posix_spawn_file_actions_t actions;
    int err = posix_spawn_file_actions_init(&actions);

    if (err)
        return -err;
    (void)posix_spawn_file_actions_adddup2(&actions, fileno(script),
                                           STDIN_FILENO);
    (void)posix_spawn_file_actions_adddup2(&actions, fileno(picture),
                                           STDOUT_FILENO);
    (void)posix_spawn_file_actions_adddup2(&actions, fileno(errors),
                                           STDERR_FILENO);
    err = posix_spawnp(ret_pid, name, &actions, NULL, argv, environ);
    (void)posix_spawn_file_actions_destroy(&actions);
    return -err;
}

static bool has_succeeded(pid_t pid)
{
    int status = 0;

    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR)
            return false;
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* The last thing that it has said, in one line. */
static void reason_read(FILE *errors, char reason[GNUPLOT_REASON_BYTES])
{
    char line[GNUPLOT_REASON_BYTES];

    (void)snprintf(reason, GNUPLOT_REASON_BYTES, "it has drawn nothing");
    rewind(errors);
    while (fgets(line, sizeof(line), errors)) {
        size_t length = strcspn(line, "\n");
        size_t begin = strspn(line, " \t");

        if (length > begin)
            text_copy(reason, GNUPLOT_REASON_BYTES, line + begin,
                      length - begin);
    }
}

static int copy(FILE *from, FILE *out)
{
    char buffer[BUFSIZ];
    size_t got = 0;

    rewind(from);
    while ((got = fread(buffer, 1, sizeof(buffer), from)) > 0) {
        if (fwrite(buffer, 1, got, out) != got)
            return -errno;
    }
    return ferror(from) ? -EIO : 0;
}

static int draw(FILE *script, FILE *picture, FILE *errors,
                char reason[GNUPLOT_REASON_BYTES])
{
    pid_t pid = 0;

    if (fflush(script) == EOF || fseek(script, 0, SEEK_SET) < 0)
        return -errno;
    int err = spawn(script, picture, errors, &pid);

    if (err)
        return err;
    bool is_done = has_succeeded(pid);

    if (is_done && lseek(fileno(picture), 0, SEEK_END) > 0)
        return 0;
    reason_read(errors, reason);
    return -EPROTO;
}

int gnuplot_run(FILE *script, FILE *out, char ret_reason[GNUPLOT_REASON_BYTES])
{
    FILE *picture = tmpfile();
    FILE *errors = tmpfile();
    int err =
        picture && errors ? draw(script, picture, errors, ret_reason) : -errno;

    if (err == 0)
        err = copy(picture, out);
    if (picture)
        (void)fclose(picture);
    if (errors)
        (void)fclose(errors);
    return err;
}
