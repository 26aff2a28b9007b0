/* Copies a man page from standard input to standard output, putting the rows
 * of shim/settings.def in the place of the line "@SETTINGS@". */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

static void put_upper(const char *word)
{
    for (const char *c = word; *c; c++)
        putchar(toupper((unsigned char)*c));
}

static void put_row(const char *key, const char *preset, const char *takes,
                    const char *help)
{
    printf(".It Ev GCSHIM_");
    put_upper(key);
    printf("\nTakes %s; default %s.\n%s.\n", takes,
           preset[0] ? preset : "none", help);
}

static void put_rows(void)
{
#define SETTING(key, type, preset, takes, help) put_row(#key, preset, takes, help);
#include "settings.def"
#undef SETTING
}

int main(void)
{
    char line[4096];
    while (fgets(line, sizeof(line), stdin)) {
        if (strcmp(line, "@SETTINGS@\n") == 0)
            put_rows();
        else
            fputs(line, stdout);
    }
    return ferror(stdin) || fflush(stdout);
}
