/* The environment in which a program runs under the shim: see preload.h. */
#include "run/preload.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char library[] = "libgcshim.so";
static const char variable[] = "LD_PRELOAD";

enum { VARIABLE_BYTES = 64 };

/* ---------------------------------------------------------------- find */

/* LD_PRELOAD is divided at blanks and colons, and knows no quoting. */
static int file_resolve(const char *file, char ret_path[PATH_MAX])
{
    char path[PATH_MAX];

    if (!realpath(file, path) || access(path, R_OK) < 0)
        return -ENOENT;
    if (strpbrk(path, " \t\n:"))
        return -EINVAL;
    memcpy(ret_path, path, strlen(path) + 1);
    return 0;
}

static int beside_build(char ret_path[PATH_MAX])
{
    char path[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);
    char *slash = NULL;

    if (length < 0)
        return -ENOENT;
    path[length] = '\0';
    slash = strrchr(path, '/');
    if (!slash)
        return -ENOENT;
    size_t room = sizeof(path) - (size_t)(slash - path);

    if ((size_t)snprintf(slash, room, "/../shim/%s", library) >= room)
        return -ENOENT;
    return file_resolve(path, ret_path);
}

int preload_find(const char *wanted, char ret_path[PATH_MAX])
{
    if (wanted)
        return file_resolve(wanted, ret_path);
    int err = beside_build(ret_path);

    if (err == -ENOENT)
        err = file_resolve(GCSHIM_LIBDIR "/libgcshim.so", ret_path);
    return err;
}

/* ----------------------------------------------------------------- set */

int preload_set(const char *path)
{
    const char *others = getenv(variable);
    char *value = NULL;
    int err = 0;

    if (!others || !*others)
        return setenv(variable, path, 1) < 0 ? -ENOMEM : 0;
    if (asprintf(&value, "%s:%s", path, others) < 0)
        return -ENOMEM;
    err = setenv(variable, value, 1) < 0 ? -ENOMEM : 0;
    free(value);
    return err;
}

int preload_setting(const char *setting)
{
    char name[VARIABLE_BYTES] = "GCSHIM_";
    size_t start = strlen(name);
    size_t length = strspn(setting, "abcdefghijklmnopqrstuvwxyz_0123456789");

    if (length == 0 || setting[length] != ':' || start + length >= sizeof(name))
        return -EINVAL;
    for (size_t i = 0; i < length; i++)
        name[start + i] = (char)toupper((unsigned char)setting[i]);
    name[start + length] = '\0';
    return setenv(name, setting + length + 1, 1) < 0 ? -ENOMEM : 0;
}
