"""docs/layout.md and gcshim-layout(5) say of the bytes of a segment what
include/gcshim/layout.h does."""

import re
import subprocess

import pytest

from conftest import BUILD, ROOT

PAGE = (ROOT / "docs" / "layout.md").read_text(encoding="utf-8")
HEADER = (ROOT / "include/gcshim/layout.h").read_text(encoding="utf-8")
# What the words before a table call a structure, where that is not its name.
STRUCTURES = {"huge block": "huge", "point of the history": "point",
              "collections": "gc", "event": "gc_event"}
TYPES = {"u8": 1, "u32": 4, "u64": 8, "f64": 8, "char": 1,
         "counters": "sizeof(struct gcshim_counters)",
         "section": "sizeof(struct gcshim_section)",
         "count": "sizeof(struct gcshim_count)",
         "class": "sizeof(struct gcshim_class)"}
TABLE_OF = re.compile(r"^(?:#+ )?(?:An? |The )?([A-Za-z ]+?)"
                      r"(?:,| is) (\d+) bytes", re.M)
ROW = re.compile(r"^\| (\d+) \| ([a-z]\w*)(?:\[(\d+)\])? \| ([a-z]\w*) \|",
                 re.M)


def structure(words):
    words = words.lower()
    return "gcshim_" + STRUCTURES.get(words, words)


def described():
    """(structure, its bytes, [(offset, type, count, field)]) of each table
    of fields in docs/layout.md."""
    places = list(TABLE_OF.finditer(PAGE))
    ends = [place.start() for place in places[1:]] + [len(PAGE)]
    tables = [(structure(place[1]), int(place[2]),
               ROW.findall(PAGE, place.end(), end))
              for place, end in zip(places, ends)]
    return [table for table in tables if table[2]]


def declared():
    """The fields of each structure of layout.h, reserved room left out."""
    text = re.sub(r"/\*.*?\*/", "", HEADER, flags=re.S)
    text = re.sub(r"alignas\(\w+\)", "", text)
    found = {}
    for name, body in re.findall(r"^struct (\w+) \{\n(.*?)^\};", text,
                                 re.M | re.S):
        names = re.findall(r"(\w+)(?:\[[^]]*\])?[,;]", body)
        found[name] = [n for n in names if not n.startswith("reserved")
                       or n == "reserved_blocks"]
    return found


def constants(*expressions):
    """What the compiler makes of them."""
    lines = "".join(f'printf("%zu\\n", (size_t)({e}));\n'
                    for e in expressions)
    program = BUILD / "layout-constants"
    try:
        subprocess.run(
            ["gcc", "-x", "c", "-o", program, "-", f"-I{ROOT / 'include'}"],
            input="#include <gcshim/layout.h>\n#include <stdio.h>\n"
                  f"int main(void)\n{{\n{lines}return 0;\n}}\n",
            text=True, check=True)
        done = subprocess.run([program], capture_output=True, text=True,
                              check=True)
    finally:
        program.unlink(missing_ok=True)
    return [int(number) for number in done.stdout.split()]


def test_every_structure_has_its_table():
    told = {name for name, _, _ in described()}
    # A section and the counters are told of in a sentence.
    assert told | {"gcshim_section", "gcshim_counters"} == \
        set(declared()) - {"gcshim_segment"}


@pytest.mark.parametrize("name, size, rows", described(),
                         ids=[table[0] for table in described()])
def test_a_table_has_the_offsets_and_sizes_of_the_fields(name, size, rows):
    fields = [row[3] for row in rows]
    assert fields == declared()[name]
    kind = f"struct {name}"
    # The header has its pages to itself.
    wanted = ["offsetof(struct gcshim_segment, slots)"
              if name == "gcshim_header" else f"sizeof({kind})"]
    for _, type_, count, field in rows:
        wanted += [f"offsetof({kind}, {field})",
                   f"sizeof((({kind} *)0)->{field})",
                   f"{TYPES[type_]} * {count or 1}"]
    whole, *each = constants(*wanted)
    assert whole == size
    for row, offset, bytes_, told in zip(rows, each[::3], each[1::3],
                                         each[2::3]):
        assert (offset, bytes_) == (int(row[0]), told), row


def test_the_table_of_sections_has_their_kinds_and_sizes():
    rows = re.findall(r"^\| (\d+) \| [a-z ]+ \| (\d+) \| (\d+) \|", PAGE,
                      re.M)
    kinds = re.findall(r"GCSHIM_SECTION_\w+ = (\d+),", HEADER)
    assert [row[0] for row in rows] == kinds[1:]  # 0 is none
    tables = [line.split() for line in re.findall(
        r"alignas\(GCSHIM_HEADER_BYTES\) (?:_Atomic |struct )?\w+\s+(\w+)",
        HEADER)][1:]
    whole = [f"sizeof(((struct gcshim_segment *)0)->{name})"
             for name, in tables]
    sizes = constants(*whole)
    for (_, entry_bytes, entries), size in zip(rows, sizes):
        assert int(entry_bytes) * int(entries) == size
    assert len(rows) == len(sizes)


def test_the_man_page_has_every_row_of_every_table():
    page = BUILD / "docs" / "gcshim-layout.5"
    done = subprocess.run(["mandoc", "-T", "ascii", "-O", "width=78", page],
                          capture_output=True, text=True, check=True)
    text = re.sub(r".\x08", "", done.stdout)
    for name, _, rows in described():
        for offset, type_, count, field in rows:
            shown = f"{type_}[{count}]" if count else type_
            assert re.search(rf"^ +{offset} +{re.escape(shown)} +{field}\b",
                             text, re.M), (name, field)
    assert max(map(len, text.splitlines())) <= 80


def test_the_man_page_has_every_sentence():
    """Word by word, whatever the lines: fonts, links and tables left out."""
    page = BUILD / "docs" / "gcshim-layout.5"
    done = subprocess.run(["mandoc", "-T", "utf8", "-O", "width=1000", page],
                          capture_output=True, text=True, check=True)
    shown = re.sub(r".\x08", "", done.stdout).split()
    body = "\n".join(line for line in PAGE.splitlines()
                     if not line.startswith(("|", "#")))
    body = re.sub(r"\[([^]]+)\]\([^)]+\)", r"\1", body)
    body = re.sub(r"[`*]|^(?:-|\d+\.) ", "", body, flags=re.M)
    left = iter(shown)
    for word in body.replace("*", "").split():
        assert word in left, word  # each behind the one before it


def test_the_page_knows_how_long_the_file_is():
    told = int(re.search(r"The file is sparse: (\d+) MiB long", PAGE)[1])
    assert told == constants("sizeof(struct gcshim_segment)")[0] >> 20
