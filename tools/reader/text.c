/* Texts: see text.h. */
#include "reader/text.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "reader/reader.h"

/* ------------------------------------------------------------- figures */

enum { UNIT = 1024, WHOLE_ONLY = 10000 /* tenths: from here on no decimal */ };

__extension__ typedef unsigned __int128 wide;

static char *unknown(char *text)
{
    text[0] = '-';
    text[1] = '\0';
    return text;
}

char *text_size(char text[TEXT_SIZE_BYTES], uint64_t bytes)
{
    static const char *const units[] = {"KiB", "MiB", "GiB",
                                        "TiB", "PiB", "EiB"};
    wide tenths = (wide)bytes * 10;
    size_t unit = 0;

    if (bytes == READER_UNKNOWN)
        return unknown(text);
    if (bytes < UNIT) {
        (void)snprintf(text, TEXT_SIZE_BYTES, "%" PRIu64 " B", bytes);
        return text;
    }
    /* Rounds to the nearest tenth, halves upwards.  What would round to 1024
     * of one unit is 1.0 of the next. */
    wide scale = UNIT;

    while ((tenths + 5 * scale) / (10 * scale) >= UNIT) {
        scale *= UNIT;
        unit++;
    }
    uint64_t rounded = (uint64_t)((tenths + scale / 2) / scale);

    if (rounded < WHOLE_ONLY)
        (void)snprintf(text, TEXT_SIZE_BYTES, "%" PRIu64 ".%" PRIu64 " %s",
                       rounded / 10, rounded % 10, units[unit]);
    else
        (void)snprintf(text, TEXT_SIZE_BYTES, "%" PRIu64 " %s",
                       (uint64_t)((tenths + 5 * scale) / (10 * scale)),
                       units[unit]);
    return text;
}

char *text_count(char text[TEXT_COUNT_BYTES], uint64_t count)
{
    char digits[TEXT_COUNT_BYTES];
    char *to = text;

    if (count == READER_UNKNOWN)
        return unknown(text);
    int length = snprintf(digits, sizeof(digits), "%" PRIu64, count);

    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            *to++ = ',';
        *to++ = digits[i];
    }
    *to = '\0';
    return text;
}

/* ---------------------------------------------------------- characters */

enum { CODE_MAX = 0x10ffff, SURROGATE_MIN = 0xd800, SURROGATE_MAX = 0xdfff };

/* The length that a first byte announces, and its own bits of the code. */
static size_t lead(unsigned char byte, uint32_t *ret_bits)
{
    static const struct {
        unsigned char mask, mark;
    } forms[] = {{0x80, 0x00}, {0xe0, 0xc0}, {0xf0, 0xe0}, {0xf8, 0xf0}};

    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        if ((byte & forms[i].mask) == forms[i].mark) {
            *ret_bits = byte & (unsigned char)~forms[i].mask;
            return i + 1;
        }
    }
    return 0;
}

size_t text_decode(const char *text, uint32_t *ret_code)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *bytes = (const unsigned char *)text;
    uint32_t code = 0;
    size_t length = lead(bytes[0], &code);

    if (length == 0)
        return 0;
    /* The terminating NUL is no continuation byte, so this stops at it. */
    for (size_t i = 1; i < length; i++) {
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (bytes[i] & 0x3f);
    }
    if (code < least[length] || code > CODE_MAX ||
        (code >= SURROGATE_MIN && code <= SURROGATE_MAX))
        return 0;
    *ret_code = code;
    return length;
}

static bool is_harmless(uint32_t code)
{
    static const struct {
        uint32_t first, last;
    } harmful[] = {
        {0x00, 0x1f},     {0x7f, 0x9f},     /* C0, DEL, C1 */
        {0x200b, 0x200f}, {0x2028, 0x202e}, /* invisible, line ends, bidi */
        {0x2060, 0x206f}, {0xfeff, 0xfeff}, {0xfff9, 0xfffb},
    };

    for (size_t i = 0; i < sizeof(harmful) / sizeof(harmful[0]); i++) {
        if (code >= harmful[i].first && code <= harmful[i].last)
            return false;
    }
    return true;
}

void text_clean(char *text)
{
    char *to = text;

    for (const char *from = text; *from != '\0';) {
        uint32_t code = 0;
        size_t length = text_decode(from, &code);

        if (length > 0 && is_harmless(code)) {
            memmove(to, from, length);
            to += length;
        } else {
            *to++ = '?';
        }
        from += length > 0 ? length : 1;
    }
    *to = '\0';
}

void text_copy(char *dest, size_t size, const char *source, size_t length)
{
    size_t room = length < size - 1 ? length : size - 1;

    memcpy(dest, source, room);
    dest[room] = '\0';
    text_clean(dest);
}
