"""gcshim-plot: pictures show what was recorded, and nothing in a recording
acts."""

import html.parser
import json
import re
import subprocess
import xml.etree.ElementTree as ElementTree

import pytest

from conftest import plain_env, run_tool

MIB = 1 << 20
GC = ("import gc, time\n"
      "held = bytearray(100 << 20)\n"
      "class Node: pass\n"
      "for step in range(4):\n"
      "    node = Node(); node.me, node.load = node, bytearray(5 << 20)\n"
      "    del node; gc.collect(); time.sleep(0.1)\n")


def plot(*args, **kwargs):
    return run_tool("gcshim-plot", *args, **kwargs)


@pytest.fixture(name="recording", scope="module")
def a_recording(tmp_path_factory):
    """Of a Python program that uses a little more than 100 MiB, and frees 5
    MiB with each of four collections."""
    path = tmp_path_factory.mktemp("plot") / "run.jsonl"
    done = run_tool("gcshim-record", "-q", "-i", "0.01", "-o", path,
                    "--gc=observe", "--", "/usr/bin/python3", "-c", GC)
    assert done.returncode == 0, done.stderr
    return path


def lines_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def changed(path, target, change):
    """A copy of a recording, each of its lines changed as a document."""
    with target.open("w") as file:
        for line in lines_of(path):
            change(line)
            file.write(json.dumps(line) + "\n")
    return target


def texts_of(path):
    """All texts of a picture, which must be a whole SVG document."""
    root = ElementTree.parse(path).getroot()
    assert root.tag.endswith("svg")
    return [" ".join("".join(node.itertext()).split())
            for node in root.iter() if node.tag.endswith("}text")]


def bytes_of(text):
    number, unit = text.split()
    return float(number) * 1024 ** ["B", "KiB", "MiB", "GiB"].index(unit)


def drawn(*args, tmp_path, name="picture.svg"):
    out = tmp_path / name
    done = plot(*args, "-o", out)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return out


# ---------------------------------------------------------------- pictures

def test_the_picture_tells_figures_collections_and_the_verdict(recording,
                                                               tmp_path):
    texts = texts_of(drawn(recording, tmp_path=tmp_path))
    for text in ("used", "allocated", "resident", "RSS", "GC", "verdict",
                 "collection"):
        assert text in texts, texts
    peak = max(line["used_max_bytes"] for line in lines_of(recording)
               if line["kind"] == "sample")
    assert f"most used {peak / MIB:.1f} MiB" in texts
    assert any(re.fullmatch(r"5\.\d MiB", text) for text in texts)
    assert "100 MiB" in texts and "0" in texts
    assert re.match(r"python3 -c import gc, time.* \(pid \d+\)", texts[-2]) \
        or any(re.match(r"python3 -c .*\(pid \d+\)", text) for text in texts)
    assert any("exited with status 0" in text for text in texts)


def test_size_classes_are_a_picture_of_their_own(recording, tmp_path):
    texts = texts_of(drawn(recording, "--classes", "--top", "3",
                           tmp_path=tmp_path))
    assert "others" in texts and "blocks of" in texts
    assert "in use" in texts
    classes = [line["size_classes"] for line in lines_of(recording)
               if line["kind"] == "classes"]
    room = {}
    for size in (entry for some in classes for entry in some):
        room[size["block_size"]] = max(
            room.get(size["block_size"], 0),
            size["block_size"] * size["reserved_blocks"])
    named = texts[texts.index("blocks of") + 1:][:4]
    assert named[0] == "others"
    of_named = [max(bytes for size, bytes in room.items()
                    if abs(size - bytes_of(name)) <= 0.05 * size)
                for name in named[1:]]
    assert sorted(of_named) == sorted(room.values())[-3:]


def test_two_recordings_are_compared_in_one_picture(recording, tmp_path):
    def halve(line):
        if line["kind"] == "sample":
            for name in ("used_bytes", "used_max_bytes", "used_min_bytes"):
                line[name] //= 2
        if line["kind"] == "process":
            line["command"] = "the other"
    other = changed(recording, tmp_path / "other.jsonl", halve)
    texts = texts_of(drawn(recording, other, tmp_path=tmp_path))
    for text in ("A used", "A allocated", "B used", "B allocated", "A GC",
                 "A verdict", "B verdict"):
        assert text in texts, texts
    assert any(text.startswith("B: the other (pid ") for text in texts)
    peak = {text[0]: float(text.split()[1]) for text in texts
            if re.fullmatch(r"[AB] [\d.]+ MiB", text)}
    assert abs(peak["A"] - 2 * peak["B"]) < 0.2


