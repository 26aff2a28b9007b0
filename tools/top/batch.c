/* -b: see batch.h. */
#include "top/batch.h"

#include <errno.h>
#include <stdio.h>

#include "common/json.h"
#include "common/size.h"
#include "top/canvas.h"
#include "top/view.h"

static void summary_print(const struct model *model)
{
    const struct model_totals *totals = &model->totals;
    size_t processes = totals->live + totals->dead;
    char used[SIZE_BYTES];
    char allocated[SIZE_BYTES];
    char resident[SIZE_BYTES];

    (void)printf("gcshim-top - %s, %zu process%s (%zu dead), %zu thread%s\n",
                 model->clock, processes, processes == 1 ? "" : "es",
                 totals->dead, totals->threads, view_plural(totals->threads));
    (void)printf("used %s of %s allocated, resident %s\n\n",
                 size_format(used, totals->used_bytes),
                 size_format(allocated, totals->allocated_bytes),
                 size_format(resident, totals->resident_bytes));
}

/* In columns of their full width; the last one is not filled up. */
static void cell_print(enum column_id id, const char *text)
{
    int blank = columns[id].width - canvas_text_width(text);

    if (blank < 0)
        blank = 0;
    if (id == COLUMN_COMMAND)
        (void)printf("%s\n", text);
    else if (columns[id].left)
        (void)printf("%s%*s ", text, blank, "");
    else
        (void)printf("%*s%s ", blank, "", text);
}

/* There is no baseline here, and a curve is no figure. */
static bool is_printed(const struct model *model, enum column_id id)
{
    struct columns_wish wish = model_columns(model);

    wish.with_namespace = true; /* not now and then */
    return columns[id].compare && column_is_wanted(id, &wish);
}

int batch_print(const struct model *model)
{
    char text[COLUMN_TEXT_BYTES];

    summary_print(model);
    for (enum column_id id = 0; id < COLUMN_COUNT; id++) {
        if (is_printed(model, id))
            cell_print(id, columns[id].title);
    }
    for (size_t i = 0; i < model->list.count; i++) {
        for (enum column_id id = 0; id < COLUMN_COUNT; id++) {
            if (!is_printed(model, id))
                continue;
            columns[id].format(text, &model->list.rows[i]);
            cell_print(id, text);
        }
    }
    return fflush(stdout) == EOF ? -errno : 0;
}

int batch_print_json(const struct model *model, bool pretty)
{
    struct json_object *document = json_document();
    int err = document ? 0 : -ENOMEM;

    for (size_t i = 0; err == 0 && i < model->list.count; i++) {
        const struct row *row = &model->list.rows[i];

        if (!row->thread) /* it is among its process's threads */
            err = json_document_add(document, row->process, false);
    }
    if (err == 0)
        err = json_document_print(document, pretty);
    json_object_put(document);
    return err;
}

void batch_print_refusals(const struct model *model)
{
    const struct reader_survey *survey = &model->survey;

    for (size_t i = 0; i < survey->refusal_count; i++)
        (void)fprintf(stderr, "gcshim-top: %s %s\n",
                      survey->refusals[i].segment, survey->refusals[i].reason);
    if (survey->beyond_count > 0)
        (void)fprintf(stderr, "gcshim-top: %zu more files are not shown\n",
                      survey->beyond_count);
}
