"""Settings of a run: from names and dicts to the text of a configuration, which the engine reads and judges.

A section is a name (``"smc"``), short for ``{"kind": "smc"}``, or a dict with the keys that the section has in configuration files.
Unknown keys and values out of range are the engine's to refuse; here only what TOML cannot say is.
"""

import json
import numbers
from typing import Any, Mapping, Optional, Tuple, Union

Section = Union[str, Mapping[str, Any], None]

# What the name alone stands for.
SECTIONS = {"path": "kind", "bridge": "kind", "kernel": "kind", "sampler": "kind", "logdet": "estimator"}


def to_toml(seed: int, sections: Mapping[str, Section]) -> str:
    """The settings as text.

    Parameters
    ----------
    seed : int
        From 0 to 2^64 - 1.
    sections : mapping of str to str, mapping or None
        Sections by name; ``None`` leaves one out.

    Returns
    -------
    str

    Raises
    ------
    TypeError
        For a section, key or value of a type that settings do not have.
    ValueError
        For a seed out of range.

    Examples
    --------
    >>> print(to_toml(1, {"path": {"kind": "diffusion", "levels": 64}, "kernel": "mala", "bridge": None}))
    seed = "1"
    [path]
    "kind" = "diffusion"
    "levels" = 64
    [kernel]
    "kind" = "mala"
    """
    # A string, because the integers of TOML end at 2^63.
    lines = [f'seed = "{checked_seed(seed)}"']
    for name, section in sections.items():
        if section is None:
            continue
        if isinstance(section, str):
            section = {SECTIONS[name]: section}
        if not isinstance(section, Mapping):
            raise TypeError(
                f'{name} = {section!r} must be a name, or a dict such as {{"{SECTIONS[name]}": ...}} with the keys of [{name}]'
            )
        lines.append(f"[{name}]")
        for key, value in section.items():
            if not isinstance(key, str):
                raise TypeError(f"{name}: the key {key!r} must be a str")
            lines.append(f"{_text(key)} = {_value(f'{name}[{key!r}]', value)}")
    return "\n".join(lines)


def checked_seed(seed: Any, name: str = "seed") -> int:
    """A seed as an int; ``TypeError`` or ``ValueError`` if it is none."""
    if isinstance(seed, bool) or not isinstance(seed, numbers.Integral):
        raise TypeError(f"{name} = {seed!r} must be an int")
    number = int(seed)
    if not 0 <= number < 2**64:
        raise ValueError(f"{name} = {number} must be from 0 to 2**64 - 1")
    return number


def _value(name: str, value: Any) -> str:
    """A value as TOML writes it."""
    if hasattr(value, "tolist"):  # numbers and arrays of NumPy
        value = value.tolist()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, numbers.Integral):
        return str(int(value))
    if isinstance(value, numbers.Real):
        return repr(float(value))  # Python and TOML agree on inf, nan and exponents
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_value(name, entry) for entry in value) + "]"
    raise TypeError(f"{name} = {value!r} must be a str, a bool, a number or a list of numbers")


def _text(text: str) -> str:
    # A basic string of TOML is one of JSON, except that it holds no surrogates and no raw DEL.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007F")


def reference_of(reference: Any, dim: Optional[int]) -> Optional[Tuple[Any, Any]]:
    """Mean and scale, each of ``d`` numbers; a single number stands for all coordinates."""
    if reference is None:
        return None
    try:
        mean, scale = reference
    except (TypeError, ValueError):
        raise TypeError(
            f"reference = {reference!r} must be a pair (mean, scale), each a number or one for every coordinate"
        ) from None
    if dim is not None:
        mean, scale = (
            [float(numbers_)] * dim if isinstance(numbers_, numbers.Real) else numbers_ for numbers_ in (mean, scale)
        )
    return mean, scale
