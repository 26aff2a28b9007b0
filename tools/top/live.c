/* The model on a terminal: see live.h. */
#include "top/live.h"

#include <errno.h>
#include <time.h>

#include "top/callsites.h"
#include "top/canvas.h"
#include "top/mouse.h"
#include "top/surveyor.h"
#include "top/term.h"
#include "top/trim.h"
#include "top/view.h"

#define NS_PER_S UINT64_C(1000000000)

enum {
    EXPLAIN_NS = 20000000, /* at most so long at once, or one process */
    TRIM_POLL_NS = 50000000,
    KEYS_AT_ONCE = 64, /* before the screen is drawn again */
};

struct live {
    struct model *model;
    struct canvas canvas; /* what is on the screen */
    struct mouse mouse;
    struct surveyor surveyor;
    struct trim trim;
    struct callsites callsites;
    bool afresh;        /* another program may have written on the screen */
    uint64_t refreshes; /* asked for, and taken */
    uint64_t asked, taken;
    uint64_t asked_ns, cost_ns; /* the last one: when, and what it took */
};

uint64_t live_now_ns(void)
{
    struct timespec now = {0};

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

uint64_t live_interval_ns(const struct model *model)
{
    return (uint64_t)(model->interval_s * (double)NS_PER_S);
}

void live_clock_set(struct model *model)
{
    time_t now = time(NULL);
    struct tm local;

    model->clock[0] = '\0';
    if (localtime_r(&now, &local))
        (void)strftime(model->clock, sizeof(model->clock), "%H:%M:%S", &local);
}

int live_explain(struct model *model, uint64_t time_ns)
{
    uint64_t deadline = live_now_ns() + time_ns;
    struct reader_process *process = NULL;
    uint64_t began = 0;
    int err = 0;

    while (err == 0 && (began = live_now_ns()) < deadline &&
           (process = model_unexplained(model, began)) != NULL) {
        /* What cannot be read stays unknown, and is not tried again soon. */
        (void)reader_process_explain(process);
        err = model_explained(model, process, began, live_now_ns());
    }
    return err;
}

/* ------------------------------------------------------------- surveys */

/* When the next survey is due: no machine is to do nothing but surveys. */
static uint64_t due_ns(const struct live *live)
{
    uint64_t interval = live_interval_ns(live->model);
    uint64_t least = 2 * live->cost_ns;

    if (live->asked == 0)
        return 0;
    if (live->model->paused || live->surveyor.is_busy)
        return UINT64_MAX;
    return live->asked_ns + (interval > least ? interval : least);
}

/* Asks for a survey if one is due, or figures are known to have changed.
 * Returns false where there have been as many as were wanted. */
static bool ask(struct live *live, bool has_changed)
{
    uint64_t now = live_now_ns();
    bool is_due = now >= due_ns(live) || (has_changed && !live->model->paused);

    if (!is_due || live->surveyor.is_busy)
        return true;
    if (live->refreshes > 0 && live->asked == live->refreshes)
        return false;
    surveyor_ask(&live->surveyor);
    live->asked++;
    live->asked_ns = now;
    return true;
}

/* What has been surveyed meanwhile goes into the model: 0 or -errno. */
static int take(struct live *live)
{
    struct surveyor_result result;
    int err = surveyor_take(&live->surveyor, &result);

    if (err)
        return err == -EAGAIN ? 0 : err;
    live->cost_ns = result.ended_ns - result.began_ns;
    live->taken++;
    live_clock_set(live->model);
    err = model_refresh(live->model, &result.survey, result.ended_ns);
    if (err)
        reader_survey_fini(&result.survey);
    return err;
}

/* --------------------------------------------------------------- screen */

/* What a key means depends on what fits on the screen, drawn or not. */
static void fit(struct model *model)
{
    int rows = 0;
    int cols = 0;

    term_size(&rows, &cols);
    model_fit(model, view_page_rows(model, rows, cols));
}

static int draw(struct live *live)
{
    int rows = 0;
    int cols = 0;

    term_size(&rows, &cols);
    canvas_fini(&live->canvas);
    int err = canvas_init(&live->canvas, rows, cols);

    if (err)
        return err;
    callsites_give(&live->callsites, live->model);
    fit(live->model);
    view_draw(live->model, &live->canvas);
    term_put(&live->canvas, live->afresh);
    live->afresh = false;
    return 0;
}

/* Does what a key or a click means: 0 or -errno. */
static int follow(struct live *live, uint32_t key)
{
    int err = model_key(live->model, key);

    fit(live->model);
    live->afresh |= live->model->redraw;
    live->model->redraw = false;
    return err;
}

/* What is under the mouse is what was drawn last: with keys before the click
 * that is drawn first. */
static int follow_click(struct live *live, const struct term_place *place,
                        bool is_drawn)
{
    int err = is_drawn ? 0 : draw(live);

    return err ? err
               : follow(live, mouse_key(&live->mouse, &live->canvas, place->row,
                                        place->col, live_now_ns()));
}

/* When there is something to be done though no key comes. */
static uint64_t next_turn_ns(const struct live *live)
{
    uint64_t now = live_now_ns();
    uint64_t next = due_ns(live);

    if (live->trim.is_open && now + TRIM_POLL_NS < next)
        next = now + TRIM_POLL_NS;
    if (!live->model->paused && model_unexplained(live->model, now))
        next = now;
    if (callsites_are_due(&live->callsites, live->model, now))
        next = now;
    return next;
}

/* Waits for what comes first, and follows it, with all keys that have come
 * by then.  Returns false where it was the last. */
static bool turn(struct live *live, int *ret_error)
{
    uint64_t deadline = next_turn_ns(live);

    for (int keys = 0; keys < KEYS_AT_ONCE; keys++, deadline = 0) {
        struct term_place place = {0};
        uint32_t key = 0;

        switch (term_wait(deadline, live->surveyor.fd, &key, &place)) {
        case TERM_CLICK:
            *ret_error = follow_click(live, &place, keys == 0);
            return !live->model->quit && *ret_error == 0;
        case TERM_KEY:
            *ret_error = follow(live, key);
            if (live->model->quit || *ret_error)
                return false;
            break;
        case TERM_REDRAW:
            live->afresh = true;
            return true;
        case TERM_GONE:
        case TERM_SIGNAL:
            return false;
        case TERM_TIMEOUT: /* nobody is kept waiting by this */
            if (keys == 0 && !live->model->paused)
                *ret_error = live_explain(live->model, EXPLAIN_NS);
            if (keys == 0 &&
                callsites_are_due(&live->callsites, live->model, live_now_ns()))
                callsites_read(&live->callsites, live->model);
            return *ret_error == 0;
        case TERM_READY:
        default:
            return true;
        }
    }
    return true;
}

static int loop(struct live *live)
{
    int err = 0;

    for (;;) {
        bool has_changed = trim_follow(&live->trim, live->model, live_now_ns());

        if (!ask(live, has_changed))
            return 0;
        err = take(live);
        if (err == 0 && live->taken > 0)
            err = draw(live);
        if (err || !turn(live, &err))
            return err;
    }
}

int live_run(struct model *model, uint64_t refreshes)
{
    struct live live = {.model = model, .refreshes = refreshes};
    int err = surveyor_init(&live.surveyor);

    if (err)
        return err;
    err = loop(&live);
    trim_close(&live.trim);
    callsites_fini(&live.callsites);
    surveyor_fini(&live.surveyor);
    canvas_fini(&live.canvas);
    return err;
}
