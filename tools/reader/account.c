/* All figures of one segment: see account.h. */
#include "reader/account.h"

#include <errno.h>
#include <stdlib.h>

#include "reader/gc.h"
#include "reader/history.h"
#include "reader/huge.h"
#include "reader/slots.h"

static struct reader_totals own_totals(const struct slot_owner *owner)
{
    const struct reader_totals *now = &owner->total;
    const struct reader_totals *then = &owner->at_claim;

    return (struct reader_totals){
        slots_since(now->allocated_bytes, then->allocated_bytes),
        slots_since(now->allocated_blocks, then->allocated_blocks),
        slots_since(now->freed_bytes, then->freed_bytes),
        slots_since(now->freed_blocks, then->freed_blocks),
    };
}

static int thread_compare(const void *left, const void *right)
{
    const struct reader_thread *a = left;
    const struct reader_thread *b = right;

    return (a->tid > b->tid) - (a->tid < b->tid);
}

static void threads_set(struct account *account, const struct slots *slots,
                        const struct reader_census *censuses)
{
    for (size_t i = 0; i < slots->owner_count; i++) {
        account->threads[i] = (struct reader_thread){
            .tid = slots->owners[i].tid,
            .state = '?',
            .totals = own_totals(&slots->owners[i]),
            .census = censuses[i],
        };
    }
    account->thread_count = slots->owner_count;
    qsort(account->threads, account->thread_count, sizeof(*account->threads),
          thread_compare);
}

static int threads_read(const struct segment *segment,
                        const struct slots *slots, struct account *account,
                        char reason[READER_REASON_BYTES])
{
    size_t room = slots->owner_count + 1;
    struct reader_census *censuses = calloc(room, sizeof(*censuses));
    int err = 0;

    account->threads = calloc(room, sizeof(*account->threads));
    if (!censuses || !account->threads)
        err = -ENOMEM;
    else
        err =
            censuses_read(segment, slots, censuses, &account->censuses, reason);
    if (err == 0)
        threads_set(account, slots, censuses);
    free(censuses);
    return err;
}

static int slots_add(const struct segment *segment, struct account *account,
                     char reason[READER_REASON_BYTES])
{
    struct slots slots;
    int err = slots_read(segment, &slots, reason);

    if (err)
        return err;
    account->totals = slots.totals;
    account->used_bytes =
        slots.totals.allocated_bytes - slots.totals.freed_bytes;
    account->cached_bytes = slots.cached_bytes;
    account->dropped_threads = slots.restless_count;
    err = threads_read(segment, &slots, account, reason);
    slots_fini(&slots);
    return err;
}

static int tables_add(const struct segment *segment, struct account *account,
                      char reason[READER_REASON_BYTES])
{
    int err = huge_read(segment, &account->huge, &account->huge_count, reason);

    account->has_huge = segment->sections[GCSHIM_SECTION_HUGE].entries != 0;
    if (err == 0)
        err = history_read(segment, &account->history, &account->history_count,
                           reason);
    if (err == 0)
        err = gc_read(segment, &account->gc, reason);
    if (err == 0)
        err = ranges_read(segment, &account->header, &account->ranges,
                          &account->range_count, reason);
    return err;
}

int account_read(const struct segment *segment, struct account *ret_account,
                 char ret_reason[READER_REASON_BYTES])
{
    struct account account = {0};
    int err = slots_add(segment, &account, ret_reason);

    if (err == 0)
        err = segment_header_read(segment, &account.header, ret_reason);
    if (err == 0)
        err = tables_add(segment, &account, ret_reason);
    if (err) {
        account_fini(&account);
        return err;
    }
    account.dropped_threads += account.header.dropped_threads;
    *ret_account = account;
    return 0;
}

void account_fini(struct account *account)
{
    free(account->threads);
    censuses_fini(&account->censuses);
    free(account->huge);
    free(account->history);
    gc_fini(&account->gc);
    free(account->ranges);
    *account = (struct account){0};
}
