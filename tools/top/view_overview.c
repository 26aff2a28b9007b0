/* The overview of one process: its figures, the bill as a bar and line by
 * line, what is resident beside it, the verdict, and the history.
 *
 *     used         200.0 MiB   peak      250.0 MiB    78% [||||||||||      ]
 *     ...
 *     [UUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUOFFFFFFRRRRRRRRRRRRH]
 *     U in use       ~ 198.0 MiB   77.3%    from malloc      240.0 MiB   96.0%
 *     ...
 *     verdict: unreturned
 *       32.0 MiB of 256.0 MiB allocated lie in wholly free pages; ...
 */
#include "top/view.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "common/bill.h"
#include "common/size.h"
#include "common/wrap.h"

enum {
    COL_LABEL = 2,
    COL_FIGURE = 15,
    COL_SECOND = 27,
    COL_SECOND_FIGURE = 35,
    COL_REMARK = 48,
    BAR_WIDTH = 24,
    REMARK_BYTES = 64,
    EVIDENCE_WIDTH_MAX = 110,
    ROWS_OF_PLENTY = 30, /* from here on a blank line more */
};

/* A panel in the making. */
struct overview {
    struct canvas *canvas;
    const struct row *row;
    const struct reader_process *process;
    int at; /* the next line */
};

/* -------------------------------------------------------------- figures */

/* label figure, label figure, remark */
static void line_draw(struct overview *view, const char *label,
                      const char *figure, const char *second_label,
                      const char *second, const char *remark)
{
    struct canvas *canvas = view->canvas;
    int row = view->at++;

    canvas_print(canvas, row, COL_LABEL, ATTR_NORMAL, "%s", label);
    canvas_put_right(canvas, row, COL_FIGURE, SIZE_COLUMNS, ATTR_BOLD, figure);
    canvas_print(canvas, row, COL_SECOND, ATTR_NORMAL, "%s", second_label);
    canvas_put_right(canvas, row, COL_SECOND_FIGURE, SIZE_COLUMNS + 2,
                     ATTR_NORMAL, second);
    canvas_put(canvas, row, COL_REMARK, canvas->cols, ATTR_DIM, remark);
}

static void use_draw(struct canvas *canvas, int row,
                     const struct reader_process *process)
{
    unsigned share =
        size_permille(process->used_bytes, process->allocated_bytes);
    int col = canvas_print(canvas, row, COL_REMARK, ATTR_NORMAL, "%3u%% ",
                           share / 10);

    if (col + BAR_WIDTH <= canvas->cols)
        canvas_bar(canvas, row, col, BAR_WIDTH, share);
}

static void age_remark(char remark[REMARK_BYTES], uint64_t age_ms)
{
    if (age_ms == READER_UNKNOWN)
        (void)snprintf(remark, REMARK_BYTES, "not yet told by the process");
    else
        (void)snprintf(remark, REMARK_BYTES, "as of %.1f s ago",
                       (double)age_ms / 1e3);
}

static void rate_remark(char remark[REMARK_BYTES], uint64_t rate)
{
    char size[SIZE_BYTES];

    (void)snprintf(remark, REMARK_BYTES, "%s%s", size_format(size, rate),
                   rate == READER_UNKNOWN ? "" : "/s");
}

static void change_remark(char remark[REMARK_BYTES], const struct row *row)
{
    char growth[SIZE_BYTES];
    char change[SIZE_BYTES];

    size_format_change(growth, row->growth_bytes);
    size_format_change(change, row->change_bytes);
    if (row->change_bytes != INT64_MIN)
        (void)snprintf(remark, REMARK_BYTES, "%s since the baseline", change);
    else
        (void)snprintf(remark, REMARK_BYTES, "%s%s", growth,
                       row->growth_bytes == INT64_MIN ? "" : "/s");
}

