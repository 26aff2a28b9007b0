/* One recording, from its first sample to its last line. */
#ifndef GCSHIM_RECORD_SESSION_H
#define GCSHIM_RECORD_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "run/launch.h"

struct session_options {
    struct launch launch;
    const char *path;
    double interval_s, duration_s; /* 0: without end */
    uint64_t bytes_max;
    bool quiet;
    uint32_t pid; /* 0: it is a program that is to be run */
    char **argv;  /* that program */
};

/* What the command is called in its messages. */
extern const char session_command[];

/* Records a process that runs already, until it ends, its time is over or a
 * signal comes; or runs the program and records it.  Return the exit status,
 * after a line on stderr. */
int session_of_process(const struct session_options *options);
int session_of_program(const struct session_options *options);

#endif
