// Thread-local objects whose constructors and destructors allocate and free,
// in threads that come and go.  Says "ready" at rest and waits for a line.
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

struct Keeper {
    std::vector<std::string> words = {std::string(1000, 'x')};
    std::map<int, std::unique_ptr<char[]>> blocks;
    ~Keeper()
    {
        words.emplace_back(5000, 'y'); // allocates on its way out
    }
};

static thread_local Keeper keeper;
static std::unique_ptr<std::string> left_behind;

static void work(int turn)
{
    for (int i = 0; i < 20; i++)
        keeper.blocks[i] = std::make_unique<char[]>(100 * (turn % 50) + i);
    left_behind = std::make_unique<std::string>(300 + turn % 100, 'z');
}

int main()
{
    for (int turn = 0; turn < 500; turn++) {
        std::thread one(work, turn);
        one.join();
    }
    work(1); // and in main, whose object goes at exit
    std::puts("ready");
    std::fflush(stdout);
    return std::getchar() == EOF;
}
