"""How a peer program talks to whoever runs it: JSON, one document a line.

A peer does its slow preparations once (imports, compilation), says that it is ready, and then answers
each line of standard input with one measurement. So contenders can be measured in turns, within
seconds of each other, although some take half a minute to get ready. It ends with its input.
"""

import json
import os
import sys
from collections.abc import Callable, Iterator


class Channel:
    """Standard input and output, kept free from what libraries print."""

    def __init__(self) -> None:
        self._answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)

    def send(self, document: dict) -> None:
        """Sends one document."""
        self._answers.write(json.dumps(document) + "\n")
        self._answers.flush()

    def requests(self) -> Iterator[dict]:
        """The requests, until there are no more."""
        for line in sys.stdin:
            if line.strip():
                yield json.loads(line)

    def serve(self, ready: dict, measure: Callable[[dict], dict]) -> None:
        """Says `ready`, then answers every request by `measure`."""
        self.send(ready)
        for request in self.requests():
            self.send(measure(request))
