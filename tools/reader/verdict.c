/* The verdict: see verdict.h. */
#include "reader/verdict.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "reader/text.h"

enum { PERCENT = 100, OUTSIDE_NAMED = 3 };

static uint64_t min(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t less(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
}

static uint64_t max(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static bool is_known(uint64_t figure)
{
    return figure != READER_UNKNOWN;
}

static uint64_t known_or_0(uint64_t figure)
{
    return is_known(figure) ? figure : 0;
}

/* -------------------------------------------------------------- weights */

/* What is put on the scales, in bytes of whole. */
struct weights {
    uint64_t whole;
    uint64_t used;
    uint64_t fragmented;
    uint64_t unreturned;
    uint64_t outside;
    uint64_t undivided; /* fragmented or unreturned, who knows */
};

static uint64_t add(uint64_t a, uint64_t b)
{
    uint64_t sum = 0;

    return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

/* What threads without a census may hold besides used blocks. */
static uint64_t uncounted_bytes(const struct reader_process *process)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < process->thread_count; i++) {
        const struct reader_thread *thread = &process->threads[i];

        if (is_known(thread->census.age_ms))
            continue;
        bytes = add(bytes, thread->totals.freed_bytes);
        bytes = add(bytes, VERDICT_UNCOUNTED_BYTES);
    }
    return bytes;
}

/* A block in use holds one page: so much may be fragmented at the most. */
static uint64_t pinned_bytes(const struct reader_process *process)
{
    uint64_t bytes = 0;

    return __builtin_mul_overflow(reader_blocks(&process->totals),
                                  (uint64_t)VERDICT_PINNED_BYTES, &bytes)
               ? UINT64_MAX
               : bytes;
}

static uint64_t apart(uint64_t a, uint64_t b)
{
    return a > b ? a - b : b - a;
}

static void unreturned_set(struct weights *weights,
                           const struct reader_process *process,
                           uint64_t unreturned)
{
    const struct reader_bill *bill = &process->bill;
    uint64_t pinned = pinned_bytes(process);
    uint64_t doubtful = add(uncounted_bytes(process),
                            known_or_0(bill->uncollected_bytes));

    weights->undivided = min(unreturned, min(doubtful, pinned));
    weights->unreturned = unreturned - weights->undivided;
    if (apart(weights->fragmented, weights->unreturned) >=
        min(known_or_0(bill->changed_bytes), pinned))
        return;
    weights->undivided += weights->fragmented + weights->unreturned;
    weights->fragmented = 0;
    weights->unreturned = 0;
}

/* Of what is resident in mimalloc's ranges. */
static void malloc_divide(struct weights *weights,
                          const struct reader_process *process, uint64_t malloc)
{
    const struct reader_bill *bill = &process->bill;

    weights->used = min(process->used_bytes, malloc);
    uint64_t rest = malloc - weights->used;

    if (!is_known(bill->fragmented_bytes)) {
        weights->undivided = rest;
        return;
    }
    weights->fragmented = min(bill->fragmented_bytes, rest);
    rest -= weights->fragmented;
    unreturned_set(weights, process, less(less(rest, bill->overhead_bytes), bill->cached_bytes));
}

static struct weights resident_weigh(const struct reader_process *process)
{
    const struct reader_mappings *mappings = &process->mappings;
    uint64_t malloc = 0;
    struct weights weights = {0};

    if (is_known(mappings->outside_bytes)) {
        malloc = mappings->malloc_bytes;
        weights.outside = mappings->outside_bytes;
    } else { /* at the least */
        malloc = min(process->resident_bytes, process->allocated_bytes);
        weights.outside = process->resident_bytes - malloc;
    }
    weights.whole = malloc + weights.outside;
    malloc_divide(&weights, process, malloc);
    return weights;
}

static uint64_t untouched_bytes(const struct reader_process *process)
{
    return VERDICT_UNTOUCHED_BYTES +
           process->thread_count * VERDICT_UNTOUCHED_THREAD_BYTES;
}

/* Of a dead process: by the bill alone. */
static struct weights allocated_weigh(const struct reader_process *process)
{
    const struct reader_bill *bill = &process->bill;
    struct weights weights = {.used = process->used_bytes,
                              .whole = process->allocated_bytes};

    if (!is_known(bill->fragmented_bytes)) {
        weights.undivided = weights.whole - weights.used;
        return weights;
    }
    uint64_t untouched = min(bill->unreturned_bytes, untouched_bytes(process));

    weights.whole -= untouched;
    weights.fragmented = bill->fragmented_bytes;
    unreturned_set(&weights, process, bill->unreturned_bytes - untouched);
    return weights;
}

static struct weights weigh(const struct reader_process *process)
{
    return is_known(process->resident_bytes) ? resident_weigh(process)
                                             : allocated_weigh(process);
}

static enum reader_verdict judge(const struct weights *weights)
{
    uint64_t largest =
        max(max(weights->unreturned, weights->fragmented), weights->outside);

    if (weights->whole == 0)
        return READER_VERDICT_UNKNOWN;
    if (weights->used >= weights->whole / VERDICT_IN_USE_SHARE)
        return READER_VERDICT_IN_USE;
    if (weights->undivided >= largest)
        return READER_VERDICT_UNKNOWN;
    if (weights->unreturned == largest)
        return READER_VERDICT_UNRETURNED;
    return weights->fragmented == largest ? READER_VERDICT_FRAGMENTED
                                          : READER_VERDICT_OUTSIDE;
}

/* -------------------------------------------------------------- evidence */

/* The sentence so far; what does not fit is cut off. */
struct sentence {
    char *text;
    size_t length;
};

__attribute__((format(printf, 2, 3))) static void say(struct sentence *sentence,
                                                      const char *format, ...)
{
    size_t room = READER_EVIDENCE_BYTES - sentence->length;
    va_list args;

    va_start(args, format);
    int length =
        vsnprintf(sentence->text + sentence->length, room, format, args);
    va_end(args);
    if (length > 0)
        sentence->length += min((uint64_t)length, room - 1);
}

/* "196.0 MiB of 254.1 MiB resident"; of a dead process, of what is left when
 * what it may never have touched is taken off. */
static void say_share(struct sentence *sentence,
                      const struct reader_process *process, uint64_t part,
                      uint64_t whole)
{
    char part_text[TEXT_SIZE_BYTES];
    char whole_text[TEXT_SIZE_BYTES];
    const char *what = "resident";

    if (!is_known(process->resident_bytes))
        what = whole < process->allocated_bytes ? "allocated and touched"
                                                : "allocated";
    say(sentence, "%s of %s %s", text_size(part_text, part),
        text_size(whole_text, whole), what);
}

/* The figure of a place, between its name and what was said before; no more
 * than the whole that it is part of, as not all that is counted there need be
 * resident, nor of the same moment. */
static void say_part(struct sentence *sentence, uint64_t part, uint64_t whole)
{
    char bytes[TEXT_SIZE_BYTES];

    say(sentence, ", %s,", text_size(bytes, min(part, whole)));
}

static uint64_t class_used_bytes(const struct reader_class *class)
{
    return class->used_blocks * class->block_bytes;
}

static uint64_t class_free_bytes(const struct reader_class *class)
{
    return (class->capacity_blocks - class->used_blocks) * class->block_bytes;
}

/* The size class that has the most of what is measured; NULL: none has any. */
static const struct reader_class *
class_largest(const struct reader_process *process,
              uint64_t (*measure)(const struct reader_class *class))
{
    const struct reader_class *largest = NULL;

    for (size_t i = 0; i < process->class_count; i++) {
        const struct reader_class *class = &process->classes[i];

        if (measure(class) > (largest ? measure(largest) : 0))
            largest = class;
    }
    return largest;
}

/* Where most of what is in use is, as far as it has a place. */
static void say_in_use(struct sentence *sentence,
                       const struct reader_process *process,
                       const struct weights *weights)
{
    const struct reader_class *class = class_largest(process, class_used_bytes);
    uint64_t class_bytes = class ? class_used_bytes(class) : 0;
    uint64_t huge = known_or_0(process->huge_bytes);
    char count[TEXT_COUNT_BYTES];

    say(sentence, " are in blocks in use");
    if (known_or_0(process->bill.orphaned_bytes) > max(huge, class_bytes) ||
        max(huge, class_bytes) == 0)
        return;
    say(sentence, ", the most of it");
    say_part(sentence, max(huge, class_bytes), weights->used);
    if (huge > class_bytes)
        say(sentence, " in huge blocks (%s)",
            text_count(count, process->huge_blocks));
    else
        say(sentence, " in size class %s",
            text_count(count, class->block_bytes));
}

static void say_unreturned(struct sentence *sentence,
                           const struct reader_process *process,
                           const struct weights *weights)
{
    char bytes[TEXT_SIZE_BYTES];

    if (process->state == READER_LIVE)
        say(sentence,
            " are wholly free: gcshim-ctl %" PRIu32
            " trim would give back up to %s",
            process->pid, text_size(bytes, weights->unreturned));
    else
        say(sentence, " were wholly free: malloc_trim would have given back"
                      " up to as much");
}

/* "3 %", "less than 1 %" */
static void say_percent(struct sentence *sentence, uint64_t part,
                        uint64_t whole)
{
    uint64_t percent = part / (whole / PERCENT + 1);

    if (whole <= UINT64_MAX / PERCENT && whole > 0)
        percent = part * PERCENT / whole;
    if (percent == 0)
        say(sentence, "less than 1 %%");
    else
        say(sentence, "%" PRIu64 " %%", percent);
}

static void say_fragmented(struct sentence *sentence,
                           const struct reader_process *process,
                           const struct weights *weights)
{
    const struct reader_class *class = class_largest(process, class_free_bytes);
    char size[TEXT_COUNT_BYTES];
    char pages[TEXT_COUNT_BYTES];
    char bytes[TEXT_SIZE_BYTES];

    if (!class) {
        say(sentence, " are free blocks in pages that exited threads left");
        return;
    }
    bool is_one = class->pages - class->empty_pages == 1;

    say(sentence,
        " are free between used blocks and cannot be given back;"
        " size class %s: %s page%s held by ",
        text_count(size, class->block_bytes),
        text_count(pages, class->pages - class->empty_pages),
        is_one ? "" : "s");
    say_percent(sentence, class->used_blocks, class->capacity_blocks);
    say(sentence, " of %s blocks", is_one ? "its" : "their");
    if (class_free_bytes(class) <= weights->fragmented)
        say(sentence, ", %s free", text_size(bytes, class_free_bytes(class)));
}

/* Why it is not known what could be given back: the largest reason. */
static void say_undivided(struct sentence *sentence,
                          const struct reader_process *process)
{
    const struct reader_bill *bill = &process->bill;
    uint64_t changed = known_or_0(bill->changed_bytes);
    uint64_t uncollected = known_or_0(bill->uncollected_bytes);
    uint64_t uncounted = uncounted_bytes(process);
    char bytes[TEXT_SIZE_BYTES];

    say(sentence, " are free, in whole pages or between used blocks: ");
    if (uncollected > max(changed, uncounted))
        say(sentence, "other threads than the pages' owner freed %s of it, and"
                      " the owner has not looked since",
            text_size(bytes, uncollected));
    else if (changed > uncounted)
        say(sentence, "%s went through malloc since threads counted their"
                      " pages",
            text_size(bytes, changed));
    else
        say(sentence, "threads that hold it have not counted their pages");
}

struct part {
    uint64_t bytes;
    const char *name;
};

static int part_compare(const void *left, const void *right)
{
    const struct part *a = left;
    const struct part *b = right;

    return (a->bytes < b->bytes) - (a->bytes > b->bytes);
}

static void say_outside(struct sentence *sentence,
                        const struct reader_mappings *mappings)
{
    struct part parts[] = {
        {mappings->code_bytes, "JIT code"},
        {mappings->stack_bytes, "stacks"},
        {mappings->other_bytes, "other mappings"},
        {mappings->heap_bytes, "libc's own heap"},
        {mappings->file_bytes, "written pages of programs and libraries"},
    };
    char bytes[TEXT_SIZE_BYTES];

    say(sentence, " were not handed out by malloc");
    if (!is_known(mappings->outside_bytes))
        return;
    qsort(parts, sizeof(parts) / sizeof(parts[0]), sizeof(parts[0]),
          part_compare);
    for (size_t i = 0; i < OUTSIDE_NAMED && parts[i].bytes > 0; i++)
        say(sentence, "%s %s %s", i == 0 ? ":" : ",",
            text_size(bytes, parts[i].bytes), parts[i].name);
}

static void say_orphaned(struct sentence *sentence,
                         const struct reader_process *process,
                         const struct weights *weights)
{
    uint64_t orphaned = known_or_0(process->bill.orphaned_bytes);
    char bytes[TEXT_SIZE_BYTES];

    if (orphaned > process->used_bytes / VERDICT_ORPHANED_SHARE)
        say(sentence, "; exited threads left %s of what is in use",
            orphaned <= weights->used ? text_size(bytes, orphaned) : "most");
}

static void evidence_give(struct reader_process *process,
                          const struct weights *weights)
{
    struct sentence sentence = {.text = process->evidence};

    switch (process->verdict) {
    case READER_VERDICT_IN_USE:
        say_share(&sentence, process, weights->used, weights->whole);
        say_in_use(&sentence, process, weights);
        break;
    case READER_VERDICT_UNRETURNED:
        say_share(&sentence, process, weights->unreturned, weights->whole);
        say_unreturned(&sentence, process, weights);
        break;
    case READER_VERDICT_FRAGMENTED:
        say_share(&sentence, process, weights->fragmented, weights->whole);
        say_fragmented(&sentence, process, weights);
        break;
    case READER_VERDICT_OUTSIDE:
        if (!is_known(process->mappings.outside_bytes))
            say(&sentence, "at least ");
        say_share(&sentence, process, weights->outside, weights->whole);
        say_outside(&sentence, &process->mappings);
        break;
    case READER_VERDICT_UNKNOWN:
        if (weights->undivided == 0)
            return;
        say_share(&sentence, process, weights->undivided, weights->whole);
        say_undivided(&sentence, process);
        break;
    }
    say_orphaned(&sentence, process, weights);
}

void verdict_give(struct reader_process *process)
{
    struct weights weights = weigh(process);

    process->verdict = judge(&weights);
    process->evidence[0] = '\0';
    evidence_give(process, &weights);
}

const char *reader_verdict_name(enum reader_verdict verdict)
{
    static const char *const names[] = {
        [READER_VERDICT_UNKNOWN] = NULL,
        [READER_VERDICT_IN_USE] = "in use",
        [READER_VERDICT_UNRETURNED] = "unreturned",
        [READER_VERDICT_FRAGMENTED] = "fragmented",
        [READER_VERDICT_OUTSIDE] = "outside malloc",
    };

    return names[verdict];
}
