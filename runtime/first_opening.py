"""Open a bundle's files in a child process before they are opened here for the first time.

Parsers of model files are C++ code that trusts its input: a file whose digests are right can still crash
them, and would take the caller's process along. A file that once opened and ran is remembered by its digests
and the engine's version, in the user's cache folder, and opened directly from then on.
"""

import hashlib
import json
import os
import platform
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np

from ..export.artifact import model_files
from ..models.errors import EdgewiseError
from . import open_session, runtime
from .bundle import Bundle
from .child import ChildDiedError, answering, ask

_INPUT = "golden/input.npy"


def require_opens(bundle: Bundle, *files: Path) -> None:
    """Try the model `files` of a bundle, both by default, where that was not done before.

    Only a crash is an error here: what else is wrong with a file, opening it says.

    Raises:
        EdgewiseError: a file crashes its engine, or keeps it busy for two minutes.
        MissingDependencyError: the engine is not installed.
    """
    for file in files or filter(None, (bundle.model, bundle.reference)):
        proof = _proof(bundle, file)
        if proof.exists():
            continue
        try:
            opened = ask(__name__, os.fspath(file.absolute()), bundle.target, str(bundle.folder / _INPUT))
        except ChildDiedError as error:
            raise EdgewiseError(
                f"{bundle.folder}: {file.name} crashes the {bundle.target} runtime ({error}), so it is "
                "damaged or hostile: do not use it"
            ) from error
        if opened:
            with suppress(OSError):  # then it is tried again next time
                proof.parent.mkdir(parents=True, exist_ok=True)
                proof.touch()


def _proof(bundle: Bundle, file: Path) -> Path:
    """The empty file that stands for this file in this version of its engine on this kind of machine."""
    digests = [bundle.manifest["files"][part.name]["sha256"] for part in model_files(file)]
    facts = [*digests, bundle.target, runtime(bundle.target).version(), platform.machine()]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "edgewise" / "opened" / hashlib.sha256("\n".join(facts).encode()).hexdigest()


def main() -> None:
    """Run in the child process: answer whether the file opens and runs."""
    file, target, picture = sys.argv[1:]
    with answering() as answer:
        try:
            with Path(picture).open("rb") as npy:
                batch = np.lib.format.read_array(npy, allow_pickle=False)
            open_session(Path(file), target)(batch)
        except Exception:  # noqa: BLE001 - the parent will raise it again, and explain it
            json.dump(False, answer)
        else:
            json.dump(True, answer)


if __name__ == "__main__":
    main()
