// The same for C++: templates, namespaces, a class, a lambda, some inlined.
#include <cstdio>
#include <link.h>
#include <string>
#include <vector>

static std::uintptr_t bias;
static volatile int seen;

static int bias_note(dl_phdr_info *info, std::size_t, void *)
{
    bias = info->dlpi_addr;
    return 1;
}

extern "C" __attribute__((noinline)) void specimen_tell(const char *name)
{
    std::printf("%s %lx\n", name,
                static_cast<unsigned long>(
                    reinterpret_cast<std::uintptr_t>(
                        __builtin_return_address(0)) - bias));
    seen = seen + 1;
}

namespace specimen
{
template <typename T> struct Box {
    std::vector<T> items;

    __attribute__((always_inline)) inline void put(const T &item)
    {
        specimen_tell("put"); // put
        items.push_back(item);
    }
};

__attribute__((noinline)) void fill(Box<std::string> &box, int n)
{
    for (int i = 0; i < n; i++) {
        box.put("x"); // fill
        seen = seen + 1;
    }
}

namespace
{
__attribute__((noinline)) int apply(int n)
{
    auto twice = [](int m) __attribute__((noinline)) {
        specimen_tell("lambda"); // lambda
        seen = seen + m;
        return 2 * m;
    };

    return twice(n) + 1;
}
} // namespace
} // namespace specimen

int main(int argc, char **)
{
    specimen::Box<std::string> box;

    dl_iterate_phdr(bias_note, nullptr);
    specimen::fill(box, argc);
    return specimen::apply(argc) > 100;
}
