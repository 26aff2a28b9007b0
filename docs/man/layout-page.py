"""Turns docs/layout.md into the man page gcshim-layout(5).

    layout-page.py layout.md > gcshim-layout.5

Knows of Markdown what that page uses: headings, paragraphs, tables, lists,
indented code, and code, bold, emphasis and links within a line."""

import re
import sys
import textwrap

TOP = """.TH GCSHIM\\-LAYOUT 5 2026-11-22 gcshim
.nh
.ad l
.SH NAME
gcshim\\-layout \\- the bytes that a process under gcshim publishes
.SH DESCRIPTION
"""
BOTTOM = """.SH SEE ALSO
.BR gcshim\\-ctl (1),
.BR gcshim\\-stat (1),
.BR gcshim\\-top (1),
.BR shm_overview (7),
.BR gcshim (7)
"""
PAGE_COLUMNS = 71  # of 80, behind a man page's indentation
COLUMN_MOST = 22
LAST_COLUMN_LEAST = 24
BELOW = 8
WITHIN = re.compile(r"`(?P<code>[^`]+)`|\*\*(?P<bold>.+?)\*\*|"
                    r"\*(?P<emphasis>[^*\s][^*]*?)\*|"
                    r"\[(?P<link>[^]]+)\]\([^)]+\)")
ITEM = re.compile(r"(?P<mark>-|\d+\.) +(?P<text>.*)")


def plain(text):
    """Text that roff takes for nothing but text."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "".join(c if c.isascii() else f"\\[u{ord(c):04X}]" for c in text)


def guarded(line):
    """A line that begins like a request would be one."""
    return "\\&" + line if line[:1] in (".", "'") else line


def inline(text):
    """One paragraph's words, with their fonts."""
    out, at = [], 0
    for found in WITHIN.finditer(text):
        out.append(plain(text[at:found.start()]))
        kind = found.lastgroup
        font = {"code": "B", "bold": "B", "emphasis": "I", "link": "I"}[kind]
        words = found[kind].strip("`")
        out.append(f"\\f{font}{plain(words)}\\fP")
        at = found.end()
    out.append(plain(text[at:]))
    return guarded("".join(out))


def heading(line):
    marks, words = line.split(" ", 1)
    if len(marks) == 1:  # the page's own, which NAME tells already
        return []
    return [f".SH {plain(words.upper())}" if len(marks) == 2 else
            f".SS {plain(words)}"]


def cells(line):
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def bare(text):
    """Words without their fonts."""
    return WITHIN.sub(lambda found: found[found.lastgroup], text)


def row_lines(row, widths):
    """A row as a terminal of 80 columns has room for: what does not fit
    behind the columns before it goes on below them."""
    *short, last = row
    start = "  ".join(cell.ljust(width)
                      for cell, width in zip(short, widths)) + "  "
    room = PAGE_COLUMNS - len(start)
    is_in_line = all(len(cell) <= width for cell, width in zip(short, widths))
    if not last or is_in_line and len(last) <= room:
        return [(start + last).rstrip()]
    if is_in_line and room >= LAST_COLUMN_LEAST:
        wrapped = textwrap.wrap(last, room)
        return [start + wrapped[0]] + [" " * len(start) + line
                                       for line in wrapped[1:]]
    wrapped = textwrap.wrap(last, PAGE_COLUMNS - BELOW)
    return [start.rstrip()] + [" " * BELOW + line for line in wrapped]


def table(lines):
    """Drawn here and not by tbl, which would give the last column what the
    others leave, however little."""
    rows = [[bare(cell) for cell in cells(line)]
            for line in lines[:1] + lines[2:]]
    widths = [min(max(map(len, column)), COLUMN_MOST)
              for column in zip(*rows)]
    head, *drawn = (line for row in rows for line in row_lines(row, widths))
    return [".PP", ".nf", f"\\fB{plain(head)}\\fP",
            *(guarded(plain(line)) for line in drawn), ".fi"]


def block(lines):
    """The lines between two empty ones."""
    first = lines[0]
    item = ITEM.match(first)
    if first.startswith("#"):
        return heading(first)
    if first.startswith("|"):
        return table(lines)
    if first.startswith("    "):
        return [".PP", ".RS 2", ".nf", *(inline(line[4:]) for line in lines),
                ".fi", ".RE"]
    if item:
        return items(lines)
    return [".PP", inline(" ".join(line.strip() for line in lines))]


def items(lines):
    out, words = [], []
    for line in [*lines, "- "]:
        item = ITEM.match(line)
        if item and words:
            out.append(inline(" ".join(words)))
        if item:
            mark = "\\(bu" if item["mark"] == "-" else item["mark"]
            out.append(f".IP {mark} 4")
            words = [item["text"]]
        else:
            words.append(line.strip())
    return out[:-1]


def blocks(text):
    lines = []
    for line in [*text.splitlines(), ""]:
        if line.strip():
            lines.append(line)
        elif lines:
            yield lines
            lines = []


def main():
    with open(sys.argv[1], encoding="utf-8") as page:
        text = page.read()
    sys.stdout.write(TOP)
    before = ".SH"
    for lines in blocks(text):
        out = block(lines)
        if out and out[0] == ".PP" and before.startswith(".S"):
            out = out[1:]
        before = out[-1] if out else before
        print("\n".join(out))
    sys.stdout.write(BOTTOM)


main()
