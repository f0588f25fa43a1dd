"""The table: a row for each piece of work, a column for each contender that did any of it."""

from .row import Row

PEERS = ("numpy", "jax", "torch", "torch-compiled", "blackjax", "scikit-learn")


def table(rows: list[Row]) -> str:
    """All rows, with the columns that are not empty."""
    header = ["work", "problem", "unit", "amc", "plain", "limit", *PEERS]
    header += ["best/amc", "best/plain", "wanted", "agree"]
    cells = [_cells(row) for row in rows]
    used = [i for i in range(len(header)) if i < 4 or any(line[i] for line in cells)]
    lines = [[line[i] for i in used] for line in [header, *cells]]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    rule = "  ".join("-" * width for width in widths)
    shown = [_line(lines[0], widths), rule]
    for row, line in zip(rows, lines[1:], strict=True):
        index = rows.index(row)
        if index and rows[index - 1].task != row.task:
            shown.append("")
        shown.append(_line(line, widths))
    return "\n".join(shown)


def legend(rows: list[Row]) -> str:
    """What the table does not say of itself, and what went wrong."""
    lines = [
        "best/amc: the least time of a peer over amc's; the best peer is marked *. Values in brackets do",
        "less work (log-density without score) and do not count. plain: amc without tuning the step sizes,",
        "which peers are given (runs), and where no component of a mixture can be skipped (densities).",
        "limit: what the machine's measured ceilings allow for that work. wanted: the ratio (or",
        "efficiency) to reach, + where it is reached, - where it is not.",
    ]
    for row in rows:
        lines += [f"DISAGREES  {row.task}, {row.problem}: {text}" for text in row.disagreements]
    return "\n".join(lines)


def _cells(row: Row) -> list[str]:
    cells = [row.task, row.problem, row.unit]
    cells += [_number(row.amc), _number(row.amc_plain), _number(row.limit)]
    for name in PEERS:
        cell = _number(row.peers.get(name))
        if cell and name in row.only_shown:
            cell = f"({cell})"
        elif cell and name == row.best_peer and not row.wanted_of_amc:
            cell = f"{cell}*"
        cells.append(cell)
    cells += [_number(row.ratio), _number(row.ratio_to_plain), _wanted(row)]
    cells.append("NO" if row.disagreements else "" if row.wanted_of_amc else "yes")
    return cells


def _wanted(row: Row) -> str:
    if row.wanted is None:
        return ""
    mark = {True: " +", False: " -", None: ""}[row.reached]
    return f">= {row.wanted:g}{mark}"


def _number(value: float | None) -> str:
    """Three digits."""
    if value is None:
        return ""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _line(cells: list[str], widths: list[int]) -> str:
    """Text to the left, numbers to the right."""
    padded = [
        cell.ljust(width) if index < 3 else cell.rjust(width)
        for index, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return "  ".join(padded).rstrip()
