/* All figures of one segment: see account.h. */
#include "reader/account.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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

/* Where a thread comes among the others: its id, then its place among the
 * owners. */
struct key {
    uint32_t tid;
    uint32_t owner;
};

static bool are_sorted(const struct key *keys, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        if (keys[i - 1].tid > keys[i].tid)
            return false;
    }
    return true;
}

/* By eight bits of the id, in the order in which they stood otherwise. */
static void keys_deal(const struct key *from, struct key *to, size_t count,
                      unsigned shift)
{
    size_t starts[UINT8_MAX + 2] = {0};

    for (size_t i = 0; i < count; i++)
        starts[(from[i].tid >> shift & UINT8_MAX) + 1]++;
    for (size_t digit = 1; digit <= UINT8_MAX; digit++)
        starts[digit] += starts[digit - 1];
    for (size_t i = 0; i < count; i++)
        to[starts[from[i].tid >> shift & UINT8_MAX]++] = from[i];
}

/* keys: twice as many as there are.  By digits, as comparing a thousand ids
 * would take longer than to read all the rest. */
static void keys_sort(struct key *keys, size_t count)
{
    enum { BITS = 32, DIGIT_BITS = 8 };
    struct key *other = keys + count;

    if (are_sorted(keys, count))
        return;
    for (unsigned shift = 0; shift < BITS; shift += 2 * DIGIT_BITS) {
        keys_deal(keys, other, count, shift);
        keys_deal(other, keys, count, shift + DIGIT_BITS);
    }
}

static void threads_set(struct account *account, const struct slots *slots,
                        const struct reader_census *censuses, struct key *keys)
{
    size_t count = slots->owner_count;

    for (size_t i = 0; i < count; i++)
        keys[i] = (struct key){slots->owners[i].tid, (uint32_t)i};
    keys_sort(keys, count);
    for (size_t i = 0; i < count; i++) {
        const struct slot_owner *owner = &slots->owners[keys[i].owner];
        struct reader_thread *thread = &account->threads[i];

        memset(thread->name, 0, sizeof(thread->name));
        thread->tid = owner->tid;
        thread->state = '?';
        thread->totals = own_totals(owner);
        thread->census = censuses[keys[i].owner];
    }
    account->thread_count = count;
}

static int threads_read(const struct segment *segment, struct recall *recall,
                        const struct slots *slots, struct account *account,
                        char reason[READER_REASON_BYTES])
{
    size_t count = slots->owner_count;
    struct reader_census *censuses =
        recall_take(recall, RECALL_CENSUSES, count, sizeof(*censuses));
    struct key *keys =
        recall_take(recall, RECALL_KEYS, count, 2 * sizeof(*keys));
    int err = 0;

    account->threads = reallocarray(NULL, count + 1, sizeof(*account->threads));
    if (!censuses || !keys || !account->threads)
        err = -ENOMEM;
    else
        err = censuses_read(segment, recall, slots, censuses,
                            &account->censuses, reason);
    if (err == 0)
        threads_set(account, slots, censuses, keys);
    return err;
}

static int slots_add(const struct segment *segment, struct recall *recall,
                     struct account *account, char reason[READER_REASON_BYTES])
{
    struct slots slots;
    int err = slots_read(segment, recall, &slots, reason);

    if (err)
        return err;
    account->totals = slots.totals;
    account->used_bytes =
        slots.totals.allocated_bytes - slots.totals.freed_bytes;
    account->cached_bytes = slots.cached_bytes;
    account->dropped_threads = slots.restless_count;
    return threads_read(segment, recall, &slots, account, reason);
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

int account_read_again(const struct segment *segment, struct recall *recall,
                       struct account *ret_account,
                       char ret_reason[READER_REASON_BYTES])
{
    struct account account = {0};
    int err = slots_add(segment, recall, &account, ret_reason);

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

int account_read(const struct segment *segment, struct account *ret_account,
                 char ret_reason[READER_REASON_BYTES])
{
    struct recall recall = {0};
    int err = account_read_again(segment, &recall, ret_account, ret_reason);

    recall_fini(&recall);
    return err;
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
