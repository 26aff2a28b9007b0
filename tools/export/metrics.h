/* Every metric there is, in one table; and the table written out as the text
 * of one scrape, or as a list for people. */
#ifndef GCSHIM_EXPORT_METRICS_H
#define GCSHIM_EXPORT_METRICS_H

#include <stdio.h>

#include "export/openmetrics.h"
#include "export/scrape.h"

/* Both: 0 or -errno. */
int metrics_write(FILE *out, enum openmetrics_format format,
                  const struct scrape *scrape);
int metrics_list(FILE *out);

#endif
