"""What became of every file that others ship: a row for each, which docs/formats.md lists and which must not change unseen.

The scripts beside this one record the rows. The last part of docs/formats.md has a table for each script, between two comments that
name it. A script that finds other rows than stand there prints those that differ, and fails; with --write it writes the table anew.
"""

import gzip
import json
import os
import pathlib
import subprocess
import sys
from collections import Counter

FORMATS = pathlib.Path(__file__).parents[2] / "docs" / "formats.md"
WRITE = "--write"

# What a file leaves open, as a refusal asks for it; what answers it in the environment, and in the commands of rl4seg.
QUESTIONS = [
    ("third axis", "AXIS", {"depth": "--third-axis depth", "time": "--third-axis time"}),
    ("PixelSpacing (0028,0030) is missing", "SPACING", {"1 1": "--spacing 1 1"}),
]


def shipped(package, *folders):
    """Name and path of every file in these folders of an installed package, but for its code."""
    root = pathlib.Path(package.__file__).parent
    for folder in folders:
        for path in sorted((root / folder).rglob("*")):
            is_code = path.suffix in {".py", ".pyc"} or path.name.startswith(".")
            if path.is_file() and not is_code:
                yield f"{root.name}/{path.relative_to(root).as_posix()}", path


def unpacked(path, folder):
    """What a gzip file holds, as a file in this folder; nothing if it is none."""
    packed = path.read_bytes()
    if packed[:2] != b"\x1f\x8b":
        return None
    target = folder / path.stem
    target.write_bytes(gzip.decompress(packed))
    return target


def read(program, path, values, told):
    """The images, or refusals, that rl4seg finds in a file or folder."""
    environment = {name: value for name, value in os.environ.items() if name not in {"AXIS", "SPACING"}}
    answer = subprocess.run([program, path, values], capture_output=True, encoding="utf-8", env={**environment, **told})
    if answer.returncode != 0:
        return [{"crashed": answer.stderr.strip()[-200:]}]
    return [json.loads(line) for line in answer.stdout.splitlines()] or [{"refused": "no image"}]


def read_as_asked(program, path, values, third_axis):
    """What rl4seg finds where it is told all that it asks for, and what that is."""
    answers, told, settings = {"AXIS": third_axis, "SPACING": "1 1"}, {}, []
    while True:
        found = read(program, path, values, told)
        refusal = found[0].get("refused", "") if len(found) == 1 else ""
        asked = [(name, options) for words, name, options in QUESTIONS if words in refusal and name not in told]
        if not asked:
            return found, settings
        name, options = asked[0]
        told[name] = answers[name]
        settings.append(options[answers[name]])


def reason(refusal, path):
    """A refusal on one line, without the folder that the file is in and without its name."""
    text = " ".join(refusal.split()).replace(f"{path.parent}/", "").removeprefix(f"{path.name}: ")
    # Which formats are read stands at the beginning of docs/formats.md.
    return text.split("; expected NIfTI, DICOM")[0]


def cell(text):
    """Text as it is, with nothing in it that Markdown takes for a border, a tag or a link."""
    return text.replace("|", "\\|").replace("<", "&lt;").replace("](", "] (")


class Verdicts:
    """The rows of one script."""

    def __init__(self, script):
        self.script = pathlib.Path(script).name
        self.rows = {}

    def add(self, name, verdict, settings=(), why=""):
        """What became of a file of this name."""
        assert name not in self.rows, f"{name} twice"
        told = ", ".join(f"`{setting}`" if setting.startswith("--") else setting for setting in settings)
        self.rows[name] = f"| `{name}` | {cell(verdict)} | {told} | {cell(why)} |"

    def count(self, verdict):
        return sum(row.split(" | ")[1] == verdict for row in self.rows.values())

    def settle(self, rewrite):
        """How many rows differ from those of docs/formats.md, which are printed; none where the table is written anew."""
        text = FORMATS.read_text(encoding="utf-8")
        begin, end = f"<!-- verdicts of {self.script}, which writes them with {WRITE} -->\n", f"<!-- end of {self.script} -->\n"
        before, rest = text.split(begin)
        old, after = rest.split(end)
        found = [self.rows[name] for name in sorted(self.rows)]
        new = "\n".join(["", self.summary(), "", "| file | verdict | told | why |", "|---|---|---|---|", *found, "", ""])
        if rewrite:
            FORMATS.write_text(f"{before}{begin}{new}{end}{after}", encoding="utf-8")
        if rewrite or new == old:
            return 0
        listed = [line for line in old.splitlines() if line.startswith("| `")]
        differing = [f"- {row}" for row in listed if row not in found] + [f"+ {row}" for row in found if row not in listed]
        print(f"docs/formats.md does not list what is found by {self.script}, which writes it anew with {WRITE}; - there, + now:")
        # A file's two rows one after the other.
        differing.sort(key=lambda row: (row[2:].split(" | ")[0], row[0] == "+"))
        print("\n".join(differing or ["the same rows in other words or order"]))
        return len(differing) or 1

    def summary(self):
        """How many files there are of each verdict."""
        counts = Counter(row.split(" | ")[1] for row in self.rows.values())
        return f"{len(self.rows)} files: " + ", ".join(f"{count} *{verdict}*" for verdict, count in sorted(counts.items())) + "."


def arguments():
    """What a script was called with, and whether the table is written anew."""
    given = sys.argv[1:]
    return [word for word in given if word != WRITE], WRITE in given
