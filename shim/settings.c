#include "settings.h"

#include "class.h"
#include "segment.h"
#include "sys.h"
#include "text.h"

#include <mimalloc.h>
#include <stdbool.h>
#include <string.h>
#include <sys/auxv.h>

#define PREFIX "GCSHIM_"

static char upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

static bool is_same_word(const char *a, const char *b, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        if (upper(a[i]) != upper(b[i]) || b[i] == '\0')
            return false;
    return b[bytes] == '\0';
}

/* How a type reads its text; false where it makes no sense. */
typedef bool setting_parse(void *to, const char *from, size_t bytes);

static bool parse_number(uint32_t *to, const char *from, size_t bytes,
                         uint32_t max)
{
    uint64_t number = 0;
    if (bytes == 0 || bytes > 10)
        return false;
    for (size_t i = 0; i < bytes; i++) {
        if (from[i] < '0' || from[i] > '9')
            return false;
        number = number * 10 + (uint64_t)(from[i] - '0');
    }
    if (number > max)
        return false;
    *to = (uint32_t)number;
    return true;
}

static bool parse_SWITCH(void *to, const char *from, size_t bytes)
{
    return parse_number(to, from, bytes, 1);
}

static bool parse_PROCESS(void *to, const char *from, size_t bytes)
{
    return parse_number(to, from, bytes, INT32_MAX);
}

static bool parse_TEXT(void *to, const char *from, size_t bytes)
{
    if (bytes >= SETTINGS_TEXT_BYTES)
        return false;
    memcpy(to, from, bytes);
    ((char *)to)[bytes] = '\0';
    return true;
}

/* "1.6", digits and at most one point; false where it is anything else.
 * ret_bytes: how much of it was read. */
static bool parse_decimal(double *ret, const char *from, size_t bytes,
                          size_t *ret_bytes)
{
    double number = 0, place = 0;
    size_t i = 0, digits = 0;
    for (; i < bytes && digits < 20; i++) {
        if (from[i] == '.' && place == 0) {
            place = 1;
        } else if (from[i] >= '0' && from[i] <= '9') {
            number = number * 10 + (from[i] - '0');
            place *= 10;
            digits++;
        } else {
            break;
        }
    }
    *ret = place > 1 ? number / place : number;
    *ret_bytes = i;
    return digits > 0;
}

/* As in PyPy KB, MB and GB are powers of 1024, and so are KiB, MiB, GiB. */
static bool unit_read(const char *from, size_t bytes, double *ret_unit)
{
    static const char letters[] = "KMGT";
    static const char *const endings[] = {"", "B", "iB"};
    *ret_unit = 1;
    if (bytes == 0 || is_same_word(from, "B", bytes))
        return true;
    const char *letter = strchr(letters, upper(from[0]));
    if (!letter)
        return false;
    for (const char *c = letters; c <= letter; c++)
        *ret_unit *= 1024;
    for (int i = 0; i < 3; i++)
        if (is_same_word(from + 1, endings[i], bytes - 1))
            return true;
    return false;
}

static bool parse_SIZE(void *to, const char *from, size_t bytes)
{
    double number, unit;
    size_t read;
    if (!parse_decimal(&number, from, bytes, &read) ||
        !unit_read(from + read, bytes - read, &unit) ||
        number * unit > (double)INT64_MAX)
        return false;
    *(uint64_t *)to = (uint64_t)(number * unit);
    return true;
}

static bool parse_FACTOR(void *to, const char *from, size_t bytes)
{
    double number;
    size_t read;
    if (!parse_decimal(&number, from, bytes, &read) || read != bytes ||
        !(number > 1) || number > 1000)
        return false;
    *(double *)to = number;
    return true;
}

static bool parse_DEPTH(void *to, const char *from, size_t bytes)
{
    uint32_t depth;
    if (!parse_number(&depth, from, bytes, GCSHIM_STACK_DEPTH_MAX) ||
        depth == 0)
        return false;
    *(uint32_t *)to = depth;
    return true;
}

static bool parse_GC_MODE(void *to, const char *from, size_t bytes)
{
    static const char *const modes[] = {
        [GCSHIM_GC_OFF] = "off",
        [GCSHIM_GC_OBSERVE] = "observe",
        [GCSHIM_GC_PACE] = "pace",
    };
    for (uint32_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        if (is_same_word(from, modes[i], bytes)) {
            *(uint32_t *)to = i;
            return true;
        }
    }
    return false;
}

struct setting {
    const char *key;
    const char *variable;
    void *value;
    setting_parse *parse;
    const char *preset;
    const char *takes;
    const char *help;
};

struct settings settings;

