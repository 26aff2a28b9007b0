/* Which form of the metrics a client asks for. */
#ifndef GCSHIM_EXPORT_ACCEPT_H
#define GCSHIM_EXPORT_ACCEPT_H

#include "export/openmetrics.h"

/* What the HTTP header Accept, or NULL where there is none, likes best of
 * what there is; the Prometheus format where it likes none, as a client that
 * asks for something else can still read text. */
enum openmetrics_format accept_format(const char *accept);

#endif
