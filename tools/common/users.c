/* Names of users: see users.h. */
#include "common/users.h"

#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/cli.h"
#include "reader/text.h"

enum { USERS_KNOWN = 64, USER_NAME_BYTES = 33 };

const char *users_name(uint32_t uid)
{
    static struct {
        uint32_t uid;
        bool known;
        char name[USER_NAME_BYTES];
    } users[USERS_KNOWN];
    static size_t next;

    for (size_t i = 0; i < USERS_KNOWN; i++) {
        if (users[i].known && users[i].uid == uid)
            return users[i].name;
    }
    size_t slot = next++ % USERS_KNOWN;
    const struct passwd *entry = getpwuid(uid);

    users[slot].known = true;
    users[slot].uid = uid;
    (void)snprintf(users[slot].name, USER_NAME_BYTES, "%" PRIu32, uid);
    if (entry)
        (void)snprintf(users[slot].name, USER_NAME_BYTES, "%s", entry->pw_name);
    text_clean(users[slot].name);
    return users[slot].name;
}

int users_find(const char *name, uint32_t *ret_uid)
{
    const struct passwd *entry = getpwnam(name);
    uint64_t number = 0;

    if (entry) {
        *ret_uid = entry->pw_uid;
        return 0;
    }
    if (cli_number(name, 0, UINT32_MAX, &number) < 0)
        return -ENOENT;
    *ret_uid = (uint32_t)number;
    return 0;
}
