/* The account's own arithmetic, with blocks that are numbers only. */
#include "account.h"
#include "figures.h"
#include "process.h"
#include "segment.h"
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <mimalloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 6, ROUNDS = 20000 };

static void in_a_thread(void *(*body)(void *))
{
    pthread_t thread_handle;
    assert_int_equal(pthread_create(&thread_handle, NULL, body, NULL), 0);
    assert_int_equal(pthread_join(thread_handle, NULL), 0);
}

static void used_is_what_was_allocated_and_not_freed(void **state)
{
    (void)state;
    uint64_t before = account_used();
    for (uint64_t i = 1; i <= 1000; i++)
        account_alloc(NULL, i);
    assert_int_equal(account_used() - before, 500500);
    for (uint64_t i = 1; i <= 1000; i++)
        account_free(i);
    assert_int_equal(account_used(), before);
}

static void a_block_larger_than_a_tick_counts_in_full(void **state)
{
    (void)state;
    uint64_t before = account_used(), huge = UINT64_C(1) << 40;
    account_alloc(NULL, huge);
    assert_int_equal(account_used() - before, huge);
    account_free(huge);
    assert_int_equal(account_used(), before);
}

static void the_slow_path_keeps_errno(void **state)
{
    (void)state;
    errno = ENOTTY;
    account_alloc(NULL, 10 * TICK_BYTES);
    account_free(10 * TICK_BYTES);
    assert_int_equal(errno, ENOTTY);
}

static struct gcshim_slot *seen_slot;

static void *allocate_and_exit(void *arg)
{
    account_alloc(NULL, 100);
    seen_slot = thread.slot;
    assert_int_equal(seen_slot->tid, syscall(SYS_gettid));
    return arg;
}

static void a_threads_slot_is_released_at_its_exit(void **state)
{
    (void)state;
    uint64_t before = account_used();
    in_a_thread(allocate_and_exit);
    assert_ptr_not_equal(seen_slot, SLOT_LATE);
    assert_int_equal(seen_slot->tid, 0);
    assert_int_equal(account_used() - before, 100);
    account_free(100);
}

static void *only_free(void *arg)
{
    account_free(100);
    seen_slot = thread.slot;
    return arg;
}

static void a_thread_that_only_frees_has_a_slot_and_releases_it(void **state)
{
    (void)state;
    uint64_t before = account_used();
    account_alloc(NULL, 100);
    in_a_thread(only_free);
    assert_ptr_not_equal(seen_slot, SLOT_LATE);
    assert_int_equal(seen_slot->tid, 0);
    assert_int_equal(account_used(), before);
}

static pthread_key_t key;

static void free_in_destructor(void *arg)
{
    (void)arg;
    account_free(200);
    seen_slot = thread.slot;
}

static void *leave_to_destructor(void *arg)
{
    account_alloc(NULL, 200);
    pthread_setspecific(key, &key);
    return arg;
}

static void what_a_destructor_frees_after_release_counts_late(void **state)
{
    (void)state;
    uint64_t before = account_used();
    uint64_t late = counter_read(&SLOT_LATE->total.freed_bytes);
    pthread_key_create(&key, free_in_destructor);
    in_a_thread(leave_to_destructor);
    pthread_key_delete(key);
    assert_int_equal(account_used(), before);
    assert_ptr_equal(seen_slot, SLOT_LATE);
    assert_int_equal(counter_read(&SLOT_LATE->total.freed_bytes) - late, 200);
}

static void *collect_and_go_on(void *arg)
{
    account_alloc(NULL, 10);
    struct gcshim_slot *slot = thread.slot;
    uint64_t at_claim = counter_read(&slot->at_claim.allocated_bytes);
    mi_collect(true);
    account_alloc(NULL, 10);
    assert_ptr_equal(thread.slot, slot);
    assert_int_equal(counter_read(&slot->at_claim.allocated_bytes), at_claim);
    account_free(20);
    return arg;
}

static void a_forced_collection_does_not_cost_a_thread_its_slot(void **state)
{
    (void)state;
    in_a_thread(collect_and_go_on);
}

static struct gcshim_slot *claimed_slot, *slot_while_busy;

