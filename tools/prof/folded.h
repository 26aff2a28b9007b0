/* One line for each stack, outermost call first: what flame graphs are drawn
 * from (flamegraph.pl, inferno, speedscope). */
#ifndef GCSHIM_PROF_FOLDED_H
#define GCSHIM_PROF_FOLDED_H

#include <stdio.h>

#include "prof/selection.h"

/* "main;load;parse 12345", in bytes.  A ';' within a name becomes ':'.  0 or
 * -ENOMEM; whether out took it is for the caller to see. */
int folded_write(FILE *out, struct sites *sites,
                 const struct selection *selection);

#endif
