// A C++ extension as a C program loads it: it brings its own libstdc++ into
// a local scope, and new must throw into it all the same.

#include <cstddef>
#include <new>
#include <string>

extern "C" int new_throws_bad_alloc(std::size_t size);
extern "C" int handler_runs_first(std::size_t size);
extern "C" std::size_t builds_a_string(std::size_t length);

namespace {

int calls;

void gives_up()
{
    calls++;
    std::set_new_handler(nullptr);
}

} // namespace

int new_throws_bad_alloc(std::size_t size)
{
    try {
        ::operator delete(::operator new(size));
    } catch (const std::bad_alloc &) {
        return 1;
    }
    return 0;
}

int handler_runs_first(std::size_t size)
{
    calls = 0;
    std::set_new_handler(gives_up);
    return new_throws_bad_alloc(size) && calls == 1;
}

std::size_t builds_a_string(std::size_t length)
{
    return std::string(length, 'x').size();
}