/* As where mimalloc has no memory for what the slow path itself asks for. */
static void *collect_while_busy(void *arg)
{
    account_alloc(NULL, 10);
    claimed_slot = thread.slot;
    thread.busy = true;
    mi_collect(true);
    slot_while_busy = thread.slot;
    thread.busy = false;
    mi_collect(true);
    seen_slot = thread.slot;
    account_free(10);
    return arg;
}

static void the_slow_path_keeps_its_slot_to_its_end(void **state)
{
    (void)state;
    in_a_thread(collect_while_busy);
    assert_ptr_not_equal(claimed_slot, SLOT_LATE);
    assert_ptr_equal(slot_while_busy, claimed_slot);
    assert_ptr_equal(seen_slot, SLOT_LATE);
}

static _Atomic uint64_t handed_over;

static void *produce(void *arg)
{
    for (uint64_t i = 1; i <= ROUNDS; i++) {
        account_alloc(NULL, i);
        atomic_fetch_add(&handed_over, i);
    }
    return arg;
}

static void *consume(void *arg)
{
    for (int taken = 0; taken < ROUNDS;) {
        uint64_t bytes = atomic_load(&handed_over);
        if (bytes < 1 || !atomic_compare_exchange_weak(&handed_over, &bytes,
                                                       bytes - 1))
            continue;
        account_free(1);
        taken++;
    }
    return arg;
}

static void *watch(void *arg)
{
    _Atomic bool *done = arg;
    uint64_t most = 0;
    while (!atomic_load(done)) {
        uint64_t used = account_used();
        most = used > most ? used : most;
    }
    /* A free seen without its allocation would be a huge number. */
    assert_true(most < UINT64_C(1) << 50);
    return NULL;
}

static void used_never_goes_below_nothing_while_blocks_change_hands(void **s)
{
    (void)s;
    _Atomic bool done = false;
    pthread_t watcher, threads[THREADS];
    pthread_create(&watcher, NULL, watch, &done);
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, i % 2 ? consume : produce, NULL);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    atomic_store(&done, true);
    pthread_join(watcher, NULL);
    account_free(atomic_load(&handed_over));
}

static void the_peak_is_seen_though_nobody_looks(void **state)
{
    (void)state;
    const struct gcshim_header *header = &region.segment.header;
    uint64_t used = account_used();
    for (int i = 0; i < 1000; i++)
        account_alloc(NULL, 100000);
    for (int i = 0; i < 1000; i++)
        account_free(100000);
    uint64_t peak = counter_read(&header->used_peak_bytes);
    uint64_t truth = used + 100000000;
    assert_in_range(peak, truth - 2 * TICK_BYTES - 100000, UINT64_MAX);
}

enum { LARGE = 10 * TICK_BYTES, LARGE_TO_A_TICK = 16 };

static void a_large_block_that_lives_shortly_is_seen_in_the_peak(void **state)
{
    (void)state;
    const struct gcshim_header *header = &region.segment.header;
    figures_publish();
    for (uint64_t i = 1; i <= 8; i++) {
        uint64_t used = account_used();
        uint64_t bytes = counter_read(&header->used_peak_bytes) + i * LARGE;
        account_alloc_large(NULL, bytes);
        assert_int_equal(account_used(), used + bytes);
        assert_in_range(counter_read(&header->used_peak_bytes), used + bytes,
                        used + bytes);
        account_free_large(bytes);
        assert_int_equal(account_used(), used);
    }
}

/* Right after one, and below a peak that has been seen. */
static void begin_to_count_ticks(void)
{
    account_alloc(NULL, LARGE);
    account_free(LARGE);
    thread.net_published = UINT64_C(1) << 50;
    thread.ticked_ns = 0;
}

static void each_sixteenth_large_block_brings_a_tick(void **state)
{
    (void)state;
    begin_to_count_ticks();
    int blocks = 0;
    for (; thread.ticked_ns == 0 && blocks < 100; blocks += 2) {
        account_alloc_large(NULL, LARGE);
        account_free_large(LARGE);
    }
    assert_in_range(blocks, LARGE_TO_A_TICK, LARGE_TO_A_TICK + 2);
}

static void a_large_block_brings_a_tick_when_time_has_gone_on(void **state)
{
    (void)state;
    begin_to_count_ticks();
    account_alloc_large(NULL, LARGE);
    assert_int_equal(thread.ticked_ns, 0);
    account_note_time(1);
    account_free_large(LARGE);
    assert_int_not_equal(thread.ticked_ns, 0);
}

