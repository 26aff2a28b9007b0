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

bool cli_has_utf8(void)
{
    return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

/* What a unit stands for, 0 where it is none. */
static double unit_of(const char *name)
{
    static const char letters[] = "KMG";
    double unit = 1;

    if (*name == '\0' || strcasecmp(name, "B") == 0)
        return 1;
    for (const char *letter = letters; *letter; letter++) {
        unit *= 1024;
        if (toupper((unsigned char)*name) == *letter)
            return name[1] == '\0' || strcasecmp(name + 1, "B") == 0 ||
                           strcasecmp(name + 1, "iB") == 0
                       ? unit
                       : 0;
    }
    return 0;
}

int cli_size(const char *text, uint64_t least, uint64_t most,
             uint64_t *ret_bytes)
{
    char *end = NULL;

    /* strtod takes "0x10", "inf" and signs. */
    if (strspn(text, "0123456789.") == 0 || text[strspn(text, "0")] == 'x')
        return -EINVAL;
    double number = strtod(text, &end);

    if (end == text)
        return -EINVAL;
    while (*end == ' ')
        end++;
    double bytes = number * unit_of(end);

    if (!(bytes >= 1 && bytes >= (double)least && bytes <= (double)most))
        return -EINVAL;
    *ret_bytes = (uint64_t)bytes;
    return 0;
}
