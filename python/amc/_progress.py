"""A progress bar for notebooks and terminals."""

import sys
from typing import Any, Optional


def bar(progress: Optional[bool]) -> "Optional[Bar]":
    """A bar, if one is wanted: ``None`` shows it in a notebook and on a terminal, and nowhere else."""
    if progress is None:
        progress = _in_notebook() or (sys.stderr is not None and sys.stderr.isatty())
    return Bar() if progress else None


def _in_notebook() -> bool:
    """Whether a Jupyter kernel shows what is printed; a terminal's IPython has another shell."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return type(shell).__name__ == "ZMQInteractiveShell"


class Bar:
    """One bar of tqdm a phase, with how the run is going beside it."""

    def __init__(self) -> None:
        self._bar: Any = None

    def begin(self, phase: str, length: int) -> None:
        """A phase of so many levels or rounds begins; 0 where that is not known."""
        from tqdm.auto import tqdm

        self.close()
        self._bar = tqdm(total=length or None, desc=phase, leave=False, dynamic_ncols=True)

    def level_done(self, text: str) -> None:
        """One of them is done."""
        if self._bar is not None:
            self._bar.set_postfix_str(text, refresh=False)
            self._bar.update()

    def close(self) -> None:
        """Takes the bar away."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None
