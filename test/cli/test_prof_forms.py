"""Profiles in the forms of other programs, field by field.

test/unit/tools/profile_write writes a made-up profile, which profile_made.h
describes, of a program that was built for it.  The numbers and names of the
fields are those that pprof's profile.proto and speedscope's schema publish:
none of our own code reads them here."""

import gzip
import json
import subprocess

import pytest

from conftest import BUILD

WRITER = BUILD / "test" / "unit" / "tools" / "profile_write"
PROGRAM = BUILD / "test" / "unit" / "tools" / "symbols_specimen_c"
TYPES = ["alloc_objects", "alloc_space", "inuse_objects", "inuse_space"]

# Message: number of a field: (name, type, is repeated).  "message.X" is one.
SCHEMA = {
    "Profile": {
        1: ("sample_type", "message.ValueType", True),
        2: ("sample", "message.Sample", True),
        3: ("mapping", "message.Mapping", True),
        4: ("location", "message.Location", True),
        5: ("function", "message.Function", True),
        6: ("string_table", "string", True),
        7: ("drop_frames", "int", False),
        8: ("keep_frames", "int", False),
        9: ("time_nanos", "int", False),
        10: ("duration_nanos", "int", False),
        11: ("period_type", "message.ValueType", False),
        12: ("period", "int", False),
        13: ("comment", "int", True),
        14: ("default_sample_type", "int", False),
    },
    "ValueType": {1: ("type", "int", False), 2: ("unit", "int", False)},
    "Sample": {
        1: ("location_id", "int", True),
        2: ("value", "int", True),
        3: ("label", "message.Label", True),
    },
    "Label": {
        1: ("key", "int", False),
        2: ("str", "int", False),
        3: ("num", "int", False),
        4: ("num_unit", "int", False),
    },
    "Mapping": {
        1: ("id", "int", False),
        2: ("memory_start", "int", False),
        3: ("memory_limit", "int", False),
        4: ("file_offset", "int", False),
        5: ("filename", "int", False),
        6: ("build_id", "int", False),
        7: ("has_functions", "int", False),
        8: ("has_filenames", "int", False),
        9: ("has_line_numbers", "int", False),
        10: ("has_inline_frames", "int", False),
    },
    "Location": {
        1: ("id", "int", False),
        2: ("mapping_id", "int", False),
        3: ("address", "int", False),
        4: ("line", "message.Line", True),
        5: ("is_folded", "int", False),
    },
    "Line": {1: ("function_id", "int", False), 2: ("line", "int", False)},
    "Function": {
        1: ("id", "int", False),
        2: ("name", "int", False),
        3: ("system_name", "int", False),
        4: ("filename", "int", False),
        5: ("start_line", "int", False),
    },
}
VARINT, BYTES = 0, 2


def varint(data, at):
    value, shift = 0, 0
    while True:
        value |= (data[at] & 0x7F) << shift
        shift += 7
        at += 1
        if not data[at - 1] & 0x80:
            return value, at


def varints(data):
    """A repeated field of numbers, packed as proto3 has it."""
    at, values = 0, []
    while at < len(data):
        value, at = varint(data, at)
        values.append(value)
    return values


def decode(message, data):
    """Protocol Buffers' bytes as a dict; missing fields have their default."""
    fields = SCHEMA[message]
    found = {name: [] if repeated else
             None if kind.startswith("message") else 0
             for name, kind, repeated in fields.values()}
    at = 0
    while at < len(data):
        tag, at = varint(data, at)
        name, kind, repeated = fields[tag >> 3]
        if tag & 7 == VARINT:
            assert kind == "int", name
            value, at = varint(data, at)
            values = [value]
        else:
            assert tag & 7 == BYTES, name
            length, at = varint(data, at)
            part, at = data[at:at + length], at + length
            assert len(part) == length, "cut short"
            if kind == "int":
                assert repeated, name
                values = varints(part)
            elif kind == "string":
                values = [part.decode()]
            else:
                values = [decode(kind.split(".")[1], part)]
        if repeated:
            found[name] += values
        else:
            found[name], = values
    return found


def written(form):
    return subprocess.run([WRITER, form], check=True, capture_output=True,
                          timeout=60).stdout


def told(name):
    """An address in the program's file, as the program tells it."""
    done = subprocess.run([PROGRAM], check=True, capture_output=True,
                          text=True, timeout=60)
    return int(dict(line.split() for line in done.stdout.splitlines())[name],
               16)


