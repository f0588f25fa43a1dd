"""The Python environment of the peers: a virtual environment that is made once and then found again."""

import hashlib
import subprocess
import sys
from pathlib import Path

from .failure import Failure, last_lines
from .machine import say

FOLDER = Path(__file__).resolve().parents[1]
STAMP = "peers-requirements"


def python_with_peers(folder: Path, with_torch: bool) -> Path:
    """The interpreter of the environment in `folder`, which is made or completed if need be."""
    name = "requirements-torch.txt" if with_torch else "requirements.txt"
    wanted = _digest(with_torch)
    stamp = folder / STAMP
    python = folder / "bin" / "python"
    present = stamp.read_text(encoding="ascii").split() if stamp.exists() else []
    if python.exists() and wanted in present:
        return python
    size = "about 6 GB with torch" if with_torch else "about 0.7 GB"
    say(f"installing {name} into {folder} ({size}, once)")
    _run([sys.executable, "-m", "venv", str(folder)], "python3 -m venv")
    install = [str(python), "-m", "pip", "install", "--quiet", "--no-input", "-r", str(FOLDER / name)]
    _run(install, "pip install")
    # An environment with torch serves those without it too.
    digests = {wanted, _digest(False)} if with_torch else {wanted}
    stamp.write_text("\n".join(sorted(digests)), encoding="ascii")
    return python


def _digest(with_torch: bool) -> str:
    names = ["requirements.txt"] + (["requirements-torch.txt"] if with_torch else [])
    text = b"".join((FOLDER / name).read_bytes() for name in names)
    return hashlib.sha256(text).hexdigest()


def _run(command: list[str], what: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failure(f"{what} failed:\n{last_lines(done.stderr or done.stdout)}")
