/* What all commands have in common on their command line. */
#ifndef GCSHIM_COMMON_CLI_H
#define GCSHIM_COMMON_CLI_H

#include <stdbool.h>
#include <stdint.h>

enum cli_status {
    CLI_DONE = 0,
    CLI_FAILED = 1, /* nothing to show, or the thing asked for failed */
    CLI_USAGE = 2,
};

/* -h and -V: print to stdout and return CLI_DONE, or CLI_FAILED where stdout
 * takes it not. */
int cli_help(const char *text);
int cli_version(const char *command);

/* One line on stderr, "command: ...", with no newline in format.  Returns
 * CLI_USAGE, after a hint to -h, or CLI_FAILED. */
int cli_usage(const char *command, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
int cli_failure(const char *command, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Whole numbers and seconds with decimals, nothing else around them:
 * 0 or -EINVAL. */
int cli_number(const char *text, uint64_t least, uint64_t most,
               uint64_t *ret_number);
int cli_seconds(const char *text, double least, double most,
                double *ret_seconds);

/* Whether the locale, as setlocale has set it, shows more than ASCII. */
bool cli_has_utf8(void);

/* "8MiB", "1.5 GB", "4096": as in the shim's settings KB, MB and GB are powers
 * of 1024 too.  0 or -EINVAL. */
int cli_size(const char *text, uint64_t least, uint64_t most,
             uint64_t *ret_bytes);

#endif
