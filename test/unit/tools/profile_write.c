/* Writes the made-up profile to stdout in a form that other programs read:
 * "profile_write pprof" or "profile_write speedscope". */
#include <stdio.h>
#include <string.h>

#include "prof/pprof.h"
#include "prof/speedscope.h"
#include "profile_made.h"

enum { TIME_NS = 1700000000 };

int main(int argc, char **argv)
{
    const struct reader_profile *profile = profile_made();
    struct symbols *symbols = NULL;
    int r = symbols_open(&symbols, profile, NULL, false);

    if (argc == 2 && r == 0 && strcmp(argv[1], "pprof") == 0)
        r = pprof_write(stdout, profile, symbols, TIME_NS);
    else if (argc == 2 && r == 0 && strcmp(argv[1], "speedscope") == 0)
        r = speedscope_write(stdout, profile, symbols, "made up");
    symbols_close(symbols);
    return r == 0 ? 0 : 1;
}
