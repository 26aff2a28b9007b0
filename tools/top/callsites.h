/* The call sites of the process in detail, read while their panel is open. */
#ifndef GCSHIM_TOP_CALLSITES_H
#define GCSHIM_TOP_CALLSITES_H

#include "top/model.h"

/* Begins as {0}.  Release with callsites_fini. */
struct callsites {
    struct sites sites;
    bool is_read; /* there are sites, of this process */
    uint32_t pid;
    uint64_t created_ns;
    uint64_t due_ns; /* when they are to be read anew */
};

/* Whether they are looked at, and not read yet or anew.  Symbols may take some
 * time: they are read so seldom that it is a twentieth of ours. */
bool callsites_are_due(const struct callsites *callsites,
                       const struct model *model, uint64_t now_ns);
void callsites_read(struct callsites *callsites, const struct model *model);

/* Gives the model those of the process that it shows, or none. */
void callsites_give(const struct callsites *callsites, struct model *model);
void callsites_fini(struct callsites *callsites);

#endif
