#include "identity.h"

#include "sys.h"

#include <stdbool.h>
#include <string.h>

/* Counted as proc(5) counts them. */
enum {
    FIELD_AFTER_COMM = 3,
    FIELD_PARENT = 4,
    FIELD_START_TIME = 22,
    FIELD_STACK_START = 28,
};

/* Who last asked in this memory: this process, or the one that forked it. */
static struct {
    uint32_t pid;
    uint64_t pid_namespace;
} last;

static bool number_read(const char *at, uint64_t *ret_number)
{
    uint64_t number = 0;
    const char *digit = at;
    for (; *digit >= '0' && *digit <= '9'; digit++)
        number = number * 10 + (uint64_t)(*digit - '0');
    if (digit == at)
        return false;
    *ret_number = number;
    return true;
}

static bool field_number(const char *at, int field, uint64_t *ret_number)
{
    for (int i = FIELD_AFTER_COMM; i < field; i++) {
        at = strchr(at, ' ');
        if (!at)
            return false;
        at++;
    }
    return number_read(at, ret_number);
}

static void comm_copy(char to[GCSHIM_COMM_BYTES], const char *from,
                      const char *end)
{
    size_t bytes = (size_t)(end - from);
    if (bytes >= GCSHIM_COMM_BYTES)
        bytes = GCSHIM_COMM_BYTES - 1;
    memset(to, 0, GCSHIM_COMM_BYTES);
    memcpy(to, from, bytes);
}

/* The name stands in parentheses and may contain any byte, these included:
 * its end is the line's last one. */
void identity_parse_stat(struct identity *identity, const char *line)
{
    const char *open = strchr(line, '(');
    const char *close = strrchr(line, ')');
    uint64_t parent, start_time, stack_start;
    if (!open || !close || close < open || close[1] != ' ')
        return;
    const char *rest = close + 2;
    if (!field_number(rest, FIELD_PARENT, &parent) ||
        !field_number(rest, FIELD_START_TIME, &start_time) ||
        !field_number(rest, FIELD_STACK_START, &stack_start))
        return;
    comm_copy(identity->comm, open + 1, close);
    identity->parent_pid = (uint32_t)parent;
    identity->start_time_ticks = start_time;
    identity->stack_start = stack_start;
}

/* A parent that is seen under the pid by which it knew itself is of the same
 * namespace: in another one it would have none. */
static bool is_in_parents_namespace(void)
{
    return last.pid != 0 && sys_getppid() == last.pid;
}

/* The link reads "pid:[4026531836]", and that is the namespace's inode.  To
 * follow it takes the kernel longer. */
static uint64_t namespace_learn(void)
{
    static const char start[] = "pid:[";
    char link[64];
    uint64_t inode = 0;
    ssize_t bytes = sys_readlink("/proc/self/ns/pid", link, sizeof(link) - 1);
    link[bytes > 0 ? bytes : 0] = '\0';
    if (strncmp(link, start, strlen(start)) == 0)
        number_read(link + strlen(start), &inode);
    return inode;
}

void identity_learn(struct identity *ret_identity)
{
    struct identity identity = {
        .pid = sys_getpid(),
        .uid = sys_geteuid(),
        .comm = "?",
    };
    char line[1024];
    int fd = sys_open("/proc/self/stat", O_RDONLY | O_CLOEXEC, 0);
    if (fd >= 0) {
        ssize_t bytes = sys_read(fd, line, sizeof(line) - 1);
        sys_close(fd);
        line[bytes > 0 ? bytes : 0] = '\0';
        identity_parse_stat(&identity, line);
    }
    identity.pid_namespace =
        is_in_parents_namespace() ? last.pid_namespace : namespace_learn();
    last.pid = identity.pid;
    last.pid_namespace = identity.pid_namespace;
    *ret_identity = identity;
}
