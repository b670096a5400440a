"""What can be wrong with a user's input: always one class, always said in one sentence.

Every message states what was given, what was expected and what to do next. The command line
and the pytest plugin print it without a traceback.
"""

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """The input is wrong, not the program; the message is meant for the person who gave it."""


FEW = 8


class UnknownNameError(UserError):
    """A name that is not registered; the message names the nearest, and all where they are few."""

    def __init__(self, kind: str, given: str, known: Iterable[str]) -> None:
        names = sorted(known)
        near = difflib.get_close_matches(given, names, n=3, cutoff=0.4)
        advice = [f"Did you mean {' or '.join(map(repr, near))}?"] if near else []
        if not near or len(names) <= FEW:
            advice.append(f"Known: {', '.join(names) or 'none'}.")
        super().__init__(f"No {kind} is called {given!r}. {' '.join(advice)}")
