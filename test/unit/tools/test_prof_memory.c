/* When memory runs short while a profile is resolved and written: at whatever
 * allocation of ours it happens, it is told, and nothing is lost. */
#include "prof/pprof.h"
#include "prof/speedscope.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "profile_made.h"
#include "unit.h"

/* The linker puts these in the place of what our objects call, and of that
 * alone: libraries go on as ever. */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void *__real_reallocarray(void *block, size_t count, size_t size);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t most);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
void *__wrap_reallocarray(void *block, size_t count, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t most);

enum { NEVER = -1 };

static long countdown = NEVER;

static bool is_short(void)
{
    if (countdown < 0)
        return false;
    return countdown-- == 0;
}

void *__wrap_malloc(size_t size)
{
    return is_short() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return is_short() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *block, size_t size)
{
    return is_short() ? NULL : __real_realloc(block, size);
}

void *__wrap_reallocarray(void *block, size_t count, size_t size)
{
    return is_short() ? NULL : __real_reallocarray(block, count, size);
}

char *__wrap_strdup(const char *text)
{
    return is_short() ? NULL : __real_strdup(text);
}

char *__wrap_strndup(const char *text, size_t most)
{
    return is_short() ? NULL : __real_strndup(text, most);
}

static int write_all(const struct reader_profile *profile, bool as_pprof)
{
    char bytes[1 << 14];
    FILE *out = fmemopen(bytes, sizeof(bytes), "w");
    struct symbols *symbols = NULL;

    assert_non_null(out);
    int r = symbols_open(&symbols, profile, NULL, false);

    if (r == 0)
        r = as_pprof ? pprof_write(out, profile, symbols, 1)
                     : speedscope_write(out, profile, symbols, "made up");
    symbols_close(symbols);
    (void)fclose(out);
    return r;
}

/* Fails at the first allocation, at the second, and so on, until there are no
 * more. */
static void fail_everywhere(bool as_pprof)
{
    const struct reader_profile *profile = profile_made();
    long at = 0;

    for (bool is_through = false; !is_through; at++) {
        countdown = at;
        int r = write_all(profile, as_pprof);

        is_through = countdown >= 0;
        countdown = NEVER;
        if (is_through)
            assert_int_equal(r, 0);
        else if (r != -ENOMEM) /* which one it was, at least */
            fail_msg("%d at allocation %ld", r, at);
    }
    assert_true(at > 50);
}

static void pprof_tells_that_memory_was_short(void **state)
{
    (void)state;
    fail_everywhere(true);
}

static void speedscope_tells_that_memory_was_short(void **state)
{
    (void)state;
    fail_everywhere(false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pprof_tells_that_memory_was_short),
        cmocka_unit_test(speedscope_tells_that_memory_was_short),
    };

    return RUN(tests);
}