def test_a_long_recording_is_a_small_picture(recording, tmp_path):
    head, *_ = lines_of(recording)
    sample = next(line for line in lines_of(recording)
                  if line["kind"] == "sample")
    long = tmp_path / "long.jsonl"
    with long.open("w") as file:
        file.write(json.dumps(head) + "\n")
        for second in range(10000):
            sample["time_s"] = second
            sample["used_max_bytes"] = (900 if second == 4321 else 10) * MIB
            file.write(json.dumps(sample) + "\n")
    out = drawn(long, tmp_path=tmp_path)
    assert out.stat().st_size < 200000
    texts = texts_of(out)
    assert "most used 900.0 MiB" in texts
    assert "60 min" in texts


# ------------------------------------------------------------------- pages

class Dom(html.parser.HTMLParser):
    """What a browser makes of a page: its texts, and some of its parts."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.figures, self.texts, self.drawn = {}, [], []
        self.inside = None
        self.tags = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.inside = tag
        self.tags.append((tag, attributes))
        if tag == "dd":
            self.figures.setdefault(attributes["data-name"],
                                    []).append(attributes["data-value"])

    def handle_data(self, data):
        if self.inside == "text":
            self.drawn.append(data)
        if self.inside not in ("script", "style") and data.strip():
            self.texts.append(" ".join(data.split()))

    def handle_endtag(self, tag):
        self.inside = None


def browsed(page, where="", tmp_path=None):
    """The page's DOM after its script has run in a browser, which must have
    had nothing to complain of: neither a mistake, nor anything fetched, which
    the page's own policy forbids."""
    done = subprocess.run(
        ["chromium", "--headless", "--no-sandbox", "--disable-gpu",
         f"--user-data-dir={tmp_path / 'profile'}", "--window-size=1200,900",
         "--disable-background-networking", "--disable-component-update",
         "--enable-logging=stderr", "--dump-dom", f"file://{page}{where}"],
        env=plain_env(), capture_output=True, text=True, timeout=120,
        check=False)
    assert done.returncode == 0, done.stderr
    assert "CONSOLE" not in done.stderr, done.stderr
    return Dom(done.stdout)


@pytest.fixture(name="page", scope="module")
def a_page(recording):
    page = recording.parent / "run.html"
    done = plot(recording, "-o", page)
    assert (done.returncode, done.stderr) == (0, "")
    return page


