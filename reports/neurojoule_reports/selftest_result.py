"""The result of the suite's test of itself, found beside the records."""

from collections.abc import Iterable
from pathlib import Path

from neurojoule.errors import UserError
from neurojoule_reports import selftest


def latest(folders: Iterable[Path]) -> tuple[selftest.SelfTest | None, list[tuple[Path, str]]]:
    """The result that was measured last, and the files that hold none, with the reason.

    `neurojoule selftest` writes it to the folder above its records, `runs/selftest` unless told.
    """
    found: list[selftest.SelfTest] = []
    bad: list[tuple[Path, str]] = []
    places = {place for f in folders for place in (f / "selftest", f.parent, f.parent / "selftest")}
    for path in sorted(place / selftest.RESULT for place in places):
        if path.is_file():
            try:
                found.append(selftest.decode(path.read_bytes()))
            except (UserError, OSError) as error:
                bad.append((path, str(error)))
    return max(found, key=lambda result: result.measured_utc, default=None), bad