static void figures_draw(struct overview *view)
{
    const struct reader_process *process = view->process;
    char first[SIZE_BYTES];
    char second[COUNT_BYTES];
    char remark[REMARK_BYTES];

    use_draw(view->canvas, view->at, process);
    line_draw(view, "used", size_format(first, process->used_bytes), "peak",
              size_format(second, process->used_peak_bytes), "");
    age_remark(remark, process->age_ms);
    line_draw(view, "allocated", size_format(first, process->allocated_bytes),
              "peak", size_format(second, process->allocated_peak_bytes),
              remark);
    line_draw(view, "resident", size_format(first, process->resident_bytes),
              "rss", size_format(second, process->rss_bytes), "");
    rate_remark(remark, view->row->rate_bytes);
    line_draw(view, "handed out",
              size_format(first, process->totals.allocated_bytes), "blocks",
              count_format(second, process->totals.allocated_blocks), remark);
    change_remark(remark, view->row);
    line_draw(view, "still in use", size_format(first, process->used_bytes),
              "blocks", count_format(second, reader_blocks(&process->totals)),
              remark);
}

/* ----------------------------------------------------------------- bill */

enum {
    COL_LETTER = 2,
    COL_NAME = 4,
    COL_MARK = 17,
    COL_BYTES = 19,
    COL_SHARE = 28,
    SHARE_WIDTH = 8,
    COL_MEANING = 39,
    COL_BESIDE = 42,        /* what is resident, in a narrow window */
    COL_BESIDE_WIDE = 78,   /* with room for the meanings between */
    COLS_OF_MEANINGS = 116, /* from here on */
    NAME_TO_BYTES = 17,
    NAME_TO_SHARE = 26,
};

static void share_draw(struct canvas *canvas, int row, int col, uint64_t bytes,
                       unsigned permille)
{
    char text[SIZE_BYTES] = "-";

    if (bytes != READER_UNKNOWN)
        (void)snprintf(text, sizeof(text), "%u.%u%%", permille / 10,
                       permille % 10);
    canvas_put_right(canvas, row, col, SHARE_WIDTH, ATTR_NORMAL, text);
}

static enum canvas_attr attr_of(char letter)
{
    for (int part = 0; part < BILL_PARTS; part++) {
        if (bill_entries[part].letter == letter)
            return (enum canvas_attr)(ATTR_PART + part);
    }
    return ATTR_DIM;
}

static_assert(ATTR_PART + BILL_PARTS - 1 == ATTR_PART_LAST, "an attr for each");

static void bar_draw(struct overview *view)
{
    enum { CELLS_MAX = 512 };
    struct canvas *canvas = view->canvas;
    int cells = canvas->cols - 2 * COL_LETTER - 2;
    char bar[CELLS_MAX + 1];

    if (cells < 1)
        return;
    bill_bar(view->process, cells < CELLS_MAX ? (size_t)cells : CELLS_MAX, bar);
    canvas_put(canvas, view->at, COL_LETTER, 1, ATTR_BOLD, "[");
    for (int i = 0; bar[i]; i++)
        canvas_print(canvas, view->at, COL_LETTER + 1 + i, attr_of(bar[i]),
                     "%c", bar[i]);
    canvas_put(canvas, view->at++, COL_LETTER + 1 + (int)strlen(bar), 1,
               ATTR_BOLD, "]");
}

static void part_draw(struct overview *view, enum bill_part part,
                      unsigned permille)
{
    const struct bill_entry *entry = &bill_entries[part];
    struct canvas *canvas = view->canvas;
    uint64_t bytes = bill_bytes(view->process, part);
    char size[SIZE_BYTES];

    canvas_print(canvas, view->at, COL_LETTER, attr_of(entry->letter), "%c",
                 entry->letter);
    canvas_put(canvas, view->at, COL_NAME, canvas->cols, ATTR_NORMAL,
               entry->name);
    if (bill_is_marked(view->process, part))
        canvas_put(canvas, view->at, COL_MARK, 1, ATTR_DIM, "~");
    canvas_put_right(canvas, view->at, COL_BYTES, SIZE_COLUMNS, ATTR_BOLD,
                     size_format(size, bytes));
    share_draw(canvas, view->at, COL_SHARE, bytes, permille);
    if (canvas->cols >= COLS_OF_MEANINGS)
        canvas_put(canvas, view->at, COL_MEANING, canvas->cols, ATTR_DIM,
                   entry->meaning);
}

