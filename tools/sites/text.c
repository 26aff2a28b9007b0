/* Call sites in words: see text.h. */
#include "sites/text.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { THREADS_SHOWN = 3 };

/* ---------------------------------------------------------------- words */

char *sites_state_text(char text[SITES_TEXT_BYTES], enum reader_sampling state,
                       uint64_t mean_bytes)
{
    static const char *const words[] = {
        [READER_SAMPLING_OFF] = "sampling is off",
        [READER_SAMPLING_STARTING] = "sampling is starting: libunwind is being "
                                     "loaded",
        [READER_SAMPLING_NO_UNWINDER] = "no sampling: libunwind.so.8 cannot be "
                                        "loaded (Debian: libunwind8)",
        [READER_SAMPLING_SANDBOXED] = "no sampling: the process is in a "
                                      "sandbox, where it cannot be started",
        [READER_SAMPLING_TOO_MANY_MEANS] = "no change: sampling has had 15 "
                                           "different means, and there is no "
                                           "room for one more",
        [READER_SAMPLING_UNKNOWN] = "sampling is in a state that is not known "
                                    "here",
    };
    char size[SIZE_BYTES];

    if (state == READER_SAMPLING_ON)
        (void)snprintf(text, SITES_TEXT_BYTES, "sampling one byte in %s",
                       size_format(size, mean_bytes));
    else
        (void)snprintf(text, SITES_TEXT_BYTES, "%s", words[state]);
    return text;
}

/* As a figure of a table; what no figure can hold is not known. */
static uint64_t rounded(double value)
{
    return value < 0x1p63 ? (uint64_t)llround(value) : READER_UNKNOWN;
}

char *sites_size(char text[SIZE_BYTES], double bytes)
{
    return size_format(text, rounded(bytes));
}

char *sites_count(char text[COUNT_BYTES], double count)
{
    return count_format(text, rounded(count));
}

char *sites_range_text(char text[SITES_TEXT_BYTES],
                       struct reader_estimate estimate, double unit)
{
    struct reader_range95 range = reader_estimate_range(estimate, unit);
    char low[SIZE_BYTES];
    char high[SIZE_BYTES];

    if (estimate.value > 0 && estimate.variance <= 0)
        (void)snprintf(text, SITES_TEXT_BYTES, "exact");
    else
        (void)snprintf(text, SITES_TEXT_BYTES, "%s to %s",
                       sites_size(low, range.low),
                       sites_size(high, range.high));
    return text;
}

const char *sites_line_name(const struct sites_line *line)
{
    if (line->function)
        return line->function;
    return *line->place ? line->place : "?";
}

const char *sites_entry_name(const struct sites_entry *entry)
{
    if (entry->site->is_beyond)
        return "(no room for more stacks)";
    for (size_t i = 0; i < entry->line_count; i++) {
        if (entry->lines[i].function)
            return entry->lines[i].function;
    }
    return entry->line_count > 0 ? sites_line_name(&entry->lines[0])
                                 : "(no stack)";
}

/* --------------------------------------------------------------- stacks */

static void line_print(FILE *out, const struct sites_line *line, int indent)
{
    (void)fprintf(out, "%*s%s", indent, "", sites_line_name(line));
    if (line->file)
        (void)fprintf(out, " at %s", line->file);
    if (line->file && line->line != 0)
        (void)fprintf(out, ":%" PRIu32, line->line);
    if (!line->file && line->function && line->module)
        (void)fprintf(out, " in %s", sites_base_name(line->module));
    (void)fprintf(out, "%s\n", line->is_inlined ? ", inlined" : "");
}

/* Calls from here on that lie between two functions of an interpreted
 * language, of the interpreter or of a library without debug information: they
 * say little, and are told in a line. */
static size_t between_named(const struct sites_entry *entry, size_t first)
{
    const struct sites_line *lines = entry->lines;
    size_t i = first;

    if (first == 0 || !lines[first - 1].is_named)
        return 0;
    while (i < entry->line_count && !lines[i].is_named && !lines[i].file &&
           lines[i].module && strcmp(lines[i].module, lines[first].module) == 0)
        i++;
    return i < entry->line_count && lines[i].is_named ? i - first : 0;
}

/* One line of the text; returns how many calls it stands for. */
static size_t row_print(FILE *out, const struct sites_entry *entry,
                        size_t first, int indent)
{
    size_t calls = between_named(entry, first);

    if (calls == 0) {
        line_print(out, &entry->lines[first], indent);
        return 1;
    }
    (void)fprintf(out, "%*s(%zu call%s in %s)\n", indent, "", calls,
                  calls == 1 ? "" : "s",
                  sites_base_name(entry->lines[first].module));
    return calls;
}

void sites_stack_print(FILE *out, const struct sites_entry *entry, size_t most,
                       int indent)
{
    size_t count = entry->line_count;
    size_t i = 0;

    if (entry->site->is_beyond)
        (void)fprintf(out, "%*s(stacks that there was no room for)\n", indent,
                      "");
    else if (count == 0)
        (void)fprintf(out, "%*s(the stack could not be taken)\n", indent, "");
    /* Not "1 more call" in the place of that call. */
    for (size_t rows = 0;
         i < count && (most == 0 || rows < most || i + 1 == count); rows++)
        i += row_print(out, entry, i, indent);
    if (i < count)
        (void)fprintf(out, "%*s(%zu more calls)\n", indent, "", count - i);
    else if (entry->site->is_cut)
        (void)fprintf(out,
                      "%*s(and on: the stack was deeper than what was "
                      "taken, GCSHIM_STACK_DEPTH)\n",
                      indent, "");
}

