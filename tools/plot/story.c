/* What is told of a recording: see story.h. */
#include "plot/story.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/size.h"
#include "reader/array.h"

enum { NS_PER_MS = 1000000, DATE_BYTES = 64, ENDING_BYTES = 96 };

/* Not in the middle of a character. */
static size_t cut(const char *text, size_t most)
{
    size_t length = strlen(text);

    if (length <= most)
        return length;
    while (most > 0 && ((unsigned char)text[most] & 0xC0) == 0x80)
        most--;
    return most;
}

void story_title(char text[STORY_TITLE_BYTES],
                 const struct recording *recording, size_t most)
{
    const struct recording_entry *last =
        recording_last(recording, RECORDING_PROCESS);
    const char *name = "no process";

    if (last)
        name = last->process->command[0] ? last->process->command
                                         : last->process->comm;
    size_t length = cut(name, most);
    bool is_cut = name[length] != '\0';

    if (last)
        (void)snprintf(text, STORY_TITLE_BYTES, "%.*s%s (pid %" PRIu32 ")",
                       (int)length, name, is_cut ? "…" : "",
                       last->process->pid);
    else
        (void)snprintf(text, STORY_TITLE_BYTES, "%s", name);
}

/* Of a program that ran under the recorder the status is known. */
static void ending(char text[ENDING_BYTES], const struct recording *recording)
{
    const struct recording_entry *last =
        recording_last(recording, RECORDING_END);
    uint64_t status = last ? last->end->status : READER_UNKNOWN;

    if (!last)
        (void)snprintf(text, ENDING_BYTES, "the recording has no end");
    else if (status == READER_UNKNOWN)
        (void)snprintf(text, ENDING_BYTES, "%s", last->end->reason);
    else if (strcmp(last->end->reason, "killed") == 0 && status > 128)
        (void)snprintf(text, ENDING_BYTES, "killed by signal %" PRIu64,
                       status - 128);
    else
        (void)snprintf(text, ENDING_BYTES, "%s with status %" PRIu64,
                       last->end->reason, status);
}

static void date_of(char text[DATE_BYTES], uint64_t unix_ns)
{
    time_t seconds = (time_t)(unix_ns / RECORDING_NS_PER_S);
    struct tm local;

    if (unix_ns == READER_UNKNOWN || !localtime_r(&seconds, &local) ||
        strftime(text, DATE_BYTES, "%Y-%m-%d %H:%M:%S", &local) == 0)
        (void)snprintf(text, DATE_BYTES, "-");
}

void story_line(char text[STORY_LINE_BYTES], const struct recording *recording)
{
    size_t points = recording_count(recording, RECORDING_SAMPLE);
    char date[DATE_BYTES];
    char how[ENDING_BYTES];
    char length[AGE_BYTES];
    char count[COUNT_BYTES];

    date_of(date, recording->began_unix_ns);
    ending(how, recording);
    (void)snprintf(
        text, STORY_LINE_BYTES, "%s, %s in %s point%s, %s", date,
        age_format(length, recording_length_ns(recording) / NS_PER_MS),
        count_format(count, points), points == 1 ? "" : "s", how);
}

/* --------------------------------------------------------------- verdicts */

static int run_add(struct verdict_run **runs, size_t *count, uint64_t begin_ns,
                   enum reader_verdict verdict)
{
    int err = array_grow((void **)runs, *count, sizeof(**runs));

    if (err)
        return err;
    (*runs)[(*count)++] = (struct verdict_run){begin_ns, begin_ns, verdict};
    return 0;
}

static bool is_short(const struct verdict_run *run, uint64_t least_ns)
{
    return run->end_ns - run->begin_ns < least_ns;
}

/* A stretch that turned out short goes to the one before it. */
static void run_settle(struct verdict_run *runs, size_t *count,
                       uint64_t least_ns)
{
    struct verdict_run *last = &runs[*count - 1];

    if (*count < 2 || !is_short(last, least_ns))
        return;
    last[-1].end_ns = last->end_ns;
    --*count;
}

struct verdict_run *verdict_runs(const struct recording *recording,
                                 uint64_t least_ns, size_t *ret_count)
{
    struct verdict_run *runs = NULL;
    uint64_t before_ns = 0;
    size_t count = 0;

    for (size_t i = 0; i < recording->count; i++) {
        const struct recording_entry *entry = &recording->entries[i];

        if (entry->kind != RECORDING_SAMPLE)
            continue;
        enum reader_verdict verdict = entry->sample->verdict;

        if (verdict != READER_VERDICT_UNKNOWN &&
            (count == 0 || runs[count - 1].verdict != verdict)) {
            if (count > 0)
                run_settle(runs, &count, least_ns);
            if (count > 0 && is_short(&runs[0], least_ns))
                runs[0].verdict = verdict;
            else if (count > 0 && runs[count - 1].verdict == verdict)
                runs[count - 1].end_ns = before_ns;
            else if (run_add(&runs, &count, before_ns, verdict) < 0)
                break;
        }
        if (count > 0)
            runs[count - 1].end_ns = entry->time_ns;
        before_ns = entry->time_ns;
    }
    if (count > 0)
        run_settle(runs, &count, least_ns);
    *ret_count = count;
    return runs;
}

/* --------------------------------------------------------------- extremes */

const struct recording_entry *story_peak(const struct recording *recording,
                                         enum figure_id id)
{
    const struct recording_entry *best = NULL;

    for (size_t i = 0; i < recording->count; i++) {
        const struct recording_entry *entry = &recording->entries[i];

        if (entry->kind != RECORDING_SAMPLE ||
            entry->sample->most[id] == READER_UNKNOWN)
            continue;
        if (!best || entry->sample->most[id] > best->sample->most[id])
            best = entry;
    }
    return best;
}

struct story_gc story_gc(const struct recording *recording)
{
    struct story_gc all = {0};

    for (size_t i = 0; i < recording->count; i++) {
        const struct recording_entry *entry = &recording->entries[i];

        if (entry->kind == RECORDING_GAP)
            all.collections += entry->gap->collections;
        if (entry->kind != RECORDING_GC)
            continue;
        all.collections += entry->gc->collections;
        all.freed_bytes += entry->gc->freed_bytes_sum;
        all.pause_ns += entry->gc->pause_ns_sum;
        if (entry->gc->event.pause_ns > all.pause_ns_most)
            all.pause_ns_most = entry->gc->event.pause_ns;
    }
    return all;
}
