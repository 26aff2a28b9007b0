/* What all commands have in common on their command line: see cli.h. */
#include "common/cli.h"

#include <ctype.h>
#include <errno.h>
#include <langinfo.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static int flushed(void)
{
    return fflush(stdout) == 0 && !ferror(stdout) ? CLI_DONE : CLI_FAILED;
}

int cli_help(const char *text)
{
    (void)fputs(text, stdout);
    return flushed();
}

int cli_version(const char *command)
{
    (void)printf("%s (gcshim) %s\n", command, GCSHIM_VERSION);
    return flushed();
}

__attribute__((format(printf, 2, 0))) static void complain(const char *command,
                                                           const char *format,
                                                           va_list args,
                                                           const char *hint)
{
    (void)fprintf(stderr, "%s: ", command);
    (void)vfprintf(stderr, format, args);
    (void)fprintf(stderr, "%s\n", hint);
}

int cli_usage(const char *command, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    complain(command, format, args, " (-h shows what there is)");
    va_end(args);
    return CLI_USAGE;
}

int cli_failure(const char *command, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    complain(command, format, args, "");
    va_end(args);
    return CLI_FAILED;
}

int cli_number(const char *text, uint64_t least, uint64_t most,
               uint64_t *ret_number)
{
    char *end = NULL;

    if (!isdigit((unsigned char)*text)) /* strtoull takes "-1" and " 1" */
        return -EINVAL;
    errno = 0;
    uint64_t number = strtoull(text, &end, 10);

    if (errno || *end != '\0' || number < least || number > most)
        return -EINVAL;
    *ret_number = number;
    return 0;
}

int cli_seconds(const char *text, double least, double most,
                double *ret_seconds)
{
    char *end = NULL;

    if (!isdigit((unsigned char)*text) && *text != '.')
        return -EINVAL;
    double seconds = strtod(text, &end);

    if (end == text || *end != '\0' || !isfinite(seconds) || seconds < least ||
        seconds > most)
        return -EINVAL;
    *ret_seconds = seconds;
    return 0;
}

static int unit_read(const char *text, double *ret_unit)
{
    static const char letters[] = "KMGT";
    const char *letter =
        *text ? strchr(letters, toupper((unsigned char)*text)) : NULL;
    double unit = 1;

    if (letter) {
        for (const char *c = letters; c <= letter; c++)
            unit *= 1024;
        text++;
        if (strcasecmp(text, "iB") == 0)
            text++;
    }
    if (*text != '\0' && strcasecmp(text, "B") != 0)
        return -EINVAL;
    *ret_unit = unit;
    return 0;
}

int cli_size(const char *text, uint64_t *ret_bytes)
{
    size_t digits = strspn(text, "0123456789.");
    char *end = NULL;
    double unit = 1;
    double number = strtod(text, &end);

    /* strtod takes "0x1", "1e9" and "inf". */
    if (digits == 0 || end != text + digits)
        return -EINVAL;
    if (unit_read(end + strspn(end, " "), &unit) < 0 || number * unit >= 0x1p63)
        return -EINVAL;
    *ret_bytes = (uint64_t)(number * unit);
    return 0;
}

bool cli_has_utf8(void)
{
    return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}
