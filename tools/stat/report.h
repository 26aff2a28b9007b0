/* One process's memory in words and tables of 80 columns, in the form of
 * PyPy's gc.get_stats: used, allocated, then where the rest is. */
#ifndef GCSHIM_STAT_REPORT_H
#define GCSHIM_STAT_REPORT_H

#include <stdbool.h>
#include <stdio.h>

#include "sites/sites.h"

/* How many lines a table has, unless all of it is asked for; and the one of
 * call sites, of which gcshim-prof tells more. */
enum { REPORT_TABLE_LINES = 10, REPORT_SITES = 5 };

struct report_options {
    bool all;            /* of every table */
    bool utf8;           /* draw with more than ASCII */
    struct sites *sites; /* of the process; NULL: it was not sampled */
};

/* 0 or -ENOMEM; whether out took it is for the caller to see. */
int report_print(FILE *out, const struct reader_process *process,
                 const struct report_options *options);

#endif
