/* -b: the model as lines of text or as JSON, for files and pipes. */
#ifndef GCSHIM_TOP_BATCH_H
#define GCSHIM_TOP_BATCH_H

#include <stdbool.h>

#include "top/model.h"

/* Print the rows of the model on stdout: 0 or -errno. */
int batch_print(const struct model *model);
int batch_print_json(const struct model *model, bool pretty);

/* Each refusal, one line on stderr. */
void batch_print_refusals(const struct model *model);

#endif
