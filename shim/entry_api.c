/* The public API, include/gcshim/gcshim.h. */
#include "gcshim/gcshim.h"

#include "account.h"

EXPORT uint64_t gcshim_used(void)
{
    return account_used();
}
