// operator new when memory is short, as the standard has it: the new-handler
// is called until there is none, then bad_alloc; nothrow forms give nullptr.
// One group a run: edges_new GROUP.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <new>

#include <malloc.h>

#include <gcshim/gcshim.h>

#include "verdict.h"

namespace {

// Opaque to the compiler, which may drop a new that nobody uses.
volatile std::size_t huge = std::size_t(PTRDIFF_MAX) - 4096;
volatile std::size_t most = SIZE_MAX;

using std::align_val_t;
using std::nothrow;

template <typename Call> bool throws_bad_alloc(Call call)
{
    try {
        return call() == nullptr && false;
    } catch (const std::bad_alloc &) {
        return true;
    }
}

void throwing()
{
    for (std::size_t size : {std::size_t(huge), std::size_t(most)}) {
        CHECK(throws_bad_alloc([=] { return ::operator new(size); }));
        CHECK(throws_bad_alloc([=] { return ::operator new[](size); }));
        for (std::size_t align = 1; align <= 1 << 20; align *= 4) {
            align_val_t a{align};
            CHECK(throws_bad_alloc([=] { return ::operator new(size, a); }));
            CHECK(throws_bad_alloc([=] { return ::operator new[](size, a); }));
        }
    }
}

void nothrow_forms()
{
    for (std::size_t size : {std::size_t(huge), std::size_t(most)}) {
        CHECK(!::operator new(size, nothrow));
        CHECK(!::operator new[](size, nothrow));
        CHECK(!::operator new(size, align_val_t(64), nothrow));
        CHECK(!::operator new[](size, align_val_t(64), nothrow));
    }
}

int calls;

void gives_up_at_third()
{
    if (++calls == 3)
        std::set_new_handler(nullptr);
}

// What the handler throws is what the program sees.
struct own_error {};

void throws_own()
{
    calls++;
    throw own_error();
}

void throws_bad()
{
    calls++;
    throw std::bad_alloc();
}

template <typename Call> void check_handler(Call call)
{
    calls = 0;
    std::set_new_handler(gives_up_at_third);
    CHECK(throws_bad_alloc(call));
    CHECK(calls == 3, "the handler was called %d times", calls);
}

template <typename Call> void check_handlers_own_error(Call call)
{
    bool seen = false;
    calls = 0;
    std::set_new_handler(throws_own);
    try {
        call();
    } catch (const own_error &) {
        seen = true;
    }
    CHECK(seen && calls == 1, "the handler was called %d times", calls);
    std::set_new_handler(nullptr);
}

void handler()
{
    std::size_t size = huge;
    align_val_t a{128};
    check_handler([=] { return ::operator new(size); });
    check_handler([=] { return ::operator new[](size); });
    check_handler([=] { return ::operator new(size, a); });
    check_handler([=] { return ::operator new[](size, a); });
    check_handlers_own_error([=] { return ::operator new(size); });
    check_handlers_own_error([=] { return ::operator new[](size, a); });
}

void nothrow_handler()
{
    calls = 0;
    std::set_new_handler(gives_up_at_third);
    CHECK(!::operator new(huge, nothrow));
    CHECK(calls == 3, "the handler was called %d times", calls);

    calls = 0;
    std::set_new_handler(throws_bad);
    CHECK(!::operator new(huge, nothrow));
    CHECK(!::operator new[](huge, nothrow));
    CHECK(!::operator new(huge, align_val_t(64), nothrow));
    CHECK(!::operator new[](huge, align_val_t(64), nothrow));
    CHECK(calls == 4, "the handler was called %d times", calls);
    std::set_new_handler(nullptr);
}

// A handler that frees what it held back: new succeeds after all.
void *reserve;
volatile std::size_t wanted;

void releases_reserve()
{
    calls++;
    wanted = 100;
    std::set_new_handler(nullptr);
    std::free(reserve);
}

void handler_state()
{
    CHECK(std::get_new_handler() == nullptr);
    reserve = std::malloc(100);
    calls = 0;
    std::set_new_handler(releases_reserve);
    CHECK(std::get_new_handler() == releases_reserve);
    CHECK(throws_bad_alloc([] { return ::operator new(huge); }));
    CHECK(calls == 1 && wanted == 100);
    void *block = ::operator new(wanted);
    CHECK(block);
    ::operator delete(block);
}

void check_aligned(void *block, std::size_t align, std::size_t size)
{
    CHECK(block, "new(%zu, align %zu)", size, align);
    CHECK(reinterpret_cast<std::uintptr_t>(block) % align == 0,
          "new(%zu, align %zu) = %p", size, align, block);
    CHECK(malloc_usable_size(block) >= size, "new(%zu, align %zu)", size,
          align);
    std::memset(block, 0x5a, size);
}

void aligned_size(std::size_t align, std::size_t size)
{
    align_val_t a{align};
    void *block[6];
    for (int i = 0; i < 6; i += 2) {
        block[i] = i == 2 ? ::operator new(size, a, nothrow)
                          : ::operator new(size, a);
        block[i + 1] = i == 2 ? ::operator new[](size, a, nothrow)
                              : ::operator new[](size, a);
        check_aligned(block[i], align, size);
        check_aligned(block[i + 1], align, size);
    }
    for (int i = 0; i < 6; i += 2) {
        ::operator delete(block[i], size, a);
        ::operator delete[](block[i + 1], a);
    }
}

void aligned()
{
    std::uint64_t before = gcshim_used ? gcshim_used() : 0;
    for (std::size_t align = 1; align <= std::size_t(64) << 20; align *= 2)
        for (std::size_t size = 1; size <= std::size_t(1) << 20; size *= 2) {
            aligned_size(align, size);
            aligned_size(align, size + 1);
            aligned_size(align, size - 1);
        }
    CHECK(!gcshim_used || gcshim_used() == before, "bytes left over");
}

void empty()
{
    void *one = ::operator new(0);
    void *two = ::operator new[](0);
    CHECK(one && two && one != two);
    ::operator delete(one);
    ::operator delete[](two);
    ::operator delete(nullptr);
    ::operator delete[](nullptr, std::size_t(8));
    ::operator delete(nullptr, nothrow);
    ::operator delete[](nullptr, align_val_t(64));
    ::operator delete[](nullptr, align_val_t(64), nothrow);
}

void failure_is_not_counted()
{
    CHECK(gcshim_used);
    // The exception itself is a block, and its pool an allocation.
    CHECK(throws_bad_alloc([] { return ::operator new(huge); }));
    std::uint64_t before = gcshim_used();
    for (int i = 0; i < 100; i++)
        CHECK(throws_bad_alloc([] { return ::operator new(huge); }));
    CHECK(gcshim_used() == before);
}

const struct {
    const char *name;
    void (*run)();
} groups[] = {
    {"throwing", throwing},
    {"nothrow_forms", nothrow_forms},
    {"handler", handler},
    {"nothrow_handler", nothrow_handler},
    {"handler_state", handler_state},
    {"aligned", aligned},
    {"empty", empty},
    {"failure_is_not_counted", failure_is_not_counted},
};

} // namespace

int main(int argc, char **argv)
{
    for (const auto &group : groups) {
        if (argc < 2)
            std::puts(group.name);
        else if (!std::strcmp(argv[1], group.name))
            return group.run(), verdict();
    }
    return argc < 2 ? 0 : 64;
}
