/* Who is who across namespaces, and what a container cannot make us do. */
#include "reader/world.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "container.h"
#include "forge.h"
#include "reader/proc.h"
#include "reader/reader.h"
#include "unit.h"

/* --------------------------------------------------------------- index */

/* Two containers, 200 and 300, and a pod of the mount namespaces 21 and 22
 * that share a directory.  Our own pid namespace is 100. */
static const struct world_process known[] = {
    {11, 0, 20, 100}, {12, 0, 21, 100}, {41, 1, 21, 200},
    {42, 7, 21, 200}, {43, 8, 22, 200}, {51, 1, 23, 300},
};

static const struct world_root roots[] = {
    {21, 1, 1, 0}, {21, 1, 2, SIZE_MAX}, {22, 1, 3, 0}, {23, 1, 4, 1}};

static struct world world;

static void *copy(const void *array, size_t bytes)
{
    void *result = malloc(bytes);

    assert_non_null(result);
    return memcpy(result, array, bytes);
}

static int index_begin(void **state)
{
    struct world_directory directories[] = {{-1, 9, 1, 41}, {-1, 9, 2, 51}};

    (void)state;
    world_init(&world);
    world.own_pid_namespace = 100;
    world.own_mount_namespace = 20;
    world.scanned = true;
    world.indexed = true;
    world.scanned_ns = proc_now_ns();
    world.processes = copy(known, sizeof(known));
    world.process_count = sizeof(known) / sizeof(known[0]);
    world.roots = copy(roots, sizeof(roots));
    world.root_count = sizeof(roots) / sizeof(roots[0]);
    world.directories = copy(directories, sizeof(directories));
    world.directory_count = 2;
    return 0;
}

static int index_end(void **state)
{
    (void)state;
    world_fini(&world);
    return 0;
}

static uint32_t found(const struct world_directory *directory,
                      uint64_t pid_namespace, uint32_t pid)
{
    uint32_t seen = 0;

    assert_int_equal(
        world_find(&world, directory, pid_namespace, pid, 1, &seen), 0);
    return seen;
}

static int missed(const struct world_directory *directory,
                  uint64_t pid_namespace, uint32_t pid, uint64_t created_ns)
{
    uint32_t seen = 99;
    int err =
        world_find(&world, directory, pid_namespace, pid, created_ns, &seen);

    assert_int_equal(seen, 99);
    return err;
}

static void a_pid_means_something_within_its_namespace(void **state)
{
    (void)state;
    assert_int_equal(found(NULL, 200, 1), 41);
    assert_int_equal(found(NULL, 300, 1), 51);
    assert_int_equal(found(NULL, 200, 8), 43);
    assert_int_equal(found(NULL, 100, 12), 12);
    assert_int_equal(missed(NULL, 100, 41, 1), -ESRCH);
}

static void a_namespace_without_anybody_is_not_in_sight(void **state)
{
    (void)state;
    assert_int_equal(missed(NULL, 200, 9, 1), -ESRCH);
    assert_int_equal(missed(NULL, 250, 1, 1), -ENXIO);
    assert_int_equal(missed(NULL, 400, 1, 1), -ENXIO);
}

static void a_directory_is_about_those_who_see_it(void **state)
{
    const struct world_directory *shared = &world.directories[0];
    const struct world_directory *other = &world.directories[1];

    (void)state;
    assert_int_equal(found(shared, 200, 7), 42);
    assert_int_equal(found(shared, 200, 8), 43); /* by another namespace */
    assert_int_equal(found(other, 300, 1), 51);
    assert_int_equal(found(shared, 100, 12), 12);
    assert_int_equal(missed(shared, 100, 11, 1), -ESRCH);
    assert_int_equal(missed(other, 200, 7, 1), -ENXIO);
    assert_int_equal(missed(other, 100, 11, 1), -ENXIO);
}

static void what_began_after_the_scan_is_not_called_dead(void **state)
{
    (void)state;
    assert_int_equal(missed(NULL, 200, 9, world.scanned_ns), -EAGAIN);
    assert_int_equal(missed(NULL, 400, 9, world.scanned_ns), -EAGAIN);
    assert_int_equal(missed(NULL, 200, 9, world.scanned_ns - 1), -ESRCH);
    assert_int_equal(missed(NULL, 200, 9, UINT64_MAX), -ESRCH);
}

/* --------------------------------------------------------- hostile roots */

/* A root directory with a dev in it, and what dev/shm is about to be. */
static int root_begin(void **state)
{
    (void)state;
    forge_begin();
    assert_int_equal(mkdir(forge_path("dev"), 0755), 0);
    assert_int_equal(mkdir(forge_path("elsewhere"), 0755), 0);
    return 0;
}

