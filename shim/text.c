#include "text.h"

#include "sys.h"

#include <string.h>

struct text text_on(char *buffer, size_t bytes)
{
    buffer[0] = '\0';
    return (struct text){buffer, buffer, buffer + bytes - 1};
}

void text_put_bytes(struct text *text, const char *from, size_t bytes)
{
    size_t room = (size_t)(text->last - text->at);
    if (bytes > room)
        bytes = room;
    memcpy(text->at, from, bytes);
    text->at += bytes;
    *text->at = '\0';
}

void text_put(struct text *text, const char *words)
{
    text_put_bytes(text, words, strlen(words));
}

static void put_digits(struct text *text, uint64_t number, unsigned base)
{
    char digits[20];
    char *at = digits + sizeof(digits);
    do {
        *--at = "0123456789abcdef"[number % base];
        number /= base;
    } while (number);
    text_put_bytes(text, at, (size_t)(digits + sizeof(digits) - at));
}

void text_put_number(struct text *text, uint64_t number)
{
    put_digits(text, number, 10);
}

void text_put_hex(struct text *text, uint64_t number)
{
    text_put(text, "0x");
    put_digits(text, number, 16);
}

void text_put_size(struct text *text, uint64_t bytes)
{
    static const char *const units[] = {" B",   " KiB", " MiB", " GiB",
                                        " TiB", " PiB", " EiB"};
    unsigned unit = 0;
    uint64_t tenths = 0;
    while (bytes >= 1024) {
        tenths = bytes % 1024 * 10 / 1024;
        bytes /= 1024;
        unit++;
    }
    text_put_number(text, bytes);
    if (unit > 0) {
        text_put(text, ".");
        text_put_number(text, tenths);
    }
    text_put(text, units[unit]);
}

void text_pad(struct text *text, const char *from, size_t columns)
{
    while ((size_t)(text->at - from) < columns && text->at < text->last)
        text_put(text, " ");
}

void text_copy(char *to, size_t bytes, const char *from)
{
    struct text text = text_on(to, bytes);
    text_put(&text, from);
}

void text_warn(struct text *text)
{
    char line[1200];
    struct text whole = text_on(line, sizeof(line) - 1);
    text_put(&whole, "gcshim: ");
    text_put(&whole, text->start);
    *whole.at++ = '\n';
    sys_write(STDERR_FILENO, line, (size_t)(whole.at - line));
}
