/* Sentences in lines of limited width: see wrap.h. */
#include "common/wrap.h"

#include <string.h>

/* The word at text and the blanks before it. */
static size_t word_end(const char *text, size_t from)
{
    size_t blanks = strspn(text + from, " ");

    return from + blanks + strcspn(text + from + blanks, " ");
}

size_t wrap_line(const char *text, size_t width, const char **ret_next)
{
    size_t length = word_end(text, 0);

    while (text[length] && word_end(text, length) <= width)
        length = word_end(text, length);
    *ret_next = text + length + strspn(text + length, " ");
    return length;
}

void wrap_print(FILE *out, const char *text, size_t width, int indent)
{
    const char *next = NULL;
    size_t length = 0;

    while ((length = wrap_line(text, width, &next)) > 0) {
        (void)fprintf(out, "%*s%.*s\n", indent, "", (int)length, text);
        text = next;
    }
}
