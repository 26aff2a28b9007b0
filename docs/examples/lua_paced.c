/* Lua 5.4 with its collector driven by the memory in use of the process.
 *
 *     lua_paced [SCRIPT.lua]
 *
 * Run it with LD_PRELOAD=libgcshim.so: Lua's own collector is stopped, and the
 * function given to gcshim_gc_on_request() notes when a collection is wanted.
 * It is called from within malloc, where no collector may run, so that it sets
 * a flag and no more; a hook of Lua's, called every thousand instructions,
 * sees the flag and collects where the interpreter is safe.  First a young
 * collection, and a whole one only if that was not enough.
 *
 * Without the shim gcshim_gc_on_request() returns -1, and Lua's own collector
 * stays as it was.
 */
#include <gcshim/gcshim.h>

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include <inttypes.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>

enum { INSTRUCTIONS = 1000 };

static _Atomic int wanted; /* enum gcshim_gc_reason; 0: nothing */
static uint64_t young, whole;

static void on_request(void *arg, int reason)
{
    _Atomic int *flag = arg;
    atomic_store_explicit(flag, reason, memory_order_relaxed);
}

/* Lua does not say how many objects it freed. */
static void collect_young(lua_State *lua)
{
    gcshim_gc_begin(0);
    lua_gc(lua, LUA_GCSTEP, 0);
    gcshim_gc_end(GCSHIM_UNKNOWN);
    young++;
}

static void collect_whole(lua_State *lua)
{
    gcshim_gc_begin(GCSHIM_GC_WHOLE);
    lua_gc(lua, LUA_GCCOLLECT);
    gcshim_gc_end(GCSHIM_UNKNOWN);
    whole++;
}

static void on_count(lua_State *lua, lua_Debug *where)
{
    (void)where;
    int reason = atomic_load_explicit(&wanted, memory_order_relaxed);
    if (reason == 0)
        return;
    if (reason == GCSHIM_GC_REASON_GOAL)
        collect_young(lua);
    /* For the limit, or when somebody asks, nothing less will do. */
    if (reason != GCSHIM_GC_REASON_GOAL || gcshim_gc_should_collect() == 1)
        collect_whole(lua);
    /* Afterwards: what was asked while it collected has been done. */
    atomic_store_explicit(&wanted, 0, memory_order_relaxed);
}

/* Whether gcshim is there to do it. */
static bool pace(lua_State *lua)
{
    if (gcshim_gc_on_request(on_request, &wanted) != 0)
        return false;
    lua_gc(lua, LUA_GCGEN, 0, 0);
    lua_gc(lua, LUA_GCSTOP);
    lua_sethook(lua, on_count, LUA_MASKCOUNT, INSTRUCTIONS);
    return true;
}

/* Keeps the last hundred of very many strings and tables, with cycles. */
static const char script[] =
    "local kept = {}\n"
    "for i = 1, 20000 do\n"
    "    local node = { text = string.rep(tostring(i), 500) }\n"
    "    node.self = node\n"
    "    kept[i % 100 + 1] = node\n"
    "end\n"
    "for i = 1, 100 do\n"
    "    local node = kept[i]\n"
    "    assert(node.self == node and #node.text == 2500)\n"
    "end\n";

static int run(lua_State *lua, const char *path)
{
    int error = path ? luaL_dofile(lua, path) : luaL_dostring(lua, script);
    if (error)
        fprintf(stderr, "lua_paced: %s\n", lua_tostring(lua, -1));
    return error;
}

int main(int argc, char **argv)
{
    lua_State *lua = luaL_newstate();
    if (!lua)
        return 1;
    luaL_openlibs(lua);
    bool is_paced = pace(lua);
    int error = run(lua, argc > 1 ? argv[1] : NULL);

    struct gcshim_snapshot at_end;
    if (is_paced && gcshim_snapshot(&at_end, sizeof(at_end)) == 0)
        printf("paced by gcshim: %" PRIu64 " young, %" PRIu64
               " whole collections, at most %" PRIu64 " KiB in use\n",
               young, whole, at_end.used_peak_bytes / 1024);
    else
        printf("paced by Lua itself\n");
    /* From here on nobody is there to be asked. */
    gcshim_gc_on_request(NULL, NULL);
    lua_close(lua);
    return error ? 1 : 0;
}
