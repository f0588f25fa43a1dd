"""Writes the verdicts of a quick preset into the README of its experiment and into the guide, from the files of `amc experiment run`.

Usage: verdicts.py EXPERIMENT_FOLDER RUN_FOLDER, e.g. verdicts.py experiments/rank rank-quick
What was written by hand around the verdicts stays. Where EXPERIMENT_FOLDER has an expected.json, it is described. In the guide
(docs/src/results.md) the table under the heading of the experiment's name is replaced.
"""
import json
import pathlib
import re
import sys

HEADING = "## What the quick preset says\n"
GUIDE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "src" / "results.md"
UNWRITTEN = "Its verdicts have not been written down here yet: run it.\n"
RULE = """A claim holds where every comparison does at the 1 % level of its seeds' spread, and fails where one is as clearly the other
way round; otherwise it is undecided. Times are CPU times of one thread; verdicts in equal time depend on the machine.
"""
OLD_RULES = re.compile(r"A claim holds where every comparison.*?\n\n|A claim holds where every comparison.*?\Z", re.S)
EXPECTED = re.compile(r"\n*`expected\.json` comes from .*?times are not compared\.\n", re.S)


def verdicts(results):
    claims, rows = results["claims"], results["rows"]
    count = lambda verdict: sum(claim["verdict"] == verdict for claim in claims)
    lines = [
        HEADING,
        f"{len(rows)} settings, {sum(row['runs'] for row in rows)} runs, seeds {results['seeds'][0]} to "
        f"{results['seeds'][-1]}; of {len(claims)} claims hold: {count('holds')}, fail: {count('fails')}, undecided: "
        f"{count('undecided')}.\n",
        "| verdict | claim | numbers |\n|---|---|---|",
    ]
    table = []
    for claim in claims:
        verdict = "**fails**" if claim["verdict"] == "fails" else claim["verdict"]
        cells = [verdict, claim["claim"], claim["detail"]]
        table.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines + table) + "\n\n" + RULE


def main(folder, run):
    readme = folder / "README.md"
    results = json.loads((run / "results.json").read_text())
    text = EXPECTED.sub("", readme.read_text()).rstrip("\n") + "\n"
    block = verdicts(results)
    if UNWRITTEN in text:
        text = text.replace(UNWRITTEN, block)
    else:
        before, after = text.split(HEADING)
        rule = OLD_RULES.search(after)
        by_hand = after[rule.end():].lstrip("\n")
        text = before + block + ("\n" + by_hand if by_hand else "")
    if (folder / "expected.json").exists():
        expected = json.loads((folder / "expected.json").read_text())
        numbers = sum(len(row) for row in expected["rows"].values())
        text += f"""
`expected.json` comes from {expected["runs"]} other seeds and has {numbers} numbers; a correct program leaves any of their intervals about
once in a thousand times. Methods that lose their particles are held to losing them, not to a log Z; times are not compared.
"""
        check = f"amc experiment check {folder.name}-quick\n"
        if check not in text:
            run_line = f"amc experiment run {folder.name}\n"
            text = text.replace(run_line, run_line + check)
    readme.write_text(text)
    write_guide(folder.name, results)


def write_guide(name, results):
    """Replaces the count of verdicts and their table in the section of the experiment."""
    guide = GUIDE.read_text()
    heading = f"### {name}\n"
    if heading not in guide:
        sys.exit(f"{GUIDE} has no section {heading.strip()!r}: write one, with a line 'Quick preset, ..' in it")
    claims = results["claims"]
    count = lambda verdict: sum(claim["verdict"] == verdict for claim in claims)
    lines = [
        f"Quick preset, {len(results['rows'])} settings, {len(results['seeds'])} seeds each; {count('holds')} claims hold, "
        f"{count('fails')} fail, {count('undecided')} are undecided:\n",
        "| verdict | claim |\n|---|---|",
    ]
    lines += ["| " + claim["verdict"] + " | " + claim["claim"].replace("|", "\\|") + " |" for claim in claims]
    before, section = guide.split(heading)
    section, after = (section.split("\n### ", 1) + [None])[:2]
    section, found = re.subn(
        r"Quick preset, .*?(?=\n\nThe numbers behind)", lambda _: "\n".join(lines), section, flags=re.S
    )
    if found != 1:
        sys.exit(f"{GUIDE}: the section of {name} lacks its line 'Quick preset, ..' or 'The numbers behind ..'")
    GUIDE.write_text(before + heading + section + ("" if after is None else "\n### " + after))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]))