static void mapping_draw(struct overview *view, enum mapping_part part,
                         unsigned permille)
{
    struct canvas *canvas = view->canvas;
    int col = canvas->cols >= COLS_OF_MEANINGS ? COL_BESIDE_WIDE : COL_BESIDE;
    uint64_t bytes = mapping_bytes(&view->process->mappings, part);
    char size[SIZE_BYTES];

    canvas_put(canvas, view->at, col, canvas->cols, ATTR_NORMAL,
               mapping_entries[part].name);
    canvas_put_right(canvas, view->at, col + NAME_TO_BYTES, SIZE_COLUMNS,
                     ATTR_BOLD, size_format(size, bytes));
    share_draw(canvas, view->at, col + NAME_TO_SHARE, bytes, permille);
}

static void bill_draw(struct overview *view)
{
    unsigned parts[BILL_PARTS];
    unsigned mappings[MAPPING_PARTS];
    char remark[BILL_REMARK_BYTES];

    bill_shares(view->process, parts);
    mapping_shares(&view->process->mappings, mappings);
    bar_draw(view);
    for (int i = 0; i < BILL_PARTS; i++) {
        part_draw(view, (enum bill_part)i, parts[i]);
        mapping_draw(view, (enum mapping_part)i, mappings[i]);
        view->at++;
    }
    bill_remark(view->process, remark);
    canvas_put(view->canvas, view->at++, COL_LETTER, view->canvas->cols,
               ATTR_DIM, remark);
}

static_assert((int)BILL_PARTS == (int)MAPPING_PARTS, "they stand side by side");

/* ---------------------------------------------------- change and verdict */

static int change_draw(struct overview *view, int col, const char *label,
                       uint64_t now, uint64_t then)
{
    char change[SIZE_BYTES];

    return canvas_print(view->canvas, view->at, col, ATTR_NORMAL, "%s %s",
                        label,
                        size_format_change(change, size_change(now, then)));
}

static void baseline_draw(struct overview *view)
{
    const struct reader_process *process = view->process;
    const struct reader_baseline *baseline = &process->baseline;
    char age[AGE_BYTES];

    if (baseline->age_ms == READER_UNKNOWN)
        return;
    int col =
        canvas_print(view->canvas, view->at, COL_LABEL, ATTR_NORMAL,
                     "baseline %s ago: ", age_format(age, baseline->age_ms));

    col = change_draw(view, col, "used", process->used_bytes,
                      baseline->used_bytes);
    col = change_draw(view, col, ", alloc", process->allocated_bytes,
                      baseline->allocated_bytes);
    change_draw(view, col, ", resident", process->resident_bytes,
                baseline->resident_bytes);
    view->at++;
}

static void evidence_draw(struct overview *view)
{
    const char *text = view->process->evidence;
    int width = view->canvas->cols - 2 * COL_LABEL;
    size_t length = 0;

    if (width > EVIDENCE_WIDTH_MAX)
        width = EVIDENCE_WIDTH_MAX;
    for (const char *next = NULL;
         width > 0 && (length = wrap_line(text, (size_t)width, &next)) > 0;
         text = next)
        canvas_print(view->canvas, view->at++, COL_LABEL, ATTR_NORMAL, "%.*s",
                     (int)length, text);
}

static void verdict_draw(struct overview *view)
{
    const char *verdict = reader_verdict_name(view->process->verdict);
    int col = canvas_print(view->canvas, view->at, COL_LABEL, ATTR_NORMAL,
                           "verdict: ");

    canvas_put(view->canvas, view->at++, col, view->canvas->cols, ATTR_BOLD,
               verdict ? verdict : "-");
    evidence_draw(view);
}

void view_overview_draw(const struct model *model, struct canvas *canvas,
                        int top)
{
    struct overview view = {
        .canvas = canvas,
        .row = &model->shown,
        .process = model->shown.process,
        .at = top,
    };

    bool is_roomy = canvas->rows >= ROWS_OF_PLENTY;

    figures_draw(&view);
    if (!is_roomy)
        view_history_line(view.process, canvas, view.at, COL_LABEL, COL_FIGURE);
    view.at++;
    bill_draw(&view);
    view.at += is_roomy;
    verdict_draw(&view);
    baseline_draw(&view);
    if (is_roomy)
        view_history_draw(view.process, canvas, view.at + 1,
                          canvas->rows - VIEW_ROWS_BELOW - 1);
}
