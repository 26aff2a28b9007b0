/* Any bytes as an environment: entries that end with a NUL. */
#include "fuzz.h"

#include "gcshim/layout.h"
#include "settings.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ENTRIES_MAX = 64 };

/* Warnings are expected, in masses; libFuzzer's own words are to be seen. */
static void load_quietly(char **entries)
{
    static int heard = -1, unheard = -1;
    if (heard < 0) {
        heard = dup(STDERR_FILENO);
        unheard = open("/dev/null", O_WRONLY | O_CLOEXEC);
    }
    dup2(unheard, STDERR_FILENO);
    settings_load(entries);
    dup2(heard, STDERR_FILENO);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *entries[ENTRIES_MAX + 1];
    char *copy = malloc(size + 1);
    size_t count = 0;
    if (!copy)
        return 0;
    if (size > 0)
        memcpy(copy, data, size);
    copy[size] = '\0';
    for (size_t at = 0; at < size && count < ENTRIES_MAX;
         at += strlen(copy + at) + 1)
        entries[count++] = copy + at;
    entries[count] = NULL;
    load_quietly(entries);
    char described[GCSHIM_SETTINGS_BYTES];
    settings_describe(described, sizeof(described));
    if (settings.disable > 1 || settings.confirm > 1 || settings.help > 1 ||
        settings.keep > INT32_MAX ||
        strlen(settings.report) >= SETTINGS_TEXT_BYTES ||
        !memchr(described, '\0', sizeof(described)))
        abort();
    free(copy);
    return 0;
}
