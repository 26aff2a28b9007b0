/* The text form of metrics, OpenMetrics 1.0.0 and the Prometheus format 0.0.4
 * that came before it: names, types, units and escaping.  Knows nothing of
 * what is measured.
 *
 * A family is announced, then its samples are given, all of them before the
 * next family.  One that gets no sample leaves no trace.
 */
#ifndef GCSHIM_EXPORT_OPENMETRICS_H
#define GCSHIM_EXPORT_OPENMETRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum openmetrics_format {
    OPENMETRICS_0_0_4, /* the Prometheus format */
    OPENMETRICS_1_0_0,
    OPENMETRICS_FORMATS
};

enum openmetrics_type {
    OPENMETRICS_GAUGE,
    OPENMETRICS_COUNTER,
    OPENMETRICS_INFO, /* facts in labels; its value is 1 */
};

/* Samples are given in ns where the unit is seconds. */
enum openmetrics_unit {
    OPENMETRICS_NO_UNIT,
    OPENMETRICS_BYTES,
    OPENMETRICS_SECONDS,
};

struct openmetrics_family {
    const char *name; /* without "_total" or "_info"; ends in the unit */
    enum openmetrics_type type;
    enum openmetrics_unit unit;
    const char *help;
};

struct openmetrics_label {
    const char *name;
    const char *value; /* valid UTF-8; NULL: the label is left out */
};

struct openmetrics {
    FILE *out;
    enum openmetrics_format format;
    const struct openmetrics_family *family;
    bool is_announced; /* that family */
};

/* What the HTTP header Content-Type says of a format. */
const char *openmetrics_content_type(enum openmetrics_format format);

/* The name of a family's samples in both formats: "_total" or "_info" behind
 * that of the family, where its type wants it. */
const char *openmetrics_suffix(enum openmetrics_type type);

void openmetrics_family(struct openmetrics *metrics,
                        const struct openmetrics_family *family);
void openmetrics_sample(struct openmetrics *metrics,
                        const struct openmetrics_label *labels, size_t count,
                        uint64_t value);

/* Ends the text: 0, or -errno where any of it could not be written. */
int openmetrics_end(struct openmetrics *metrics);

#endif
