/* Call sites that a report of leaks is to say nothing of: files in the form of
 * LeakSanitizer's, lines of
 *
 *     leak:PATTERN
 *
 * where PATTERN is found in the function, the source file or the module of any
 * call on the stack.  '*' stands for anything, '^' at its beginning and '$' at
 * its end for those of the text.  Lines that are empty or begin with '#' say
 * nothing. */
#ifndef GCSHIM_SITES_SUPPRESSIONS_H
#define GCSHIM_SITES_SUPPRESSIONS_H

#include "sites/sites.h"

enum {
    SUPPRESSIONS_REASON_BYTES = 160,
    SUPPRESSIONS_PATH_BYTES = 4096,
};

/* Begins as {0}.  Release with suppressions_fini. */
struct suppressions {
    char **patterns;
    size_t count;
};

/* Adds those of a file: -EPROTO with a sentence in ret_reason that says what
 * is wrong with it. */
int suppressions_read(struct suppressions *suppressions, const char *path,
                      char ret_reason[SUPPRESSIONS_REASON_BYTES]);
void suppressions_fini(struct suppressions *suppressions);

/* The file that a value of LSAN_OPTIONS names: false where it names none, or
 * one with too long a name. */
bool suppressions_option(const char *options,
                         char ret_path[SUPPRESSIONS_PATH_BYTES]);

bool suppressions_matches(const char *pattern, const char *text);

/* Whether one of them is found on the entry's stack, which is resolved. */
bool suppressions_cover(const struct suppressions *suppressions,
                        const struct sites_entry *entry);

#endif
