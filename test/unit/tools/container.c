/* Namespaces for a test: see container.h. */
#include "container.h"

#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "forge.h"
#include "reader/proc.h"
#include "unit.h"

enum { PATH_BYTES = 256, FAILED = 99, SECONDS_MOST = 30 };

int container_own_shm(void)
{
    return mount("tmpfs", "/dev/shm", "tmpfs", 0, "mode=1777");
}

static int wait_fd; /* ends when its other end, the test's, is closed */

static void *idle(void *context)
{
    char byte = 0;

    (void)context;
    (void)!read(wait_fd, &byte, 1);
    _exit(0);
}

int container_headless(void)
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, idle, NULL) != 0)
        return -1;
    pthread_exit(NULL);
}

/* Tells the pid of the first process, as seen from outside.  The one in
 * between must not stay: it is in our pid namespace, but sees what the
 * container sees. */
__attribute__((noreturn)) static void between(int flags, container_setup setup,
                                              int pid_fd)
{
    if (unshare(flags | CLONE_NEWNS) < 0 ||
        mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        _exit(FAILED);
    pid_t pid = fork();

    if (pid != 0) {
        (void)!write(pid_fd, &pid, sizeof(pid));
        _exit(0);
    }
    if (setup && setup() < 0)
        _exit(FAILED);
    idle(NULL);
    _exit(0);
}

static bool is_set_up(pid_t pid, container_setup setup)
{
    char path[PATH_BYTES];
    struct proc proc;
    struct stat own;
    struct stat st;

    (void)snprintf(path, sizeof(path), "/proc/%d/root/dev/shm", pid);
    if (setup == container_own_shm)
        return stat("/dev/shm", &own) == 0 && stat(path, &st) == 0 &&
               st.st_dev != own.st_dev;
    if (setup != container_headless)
        return true;
    if (proc_open(&proc, (uint32_t)pid) < 0)
        return false;
    proc_close(&proc);
    return proc.stat.state == 'Z';
}

struct container container_begin(int flags, container_setup setup)
{
    struct container container = {-1, -1};
    int pids[2];
    int hold[2];

    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
    assert_int_equal(pipe2(pids, O_CLOEXEC), 0);
    assert_int_equal(pipe2(hold, O_CLOEXEC), 0);
    wait_fd = hold[0];
    container.hold_fd = hold[1];
    pid_t pid = fork();

    if (pid == 0) {
        close(hold[1]);
        between(flags, setup, pids[1]);
    }
    close(hold[0]);
    assert_int_equal(read(pids[0], &container.pid, sizeof(pid)), sizeof(pid));
    close(pids[0]);
    close(pids[1]);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    time_t until = time(NULL) + SECONDS_MOST;
    while (!is_set_up(container.pid, setup)) {
        assert_int_equal(waitpid(container.pid, NULL, WNOHANG), 0);
        assert_true(time(NULL) < until);
    }
    return container;
}

void container_end(const struct container *container)
{
    assert_int_equal(kill(container->pid, SIGKILL), 0);
    assert_int_equal(waitpid(container->pid, NULL, 0), container->pid);
    close(container->hold_fd);
}

uint64_t container_namespace(const struct container *container,
                             const char *kind)
{
    char path[PATH_BYTES];
    struct stat st;

    (void)snprintf(path, sizeof(path), "/proc/%d/ns/%s", container->pid, kind);
    assert_int_equal(stat(path, &st), 0);
    return st.st_ino;
}

struct gcshim_segment *container_segment(const struct container *container)
{
    struct gcshim_segment *segment = forge_segment();
    struct proc proc;

    assert_int_equal(proc_open(&proc, (uint32_t)container->pid), 0);
    segment->header.pid = 1;
    segment->header.start_time_ticks = proc.stat.start_time_ticks;
    segment->header.stack_start = proc.stat.stack_start;
    segment->slots[1].tid = 1;
    proc_close(&proc);
    segment->header.pid_namespace = container_namespace(container, "pid");
    return segment;
}

void container_put(const struct container *container, const char *name,
                   struct gcshim_segment *segment)
{
    char path[PATH_BYTES];

    (void)snprintf(path, sizeof(path), "/proc/%d/root/dev/shm/%s",
                   container->pid, name);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, segment, sizeof(*segment)), sizeof(*segment));
    assert_int_equal(close(fd), 0);
    free(segment);
}
