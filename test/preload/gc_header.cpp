// The public header as a C++ program that is strict about warnings sees it:
// every call compiles, and without the shim each says that it does not know.
#include <gcshim/gcshim.h>

#include <cstdio>

static void on_request(void *, int) {}

int main()
{
    struct gcshim_snapshot snapshot;
    bool is_known = gcshim_used() != GCSHIM_UNKNOWN;
    bool are_all = (gcshim_snapshot(&snapshot, sizeof snapshot) == 0) ==
                       is_known &&
                   (gcshim_gc_should_collect() >= 0) == is_known &&
                   (gcshim_gc_goal() != GCSHIM_UNKNOWN) == is_known &&
                   (gcshim_gc_on_request(on_request, 0) == 0) == is_known;
    gcshim_gc_begin(GCSHIM_GC_WHOLE);
    gcshim_gc_end(GCSHIM_UNKNOWN);
    std::puts(!are_all ? "divided" : is_known ? "known" : "unknown");
    return 0;
}
