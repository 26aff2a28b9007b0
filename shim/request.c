#include "request.h"

_Atomic uint16_t request_usable[REQUEST_CLASSES];

size_t request_learn(const void *p, size_t class)
{
    size_t usable = mi_usable_size(p);
    if (usable >= class * REQUEST_WORD && usable <= UINT16_MAX)
        atomic_store_explicit(&request_usable[class], (uint16_t)usable,
                              memory_order_relaxed);
    return usable;
}
