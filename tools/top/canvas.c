/* A screen as a plain array of cells: see canvas.h. */
#include "top/canvas.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "reader/text.h"

enum { PRINT_BYTES = 512 };

int canvas_init(struct canvas *ret_canvas, int rows, int cols)
{
    size_t count = (size_t)rows * (size_t)cols;
    struct cell *cells = calloc(count + 1, sizeof(*cells));

    if (!cells)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++)
        cells[i].code = ' ';
    *ret_canvas = (struct canvas){rows, cols, cells};
    return 0;
}

void canvas_fini(struct canvas *canvas)
{
    free(canvas->cells);
    *canvas = (struct canvas){0};
}

/* The next character as it will be shown, and its width: 1 or 2.  Marks that
 * have no width of their own would need a cell with two characters; names
 * hardly hold any, so they are shown as '?'. */
static uint32_t next_code(const char **text, int *ret_width)
{
    uint32_t code = 0;
    size_t length = text_decode(*text, &code);
    int width = length > 0 ? wcwidth((wchar_t)code) : -1;

    *text += length > 0 ? length : 1;
    if (width < 1)
        code = '?';
    *ret_width = width == 2 ? 2 : 1;
    return code;
}

static struct cell *cell_at(struct canvas *canvas, int row, int col)
{
    return &canvas->cells[(size_t)row * (size_t)canvas->cols + (size_t)col];
}

static void cell_set(struct cell *cell, uint32_t code, enum canvas_attr attr)
{
    cell->code = code;
    cell->attr = attr;
}

int canvas_put(struct canvas *canvas, int row, int col, int width,
               enum canvas_attr attr, const char *text)
{
    int end = col + width < canvas->cols ? col + width : canvas->cols;

    if (row < 0 || row >= canvas->rows || col < 0)
        return col;
    while (*text) {
        int wide = 1;
        uint32_t code = next_code(&text, &wide);

        if (col + wide > end)
            break;
        cell_set(cell_at(canvas, row, col), code, attr);
        if (wide == 2)
            cell_set(cell_at(canvas, row, col + 1), 0, attr);
        col += wide;
    }
    return col;
}

int canvas_text_width(const char *text)
{
    int total = 0;

    while (*text) {
        int wide = 1;

        (void)next_code(&text, &wide);
        total += wide;
    }
    return total;
}

void canvas_put_right(struct canvas *canvas, int row, int col, int width,
                      enum canvas_attr attr, const char *text)
{
    int blank = width - canvas_text_width(text);

    if (blank < 0)
        blank = 0;
    canvas_put(canvas, row, col + blank, width - blank, attr, text);
}

int canvas_print(struct canvas *canvas, int row, int col, enum canvas_attr attr,
                 const char *format, ...)
{
    char text[PRINT_BYTES];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    return canvas_put(canvas, row, col, canvas->cols, attr, text);
}

void canvas_row(struct canvas *canvas, int row, enum canvas_attr attr)
{
    if (row < 0 || row >= canvas->rows)
        return;
    for (int col = 0; col < canvas->cols; col++)
        cell_at(canvas, row, col)->attr = attr;
}

void canvas_key(struct canvas *canvas, int row, int col, int width,
                uint32_t key)
{
    int end = col + width < canvas->cols ? col + width : canvas->cols;

    if (row < 0 || row >= canvas->rows || col < 0)
        return;
    for (; col < end; col++)
        cell_at(canvas, row, col)->key = key;
}

uint32_t canvas_key_at(const struct canvas *canvas, int row, int col)
{
    if (row < 0 || row >= canvas->rows || col < 0 || col >= canvas->cols)
        return 0;
    return canvas->cells[(size_t)row * (size_t)canvas->cols + (size_t)col].key;
}

void canvas_bar(struct canvas *canvas, int row, int col, int width,
                unsigned permille)
{
    int inner = width - 2;
    int filled = (int)((unsigned)inner * permille + 500) / 1000;

    if (inner < 1)
        return;
    canvas_put(canvas, row, col, 1, ATTR_BOLD, "[");
    for (int i = 0; i < inner; i++)
        canvas_put(canvas, row, col + 1 + i, 1,
                   i < filled ? ATTR_BAR : ATTR_NORMAL, i < filled ? "|" : " ");
    canvas_put(canvas, row, col + 1 + inner, 1, ATTR_BOLD, "]");
}
