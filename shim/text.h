/* Lines built in a buffer of fixed size, without stdio: it allocates, locks
 * and depends on the locale.  What does not fit is cut off; the text is
 * always NUL-terminated. */
#ifndef SHIM_TEXT_H
#define SHIM_TEXT_H

#include <stdint.h>
#include <stddef.h>

struct text {
    char *start;
    char *at;
    char *last; /* the buffer's last byte */
};

struct text text_on(char *buffer, size_t bytes);
void text_put(struct text *text, const char *words);
void text_put_bytes(struct text *text, const char *from, size_t bytes);
void text_put_number(struct text *text, uint64_t number);
/* As C writes it, with 0x. */
void text_put_hex(struct text *text, uint64_t number);
/* "12.3 MiB": IEC units, one decimal, rounded down. */
void text_put_size(struct text *text, uint64_t bytes);
/* Blanks up to a column, counted from where `from` stood. */
void text_pad(struct text *text, const char *from, size_t columns);

void text_copy(char *to, size_t bytes, const char *from);

/* One line on standard error, "gcshim: " before it. */
void text_warn(struct text *text);

#endif
