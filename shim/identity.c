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

static bool field_number(const char *at, int field, uint64_t *ret_number)
{
    for (int i = FIELD_AFTER_COMM; i < field; i++) {
        at = strchr(at, ' ');
        if (!at)
            return false;
        at++;
    }
    uint64_t number = 0;
    const char *digit = at;
    for (; *digit >= '0' && *digit <= '9'; digit++)
        number = number * 10 + (uint64_t)(*digit - '0');
    if (digit == at)
        return false;
    *ret_number = number;
    return true;
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
    struct stat namespace;
    if (sys_stat("/proc/self/ns/pid", &namespace) == 0)
        identity.pid_namespace = namespace.st_ino;
    *ret_identity = identity;
}
