#!/usr/bin/env python3
"""Runs docs/src/tutorial.md: every block of sh and python, in order, in a temporary folder.

    AMC=target/release/amc docs/run_tutorial.py [--slow] [--without-new] [--compare] [--keep]

A block that ends with an error fails the run; with --compare, so does a line of text shown after a block that the block does
not print. (Lines are compared up to "..."; digits are those of AVX2 or AVX-512.) Files come from docs/src/tutorial/; where the text shows one
(after the comment <!-- file: NAME -->), the two must be equal. A comment before a block says more:

    <!-- slow -->     takes minutes: run with --slow only
    <!-- new -->      left out by --without-new, for programs that lack the command
    <!-- needs: X --> python that imports X: left out, and said so, where X is missing; AMC_DOCS_PYTHON=1 in the
                      environment forbids that
"""
import argparse
import importlib.util
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

DOCS = pathlib.Path(__file__).resolve().parent
TEXT = DOCS / "src" / "tutorial.md"
FILES = DOCS / "src" / "tutorial"

# Comments directly before the block, then the block.
BLOCK = re.compile(r"((?:^<!--.*?-->\n+)*)^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(text):
    """Each fenced block: line number, marks (a dictionary), language, content."""
    for match in BLOCK.finditer(text):
        marks = {}
        for comment in re.findall(r"<!--\s*(.*?)\s*-->", match.group(1)):
            for mark in comment.split(";"):
                name, _, value = mark.strip().partition(":")
                marks[name] = value.strip()
        line = text.count("\n", 0, match.start(2)) + 1
        yield line, marks, match.group(2).strip(), match.group(3)


def left_out(marks, language, options):
    """Why a block does not run; None if it does."""
    if language not in ("sh", "python"):
        return "not a program"
    if "slow" in marks and not options.slow:
        return "slow"
    if "new" in marks and options.without_new:
        return "new"
    missing = [m for m in marks.get("needs", "").split() if importlib.util.find_spec(m) is None]
    if missing and os.environ.get("AMC_DOCS_PYTHON") != "1":
        return "python lacks " + ", ".join(missing)
    return None


def run(language, content, folder, environment):
    """Runs one block; its output and exit code."""
    program = ["bash", "-euo", "pipefail", "-c"] if language == "sh" else [sys.executable, "-c"]
    done = subprocess.run(
        program + [content], cwd=folder, env=environment, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.stdout, done.returncode


def not_printed(shown, printed):
    """The lines of a block of text that are not in the output, whole or up to "..."."""
    parts = [part.strip() for line in shown.splitlines() for part in line.split("...")[:1]]
    return [part for part in parts if part and part not in printed]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--slow", action="store_true", help="run what takes minutes, too")
    parser.add_argument("--without-new", action="store_true", help="leave out blocks marked new")
    parser.add_argument("--keep", action="store_true", help="keep the folder")
    parser.add_argument("--compare", action="store_true", help="compare what is shown with what is printed")
    parser.add_argument("--output", action="store_true", help="print what the commands print")
    options = parser.parse_args()
    amc = shutil.which(os.environ.get("AMC", "amc"))
    if amc is None:
        sys.exit("no program amc: set AMC to its path")

    folder = pathlib.Path(tempfile.mkdtemp(prefix="amc-tutorial-"))
    programs = folder / ".bin"
    programs.mkdir()
    (programs / "amc").symlink_to(pathlib.Path(amc).resolve())
    environment = dict(os.environ, PATH=f"{programs}:{os.environ['PATH']}")
    for file in FILES.iterdir():
        shutil.copy(file, folder)

    failed, ran, start = 0, 0, time.monotonic()
    printed = None  # by the block before; None where it did not run
    for line, marks, language, content in blocks(TEXT.read_text()):
        place = f"tutorial.md:{line}"
        if "file" in marks:
            file = FILES / marks["file"]
            if not file.is_file() or file.read_text() != content:
                print(f"{place}: differs from {file}")
                failed += 1
            continue
        if language == "text" and options.compare and printed is not None:
            for part in not_printed(content, printed):
                print(f"{place}: not printed: {part}")
                failed += 1
        why = left_out(marks, language, options)
        if why == "not a program":
            continue
        printed = None
        title = content.strip().split("\n")[0]
        if why:
            print(f"{place}: left out ({why}): {title}")
            continue
        began = time.monotonic()
        output, code = run(language, content, folder, environment)
        printed = output
        ran += 1
        print(f"{place}: {'ok' if code == 0 else f'exit code {code}'}, {time.monotonic() - began:.1f} s: {title}", flush=True)
        if options.output or code != 0:
            print("".join(f"    {row}\n" for row in output.splitlines()), end="")
        if code != 0:
            failed += 1
            break
    print(f"{ran} blocks in {time.monotonic() - start:.0f} s, {failed} failed")
    if options.keep or failed:
        print(f"files: {folder}")
    else:
        shutil.rmtree(folder)
    sys.exit(1 if failed or ran == 0 else 0)


if __name__ == "__main__":
    main()
