/* Runs a fuzz target over files, as an ordinary test: replay FILE... */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>

enum { INPUT_BYTES_MAX = 1 << 20 };

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        FILE *file = fopen(argv[i], "rb");
        uint8_t *data = malloc(INPUT_BYTES_MAX);
        if (!file || !data) {
            perror(argv[i]);
            return 2;
        }
        size_t size = fread(data, 1, INPUT_BYTES_MAX, file);
        fclose(file);
        uint8_t *exact = realloc(data, size ? size : 1);
        LLVMFuzzerTestOneInput(exact, size);
        free(exact);
    }
    printf("%d inputs replayed\n", argc - 1);
    return argc < 2;
}