static const struct setting table[] = {
#define SETTING(key, type, preset, takes, help)                              \
    {#key, PREFIX #key, &settings.key, parse_##type, preset, takes, help},
#include "settings.def"
#undef SETTING
};

enum { SETTINGS = sizeof(table) / sizeof(table[0]) };

/* Where a value came from, and what was written there. */
static struct source {
    const char *name; /* NULL: the default */
    const char *text;
    size_t bytes;
} sources[SETTINGS];

static int setting_find(const char *key, size_t bytes)
{
    for (int i = 0; i < SETTINGS; i++)
        if (is_same_word(key, table[i].key, bytes))
            return i;
    return -1;
}

static void put_variable(struct text *text, const char *variable)
{
    for (const char *c = variable; *c; c++) {
        char up = upper(*c);
        text_put_bytes(text, &up, 1);
    }
}

static void warn_unknown(const char *name, size_t bytes)
{
    char buffer[512];
    struct text text = text_on(buffer, sizeof(buffer));
    text_put_bytes(&text, name, bytes);
    text_put(&text, ": unknown; known are");
    for (int i = 0; i < SETTINGS; i++) {
        text_put(&text, i ? ", " : " ");
        put_variable(&text, table[i].variable);
    }
    text_warn(&text);
}

static void warn_bad(const struct setting *setting, const char *value,
                     size_t bytes)
{
    char buffer[512];
    struct text text = text_on(buffer, sizeof(buffer));
    put_variable(&text, setting->variable);
    text_put(&text, "=");
    text_put_bytes(&text, value, bytes < 80 ? bytes : 80);
    text_put(&text, ": takes ");
    text_put(&text, setting->takes);
    text_put(&text, "; the default holds: ");
    text_put(&text, setting->preset[0] ? setting->preset : "none");
    text_warn(&text);
}

static void setting_take(int i, const char *source, const char *value,
                         size_t bytes)
{
    if (!table[i].parse(table[i].value, value, bytes)) {
        warn_bad(&table[i], value, bytes);
        return;
    }
    sources[i] = (struct source){source, value, bytes};
}

/* "key:value", one part of GCSHIM. */
static void part_take(const char *part, size_t bytes)
{
    const char *colon = memchr(part, ':', bytes);
    size_t key_bytes = colon ? (size_t)(colon - part) : bytes;
    int i = setting_find(part, key_bytes);
    if (i < 0)
        warn_unknown(part, bytes);
    else if (!colon)
        warn_bad(&table[i], "", 0);
    else
        setting_take(i, "GCSHIM", colon + 1, bytes - key_bytes - 1);
}

static void list_take(const char *list)
{
    while (*list) {
        size_t bytes = strcspn(list, ",");
        if (bytes > 0)
            part_take(list, bytes);
        list += bytes;
        list += *list == ',';
    }
}

/* "GCSHIM_KEY=value", a whole entry of the environment. */
static void variable_take(const char *entry)
{
    size_t name_bytes = strcspn(entry, "=");
    if (entry[name_bytes] != '=')
        return;
    const char *key = entry + strlen(PREFIX);
    const char *value = entry + name_bytes + 1;
    int i = setting_find(key, name_bytes - strlen(PREFIX));
    if (i < 0)
        warn_unknown(entry, name_bytes);
    else
        setting_take(i, table[i].variable, value, strlen(value));
}

/* Most of an environment differs in the first letter. */
static inline bool starts_with(const char *text, const char *start)
{
    while (*start && *text == *start) {
        text++;
        start++;
    }
    return *start == '\0';
}

static void defaults_take(void)
{
    for (int i = 0; i < SETTINGS; i++) {
        sources[i].name = NULL;
        table[i].parse(table[i].value, table[i].preset,
                       strlen(table[i].preset));
    }
}

void settings_load(char **environment)
{
    defaults_take();
    if (!environment || getauxval(AT_SECURE))
        return;
    for (char **entry = environment; *entry; entry++)
        if (starts_with(*entry, "GCSHIM="))
            list_take(*entry + strlen("GCSHIM="));
    for (char **entry = environment; *entry; entry++)
        if (starts_with(*entry, PREFIX))
            variable_take(*entry);
}

void settings_silence(void)
{
    settings.disable = 1;
    settings.report[0] = '\0';
}

void settings_describe(char *to, size_t bytes)
{
    struct text text = text_on(to, bytes);
    for (int i = 0; i < SETTINGS; i++) {
        if (!sources[i].name)
            continue;
        text_put(&text, text.at > to ? "," : "");
        text_put(&text, table[i].key);
        text_put(&text, ":");
        text_put_bytes(&text, sources[i].text, sources[i].bytes);
    }
}

static void tell_help(void)
{
    for (int i = 0; i < SETTINGS; i++) {
        char buffer[1024];
        struct text text = text_on(buffer, sizeof(buffer));
        put_variable(&text, table[i].variable);
        text_put(&text, "=");
        text_put(&text, table[i].takes);
        text_put(&text, "  ");
        text_put(&text, table[i].help);
        text_warn(&text);
    }
}

static void tell_setting(int i)
{
    char buffer[512];
    struct text text = text_on(buffer, sizeof(buffer));
    const struct source *source = &sources[i];
    text_put(&text, table[i].key);
    text_put(&text, " = ");
    if (source->name)
        text_put_bytes(&text, source->text, source->bytes);
    else
        text_put(&text, table[i].preset[0] ? table[i].preset : "none");
    text_put(&text, " (");
    if (source->name)
        put_variable(&text, source->name);
    else
        text_put(&text, "default");
    text_put(&text, ")");
    text_warn(&text);
}

static void tell_place(void)
{
    char buffer[256];
    struct text text = text_on(buffer, sizeof(buffer));
    text_put(&text, "segment = ");
    text_put(&text, segment_is_shared() ? segment_path() : "private memory");
    text_put(&text, ", mimalloc ");
    text_put_number(&text, (uint64_t)mi_version());
    text_warn(&text);
}

static void tell_sizes(void)
{
    char buffer[256];
    struct text text = text_on(buffer, sizeof(buffer));
    text_put(&text, "sizes of blocks = ");
    text_put(&text, class_is_in_use()
                        ? "from a table"
                        : "asked of mimalloc, which is not of version 2 or "
                          "which the program calls by its own names: no caches");
    text_warn(&text);
}

void settings_tell(void)
{
    if (settings.help)
        tell_help();
    if (!settings.confirm)
        return;
    for (int i = 0; i < SETTINGS; i++)
        tell_setting(i);
    tell_place();
    tell_sizes();
}
