// C++'s operators beyond GCSHIM_GC_MAX: gc_limit_new MAX.
#include "gcshim/gcshim.h"
#include "verdict.h"

#include <cstdint>
#include <cstdlib>
#include <new>
#include <vector>

static int handled;

static void handler()
{
    handled++;
    std::set_new_handler(nullptr);
}

struct Plain {
    char bytes[5000];
};

struct alignas(256) Wide {
    char bytes[4096];
};

template <typename T> static bool throws(std::vector<T *> &kept)
{
    try {
        for (;;)
            kept.push_back(new T());
    } catch (const std::bad_alloc &) {
        return true;
    }
}

template <typename T> static void check(std::uint64_t max)
{
    for (int round = 0; round < 3; round++) {
        std::vector<T *> kept;
        kept.reserve(max / sizeof(T) + 1);
        CHECK(throws(kept));
        CHECK(gcshim_used() <= max);
        CHECK(!::operator new(sizeof(T), std::nothrow));
        CHECK(!::operator new[](sizeof(T), std::nothrow));
        CHECK(!::operator new(sizeof(T), std::align_val_t(64),
                              std::nothrow));
        for (T *p : kept)
            delete p;
        delete new T();
    }
}

int main(int argc, char **argv)
{
    std::uint64_t max = argc > 1 ? std::strtoull(argv[1], nullptr, 0) : 0;
    check<Plain>(max);
    check<Wide>(max);

    std::set_new_handler(handler);
    bool caught = false;
    try {
        std::vector<char> far(2 * max);
    } catch (const std::bad_alloc &) {
        caught = true;
    }
    CHECK(caught && handled == 1);
    return verdict();
}
