/* Call sites as JSON: for scripts, and to be compared with later. */
#ifndef GCSHIM_PROF_DOCUMENT_H
#define GCSHIM_PROF_DOCUMENT_H

#include <stdio.h>

#include "prof/selection.h"

enum { DOCUMENT_REASON_BYTES = 160 };

/* 0 or -ENOMEM; whether out took it is for the caller to see. */
int document_write(FILE *out, struct sites *sites,
                   const struct selection *selection);

/* Reads what was written so.  -EPROTO with a sentence in ret_reason where it
 * is nothing of the kind.  Release with sites_fini. */
int document_read(struct sites *ret_sites, const char *path,
                  char ret_reason[DOCUMENT_REASON_BYTES]);

#endif