def test_the_page_shows_the_figures_of_the_moment(recording, page, tmp_path):
    samples = [line for line in lines_of(recording)
               if line["kind"] == "sample"]
    sample = samples[len(samples) // 2]
    dom = browsed(page, f"#t={sample['time_s'] - 0.0001}", tmp_path)
    assert len(dom.figures) > 20
    for name, (value,) in dom.figures.items():
        recorded = sample[name]
        assert value == ("null" if recorded is None else str(recorded)), name
    known = {name for name in sample if name in dom.figures}
    assert {"used_bytes", "allocated_bytes", "resident_bytes", "rss_bytes",
            "fragmented_bytes", "gc_collections_2", "thread_count"} <= known


def test_the_page_draws_curves_marks_and_classes(recording, page, tmp_path):
    dom = browsed(page, "", tmp_path)
    paths = [a for tag, a in dom.tags if tag == "path"]
    curves = [p for p in paths if p.get("fill") == "none"]
    assert len(curves) == 4
    assert all(re.match(r"M[\d.]+,[\d.]+L", p["d"]) for p in curves)
    events = [line for line in lines_of(recording) if line["kind"] == "gc"]
    assert len([p for p in paths if p.get("class") == "mark"]) == len(events)
    for text in ("GC", "verdict", "in use", "used", "allocated", "resident",
                 "others", "No moment is chosen."):
        assert text in dom.texts, dom.texts
    assert "NaN" not in " ".join(p["d"] for p in paths)


def acted(page, script, tmp_path):
    """The DOM after somebody has done something on the page."""
    copy = tmp_path / "acted.html"
    copy.write_text(page.read_text().replace(
        "</body>", f"<script>{ACT}{script}</script></body>"))
    return browsed(copy, "", tmp_path)


# A pointer at so many parts of the width of the curves, and a key.
ACT = """
const svg = () => document.querySelector("#curves svg");
function point(type, share) {
  const box = svg().getBoundingClientRect();
  const event = new PointerEvent(type, { bubbles: true, pointerId: 1,
    clientX: box.left + 78 * box.width / 1080 +
      share * (box.width - 92), clientY: box.top + 50 });
  svg().dispatchEvent(event);
}
const key = name => svg().dispatchEvent(
  new KeyboardEvent("keydown", { key: name, bubbles: true }));
SVGElement.prototype.setPointerCapture = () => {};
"""


def tics_of(dom):
    return [text for text in dom.drawn if re.fullmatch(r"[\d.]+ s", text)]


def test_pointing_reads_a_moment(recording, page, tmp_path):
    dom = acted(page, 'point("pointermove", 0.5);', tmp_path)
    at = [s["time_s"] for s in lines_of(recording) if s["kind"] == "sample"
          and str(s["used_bytes"]) == dom.figures["used_bytes"][0]]
    end = lines_of(recording)[-1]["time_s"]
    assert any(0.4 * end < time < 0.6 * end for time in at)


def test_dragging_looks_closer_and_escape_shows_all_again(page, tmp_path):
    drag = 'point("pointerdown", 0.2); point("pointermove", 0.3);' \
        'point("pointerup", 0.3);'
    whole = tics_of(browsed(page, "", tmp_path))
    closer = tics_of(acted(page, drag, tmp_path))
    assert max(map(float, (t[:-2] for t in closer))) \
        < max(map(float, (t[:-2] for t in whole))) / 2
    again = acted(page, drag + 'key("Escape");', tmp_path)
    assert tics_of(again) == whole


def test_arrow_keys_move_from_sample_to_sample(recording, page, tmp_path):
    samples = [line for line in lines_of(recording)
               if line["kind"] == "sample"]
    dom = acted(page, 'key("ArrowRight"); key("ArrowRight");'
                'key("ArrowRight"); key("ArrowLeft");', tmp_path)
    assert dom.figures["allocated_total_bytes"] \
        == [str(samples[2]["allocated_total_bytes"])]


def test_a_box_takes_a_curve_away(page, tmp_path):
    dom = acted(page, 'document.querySelector("#series input").click();',
                tmp_path)
    curves = [a for tag, a in dom.tags if tag == "path"
              and a.get("fill") == "none"]
    assert len(curves) == 3
    assert "var(--a)" not in [curve["stroke"] for curve in curves]


def test_a_page_can_be_linked_to_closer_up(page, tmp_path):
    dom = browsed(page, "#from=0.1&to=0.2", tmp_path)
    assert "0.10 s" in dom.texts and "0.20 s" in dom.texts
    assert "0.30 s" not in dom.texts


@pytest.mark.parametrize("where", ["#t=nonsense&from=9&to=1", "#t=1e999",
                                   "#from=-5&to=1e9", "#%%%"])
def test_a_link_that_is_broken_does_no_harm(where, page, tmp_path):
    dom = browsed(page, where, tmp_path)
    assert "verdict" in dom.texts
    assert not dom.figures
    assert "0" in dom.drawn


def test_without_javascript_there_is_a_summary_and_a_table(recording, page):
    dom = Dom(page.read_text())
    text = " ".join(dom.texts)
    peak = max(line["used_max_bytes"] for line in lines_of(recording)
               if line["kind"] == "sample")
    assert f"Used was at most {peak / MIB:.1f} MiB, " in text
    events = [line for line in lines_of(recording) if line["kind"] == "gc"]
    assert f"{len(events)} garbage collections freed 2" in text
    assert len([tag for tag, _ in dom.tags if tag == "tr"]) == len(events) + 1


def test_the_page_needs_nothing_but_itself(page):
    text = page.read_text()
    assert "default-src 'none'" in text
    assert not re.search(r"\b(src|href)\s*=", text)
    assert set(re.findall(r"https?://[^\"' ]+", text)) \
        == {"http://www.w3.org/2000/svg"}
    assert "prefers-color-scheme: dark" in text


def test_two_recordings_are_compared_on_one_page(recording, tmp_path):
    def double(line):
        if line["kind"] == "sample":
            line["used_bytes"] *= 2
    other = changed(recording, tmp_path / "other.jsonl", double)
    page = drawn(recording, other, tmp_path=tmp_path, name="both.html")
    dom = browsed(page, "#t=0.2", tmp_path)
    ours, others = map(int, dom.figures["used_bytes"])
    assert others == 2 * ours
    for text in ("A used", "B used", "A GC", "B verdict"):
        assert text in dom.texts
    curves = [a for tag, a in dom.tags if tag == "path"
              and a.get("fill") == "none"]
    assert len({(a["stroke"], a["stroke-dasharray"]) for a in curves}) == 4


# ------------------------------------------------------------ what is hostile

EVIL = ("'; system('touch pwned'); print '", "`touch pwned`",
        "$(touch pwned)", "\\\"'; set output 'pwned'", "@x{/a^b_c}",
        "</text><script>alert(1)</script>", "END_OF_POINTS", "%s%n")


@pytest.mark.parametrize("evil", EVIL)
def test_a_name_does_not_act_in_gnuplot_and_stands_as_it_is(
        evil, recording, tmp_path):
    def rename(line):
        if line["kind"] == "process":
            line["comm"] = line["command"] = evil
    copy = changed(recording, tmp_path / "evil.jsonl", rename)
    for args in ([copy], [copy, "--classes"], [copy, recording]):
        out = tmp_path / "picture.svg"
        done = plot(*args, "-o", out, cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
        assert any(evil in text for text in texts_of(out))
        assert "<script" not in out.read_text()
    assert not (tmp_path / "pwned").exists()


def test_a_name_does_not_act_on_a_page_and_stands_as_it_is(recording,
                                                           tmp_path):
    evil = "</script><img src=x onerror=alert(1)><!--&amp;\"'\\{{DATA}}"
    def rename(line):
        if line["kind"] == "process":
            line["comm"] = "<b>&\"'"
            line["command"] = evil
        if line["kind"] == "sample":
            line["evidence"] = "<script>alert(2)</script>"
        if line["kind"] == "gc":
            line["runtime"] = "</script>"
    copy = changed(recording, tmp_path / "evil.jsonl", rename)
    page = drawn(copy, tmp_path=tmp_path, name="evil.html")
    dom = browsed(page, "#t=0.2", tmp_path)
    tags = [tag for tag, _ in dom.tags]
    assert tags.count("script") == 2
    assert "img" not in tags and "b" not in tags
    assert any(text.startswith(evil + " (pid ") for text in dom.texts)
    assert any(evil in text and " s, " in text for text in dom.texts)


def test_the_users_own_gnuplot_settings_change_nothing(recording, tmp_path):
    (tmp_path / ".gnuplot").write_text("set terminal dumb\n")
    out = tmp_path / "picture.svg"
    assert plot(recording, "-o", out, env={"HOME": str(tmp_path)},
                cwd=tmp_path).returncode == 0
    assert texts_of(out)


# ---------------------------------------------------------------- failures

def test_without_gnuplot_there_is_one_line(recording, tmp_path):
    out = tmp_path / "picture.svg"
    out.write_text("as it was")
    done = plot(recording, "-o", out, env={"PATH": str(tmp_path)})
    assert done.returncode == 1
    assert done.stderr == "gcshim-plot: there is no gnuplot, which draws " \
        ".svg: install gnuplot-nox, or ask for .html\n"
    assert out.read_text() == "as it was"


def test_a_gnuplot_that_fails_is_told_of(recording, tmp_path):
    fake = tmp_path / "gnuplot"
    fake.write_text("#!/bin/sh\necho 'no terminal' >&2\nexit 1\n")
    fake.chmod(0o755)
    done = plot(recording, "-o", tmp_path / "p.svg",
                env={"PATH": f"{tmp_path}:/usr/bin:/bin"})
    assert (done.returncode, done.stderr) \
        == (1, "gcshim-plot: gnuplot: no terminal\n")


@pytest.mark.parametrize("text, says", [
    ("", "is not a recording of gcshim"),
    ("GIF89a\n", "is not a recording of gcshim"),
    ('{"kind":"recording","format_version":7}\n',
     "has format version 7, not 1"),
    ('{"kind":"recording","format_version":1}\n', "holds no sample"),
    ('{"kind":"recording","format_version":1}\nnonsense\n',
     "line 2: is no JSON object")])
def test_what_is_no_recording_is_one_line(text, says, tmp_path):
    path = tmp_path / "r.jsonl"
    path.write_text(text)
    for name in ("p.svg", "p.html"):
        done = plot(path, "-o", tmp_path / name)
        assert (done.returncode, done.stderr) \
            == (1, f"gcshim-plot: {path} {says}\n")
    assert not (tmp_path / "p.svg").exists()


def test_a_picture_that_cannot_be_written_is_told_of(recording):
    done = plot(recording, "-o", "/no/such/place.svg")
    assert (done.returncode, done.stderr) == (
        1, "gcshim-plot: /no/such/place.svg: No such file or directory\n")


@pytest.mark.parametrize("args, says", [
    ([], "no recording"), (["a"], "-o"), (["a", "-o", "a.png"], "'a.png'"),
    (["a", "b", "c", "-o", "x.svg"], "'c' is too much"),
    (["--top", "0", "a", "-o", "x.svg"], "--top: '0'"),
    (["--classes", "a", "-o", "x.html"], "--classes is for .svg"),
    (["--classes", "a", "b", "-o", "x.svg"], "--classes is of one"),
    (["--nonsense"], "nonsense")])
def test_a_mistake_is_one_line_and_status_2(args, says):
    done = plot(*args)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert says in done.stderr


def test_help_and_version_go_to_stdout():
    done = plot("--help")
    assert (done.returncode, done.stderr) == (0, "")
    for option in ("--output", "--classes", "--top"):
        assert option in done.stdout
    assert plot("-V").stdout.startswith("gcshim-plot (gcshim) 0.")
