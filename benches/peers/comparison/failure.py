"""The one exception that ends a comparison with a message instead of a traceback."""


class Failure(Exception):
    """Something that the user has to know or mend; its text says what."""


def last_lines(text: str, count: int = 12) -> str:
    """The end of a program's output, indented."""
    lines = [line for line in text.splitlines() if line.strip()]
    return "\n".join(f"    {line}" for line in lines[-count:])