/* ---------------------------------------------------------------- sites */

static double share(double part, uint64_t whole)
{
    return whole > 0 && whole != READER_UNKNOWN ? 100 * part / (double)whole
                                                : 0;
}

static void live_print(FILE *out, const struct sites *sites,
                       const struct reader_site *site)
{
    char size[SIZE_BYTES];
    char range[SITES_TEXT_BYTES];
    double unit = (double)sites->profile.most_mean_bytes;

    (void)fprintf(out, "\nsite %" PRIu32 ": %s in use, %.1f%% of all (%s)\n",
                  site->number, sites_size(size, site->live_bytes.value),
                  share(site->live_bytes.value, sites->profile.used_bytes),
                  sites_range_text(range, site->live_bytes, unit));
}

static const char *about(const struct reader_estimate *estimate)
{
    return estimate->variance > 0 ? "about " : "";
}

static const char *plural(double count)
{
    return rounded(count) == 1 ? "" : "s";
}

static void blocks_print(FILE *out, const struct reader_site *site)
{
    char count[COUNT_BYTES];
    char samples[COUNT_BYTES];
    char oldest[AGE_BYTES];
    char youngest[AGE_BYTES];

    if (site->live_samples == 0)
        return;
    (void)fprintf(out, "  %s%s block%s of %s sample%s, aged %s",
                  about(&site->live_blocks),
                  sites_count(count, site->live_blocks.value),
                  plural(site->live_blocks.value),
                  count_format(samples, site->live_samples),
                  plural((double)site->live_samples),
                  age_format(youngest, site->youngest_ms));
    age_format(oldest, site->oldest_ms);
    if (strcmp(oldest, youngest) != 0)
        (void)fprintf(out, " to %s", oldest);
    (void)fputc('\n', out);
}

static void total_print(FILE *out, const struct reader_site *site)
{
    char size[SIZE_BYTES];
    char count[COUNT_BYTES];

    (void)fprintf(out, "  ever asked for: %s%s in %s block%s\n",
                  about(&site->total_bytes),
                  sites_size(size, site->total_bytes.value),
                  sites_count(count, site->total_blocks.value),
                  plural(site->total_blocks.value));
}

static void threads_print(FILE *out, const struct reader_site *site)
{
    char size[SIZE_BYTES];

    if (site->thread_count == 0)
        return;
    (void)fprintf(out, "  by thread");
    for (size_t i = 0; i < site->thread_count && i < THREADS_SHOWN; i++) {
        const struct reader_site_thread *thread = &site->threads[i];

        (void)fprintf(out, "%s %" PRIu32 "%s%s %s", i > 0 ? "," : "",
                      thread->tid, *thread->name ? " " : "", thread->name,
                      sites_size(size, thread->live_bytes.value));
    }
    if (site->thread_count > THREADS_SHOWN)
        (void)fprintf(out, ", and %zu more",
                      site->thread_count - THREADS_SHOWN);
    (void)fputc('\n', out);
}

void sites_entry_print(FILE *out, const struct sites *sites,
                       const struct sites_entry *entry, size_t most_lines)
{
    live_print(out, sites, entry->site);
    blocks_print(out, entry->site);
    total_print(out, entry->site);
    threads_print(out, entry->site);
    sites_stack_print(out, entry, most_lines, 4);
}

/* ------------------------------------------------------------ no profile */

static void off_reason(char text[SITES_REASON_BYTES],
                       const struct reader_process *process)
{
    if (process->state == READER_LIVE)
        (void)snprintf(text, SITES_REASON_BYTES,
                       "process %" PRIu32 " (%s) is not sampled: "
                       "'gcshim-ctl %" PRIu32 " profile on' turns it on from "
                       "now on, GCSHIM_SAMPLE=512KiB (gcshim-run --sample) "
                       "from its start",
                       process->pid, process->comm, process->pid);
    else
        (void)snprintf(text, SITES_REASON_BYTES,
                       "process %" PRIu32 " (%s) was not sampled: that takes "
                       "GCSHIM_SAMPLE=512KiB at its start (gcshim-run "
                       "--sample), or 'gcshim-ctl %" PRIu32 " profile on' "
                       "while it lives",
                       process->pid, process->comm, process->pid);
}

char *sites_reason(char text[SITES_REASON_BYTES],
                   const struct reader_process *process,
                   const struct sites *sites, int err, const char *reason)
{
    char state[SITES_TEXT_BYTES];

    if (err == -ENODATA ||
        (err == 0 && sites->profile.state == READER_SAMPLING_OFF))
        off_reason(text, process);
    else if (err == 0)
        (void)snprintf(text, SITES_REASON_BYTES,
                       "process %" PRIu32 " (%s) has no samples yet: %s",
                       process->pid, process->comm,
                       sites_state_text(state, sites->profile.state,
                                        sites->profile.mean_bytes));
    else if (err == -EPROTO)
        (void)snprintf(text, SITES_REASON_BYTES, "%s %s", process->segment,
                       reason);
    else if (err == -ENOENT)
        (void)snprintf(text, SITES_REASON_BYTES,
                       "process %" PRIu32 " has ended", process->pid);
    else
        (void)snprintf(text, SITES_REASON_BYTES, "process %" PRIu32 ": %s",
                       process->pid, strerror(-err));
    return text;
}