class Pprof:
    """A decoded profile, with its references followed."""

    def __init__(self, data):
        assert data[:2] == b"\x1f\x8b", "not gzipped"
        self.raw = decode("Profile", gzip.decompress(data))
        self.texts = self.raw["string_table"]
        self.functions = self.by_id("function")
        self.mappings = self.by_id("mapping")
        self.locations = self.by_id("location")

    def by_id(self, what):
        table = {entry["id"]: entry for entry in self.raw[what]}
        assert 0 not in table
        assert len(table) == len(self.raw[what]), "an id is there twice"
        return table

    def type_of(self, value_type):
        return (self.texts[value_type["type"]], self.texts[value_type["unit"]])

    def lines(self, location_id):
        """What stands at a location: names, the innermost first."""
        found = []
        for line in self.locations[location_id]["line"]:
            function = self.functions[line["function_id"]]
            found.append((self.texts[function["name"]],
                          self.texts[function["filename"]].split("/")[-1],
                          line["line"]))
        return found

    def stack(self, sample):
        return [name for location in sample["location_id"]
                for name, _, _ in self.lines(location) or [("?", "", 0)]]

    def labels(self, sample):
        return {self.texts[label["key"]]:
                self.texts[label["str"]] if label["str"] else
                (label["num"], self.texts[label["num_unit"]])
                for label in sample["label"]}


@pytest.fixture(scope="module", name="pprof")
def fixture_pprof():
    return Pprof(written("pprof"))


def test_pprof_has_the_types_of_a_heap_profile_of_go(pprof):
    assert [pprof.type_of(t) for t in pprof.raw["sample_type"]] == [
        ("alloc_objects", "count"), ("alloc_space", "bytes"),
        ("inuse_objects", "count"), ("inuse_space", "bytes")]
    assert pprof.texts[0] == ""
    assert pprof.texts[pprof.raw["default_sample_type"]] == "inuse_space"
    assert pprof.type_of(pprof.raw["period_type"]) == ("space", "bytes")
    assert pprof.raw["period"] == 4096
    assert pprof.raw["time_nanos"] == 1700000000
    assert pprof.raw["duration_nanos"] == 5 * 10**9


OUTER = ["specimen_inner", "specimen_middle", "specimen_outer"]


def test_pprof_has_a_sample_for_each_site_and_thread(pprof):
    found = [(pprof.stack(sample), sample["value"], pprof.labels(sample))
             for sample in pprof.raw["sample"]]
    kib = (1000, "bytes")
    assert [f for f in found if f[0] == OUTER + ["?"]] == [
        (OUTER + ["?"], [9, 9000, 0, 0], {"bytes": kib}),
        (OUTER + ["?"], [0, 0, 2, 2000],
         {"thread": "worker", "tid": "100", "bytes": kib}),
        (OUTER + ["?"], [0, 0, 1, 1000],
         {"thread": "101", "tid": "101", "bytes": kib}),
        (OUTER + ["?"], [0, 0, 1, 1000], {"bytes": kib})]
    spam = [f for f in found if f[0][0] == "spam"]
    assert spam == [(["spam", "specimen_plain"], [10, 500, 0, 0],
                     {"bytes": (50, "bytes")})]


def test_pprof_adds_up_to_the_sums_of_the_profile(pprof):
    sums = [sum(sample["value"][i] for sample in pprof.raw["sample"])
            for i in range(len(TYPES))]
    assert sums == [25, 10300, 10, 4800]


def test_pprof_says_what_is_missing_of_a_stack(pprof):
    stacks = [pprof.stack(sample) for sample in pprof.raw["sample"]]
    assert ["(no stack)"] in stacks
    assert ["specimen_plain", "(cut)"] in stacks
    assert ["(no room for more stacks)"] in stacks


def test_pprof_has_inlined_calls_in_one_location(pprof):
    location = next(i for i in pprof.locations if len(pprof.lines(i)) == 3)
    lines = pprof.lines(location)
    assert [name for name, _, _ in lines] == OUTER
    assert {file for _, file, _ in lines} == {"symbols_specimen.c"}
    assert all(line > 0 for _, _, line in lines)
    # The call itself, one below where it returns to.
    assert (pprof.locations[location]["address"]
            == told("inlined") - 1 + 0x555555554000)


def test_pprof_has_a_function_of_an_interpreted_language(pprof):
    spam = next(i for i in pprof.locations
                if pprof.lines(i) == [("spam", "eggs.py", 7)])
    assert pprof.locations[spam]["mapping_id"] == 0


