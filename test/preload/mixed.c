/* Takes blocks by mimalloc's own names and frees them by libc's, as mimalloc
 * allows: where pages were cut for other sizes before, none may be taken for
 * what lay there.
 *
 *     mixed ROUNDS
 */
#include <mimalloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCKS = 20000, SIZES = 8 };

static unsigned char *blocks[BLOCKS];

static void fill(size_t bytes, void *(*ask)(size_t bytes))
{
    for (size_t i = 0; i < BLOCKS; i++)
        memset(blocks[i] = ask(bytes), (int)i & 0x7f, bytes);
}

static int drain(size_t bytes)
{
    int wrong = 0;
    for (size_t i = 0; i < BLOCKS; i++) {
        wrong +=
            blocks[i][0] != (i & 0x7f) || blocks[i][bytes - 1] != (i & 0x7f);
        free(blocks[i]);
    }
    return wrong;
}

int main(int argc, char **argv)
{
    int rounds = argc > 1 ? atoi(argv[1]) : 1, wrong = 0;
    for (int i = 0; i < rounds; i++) {
        size_t bytes = (size_t)16 << (i * 5 + i / SIZES) % SIZES;
        fill(bytes, i % 2 ? mi_malloc : malloc);
        wrong += drain(bytes);
    }
    printf("%d wrong\n", wrong);
    return wrong != 0;
}
