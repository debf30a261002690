"""Holds out validation pictures: seeded, stratified, with copies kept together."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence

from .scan import Scanned


def held_out(pictures: Sequence[Scanned], share: float, seed: int) -> list[Scanned]:
    """The validation pictures: `share` of each class's distinct pictures, at least one, with all copies.

    Every class keeps at least one training picture, even if other classes contain copies of its pictures. The
    draw depends on each picture's content, so adding or removing one hardly affects the others.
    """
    owners: dict[bytes, set[int]] = defaultdict(set)
    classes: dict[int, set[bytes]] = defaultdict(set)
    for picture in pictures:
        owners[picture.digest].add(picture.label)
        classes[picture.label].add(picture.digest)
    left = {label: len(digests) for label, digests in classes.items()}
    chosen: set[bytes] = set()
    for label, digests in sorted(classes.items()):
        kept = len(digests) - max(1, round(share * len(digests)))
        for digest in sorted(digests - chosen, key=lambda digest: _lot(seed, digest)):
            if left[label] > kept and all(left[owner] > 1 for owner in owners[digest]):
                chosen.add(digest)
                left.update({owner: left[owner] - 1 for owner in owners[digest]})
    return [picture for picture in pictures if picture.digest in chosen]


def _lot(seed: int, digest: bytes) -> bytes:
    return hashlib.sha256(b"%d %s" % (seed, digest)).digest()
