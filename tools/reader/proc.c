/* What the kernel knows of a process: see proc.h. */
#include "reader/proc.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "reader/array.h"
#include "reader/text.h"

enum {
    STAT_BYTES = 1024,
    STATUS_BYTES = 8192,
    PATH_BYTES = 64,
    NS_PER_S = 1000000000,
    KIB = 1024,
};

/* Reads a small file whole, ends it with a NUL, and closes it.  ret_length may
 * be NULL. */
static int fd_read(int fd, char *buffer, size_t size, size_t *ret_length)
{
    size_t length = 0;
    ssize_t got = 0;

    do {
        got = read(fd, buffer + length, size - 1 - length);
        if (got > 0)
            length += (size_t)got;
    } while (got > 0 || (got < 0 && errno == EINTR));
    int err = got < 0 ? -errno : 0;

    close(fd);
    if (err)
        return err;
    buffer[length] = '\0';
    if (ret_length)
        *ret_length = length;
    return 0;
}

static int file_read(int dirfd, const char *path, char *buffer, size_t size,
                     size_t *ret_length)
{
    int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return -errno;
    return fd_read(fd, buffer, size, ret_length);
}

DIR *proc_directory_open(int dirfd, const char *path)
{
    int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    int error = errno;

    if (!dir && fd >= 0)
        close(fd);
    errno = error;
    return dir;
}

/* ------------------------------------------------------------- stat */

/* Fields of the stat file, counted from 1 as in proc(5). */
enum {
    FIELD_STATE = 3,
    FIELD_PARENT = 4,
    FIELD_THREADS = 20,
    FIELD_START_TIME = 22,
    FIELD_STACK_START = 28,
};

static void field_set(struct proc_stat *stat, int field, const char *word)
{
    uint64_t value = strtoull(word, NULL, 10);

    switch (field) {
    case FIELD_STATE:
        stat->state = *word;
        break;
    case FIELD_PARENT:
        stat->parent_pid = (uint32_t)value;
        break;
    case FIELD_THREADS:
        stat->thread_count = value;
        break;
    case FIELD_START_TIME:
        stat->start_time_ticks = value;
        break;
    case FIELD_STACK_START:
        stat->stack_start = value;
        break;
    default:
        break;
    }
}

int proc_stat_parse(const char *line, struct proc_stat *ret_stat)
{
    struct proc_stat stat = {0};
    const char *open = strchr(line, '(');
    /* The last one: the name may hold parentheses of its own. */
    const char *close = strrchr(line, ')');
    int field = FIELD_STATE;

    if (!open || !close || close < open)
        return -EPROTO;
    text_copy(stat.comm, sizeof(stat.comm), open + 1,
              (size_t)(close - open - 1));
    for (const char *at = close + 1; *at == ' '; field++) {
        const char *word = at + 1;

        field_set(&stat, field, word);
        at = word + strcspn(word, " \n");
    }
    if (field <= FIELD_STACK_START)
        return -EPROTO;
    *ret_stat = stat;
    return 0;
}

static int stat_read(int dirfd, const char *path, struct proc_stat *ret_stat)
{
    char line[STAT_BYTES];
    int err = file_read(dirfd, path, line, sizeof(line), NULL);

    return err ? err : proc_stat_parse(line, ret_stat);
}

int proc_thread_read(const struct proc *proc, uint32_t tid,
                     struct proc_stat *ret_stat)
{
    char path[PATH_BYTES];

    (void)snprintf(path, sizeof(path), "task/%" PRIu32 "/stat", tid);
    return stat_read(proc->dirfd, path, ret_stat);
}

/* ---------------------------------------------------------- process */

int proc_open(struct proc *ret_proc, uint32_t pid)
{
    struct proc proc = {0};
    char path[PATH_BYTES];

    (void)snprintf(path, sizeof(path), "/proc/%" PRIu32, pid);
    proc.dirfd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (proc.dirfd < 0)
        return -errno;
    /* Its first thread's line, which tells us the same: for the process's own
     * the kernel adds up the times of all threads. */
    int err = proc_thread_read(&proc, pid, &proc.stat);

    if (err) {
        close(proc.dirfd);
        return err;
    }
    *ret_proc = proc;
    return 0;
}

int proc_owner(uint32_t pid, uint32_t *ret_uid)
{
    char path[PATH_BYTES];
    struct stat st;

    (void)snprintf(path, sizeof(path), "/proc/%" PRIu32, pid);
    if (stat(path, &st) < 0)
        return -errno;
    *ret_uid = st.st_uid;
    return 0;
}

void proc_close(struct proc *proc)
{
    close(proc->dirfd);
    proc->dirfd = -1;
}

bool proc_is_running(const struct proc *proc)
{
    switch (proc->stat.state) {
    case 'Z':
        return proc->stat.thread_count > 1;
    case 'X':
    case 'x':
        return false;
    default:
        return true;
    }
}

/* ------------------------------------------------------------ status */

/* The text behind "name:" in a status file, or NULL. */
static const char *status_find(const char *status, const char *name)
{
    size_t length = strlen(name);

    for (const char *line = status; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, length) == 0 && line[length] == ':')
            return line + length + 1;
    }
    return NULL;
}

static uint64_t status_bytes(const char *status, const char *name)
{
    const char *value = status_find(status, name);

    return value ? strtoull(value, NULL, 10) * KIB : READER_UNKNOWN;
}

/* The second of the line's ids: real, effective, saved, file system. */
static uint32_t status_uid(const char *status)
{
    unsigned int real = 0;
    unsigned int effective = (unsigned int)-1;
    const char *value = status_find(status, "Uid");

    /* NOLINTNEXTLINE(cert-err34-c): the kernel wrote this */
    if (!value || sscanf(value, "%u %u", &real, &effective) != 2)
        return (uint32_t)-1;
    return effective;
}

