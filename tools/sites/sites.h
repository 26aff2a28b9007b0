/* Call sites for people: a profile with its frames as lines of source. */
#ifndef GCSHIM_SITES_SITES_H
#define GCSHIM_SITES_SITES_H

#include "reader/profile.h"
#include "symbols/symbols.h"

/* A call.  What is not known is NULL; place is always there. */
struct sites_line {
    const char *function;
    const char *file;
    uint32_t line;      /* 0: not known */
    const char *module; /* path */
    const char *place;  /* "libfoo.so+0x1234"; "0x7f0123456789"; or "" */
    bool is_inlined;    /* into the next one */
    bool is_named;      /* of an interpreted language */
};

struct sites_entry {
    struct reader_site *site;
    /* The innermost first; none before sites_resolve. */
    struct sites_line *lines;
    size_t line_count;
    bool is_resolved;
};

struct sites {
    uint32_t pid;
    char comm[READER_COMM_BYTES];
    bool is_live;
    struct reader_profile profile; /* its lists are the entries' */
    struct sites_entry *entries;   /* in the order of profile.sites */
    size_t count;

    /* PRIVATE */
    struct symbols *symbols; /* NULL: what was saved has lines of its own */
    bool with_symbols;
    char **strings;
    size_t string_count;
};

/* Reads the call sites of a process, which must outlive them; errors as of
 * reader_profile_init.  Without symbols only the names that the segment holds
 * are known.  Release with sites_fini. */
int sites_init(struct sites *ret_sites, const struct reader_process *process,
               bool with_symbols, char ret_reason[READER_REASON_BYTES]);
void sites_fini(struct sites *sites);

/* Finds out the lines of an entry, which may take a while: 0 or -ENOMEM. */
int sites_resolve(struct sites *sites, struct sites_entry *entry);

/* A copy that lives as long as the sites; NULL when memory is short. */
const char *sites_keep(struct sites *sites, const char *text);

/* The module's name without its directories. */
const char *sites_base_name(const char *path);

#endif
