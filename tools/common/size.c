/* Figures for people: see size.h. */
#include "common/size.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "reader/reader.h"
#include "reader/text.h"

__extension__ typedef unsigned __int128 wide;

static char *unknown(char *text)
{
    text[0] = '-';
    text[1] = '\0';
    return text;
}

static_assert(SIZE_BYTES == (int)TEXT_SIZE_BYTES &&
                  COUNT_BYTES == (int)TEXT_COUNT_BYTES,
              "the reader says figures in sentences as they stand in tables");

char *size_format(char text[SIZE_BYTES], uint64_t bytes)
{
    return text_size(text, bytes);
}

char *size_format_change(char text[SIZE_BYTES], int64_t bytes)
{
    if (bytes == INT64_MIN)
        return unknown(text);
    text[0] = bytes < 0 ? '-' : '+';
    size_format(bytes == 0 ? text : text + 1,
                (uint64_t)(bytes < 0 ? -bytes : bytes));
    return text;
}

unsigned size_permille(uint64_t part, uint64_t whole)
{
    if (part >= whole)
        return whole == 0 ? 0 : 1000;
    return (unsigned)((wide)part * 1000 / whole);
}

char *count_format(char text[COUNT_BYTES], uint64_t count)
{
    return text_count(text, count);
}

char *age_format(char text[AGE_BYTES], uint64_t age_ms)
{
    enum { MINUTE = 60, HOUR = 60 * MINUTE, DAY = 24 * HOUR };
    uint64_t seconds = age_ms / 1000;

    if (age_ms == READER_UNKNOWN)
        return unknown(text);
    if (seconds < MINUTE)
        (void)snprintf(text, AGE_BYTES, "%" PRIu64 ".%" PRIu64 " s", seconds,
                       age_ms % 1000 / 100);
    else if (seconds < HOUR)
        (void)snprintf(text, AGE_BYTES, "%" PRIu64 " min %" PRIu64 " s",
                       seconds / MINUTE, seconds % MINUTE);
    else if (seconds < DAY)
        (void)snprintf(text, AGE_BYTES, "%" PRIu64 " h %" PRIu64 " min",
                       seconds / HOUR, seconds % HOUR / MINUTE);
    else
        (void)snprintf(text, AGE_BYTES, "%" PRIu64 " d %" PRIu64 " h",
                       seconds / DAY, seconds % DAY / HOUR);
    return text;
}

char *pause_format(char text[AGE_BYTES], uint64_t pause_ns)
{
    enum { US = 1000, MS = 1000000, S = 1000000000 };

    if (pause_ns == READER_UNKNOWN)
        return unknown(text);
    if (pause_ns < MS)
        (void)snprintf(text, AGE_BYTES, "0.%02" PRIu64 " ms",
                       pause_ns / US / 10);
    else if (pause_ns < S / 10)
        (void)snprintf(text, AGE_BYTES, "%" PRIu64 ".%" PRIu64 " ms",
                       pause_ns / MS, pause_ns % MS / US / 100);
    else if (pause_ns < S)
        (void)snprintf(text, AGE_BYTES, "%" PRIu64 " ms", pause_ns / MS);
    else
        age_format(text, pause_ns / MS);
    return text;
}

int64_t size_change(uint64_t now, uint64_t then)
{
    int64_t change = 0;

    if (now == READER_UNKNOWN || then == READER_UNKNOWN)
        return INT64_MIN;
    if (__builtin_sub_overflow(now, then, &change))
        return now > then ? INT64_MAX : -INT64_MAX;
    return change;
}
