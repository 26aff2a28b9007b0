// C++'s own ways to ask and to give back, by one thread; see exact.c.

#include <new>
#include <stdexcept>
#include <string>

#include "ledger.h"

namespace {

enum { HELD = 1024, FORMS = 8 };

struct held {
    void *block;
    std::size_t size;
    int form;
};

held table[HELD];
ledger mine;

std::align_val_t alignment(std::size_t size)
{
    return std::align_val_t(std::size_t(32) << size % 8);
}

void *take(int form, std::size_t size)
{
    switch (form) {
    case 0: return ::operator new(size);
    case 1: return ::operator new[](size);
    case 2: return ::operator new(size, std::nothrow);
    case 3: return ::operator new[](size, std::nothrow);
    case 4: return ::operator new(size, alignment(size));
    case 5: return ::operator new[](size, alignment(size));
    case 6: return ::operator new(size, alignment(size), std::nothrow);
    default: return ::operator new[](size, alignment(size), std::nothrow);
    }
}

// Every delete that fits the new: plain, sized, and nothrow.
void give_plain(const held &one, int way)
{
    bool array = one.form % 2;
    if (way == 0)
        array ? ::operator delete[](one.block) : ::operator delete(one.block);
    else if (way == 1)
        array ? ::operator delete[](one.block, one.size)
              : ::operator delete(one.block, one.size);
    else
        array ? ::operator delete[](one.block, std::nothrow)
              : ::operator delete(one.block, std::nothrow);
}

void give_aligned(const held &one, int way)
{
    bool array = one.form % 2;
    std::align_val_t align = alignment(one.size);
    if (way == 0)
        array ? ::operator delete[](one.block, align)
              : ::operator delete(one.block, align);
    else if (way == 1)
        array ? ::operator delete[](one.block, one.size, align)
              : ::operator delete(one.block, one.size, align);
    else
        array ? ::operator delete[](one.block, align, std::nothrow)
              : ::operator delete(one.block, align, std::nothrow);
}

void step(held &one, std::uint64_t &seed)
{
    if (!one.block) {
        one.form = int(next_random(&seed) % FORMS);
        one.size = random_size(&seed);
        one.block = take(one.form, one.size);
        ledger_add(&mine, one.block);
        return;
    }
    ledger_sub(&mine, one.block);
    int way = int(next_random(&seed) % 3);
    one.form < 4 ? give_plain(one, way) : give_aligned(one, way);
    one.block = nullptr;
}

} // namespace

int main(int argc, char **argv)
{
    std::uint64_t seed = argc > 1 ? std::stoull(argv[1]) : 1;
    ledger_report(&mine);
    for (int i = 0; i < 20000; i++)
        step(table[next_random(&seed) % HELD], seed);
    ledger_report(&mine);
    for (held &one : table)
        if (one.block)
            step(one, seed);
    ledger_report(&mine);
    return 0;
}
