/* One line for each stack: see folded.h. */
#include "prof/folded.h"

#include <errno.h>
#include <math.h>

#include "sites/text.h"

static void name_put(FILE *out, const char *name)
{
    for (const char *c = name; *c; c++)
        (void)fputc(*c == ';' ? ':' : *c, out);
}

static void stack_put(FILE *out, const struct sites_entry *entry)
{
    if (entry->line_count == 0) {
        name_put(out, sites_entry_name(entry));
        return;
    }
    if (entry->site->is_cut)
        (void)fputs("(cut);", out);
    for (size_t i = entry->line_count; i > 0; i--) {
        name_put(out, sites_line_name(&entry->lines[i - 1]));
        if (i > 1)
            (void)fputc(';', out);
    }
}

int folded_write(FILE *out, struct sites *sites,
                 const struct selection *selection)
{
    size_t shown = selection_make(selection, sites);

    for (size_t i = 0; i < shown; i++) {
        struct sites_entry *entry = &sites->entries[i];

        if (sites_resolve(sites, entry) < 0)
            return -ENOMEM;
        stack_put(out, entry);
        (void)fprintf(out, " %.0f\n",
                      round(selection_bytes(selection, entry->site).value));
    }
    return 0;
}
