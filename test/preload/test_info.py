"""glibc's windows onto malloc tell of the memory that programs really get."""

import xml.etree.ElementTree as ElementTree

from conftest import PROGRAMS, run_shimmed

INFO = PROGRAMS / "info"


def printed():
    done = run_shimmed([INFO, "print"])
    assert done.returncode == 0, done.stderr
    return done


def number(element, tag, type_):
    return {k: int(v) for k, v in
            element.find(f"{tag}[@type='{type_}']").attrib.items()
            if k != "type"}


def test_they_agree_with_what_the_program_knows():
    done = run_shimmed([INFO])
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_malloc_info_has_glibcs_form():
    root = ElementTree.fromstring(printed().stdout)
    assert (root.tag, root.get("version")) == ("malloc", "1")
    assert [e.tag for e in root] == ["heap", "total", "total", "total",
                                     "system", "system", "aspace", "aspace"]
    heap = root.find("heap")
    assert [e.tag for e in heap] == ["sizes", "total", "total", "system",
                                     "system", "aspace", "aspace"]
    assert number(root, "total", "mmap") == {"count": 1, "size": 3 << 20}
    assert number(root, "system", "max")["size"] >= \
        number(root, "system", "current")["size"] > 20 << 20


def test_malloc_info_tells_the_free_blocks_of_each_size():
    root = ElementTree.fromstring(printed().stdout)
    sizes = root.find("heap/sizes")
    size = next(s for s in sizes if int(s.get("from")) <= 1000
                <= int(s.get("to")))
    assert int(size.get("count")) >= 18750
    assert int(size.get("total")) == \
        int(size.get("count")) * int(size.get("to"))
    ends = [(int(s.get("from")), int(s.get("to"))) for s in sizes]
    assert all(low <= high for low, high in ends)
    assert all(a[1] < b[0] for a, b in zip(ends, ends[1:]))
    assert number(root.find("heap"), "total", "rest")["count"] == \
        sum(int(s.get("count")) for s in sizes)


def test_malloc_stats_has_glibcs_form():
    lines = printed().stderr.splitlines()
    names = [line.split("=")[0].strip() for line in lines]
    assert names == ["Arena 0:", "system bytes", "in use bytes",
                     "Total (incl. mmap):", "system bytes", "in use bytes",
                     "max mmap regions", "max mmap bytes"]
    values = [int(line.split("=")[1]) for line in lines if "=" in line]
    assert values[0] >= values[1] and values[2] >= values[3]
    assert values[4:] == [1, 3 << 20]
