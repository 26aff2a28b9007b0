/* What has changed from one profile to another. */
#ifndef GCSHIM_PROF_DIFF_H
#define GCSHIM_PROF_DIFF_H

#include <stdio.h>

#include "prof/selection.h"

/* The largest growth first.  Stacks are the same if they have the same
 * functions in the same modules, or, where functions are not known, the same
 * addresses within them: wherever these were loaded, and whatever line they
 * are in by now.  least_bytes counts for growth and decline alike.  0 or
 * -ENOMEM; whether out took it is for the caller to see. */
int diff_write(FILE *out, struct sites *now, struct sites *then,
               const struct selection *selection);

#endif
