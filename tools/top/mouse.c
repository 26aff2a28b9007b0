/* A click as the keys that it stands for: see mouse.h. */
#include "top/mouse.h"

#include <stdbool.h>

enum { NS_PER_MS = 1000000 };

uint32_t mouse_key(struct mouse *mouse, const struct canvas *canvas, int row,
                   int col, uint64_t time_ns)
{
    uint32_t key = canvas_key_at(canvas, row, col);
    bool is_second =
        mouse->time_ns != 0 && mouse->row == row && mouse->col == col &&
        time_ns - mouse->time_ns <= (uint64_t)MOUSE_DOUBLE_MS * NS_PER_MS;

    *mouse = (struct mouse){row, col, time_ns};
    if (!is_second || key < KEY_ROW)
        return key;
    mouse->time_ns = 0; /* a third one is a first again */
    return KEY_RETURN;
}