static int root_end(void **state)
{
    (void)state;
    (void)unlink(forge_path("dev/shm"));
    (void)rmdir(forge_path("dev/shm"));
    (void)rmdir(forge_path("elsewhere/shm"));
    forge_end();
    return 0;
}

static int dev_shm_of_root(void)
{
    int root = open(forge_dir(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    int fd = -1;

    assert_true(root >= 0);
    int err = world_directory_open(root, &fd);

    close(root);
    assert_int_equal(fd >= 0, err == 0);
    if (err == 0)
        close(fd);
    return err;
}

static void a_plain_directory_is_taken(void **state)
{
    (void)state;
    assert_int_equal(mkdir(forge_path("dev/shm"), 0755), 0);
    assert_int_equal(dev_shm_of_root(), 0);
}

static void a_root_may_have_none(void **state)
{
    (void)state;
    assert_int_equal(dev_shm_of_root(), -ENOENT);
    assert_int_equal(rmdir(forge_path("dev")), 0);
    assert_int_equal(dev_shm_of_root(), -ENOENT);
}

static void a_link_in_place_of_shm_is_not_followed(void **state)
{
    (void)state;
    assert_int_equal(symlink("../elsewhere", forge_path("dev/shm")), 0);
    assert_int_equal(dev_shm_of_root(), -ENOTDIR);
    assert_int_equal(unlink(forge_path("dev/shm")), 0);
    assert_int_equal(symlink("/dev/shm", forge_path("dev/shm")), 0);
    assert_int_equal(dev_shm_of_root(), -ENOTDIR);
}

static void a_link_in_place_of_dev_is_not_followed(void **state)
{
    (void)state;
    assert_int_equal(mkdir(forge_path("elsewhere/shm"), 0755), 0);
    assert_int_equal(rmdir(forge_path("dev")), 0);
    assert_int_equal(symlink("elsewhere", forge_path("dev")), 0);
    assert_int_equal(dev_shm_of_root(), -ENOTDIR);
}

static void what_is_no_directory_is_not_opened(void **state)
{
    (void)state;
    assert_int_equal(mkfifo(forge_path("dev/shm"), 0666), 0);
    assert_int_equal(dev_shm_of_root(), -ENOTDIR);
}

/* ---------------------------------------------------------- containers */

static int world_begin(void **state)
{
    (void)state;
    world_init(&world);
    return 0;
}

static bool is_reached_through(pid_t pid)
{
    for (size_t i = 0; i < world.directory_count; i++) {
        if (world.directories[i].pid == (uint32_t)pid)
            return true;
    }
    return false;
}

static void a_container_is_found_with_its_directory(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    struct container container =
        container_begin(CLONE_NEWPID, container_own_shm);

    assert_int_equal(world_scan(&world), 0);
    assert_true(is_reached_through(container.pid));
    assert_int_equal(found(NULL, container_namespace(&container, "pid"), 1),
                     container.pid);
    assert_int_equal(found(NULL, proc_pid_namespace(), (uint32_t)getpid()),
                     getpid());
    container_end(&container);
}

static void our_own_directory_is_none_of_a_container(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    struct container container = container_begin(CLONE_NEWPID, NULL);

    assert_int_equal(world_scan(&world), 0);
    assert_false(is_reached_through(container.pid));
    assert_int_equal(found(NULL, container_namespace(&container, "pid"), 1),
                     container.pid);
    container_end(&container);
}

/* Has another process in a mount namespace that shares the directory, as in
 * a pod. */
static int share_shm(void)
{
    if (container_own_shm() < 0)
        return -1;
    pid_t pid = fork();

    if (pid != 0)
        return pid < 0 ? -1 : 0;
    if (unshare(CLONE_NEWNS) < 0)
        return -1;
    return 0;
}

static size_t roots_of(size_t directory)
{
    size_t count = 0;

    for (size_t i = 0; i < world.root_count; i++)
        count += world.roots[i].directory == directory;
    return count;
}

/* A thread that a sanitizer starts takes a number too. */
static bool second_is_there(uint64_t pid_namespace)
{
    enum { PIDS = 6 };
    uint32_t second = 0;

    for (uint32_t pid = 2; pid < PIDS; pid++) {
        if (world_find(&world, NULL, pid_namespace, pid, 0, &second) == 0)
            return true;
    }
    return false;
}

static void a_directory_that_two_share_is_one(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    struct container container = container_begin(CLONE_NEWPID, share_shm);
    uint64_t pid_namespace = container_namespace(&container, "pid");
    size_t most = 0;

    for (int i = 0; i < 1000 && most < 2; i++) { /* until both are there */
        world_fini(&world);
        usleep(1000);
        if (!second_is_there(pid_namespace))
            continue;
        for (size_t k = 0; k < world.directory_count; k++) {
            if (roots_of(k) > most)
                most = roots_of(k);
        }
    }
    assert_int_equal(most, 2);
    container_end(&container);
}

static void one_process_can_be_looked_at_alone(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    struct container container =
        container_begin(CLONE_NEWPID, container_own_shm);

    assert_int_equal(world_scan_process(&world, (uint32_t)container.pid), 0);
    assert_int_equal(world.process_count, 1);
    assert_int_equal(world.directory_count, 1);
    assert_int_equal(
        found(&world.directories[0], container_namespace(&container, "pid"), 1),
        container.pid);
    container_end(&container);
}

static void a_process_that_outlives_its_first_thread_is_found(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    struct container container =
        container_begin(CLONE_NEWPID, container_headless);
    uint64_t pid_namespace = container_namespace(&container, "pid");

    assert_int_equal(found(NULL, pid_namespace, 1), container.pid);
    container_end(&container);
}

/* -------------------------------------------------------------- surveys */

static struct reader_survey survey;

static int survey_begin(void **state)
{
    (void)state;
    forge_begin();
    return 0;
}

static int survey_end(void **state)
{
    (void)state;
    reader_survey_fini(&survey);
    forge_end();
    return 0;
}

/* The process of that segment in all that there is; or NULL. */
static const struct reader_process *shown(const char *segment)
{
    reader_survey_fini(&survey);
    assert_int_equal(reader_survey_init(&survey, NULL), 0);
    for (size_t i = 0; i < survey.process_count; i++) {
        if (strcmp(survey.processes[i].segment, segment) == 0)
            return &survey.processes[i];
    }
    return NULL;
}

static const char *refused(const char *segment)
{
    for (size_t i = 0; i < survey.refusal_count; i++) {
        if (strcmp(survey.refusals[i].segment, segment) == 0)
            return survey.refusals[i].reason;
    }
    return "";
}

static void a_process_in_a_container_has_two_pids(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    struct container container =
        container_begin(CLONE_NEWPID, container_own_shm);

    container_put(&container, "gcshim.1.unit", container_segment(&container));
    const struct reader_process *process = shown("gcshim.1.unit");

    assert_non_null(process);
    assert_int_equal(process->state, READER_LIVE);
    assert_int_equal(process->pid, container.pid);
    assert_int_equal(process->namespace_pid, 1);
    assert_int_equal(process->pid_namespace,
                     container_namespace(&container, "pid"));
    assert_int_equal(process->root_pid, container.pid);
    assert_int_equal(process->threads[0].tid, container.pid);
    assert_string_equal(process->threads[0].name, process->comm);
    container_end(&container);
}

static void a_process_is_found_by_the_pid_that_we_see(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    struct reader_process process;
    struct container container =
        container_begin(CLONE_NEWPID, container_own_shm);

    container_put(&container, "gcshim.1.unit", container_segment(&container));
    assert_int_equal(
        reader_process_find(&process, NULL, (uint32_t)container.pid), 0);
    assert_int_equal(process.state, READER_LIVE);
    assert_int_equal(process.namespace_pid, 1);
    reader_process_fini(&process);
    container_end(&container);
}

static void a_dead_process_in_a_container_has_its_own_pid_only(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    struct reader_process none;
    struct container container =
        container_begin(CLONE_NEWPID, container_own_shm);
    struct gcshim_segment *segment = container_segment(&container);

    segment->header.pid = 4194303;
    container_put(&container, "gcshim.4194303.unit", segment);
    const struct reader_process *process = shown("gcshim.4194303.unit");

    assert_non_null(process);
    assert_int_equal(process->state, READER_DEAD);
    assert_int_equal(process->pid, 4194303);
    assert_int_equal(process->namespace_pid, 4194303);
    assert_true(process->pid_namespace != 0);
    assert_int_equal(reader_process_find(&none, NULL, 4194303), -ENOENT);
    container_end(&container);
}

static void what_it_ran_before_an_exec_is_passed_over_there_too(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    struct container container =
        container_begin(CLONE_NEWPID, container_own_shm);
    struct gcshim_segment *segment = container_segment(&container);

    segment->header.stack_start ^= 0x1000;
    segment->header.created_ns -= 1000;
    container_put(&container, "gcshim.1.old", segment);
    container_put(&container, "gcshim.1.new", container_segment(&container));
    assert_null(shown("gcshim.1.old"));
    assert_non_null(shown("gcshim.1.new"));
    container_end(&container);
}

static void a_dead_process_hides_none_of_its_pid_elsewhere(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    struct container container =
        container_begin(CLONE_NEWPID, container_own_shm);
    struct container other = container_begin(CLONE_NEWPID, container_own_shm);
    struct gcshim_segment *segment = container_segment(&container);

    segment->header.stack_start ^= 0x1000; /* dead, of the same pid 1 */
    struct gcshim_segment *living = container_segment(&other);

    segment->header.start_time_ticks = living->header.start_time_ticks;
    container_put(&container, "gcshim.1.one", segment);
    container_put(&other, "gcshim.1.two", living);
    const struct reader_process *dead = shown("gcshim.1.one");

    assert_non_null(dead);
    assert_int_equal(dead->state, READER_DEAD);
    assert_int_equal(dead->pid, 1); /* though another program has its pid */
    assert_non_null(shown("gcshim.1.two"));
    container_end(&container);
    container_end(&other);
}

static void a_container_has_no_say_about_processes_outside(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    struct container container =
        container_begin(CLONE_NEWPID, container_own_shm);
    struct container other = container_begin(CLONE_NEWPID, container_own_shm);

    container_put(&container, "gcshim.1.host", forge_segment());
    container_put(&container, "gcshim.1.other", container_segment(&other));
    assert_null(shown("gcshim.1.host"));
    assert_string_equal(refused("gcshim.1.host"),
                        "is about a process that does not see it");
    assert_null(shown("gcshim.1.other"));
    assert_string_equal(refused("gcshim.1.other"),
                        "belongs to another pid namespace");
    container_end(&container);
    container_end(&other);
}

static void a_file_of_another_user_is_refused_there_too(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    char path[64];
    struct container container =
        container_begin(CLONE_NEWPID, container_own_shm);

    container_put(&container, "gcshim.1.unit", container_segment(&container));
    snprintf(path, sizeof(path), "/proc/%d/root/dev/shm/gcshim.1.unit",
             container.pid);
    assert_int_equal(chown(path, 4242, 4242), 0);
    assert_null(shown("gcshim.1.unit"));
    assert_non_null(strstr(refused("gcshim.1.unit"), "is owned by uid 4242"));
    container_end(&container);
}

static void a_file_is_read_in_a_directory_named_by_hand_too(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    struct container container = container_begin(CLONE_NEWPID, NULL);

    forge_put("gcshim.a", container_segment(&container));
    assert_int_equal(reader_survey_init(&survey, forge_dir()), 0);
    assert_int_equal(survey.process_count, 1);
    assert_int_equal(survey.processes[0].pid, container.pid);
    assert_int_equal(survey.processes[0].root_pid, 0);
    container_end(&container);
}

static void one_container_does_not_take_up_all_the_room(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    char path[64];
    struct container container =
        container_begin(CLONE_NEWPID, container_own_shm);

    for (int i = 0; i < WORLD_FILES_MAX + 10; i++) {
        snprintf(path, sizeof(path), "/proc/%d/root/dev/shm/gcshim.1.%d",
                 container.pid, i);
        assert_int_equal(mknod(path, S_IFREG | 0600, 0), 0);
    }
    assert_null(shown("gcshim.1.unit"));
    assert_true(survey.beyond_count >= 10);
    assert_true(survey.beyond_count < WORLD_FILES_MAX);
    container_end(&container);
}

#define TEST(function, room) \
    cmocka_unit_test_setup_teardown(function, room##_begin, room##_end)

/* world_init before, world_fini behind */
#define LIVE(function) \
    cmocka_unit_test_setup_teardown(function, world_begin, index_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_pid_means_something_within_its_namespace, index),
        TEST(a_namespace_without_anybody_is_not_in_sight, index),
        TEST(a_directory_is_about_those_who_see_it, index),
        TEST(what_began_after_the_scan_is_not_called_dead, index),
        TEST(a_plain_directory_is_taken, root),
        TEST(a_root_may_have_none, root),
        TEST(a_link_in_place_of_shm_is_not_followed, root),
        TEST(a_link_in_place_of_dev_is_not_followed, root),
        TEST(what_is_no_directory_is_not_opened, root),
        LIVE(a_container_is_found_with_its_directory),
        LIVE(our_own_directory_is_none_of_a_container),
        LIVE(a_directory_that_two_share_is_one),
        LIVE(one_process_can_be_looked_at_alone),
        LIVE(a_process_that_outlives_its_first_thread_is_found),
        TEST(a_process_in_a_container_has_two_pids, survey),
        TEST(a_process_is_found_by_the_pid_that_we_see, survey),
        TEST(a_dead_process_in_a_container_has_its_own_pid_only, survey),
        TEST(what_it_ran_before_an_exec_is_passed_over_there_too, survey),
        TEST(a_dead_process_hides_none_of_its_pid_elsewhere, survey),
        TEST(a_container_has_no_say_about_processes_outside, survey),
        TEST(a_file_of_another_user_is_refused_there_too, survey),
        TEST(a_file_is_read_in_a_directory_named_by_hand_too, survey),
        TEST(one_container_does_not_take_up_all_the_room, survey),
    };

    return RUN(tests);
}
