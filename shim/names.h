/* The functions of interpreted languages, noted as stacks come by them: each
 * once.  One that is there is found without a lock; to add one the table is
 * taken, by who finds it free within a moment. */
#ifndef SHIM_NAMES_H
#define SHIM_NAMES_H

#include "gcshim/layout.h"

enum { NAME_TEXT_BYTES = sizeof(((struct gcshim_name *)0)->text) };

/* The index of a name, with the text as struct gcshim_name has it: so many
 * bytes, zeros to its end.  0, and counted, where there is no room. */
uint32_t names_enter(const char text[NAME_TEXT_BYTES], size_t bytes);

/* The index of a name that is not known: 0. */
uint32_t names_unknown(void);

/* In a fork child, when its own segment stands. */
void names_inherit(void);

#endif