static _Atomic int signals;

static void count_in_handler(int signal_number)
{
    (void)signal_number;
    account_alloc(NULL, 1);
    account_free(1);
    account_alloc_large(NULL, LARGE);
    account_free_large(LARGE);
    signals++;
}

static void *pester(void *arg)
{
    pthread_t victim = *(pthread_t *)arg;
    while (atomic_load(&signals) < 1000)
        pthread_kill(victim, SIGUSR1);
    return NULL;
}

static void nothing_is_lost_to_a_signal_handler_that_counts(void **state)
{
    (void)state;
    pthread_t self = pthread_self(), other;
    struct sigaction action = {.sa_handler = count_in_handler};
    sigaction(SIGUSR1, &action, NULL);
    uint64_t before = account_used();
    pthread_create(&other, NULL, pester, &self);
    while (atomic_load(&signals) < 1000) {
        account_alloc(NULL, 48);
        account_free(48);
        account_alloc_large(NULL, LARGE);
        account_free_large(LARGE);
    }
    pthread_join(other, NULL);
    assert_int_equal(account_used(), before);
    struct gcshim_counters twin;
    slot_totals(thread.slot, &twin);
    assert_int_equal(twin.allocated_bytes, thread.slot->total.allocated_bytes);
    assert_int_equal(twin.freed_bytes, thread.slot->total.freed_bytes);
}

/* Returns what the child says: 0 for all well. */
static int child_status(int (*body)(void), long child)
{
    int status;
    if (child == 0)
        syscall(SYS_exit_group, body());
    assert_int_equal(waitpid((pid_t)child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static uint64_t used_at_fork;

static int child_counts_for_itself(void)
{
    if (account_used() != used_at_fork)
        return 1;
    account_alloc(NULL, 123456);
    if (account_used() != used_at_fork + 123456)
        return 2;
    if (region.segment.header.pid != (uint32_t)getpid())
        return 3;
    if (region.segment.header.parent_pid != (uint32_t)getppid())
        return 4;
    if (!segment_is_shared() || access(segment_path(), R_OK) != 0)
        return 5;
    segment_remove(true);
    return 0;
}

static void a_fork_child_counts_for_itself(void **state)
{
    (void)state;
    used_at_fork = account_used();
    assert_int_equal(child_status(child_counts_for_itself, fork()), 0);
    assert_int_equal(account_used(), used_at_fork);
}

/* As a child made around libc's fork, which runs no handler. */
static void a_child_made_around_fork_counts_for_itself(void **state)
{
    (void)state;
#ifdef SANITIZED_THREAD
    skip(); /* its runtime does not outlive a bare fork */
#endif
    used_at_fork = account_used();
    assert_int_equal(
        child_status(child_counts_for_itself, syscall(SYS_fork)), 0);
    assert_int_equal(account_used(), used_at_fork);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(used_is_what_was_allocated_and_not_freed),
        cmocka_unit_test(a_block_larger_than_a_tick_counts_in_full),
        cmocka_unit_test(the_slow_path_keeps_errno),
        cmocka_unit_test(a_threads_slot_is_released_at_its_exit),
        cmocka_unit_test(a_thread_that_only_frees_has_a_slot_and_releases_it),
        cmocka_unit_test(what_a_destructor_frees_after_release_counts_late),
        cmocka_unit_test(a_forced_collection_does_not_cost_a_thread_its_slot),
        cmocka_unit_test(the_slow_path_keeps_its_slot_to_its_end),
        cmocka_unit_test(
            used_never_goes_below_nothing_while_blocks_change_hands),
        cmocka_unit_test(the_peak_is_seen_though_nobody_looks),
        cmocka_unit_test(a_large_block_that_lives_shortly_is_seen_in_the_peak),
        cmocka_unit_test(each_sixteenth_large_block_brings_a_tick),
        cmocka_unit_test(a_large_block_brings_a_tick_when_time_has_gone_on),
        cmocka_unit_test(nothing_is_lost_to_a_signal_handler_that_counts),
        cmocka_unit_test(a_fork_child_counts_for_itself),
        cmocka_unit_test(a_child_made_around_fork_counts_for_itself),
    };
    return RUN(tests);
}
