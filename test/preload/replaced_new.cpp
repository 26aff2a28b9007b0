// Replaces the basic operators of C++ alone.  The standard has all others call
// these: what they allocate and free must come by here, or "live" is wrong and
// a pointer that malloc never gave is freed.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <vector>

static const std::size_t header = 64;
static long live;

void *operator new(std::size_t bytes)
{
    char *p = static_cast<char *>(std::malloc(bytes + header));
    if (!p)
        throw std::bad_alloc();
    live++;
    return p + header;
}

void operator delete(void *p) noexcept
{
    if (!p)
        return;
    live--;
    std::free(static_cast<char *>(p) - header);
}

void *operator new(std::size_t bytes, std::align_val_t align)
{
    std::size_t offset = std::max<std::size_t>(header, std::size_t(align));
    void *p = std::aligned_alloc(std::size_t(align), bytes + offset);
    if (!p)
        throw std::bad_alloc();
    live++;
    return static_cast<char *>(p) + offset;
}

void operator delete(void *p, std::align_val_t align) noexcept
{
    if (!p)
        return;
    live--;
    std::size_t offset = std::max<std::size_t>(header, std::size_t(align));
    std::free(static_cast<char *>(p) - offset);
}

struct Plain {
    int values[7];
};

struct alignas(128) Aligned {
    int values[7];
};

template <class T> static void all_forms(const char *name)
{
    T *one = new T, *many = new T[10];
    T *quiet = new (std::nothrow) T, *quiet_many = new (std::nothrow) T[10];
    std::printf("%s: %ld alive\n", name, live);
    delete one;
    delete[] many;
    delete quiet;
    delete[] quiet_many;
    std::printf("%s: %ld left\n", name, live);
}

int main()
{
    live = 0;
    all_forms<Plain>("plain");
    all_forms<Aligned>("aligned");
    std::vector<int> numbers(10000);
    for (int &number : numbers)
        number = std::rand();
    std::stable_sort(numbers.begin(), numbers.end());
    ::operator delete(::operator new(10), std::nothrow);
    ::operator delete[](::operator new[](10), std::nothrow);
    numbers = std::vector<int>();
    std::printf("%ld left\n", live);
}
