#!/usr/bin/env python3
"""Checks the guide: links and anchors lead somewhere, every page is in SUMMARY.md, files named in the text exist.

    docs/check_links.py

Links to the web are not followed. A file is named by a path in backticks that begins with a folder of the repository;
NAME stands for any, and what Git ignores is made by a command. In the tables of ARCHITECTURE.md a name without
a folder stands beside the file before it.
"""
import pathlib
import re
import subprocess
import sys

DOCS = pathlib.Path(__file__).resolve().parent
TOP = DOCS.parent
PAGES = sorted((DOCS / "src").glob("*.md"))
OTHERS = [TOP / name for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md")]
FOLDERS = "core|harness|verify|c|python|benches|fuzz|reference|docs"


def without_code(text):
    """The text without fenced blocks."""
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


def anchors(text):
    """What a heading is called in a link."""
    names = set()
    for title in re.findall(r"^#+ (.*)$", without_code(text), re.MULTILINE):
        title = re.sub(r"[^\w\- ]", "", title.lower())
        names.add(title.strip().replace(" ", "-"))
    return names


def tracked():
    """Files of the repository, and their folders; what a build leaves does not count."""
    command = ["git", "-C", str(TOP), "ls-files", "--cached", "--others", "--exclude-standard"]
    files = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\n")
    folders = {str(parent) for file in files for parent in pathlib.PurePath(file).parents}
    return set(files) | folders


def ignored(path):
    command = ["git", "-C", str(TOP), "check-ignore", "--quiet", path]
    return subprocess.run(command).returncode == 0


def problems(page, known):
    text = without_code(page.read_text())
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists():
            yield f"link to {link}"
        elif anchor and anchor not in anchors(target.read_text()):
            yield f"no heading #{anchor} in {target.name}"
    for path in re.findall(rf"`((?:{FOLDERS})/[\w./-]*)`", text):
        if path.rstrip("/") not in known and "NAME" not in path and not ignored(path):
            yield f"no file {path}"


def misplaced(page, known):
    """Names in a table's cells that do not lead to a file beside the one before them."""
    for line in page.read_text().splitlines():
        if not line.startswith("| "):
            continue
        folder = None
        for name in re.findall(r"`([\w./-]*(?:/|\.rs|\.toml))`", line):
            if re.match(rf"(?:{FOLDERS})/", name):
                folder = pathlib.PurePath(name if name.endswith("/") else name.rpartition("/")[0])
            elif folder is None or str(folder / name) not in known:
                yield f"no file {name} in {folder}"


def main():
    known = tracked()
    found = [f"{page.relative_to(TOP)}: {problem}" for page in PAGES + OTHERS for problem in problems(page, known)]
    tables = TOP / "ARCHITECTURE.md"
    found += [f"{tables.name}: {problem}" for problem in misplaced(tables, known)]
    summary = (DOCS / "src" / "SUMMARY.md").read_text()
    listed = set(re.findall(r"\]\(([^)]+\.md)\)", summary))
    found += [f"{page.name} is not in SUMMARY.md" for page in PAGES if page.name not in listed | {"SUMMARY.md"}]
    for problem in found:
        print(problem)
    print(f"{len(PAGES)} pages, {len(found)} problems")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
