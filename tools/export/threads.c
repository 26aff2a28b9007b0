/* Threads by their names: see threads.h. */
#include "export/threads.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------- groups */

static struct threads_group group_of(const struct reader_thread *thread,
                                     enum threads_by by)
{
    const struct reader_census *census = &thread->census;
    bool is_counted = census->age_ms != READER_UNKNOWN;
    bool is_one = by == THREADS_BY_TID;
    struct threads_group group = {
        .tid = is_one ? thread->tid : 0,
        .count = 1,
        .owned_bytes = is_counted ? census->used_bytes : READER_UNKNOWN,
        .full_page_bytes =
            is_counted ? census->full_page_bytes : READER_UNKNOWN,
        .allocated_bytes =
            is_one ? thread->totals.allocated_bytes : READER_UNKNOWN,
        .freed_bytes = is_one ? thread->totals.freed_bytes : READER_UNKNOWN,
    };

    memcpy(group.name, thread->name, sizeof(group.name));
    return group;
}

/* What is not known adds nothing; the sum is then a lower bound. */
static void add(uint64_t *sum, uint64_t figure)
{
    if (figure == READER_UNKNOWN)
        return;
    *sum = *sum == READER_UNKNOWN ? figure : *sum + figure;
}

static void group_add(struct threads_group *group,
                      const struct threads_group *more)
{
    group->count += more->count;
    add(&group->owned_bytes, more->owned_bytes);
    add(&group->full_page_bytes, more->full_page_bytes);
}

/* -------------------------------------------------------------- order */

static int compare(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

static int name_compare(const void *left, const void *right)
{
    const struct threads_group *a = left;
    const struct threads_group *b = right;
    int order = strcmp(a->name, b->name);

    return order ? order : compare(a->tid, b->tid);
}

static uint64_t weight(const struct threads_group *group)
{
    return group->owned_bytes == READER_UNKNOWN ? 0 : group->owned_bytes;
}

static int weight_compare(const void *left, const void *right)
{
    const struct threads_group *a = left;
    const struct threads_group *b = right;
    int order = compare(weight(b), weight(a));

    return order ? order : name_compare(left, right);
}

/* Puts what stands together and has one name into one.  Returns how many are
 * left. */
static size_t merge(struct threads_group *groups, size_t count)
{
    size_t left = 0;

    for (size_t i = 0; i < count; i++) {
        if (left > 0 && name_compare(&groups[left - 1], &groups[i]) == 0)
            group_add(&groups[left - 1], &groups[i]);
        else
            groups[left++] = groups[i];
    }
    return left;
}

int threads_group(const struct reader_process *process, enum threads_by by,
                  struct threads_group **ret_groups, size_t *ret_count,
                  size_t *ret_left_out)
{
    /* One more, as there may be none and calloc may then give NULL. */
    struct threads_group *groups =
        calloc(process->thread_count + 1, sizeof(*groups));
    size_t count = 0;

    if (!groups)
        return -ENOMEM;
    for (size_t i = 0; i < process->thread_count; i++) {
        const struct reader_thread *thread = &process->threads[i];

        if (by == THREADS_BY_TID || thread->name[0] != '\0')
            groups[count++] = group_of(thread, by);
    }
    qsort(groups, count, sizeof(*groups), name_compare);
    count = merge(groups, count);
    qsort(groups, count, sizeof(*groups), weight_compare);
    *ret_groups = groups;
    *ret_count = count < THREADS_GROUPS_MAX ? count : THREADS_GROUPS_MAX;
    *ret_left_out = count - *ret_count;
    return 0;
}
