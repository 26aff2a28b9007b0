// C++ exceptions fly as they do without sampling, past frames that allocate,
// and are not libunwind's.
#include <cstdio>
#include <dlfcn.h>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

struct counted {
    static thread_local int living;
    std::unique_ptr<std::string> text;
    counted() : text(new std::string(100, 'x')) { living++; }
    ~counted() { living--; }
};

thread_local int counted::living;

static int descend(int depth)
{
    counted own;
    if (depth == 0)
        throw std::runtime_error(std::string(50, 'y'));
    return descend(depth - 1) + static_cast<int>(own.text->size());
}

static bool is_of_libunwind(const char *symbol)
{
    Dl_info info;
    void *function = dlsym(RTLD_DEFAULT, symbol);
    return function && dladdr(function, &info) &&
           std::strstr(info.dli_fname, "libunwind");
}

static bool throw_often()
{
    for (int i = 0; i < 2000; i++) {
        try {
            descend(i % 30);
            return false;
        } catch (const std::exception &e) {
            if (std::string(e.what()) != std::string(50, 'y') ||
                counted::living != 0)
                return false;
        }
    }
    return true;
}

int main()
{
    bool good[4];
    std::vector<std::thread> threads;
    for (bool &is_good : good)
        threads.emplace_back([&is_good] { is_good = throw_often(); });
    for (std::thread &thread : threads)
        thread.join();
    for (bool is_good : good)
        if (!is_good)
            return 1;
    if (is_of_libunwind("_Unwind_RaiseException") ||
        is_of_libunwind("_Unwind_Backtrace"))
        return 2;
    std::puts("ok");
}
