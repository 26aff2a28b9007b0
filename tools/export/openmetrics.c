/* The text form of metrics: see openmetrics.h. */
#include "export/openmetrics.h"

#include <errno.h>
#include <inttypes.h>

enum { NS_PER_S = 1000000000 };

const char *openmetrics_content_type(enum openmetrics_format format)
{
    static const char *const types[OPENMETRICS_FORMATS] = {
        "text/plain; version=0.0.4; charset=utf-8",
        "application/openmetrics-text; version=1.0.0; charset=utf-8",
    };

    return types[format];
}

const char *openmetrics_suffix(enum openmetrics_type type)
{
    static const char *const suffixes[] = {"", "_total", "_info"};

    return suffixes[type];
}

/* In texts and label values alike; in the HELP of the older format alone a
 * quotation mark stands as it is. */
static void escaped_put(FILE *out, const char *text, const char *escaped)
{
    for (; *text != '\0'; text++) {
        if (*text == '\n')
            (void)fputs("\\n", out);
        else if (*text == '\\' || *text == *escaped)
            (void)fprintf(out, "\\%c", *text);
        else
            (void)putc(*text, out);
    }
}

/* The older format knows neither infos nor units, and names what it announces
 * as the samples are named. */
static void announce(struct openmetrics *metrics)
{
    static const char *const types[] = {"gauge", "counter", "info"};
    static const char *const units[] = {NULL, "bytes", "seconds"};
    const struct openmetrics_family *family = metrics->family;
    bool is_new = metrics->format == OPENMETRICS_1_0_0;
    bool is_info = family->type == OPENMETRICS_INFO;
    const char *suffix = is_new ? "" : openmetrics_suffix(family->type);

    (void)fprintf(metrics->out, "# HELP %s%s ", family->name, suffix);
    escaped_put(metrics->out, family->help, is_new ? "\"" : "");
    (void)fprintf(metrics->out, "\n# TYPE %s%s %s\n", family->name, suffix,
                  is_info && !is_new ? "gauge" : types[family->type]);
    if (is_new && units[family->unit])
        (void)fprintf(metrics->out, "# UNIT %s %s\n", family->name,
                      units[family->unit]);
}

void openmetrics_family(struct openmetrics *metrics,
                        const struct openmetrics_family *family)
{
    metrics->family = family;
    metrics->is_announced = false;
}

static void labels_put(FILE *out, const struct openmetrics_label *labels,
                       size_t count)
{
    char before = '{';

    for (size_t i = 0; i < count; i++) {
        if (!labels[i].value)
            continue;
        (void)fprintf(out, "%c%s=\"", before, labels[i].name);
        escaped_put(out, labels[i].value, "\"");
        (void)putc('"', out);
        before = ',';
    }
    if (before != '{')
        (void)putc('}', out);
}

void openmetrics_sample(struct openmetrics *metrics,
                        const struct openmetrics_label *labels, size_t count,
                        uint64_t value)
{
    const struct openmetrics_family *family = metrics->family;

    if (!metrics->is_announced)
        announce(metrics);
    metrics->is_announced = true;
    (void)fprintf(metrics->out, "%s%s", family->name,
                  openmetrics_suffix(family->type));
    labels_put(metrics->out, labels, count);
    if (family->unit == OPENMETRICS_SECONDS)
        (void)fprintf(metrics->out, " %" PRIu64 ".%09" PRIu64 "\n",
                      value / NS_PER_S, value % NS_PER_S);
    else
        (void)fprintf(metrics->out, " %" PRIu64 "\n", value);
}

int openmetrics_end(struct openmetrics *metrics)
{
    if (metrics->format == OPENMETRICS_1_0_0)
        (void)fputs("# EOF\n", metrics->out);
    return fflush(metrics->out) == EOF || ferror(metrics->out) ? -EIO : 0;
}
