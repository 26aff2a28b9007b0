/* Call sites as a report for people. */
#ifndef GCSHIM_PROF_TEXT_H
#define GCSHIM_PROF_TEXT_H

#include <stdio.h>

#include "prof/selection.h"

/* 0 or -ENOMEM; whether out took it is for the caller to see. */
int text_write(FILE *out, struct sites *sites,
               const struct selection *selection);

/* The first lines: whose they are, and what there is of it in all. */
void text_heading(FILE *out, const struct sites *sites);

/* Of modules whose functions or lines are not known, why. */
void text_notes(FILE *out, const struct sites *sites);

#endif
