/* The report that a process writes of itself at its end (GCSHIM_REPORT). */
#ifndef SHIM_REPORT_H
#define SHIM_REPORT_H

#include "text.h"

/* Keeps standard error at hand, as many programs close it before they end.
 * This is the one descriptor that the shim ever keeps, and only on request. */
void report_keep_stderr(void);

/* Lets go of it in a fork child: a daemon must not hold its caller's pipe. */
void report_release_stderr(void);

/* where: "stderr" or a path with %p, %h, %e, %t and %% in it.  A path that
 * cannot be written is one line on standard error. */
void report_write(const char *where);

/* where with its %-letters replaced. */
void report_path(struct text *text, const char *where);

#endif
