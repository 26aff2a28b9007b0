/* The GCSHIM_ variables: settings.def declares them, this module reads them.
 *
 * GCSHIM_<KEY>=value wins over GCSHIM=key:value,key:value.  What is unknown
 * or makes no sense is one line on standard error, and the default holds.
 */
#ifndef SHIM_SETTINGS_H
#define SHIM_SETTINGS_H

#include <stddef.h>
#include <stdint.h>

enum { SETTINGS_TEXT_BYTES = 256 };

/* What a setting's type is kept in. */
typedef uint32_t setting_SWITCH;
typedef uint32_t setting_PROCESS;
typedef char setting_TEXT[SETTINGS_TEXT_BYTES];
typedef uint64_t setting_SIZE;
typedef double setting_FACTOR;
typedef uint32_t setting_DEPTH;
typedef uint32_t setting_GC_MODE; /* enum gcshim_gc_mode */

struct settings {
#define SETTING(key, type, preset, takes, help) setting_##type key;
#include "settings.def"
#undef SETTING
};

/* Read-mostly: written by settings_load alone. */
extern struct settings settings;

/* Reads the environment (NULL: defaults hold), warning on standard error.  A
 * program that runs with rights which its caller lacks (AT_SECURE) takes
 * nothing from its caller's environment. */
void settings_load(char **environment);

/* In a child that is not to be seen: as if it had been disabled, and asked
 * for no report. */
void settings_silence(void);

/* Writes "key:value,key:value" of all settings in force that come from the
 * environment; NUL-terminated, cut off where there is no more room. */
void settings_describe(char *to, size_t bytes);

/* What GCSHIM_CONFIRM and GCSHIM_HELP ask to be printed, on standard
 * error. */
void settings_tell(void);

#endif
