"""Claims fixed before measuring, and what the records say of them.

The claims lie in a file `claims.toml` beside the module that an entry point of the group
`neurojoule.claims` names (that module's function gives the file's hash, which stands in every
record). So the report reads them without importing whoever made them.
"""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from importlib.resources import files

import msgspec

from neurojoule.errors import UserError
from neurojoule_reports import claim_tests
from neurojoule_reports.claim_kinds import Evidence, Test
from neurojoule_reports.frames import Frames
from neurojoule_reports.verdict import TaskVerdict


class Claim(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One claim; see the head of `claims.toml` for its fields."""

    id: str
    claim: str
    estimand: str
    rule: str
    runs: int
    sources: tuple[str, ...]
    test: Test


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    claim: tuple[Claim, ...]


@dataclass(frozen=True)
class Finding:
    """What became of one claim.

    Attributes:
        claim: as it was fixed.
        status: "holds", "does not hold", "not settled" or "not measured".
        evidence: the numbers in words, how many runs there were, and where to look.
        edited: runs used that were made under another version of the claims.
    """

    claim: Claim
    status: str
    evidence: Evidence
    edited: int


@dataclass(frozen=True)
class Claims:
    """The claims and the hash of the file that they were read from."""

    claims: tuple[Claim, ...]
    digest: str | None


def load(data: bytes, digest: str | None = None) -> Claims:
    """The claims that a file holds.

    Raises:
        UserError: when it holds none, naming what is wrong.
    """
    try:
        raw = tomllib.loads(data.decode())
        return Claims(msgspec.convert(raw, _File).claim, digest)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise UserError(
            f"claims.toml cannot be read: {error}. Its head says what a claim is made of."
        ) from error


def announced() -> Claims:
    """The claims of the installed suites; none when no suite announces any."""
    for entry in entry_points(group="neurojoule.claims"):
        package = entry.module.rpartition(".")[0] or entry.module
        return load((files(package) / "claims.toml").read_bytes(), entry.load()())
    return Claims((), None)


def findings(claims: Claims, frames: Frames, verdicts: Sequence[TaskVerdict]) -> list[Finding]:
    """Every claim judged by its own rule; with fewer runs than it needs nothing is settled."""
    known = claim_tests.Known(frames, tuple(verdicts))
    hashes = dict(zip(frames.runs["run_id"], frames.runs["claims_hash"], strict=True))
    out = []
    for claim in claims.claims:
        found = claim_tests.evaluate(claim.test, known)
        status = found.status
        if claim.runs and not found.runs:
            status = "not measured"
        elif found.runs < claim.runs:
            status = "not settled"
        edited = sum(hashes.get(run) != claims.digest for run in found.run_ids)
        out.append(Finding(claim, status, found, edited))
    return out