def test_pprof_has_the_program_as_the_first_mapping(pprof):
    program, library = pprof.raw["mapping"]
    assert pprof.texts[program["filename"]] == str(PROGRAM)
    assert (program["memory_start"], program["memory_limit"]) == (
        0x555555555000, 0x555555557000)
    note = subprocess.run(["readelf", "-n", PROGRAM], check=True, text=True,
                          capture_output=True, timeout=60).stdout
    build_id = pprof.texts[program["build_id"]]
    assert len(build_id) == 40 and f"Build ID: {build_id}" in note
    has = ["has_functions", "has_filenames", "has_line_numbers",
           "has_inline_frames"]
    assert [program[flag] for flag in has] == [1, 1, 1, 1]
    assert pprof.texts[library["filename"]] == "/nowhere/libgone.so.1"
    assert [library[flag] for flag in has] == [0, 0, 0, 0]
    assert pprof.texts[library["build_id"]] == ""


def test_pprof_leaves_out_what_is_not_known(pprof):
    unknown, = [i for i in pprof.locations.values() if not i["line"]]
    assert unknown["address"] == 0x7F0000001234
    assert (pprof.texts[pprof.mappings[unknown["mapping_id"]]["filename"]]
            == "/nowhere/libgone.so.1")


def test_pprof_says_how_good_its_estimates_are(pprof):
    comments = "\n".join(pprof.texts[i] for i in pprof.raw["comment"])
    assert "estimates" in comments and "4.0 KiB" in comments
    # Normal at 48 and at 10 standard errors from 0, or nearly.
    assert ("inuse_space: 4.7 KiB; in 95 of 100 cases from 4.5 KiB to 4.9 KiB"
            in comments)
    assert ("alloc_space: 10.1 KiB; in 95 of 100 cases from 8.2 KiB to 12.2 KiB"
            in comments)
    assert "counted exactly: 4.9 KiB" in comments


def test_pprof_has_each_text_and_function_once(pprof):
    assert len(set(pprof.texts)) == len(pprof.texts)
    names = [(f["name"], f["system_name"], f["filename"])
             for f in pprof.raw["function"]]
    assert len(set(names)) == len(names)


@pytest.fixture(scope="module", name="speedscope")
def fixture_speedscope():
    return json.loads(written("speedscope"))


def test_speedscope_has_the_form_of_its_schema(speedscope):
    """What the schema requires, and nothing that it does not know."""
    assert (speedscope["$schema"]
            == "https://www.speedscope.app/file-format-schema.json")
    assert set(speedscope) <= {"$schema", "name", "exporter", "profiles",
                               "shared", "activeProfileIndex"}
    assert set(speedscope["shared"]) == {"frames"}
    frames = speedscope["shared"]["frames"]
    for frame in frames:
        assert isinstance(frame["name"], str) and frame["name"]
        assert isinstance(frame.get("file", ""), str)
        assert isinstance(frame.get("line", 0), int)
        assert set(frame) <= {"name", "file", "line", "col"}
    for profile in speedscope["profiles"]:
        assert set(profile) == {"type", "name", "unit", "startValue",
                                "endValue", "samples", "weights"}
        assert profile["type"] == "sampled"
        assert profile["unit"] == "bytes"
        assert len(profile["samples"]) == len(profile["weights"])
        assert profile["startValue"] == 0
        assert profile["endValue"] == sum(profile["weights"])
        for stack in profile["samples"]:
            assert all(0 <= i < len(frames) for i in stack)
    assert 0 <= speedscope["activeProfileIndex"] < len(speedscope["profiles"])


def test_speedscope_has_what_lives_and_what_was_asked_for(speedscope):
    live, total = speedscope["profiles"]
    frames = speedscope["shared"]["frames"]

    def stacks(profile):
        return {tuple(frames[i]["name"] for i in stack): weight
                for stack, weight in zip(profile["samples"],
                                         profile["weights"])}

    # The outermost call first; what has no name goes by its address.
    deep = ("libgone.so.1+0x1234", *reversed(OUTER))
    assert live["name"].startswith("live bytes")
    assert stacks(live) == {
        deep: 4000, ("(cut)", "specimen_plain"): 700,
        ("(no stack)",): 64, ("(no room for more stacks)",): 36}
    assert total["name"].startswith("total bytes")
    assert stacks(total) == {
        deep: 9000, ("specimen_plain", "spam"): 500,
        ("(cut)", "specimen_plain"): 700,
        ("(no stack)",): 64, ("(no room for more stacks)",): 36}


def test_speedscope_tells_lines_apart(speedscope):
    frames = [(f["name"], f.get("file", "").split("/")[-1], f.get("line"))
              for f in speedscope["shared"]["frames"]]
    assert len(set(frames)) == len(frames)
    assert ("spam", "eggs.py", 7) in frames
    assert speedscope["name"] == "made up"
