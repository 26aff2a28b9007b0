/* Names of users, asked for once each. */
#ifndef GCSHIM_COMMON_USERS_H
#define GCSHIM_COMMON_USERS_H

#include <stdint.h>

/* The user's name, or the number where it has none.  Stays valid until 64
 * other users have been asked for. */
const char *users_name(uint32_t uid);

/* A name or a number as an id: 0 or -ENOENT. */
int users_find(const char *name, uint32_t *ret_uid);

#endif
