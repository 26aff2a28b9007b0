/* Checks that go on after a failure and say where each was. */
#ifndef VERDICT_H
#define VERDICT_H

#include <stdio.h>

static int failures;

/* At most so many lines: one fault often fails a thousand times. */
enum { VERDICT_LINES = 20 };

#define CHECK(that, ...)                                             \
    do {                                                             \
        if (!(that) && failures++ < VERDICT_LINES) {                 \
            fprintf(stderr, "%s:%d: not so: %s: ", __FILE__, __LINE__, #that); \
            fprintf(stderr, "" __VA_ARGS__);                         \
            fprintf(stderr, "\n");                                   \
        }                                                            \
    } while (0)

static inline int verdict(void)
{
    if (failures)
        fprintf(stderr, "%d failed\n", failures);
    return failures != 0;
}

#endif
