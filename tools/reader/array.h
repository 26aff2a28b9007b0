/* An array that grows by one element at a time. */
#ifndef GCSHIM_READER_ARRAY_H
#define GCSHIM_READER_ARRAY_H

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

/* Makes room for one more element: 0 or -ENOMEM.  Room doubles at powers of
 * two, so it need not be stored. */
static inline int array_grow(void **array, size_t count, size_t element_bytes)
{
    if (count != 0 && (count & (count - 1)) != 0)
        return 0;

    void *larger =
        reallocarray(*array, count == 0 ? 1 : 2 * count, element_bytes);

    if (!larger)
        return -ENOMEM;
    *array = larger;
    return 0;
}

#endif
