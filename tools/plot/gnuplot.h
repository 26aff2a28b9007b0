/* gnuplot, which draws the SVG pictures. */
#ifndef GCSHIM_PLOT_GNUPLOT_H
#define GCSHIM_PLOT_GNUPLOT_H

#include <stdio.h>

#include "plot/axis.h"

enum { GNUPLOT_REASON_BYTES = 256 };

/* The beginning of a script: an SVG of that size, nothing of the user's own
 * settings, and texts that are taken as they are. */
void gnuplot_begin(FILE *script, int width, int height);

/* A text as gnuplot's literal.  Nothing in it acts, whoever has chosen it. */
void gnuplot_text(FILE *script, const char *text);

/* "set xtics" or "set ytics" at the axis's steps. */
void gnuplot_tics(FILE *script, const char *name, const struct axis *axis);

/* Runs the script, from its beginning, and writes the picture to out: 0 or
 * -errno; -ENOENT where there is no gnuplot, -EPROTO with its own words in
 * ret_reason where it has failed. */
int gnuplot_run(FILE *script, FILE *out, char ret_reason[GNUPLOT_REASON_BYTES]);

#endif
