/* The rows of the list: which processes and threads there are to be seen, in
 * which order, and how they have changed. */
#ifndef GCSHIM_TOP_ROWS_H
#define GCSHIM_TOP_ROWS_H

#include "top/columns.h"

struct model;
struct model_totals;

/* A process, or with thread not NULL a thread of it. */
struct row row_of(const struct model *model,
                  const struct reader_process *process,
                  const struct reader_thread *thread);

/* All that are to be seen, by the model's choice, filter and order: 0 or
 * -ENOMEM.  The caller frees. */
int rows_build(const struct model *model, struct row **ret_rows,
               size_t *ret_count);

/* The threads of a process, sorted: 0 or -ENOMEM.  The caller frees. */
int rows_of_threads(const struct model *model,
                    const struct reader_process *process,
                    struct row **ret_rows);

/* Of all that are chosen, whatever the filter. */
struct model_totals rows_totals(const struct model *model);

#endif