/* Some thread of the process other than the first, or 0. */
static uint32_t other_thread(const struct proc *proc)
{
    DIR *dir = proc_directory_open(proc->dirfd, "task");
    uint64_t last = 0;

    if (!dir)
        return 0;
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir))
        last = strtoull(entry->d_name, NULL, 10);
    closedir(dir);
    return (uint32_t)last;
}

int proc_file_open(const struct proc *proc, const char *name)
{
    char path[PATH_BYTES];

    /* A first thread that has ended has let go of the memory that the
     * others still share. */
    if (proc->stat.state == 'Z')
        (void)snprintf(path, sizeof(path), "task/%" PRIu32 "/%s",
                       other_thread(proc), name);
    else
        (void)snprintf(path, sizeof(path), "%s", name);

    int fd = openat(proc->dirfd, path, O_RDONLY | O_CLOEXEC);

    return fd < 0 ? -errno : fd;
}

int proc_status_read(const struct proc *proc, struct proc_status *ret_status)
{
    char status[STATUS_BYTES];
    int fd = proc_file_open(proc, "status");
    int err = fd < 0 ? fd : fd_read(fd, status, sizeof(status), NULL);

    if (err)
        return err;
    *ret_status = (struct proc_status){
        .uid = status_uid(status),
        .resident_bytes = status_bytes(status, "RssAnon"),
        .rss_bytes = status_bytes(status, "VmRSS"),
    };
    return 0;
}

/* -------------------------------------------------------- namespaces */

int proc_nspid_parse(const char *status, uint32_t *ret_pid)
{
    /* One number for each pid namespace, from the one of /proc inwards. */
    const char *at = status_find(status, "NSpid");
    uint64_t pid = 0;

    while (at && *at != '\n' && *at != '\0') {
        char *end = NULL;

        at += strspn(at, " \t");
        if (!isdigit((unsigned char)*at))
            break;
        pid = strtoull(at, &end, 10);
        at = end;
    }
    if (pid == 0 || pid > INT32_MAX)
        return -EPROTO;
    *ret_pid = (uint32_t)pid;
    return 0;
}

static int nspid_read(int dirfd, const char *path, uint32_t *ret_pid)
{
    char status[STATUS_BYTES] = "";
    int err = file_read(dirfd, path, status, sizeof(status), NULL);

    return err ? err : proc_nspid_parse(status, ret_pid);
}

int proc_namespace_pid(int proc_fd, uint32_t pid, uint32_t *ret_pid)
{
    char path[PATH_BYTES];

    (void)snprintf(path, sizeof(path), "%" PRIu32 "/status", pid);
    return nspid_read(proc_fd, path, ret_pid);
}

/* Adds the thread of that directory entry, if it is one and still there. */
static int tid_add(const struct proc *proc, const char *name,
                   struct proc_tid **tids, size_t *count)
{
    struct proc_tid tid = {.tid = (uint32_t)strtoull(name, NULL, 10)};
    char path[PATH_BYTES];
    void *array = *tids;

    (void)snprintf(path, sizeof(path), "task/%" PRIu32 "/status", tid.tid);
    if (tid.tid == 0 || nspid_read(proc->dirfd, path, &tid.namespace_tid) < 0)
        return 0;
    int err = array_grow(&array, *count, sizeof(**tids));

    *tids = array;
    if (err == 0)
        (*tids)[(*count)++] = tid;
    return err;
}

int proc_tids_read(const struct proc *proc, struct proc_tid **ret_tids,
                   size_t *ret_count)
{
    struct proc_tid *tids = NULL;
    size_t count = 0;
    int err = 0;
    DIR *dir = proc_directory_open(proc->dirfd, "task");

    if (!dir)
        return -errno;
    for (struct dirent *entry = readdir(dir);
         entry && err == 0 && count < PROC_TIDS_MAX; entry = readdir(dir))
        err = tid_add(proc, entry->d_name, &tids, &count);
    closedir(dir);
    if (err) {
        free(tids);
        return err;
    }
    *ret_tids = tids;
    *ret_count = count;
    return 0;
}

/* ----------------------------------------------------------- command */

/* Behind the directory of the program, which is the first word. */
static const char *program_name(const char *command)
{
    const char *name = command;
    size_t length = strcspn(command, " ");

    for (size_t i = 0; i < length; i++) {
        if (command[i] == '/' && i + 1 < length)
            name = command + i + 1;
    }
    return name;
}

void proc_command_read(const struct proc *proc,
                       char ret_command[READER_COMMAND_BYTES])
{
    char line[2 * READER_COMMAND_BYTES] = "";
    size_t length = 0;

    *ret_command = '\0';
    if (file_read(proc->dirfd, "cmdline", line, sizeof(line), &length) < 0)
        return;
    while (length > 0 && line[length - 1] == '\0')
        length--;
    for (size_t i = 0; i < length; i++) {
        if (line[i] == '\0' || isspace((unsigned char)line[i]))
            line[i] = ' ';
    }
    const char *name = program_name(line);

    text_copy(ret_command, READER_COMMAND_BYTES, name, strlen(name));
}

/* ------------------------------------------------------------- world */

uint64_t proc_pid_namespace(void)
{
    struct stat st;

    return stat("/proc/self/ns/pid", &st) == 0 ? st.st_ino : 0;
}

uint64_t proc_now_ns(void)
{
    struct timespec now;

    if (clock_gettime(CLOCK_BOOTTIME, &now) < 0)
        return 0;
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

uint64_t proc_ticks_to_ns(uint64_t ticks)
{
    long per_second = sysconf(_SC_CLK_TCK);

    return per_second > 0 ? ticks * (NS_PER_S / (uint64_t)per_second) : 0;
}
