/* What gcshim-ctl can be told to do: see commands.h. */
#include "ctl/commands.h"

#include <string.h>

const struct ctl_command ctl_commands[] = {
    {"trim", true, ctl_trim, NULL},
    {"collect", true, ctl_collect, NULL},
    {"profile", true, ctl_profile, "on, on=MEAN or off"},
    {"baseline", true, ctl_baseline, NULL},
    {"clean", false, ctl_clean, NULL},
};

const size_t ctl_command_count = sizeof(ctl_commands) / sizeof(ctl_commands[0]);

const struct ctl_command *ctl_command_find(const char *name, bool is_of_process)
{
    for (size_t i = 0; i < ctl_command_count; i++) {
        if (ctl_commands[i].is_of_process == is_of_process &&
            strcmp(ctl_commands[i].name, name) == 0)
            return &ctl_commands[i];
    }
    return NULL;
}
