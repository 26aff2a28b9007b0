/* Which form of the metrics a client asks for: see accept.h. */
#include "export/accept.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

enum { QUALITY_MOST = 1000 };

/* A part of the header: not terminated. */
struct span {
    const char *begin;
    size_t length;
};

static struct span trimmed(struct span span)
{
    while (span.length > 0 && isspace((unsigned char)*span.begin)) {
        span.begin++;
        span.length--;
    }
    while (span.length > 0 &&
           isspace((unsigned char)span.begin[span.length - 1]))
        span.length--;
    return span;
}

/* Cuts off what stands before the next mark, and the mark.  No name or value
 * that we know has a mark in quotation marks. */
static struct span next_part(struct span *rest, char mark)
{
    const char *found = memchr(rest->begin, mark, rest->length);
    struct span part = {rest->begin,
                        found ? (size_t)(found - rest->begin) : rest->length};
    size_t passed = part.length + (found ? 1 : 0);

    rest->begin += passed;
    rest->length -= passed;
    return trimmed(part);
}

static bool is_text(struct span span, const char *text)
{
    return strlen(text) == span.length &&
           strncasecmp(span.begin, text, span.length) == 0;
}

static struct span unquoted(struct span span)
{
    if (span.length >= 2 && span.begin[0] == '"' &&
        span.begin[span.length - 1] == '"')
        return (struct span){span.begin + 1, span.length - 2};
    return span;
}

/* "0.75" in thousandths; what is no such number counts as 0. */
static unsigned quality_of(struct span span)
{
    unsigned quality = 0;
    unsigned unit = QUALITY_MOST;

    for (size_t i = 0; i < span.length; i++) {
        if (i == 1 && span.begin[i] == '.')
            continue;
        if (!isdigit((unsigned char)span.begin[i]))
            return 0;
        quality += unit * (unsigned)(span.begin[i] - '0');
        unit /= 10;
    }
    return quality < QUALITY_MOST ? quality : QUALITY_MOST;
}

/* What an entry says of one of the formats. */
struct wish {
    bool is_open, is_old; /* which of the formats it is about */
    unsigned quality;
};

static struct wish wish_of(struct span entry)
{
    struct span type = next_part(&entry, ';');
    struct wish wish = {
        .is_open = is_text(type, "application/openmetrics-text"),
        .is_old = is_text(type, "text/plain") || is_text(type, "text/*") ||
                  is_text(type, "*/*"),
        .quality = QUALITY_MOST,
    };

    while (entry.length > 0) {
        struct span value = next_part(&entry, ';');
        struct span name = next_part(&value, '=');

        value = unquoted(trimmed(value));
        if (is_text(name, "q"))
            wish.quality = quality_of(value);
        if (!is_text(name, "version"))
            continue;
        wish.is_open = wish.is_open && is_text(value, "1.0.0");
        wish.is_old = wish.is_old && is_text(value, "0.0.4");
    }
    return wish;
}

enum openmetrics_format accept_format(const char *accept)
{
    struct span rest = {accept, accept ? strlen(accept) : 0};
    unsigned open = 0;
    unsigned old = 0;

    while (rest.length > 0) {
        struct wish wish = wish_of(next_part(&rest, ','));

        if (wish.is_open && wish.quality > open)
            open = wish.quality;
        if (wish.is_old && wish.quality > old)
            old = wish.quality;
    }
    return open > 0 && open >= old ? OPENMETRICS_1_0_0 : OPENMETRICS_0_0_4;
}
