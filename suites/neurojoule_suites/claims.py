"""The claims that are decided, fixed before anything is measured (`claims.toml`, beside this file).

Every record holds the hash of that file, so that a report can say which runs were made under which
claims. A report finds the file beside the module that the entry point `neurojoule.claims` names.
"""

import hashlib
from importlib.resources import files


def digest() -> str:
    """SHA-256 of `claims.toml`, the first 16 hex digits."""
    data = (files("neurojoule_suites") / "claims.toml").read_bytes()
    return hashlib.sha256(data).hexdigest()[:16]
