#include "reader/refuse.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

int refuse(char reason[READER_REASON_BYTES], const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(reason, READER_REASON_BYTES, format, args);
    va_end(args);
    return -EPROTO;
}
