"""Is a file that the user brings the published one? Checksums of the sets in IDX files.

A file passes when it is the published archive, by its MD5, or holds the same bytes, by the SHA-256
of what is in it: an archive that somebody packed anew is as good. Anything else is refused, since a
number learned from other data under the same name would be compared with everybody's.

MD5s: torchvision, `datasets/mnist.py`, which has them from those who publish the sets. SHA-256s of
MNIST: computed from a copy, and the same in several public programs. Those of Fashion-MNIST and
KMNIST are not known here: packed anew, these are refused.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from neurojoule.errors import UserError


@dataclass(frozen=True)
class Published:
    """What is known of a published file.

    Attributes:
        archive_md5: of the file as it is published, compressed.
        content_sha256: of what is in it; None where it is not known.
    """

    archive_md5: str
    content_sha256: str | None = None

    def check(self, path: Path, archive: bytes, content: bytes) -> None:
        """Refuse anything but this file, by its bytes `archive` and what they unpack to.

        Raises:
            UserError: with both checksums of the archive and what to do.
        """
        found = hashlib.md5(archive, usedforsecurity=False).hexdigest()
        if found == self.archive_md5:
            return
        known = self.content_sha256 is not None
        if known and hashlib.sha256(content).hexdigest() == self.content_sha256:
            return
        packed = "" if known else "packed anew it is not recognised, so take the published file; "
        raise UserError(
            f"{path} has the right form but is not the published file: its MD5 is {found}, the "
            f"published one {self.archive_md5}. Fetch it again ({packed}other data under this name "
            "would be compared with everybody's). Data of your own are a task of their own: "
            "CONTRIBUTING, 'A task in ten minutes'."
        )


IDX: dict[str, dict[str, Published]] = {
    "MNIST": {
        "train-images-idx3-ubyte.gz": Published(
            "f68b3c2dcbeaaa9fbdd348bbdeb94873",
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        ),
        "train-labels-idx1-ubyte.gz": Published(
            "d53e105ee54ea40749a09fcbcd1e9432",
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        ),
        "t10k-images-idx3-ubyte.gz": Published(
            "9fb629c4189551a2d022fa330f9573f3",
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        ),
        "t10k-labels-idx1-ubyte.gz": Published(
            "ec29112dd5afa0611ce80d1b7f02629c",
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ),
    },
    "FashionMNIST": {
        "train-images-idx3-ubyte.gz": Published("8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
        "train-labels-idx1-ubyte.gz": Published("25c81989df183df01b3e8a0aad5dffbe"),
        "t10k-images-idx3-ubyte.gz": Published("bef4ecab320f06d8554ea6380940ec79"),
        "t10k-labels-idx1-ubyte.gz": Published("bb300cfdad3c16e7a12a480ee83cd310"),
    },
    "KMNIST": {
        "train-images-idx3-ubyte.gz": Published("bdb82020997e1d708af4cf47b453dcf7"),
        "train-labels-idx1-ubyte.gz": Published("e144d726b3acfaa3e44228e80efcd344"),
        "t10k-images-idx3-ubyte.gz": Published("5c965bf0a639b31b8f53240b1b52f4d7"),
        "t10k-labels-idx1-ubyte.gz": Published("7320c461ea6c1c855c0b718fb2a4b134"),
    },
}
"""By torchvision's name of the set, then by name of the file."""
