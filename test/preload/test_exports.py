"""What libgcshim.so exports, against the tables of those it stands in for: a
name that we miss binds to libmimalloc or libc behind the account's back."""

import re
import subprocess

from conftest import SHIM, run_shimmed

# glibc's malloc family: <malloc.h>, <stdlib.h>, and libc's own names of them.
GLIBC = {
    "malloc", "free", "calloc", "realloc", "reallocarray", "memalign",
    "aligned_alloc", "posix_memalign", "valloc", "pvalloc", "cfree",
    "malloc_usable_size", "__libc_malloc", "__libc_free", "__libc_calloc",
    "__libc_realloc", "__libc_reallocarray", "__libc_memalign",
    "__libc_valloc", "__libc_pvalloc",
    "mallinfo", "mallinfo2", "malloc_info", "malloc_stats", "malloc_trim",
    "mallopt", "__libc_mallinfo", "__libc_mallopt",
}
# glibc's, never ours: hooks, gone from its headers and kept for old binaries.
HOOKS = {"__malloc_hook", "__malloc_initialize_hook", "__memalign_hook",
         "__free_hook", "__realloc_hook", "mallwatch"}
# C23's, which glibc 2.36 does not have yet but newer binaries may call.
C23 = {"free_sized", "free_aligned_sized"}
# Interposed though they allocate nothing: _exit and _Exit end a process past
# its destructors, and its file would stay; getrusage is what libmimalloc's
# mi_process_info calls, and a sandbox may kill for it; prctl tells when a
# program enters such a sandbox; dl_iterate_phdr is what libunwind asks with,
# and would take the loader's lock within malloc.
OTHER = {"_exit", "_Exit", "getrusage", "prctl", "dl_iterate_phdr"}
API = {"gcshim_used", "gcshim_snapshot", "gcshim_gc_begin", "gcshim_gc_end",
       "gcshim_gc_should_collect", "gcshim_gc_goal", "gcshim_gc_on_request"}

SIZE = "m"
OPERATORS = (
    {f"_Z{op}{SIZE}{form}" for op in ("nw", "na")
     for form in ("", "RKSt9nothrow_t", "St11align_val_t",
                  "St11align_val_tRKSt9nothrow_t")} |
    {f"_Z{op}Pv{form}" for op in ("dl", "da")
     for form in ("", SIZE, "RKSt9nothrow_t", "St11align_val_t",
                  SIZE + "St11align_val_t",
                  "St11align_val_tRKSt9nothrow_t")})

def exports(library):
    """The defined dynamic symbols as nm prints them: name, perhaps @version."""
    done = subprocess.run(["nm", "-D", "--defined-only", library],
                          capture_output=True, text=True, check=True)
    return {line.split()[-1] for line in done.stdout.splitlines()}


def loaded_path(name):
    """Where the loader finds a library that the shim needs."""
    done = subprocess.run(["ldd", SHIM], capture_output=True, text=True,
                          check=True)
    return re.search(rf"{re.escape(name)}\S* => (\S+)", done.stdout)[1]


def bare(names):
    return {name.split("@")[0] for name in names}


def mimalloc_names():
    """libmimalloc's, but for its own API: those it takes from others."""
    own = re.compile(r"^_?mi_")
    return {n for n in bare(exports(loaded_path("libmimalloc.so")))
            if not own.match(n)}


def test_every_allocation_symbol_of_mimalloc_is_ours():
    theirs = mimalloc_names()
    assert {"malloc", "reallocf", "vfree", "_Znwm"} <= theirs
    assert theirs - exports(SHIM) == set()


def test_glibcs_malloc_family_is_ours():
    libc = bare(exports(loaded_path("libc.so")))
    assert GLIBC <= libc, "glibc has dropped a name: adapt the list"
    assert GLIBC - exports(SHIM) == set()


def test_no_allocation_symbol_of_glibc_is_forgotten():
    """A newer glibc may bring names that nobody here has thought of."""
    family = {n for n in bare(exports(loaded_path("libc.so")))
              if re.search(r"malloc|calloc|realloc|memalign|[pv]alloc$|"
                           r"^c?free($|_)|mallopt|mallinfo", n)}
    assert not family - GLIBC - HOOKS - C23 - \
        {"__sched_cpualloc", "_obstack_allocated_p"}


def test_every_operator_of_cplusplus_is_ours():
    assert len(OPERATORS) == 20
    assert OPERATORS - exports(SHIM) == set()


def test_every_operator_of_libstdcxx_is_ours():
    done = subprocess.run(["g++", "-print-file-name=libstdc++.so.6"],
                          capture_output=True, text=True, check=True)
    theirs = {n for n in bare(exports(done.stdout.strip()))
              if re.match(r"_Z(nw|na|dl|da)[mP]", n)}
    assert theirs
    assert theirs - exports(SHIM) == set()


def test_c23s_sized_frees_are_ours():
    assert C23 - exports(SHIM) == set()


def test_nothing_else_is_exported():
    allowed = mimalloc_names() | GLIBC | C23 | OPERATORS | OTHER | API
    assert exports(SHIM) - allowed == set()


def test_exports_carry_no_version():
    """A versioned malloc would not stand in for another's."""
    assert not {name for name in exports(SHIM) if "@" in name}


def test_the_shim_needs_libc_and_mimalloc_alone():
    done = subprocess.run(["readelf", "-d", SHIM], capture_output=True,
                          text=True, check=True)
    needed = set(re.findall(r"NEEDED.*\[(\S+?)\.so", done.stdout))
    assert needed <= {"libc", "libmimalloc", "ld-linux-x86-64",
                      "ld-linux-aarch64"}
    assert "libmimalloc" in needed


def test_the_loader_binds_every_caller_to_the_shim():
    """Not only the program's own malloc: libstdc++'s, ld.so's and libc's."""
    done = run_shimmed(["g++", "--version"], env={"LD_DEBUG": "bindings"})
    bindings = re.findall(r"binding file (\S+) .*? to (\S+) \[\d+\]: \w+ "
                          r"symbol `(\w+)'", done.stderr)
    wanted = GLIBC | OPERATORS
    strays = {(caller, to, name) for caller, to, name in bindings
              if name in wanted and to != str(SHIM)
              and "libmimalloc" not in caller and caller != str(SHIM)}
    # Before the shim itself is relocated, ld.so takes libc's for itself.
    strays = {s for s in strays if "ld-linux" not in s[0]}
    assert len(bindings) > 100
    assert not strays
