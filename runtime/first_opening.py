"""Look at a bundle's files in a child process before they are opened here for the first time.

Parsers of model files are C++ code that trusts its input: a file whose digests are right can still crash
them, and would take the caller's process along. What the child finds is compared with the manifest, which
could name other classes than the file, and the manifest's preprocessing with the golden sample. A bundle
that passed all is remembered by the digests of its manifest and files and the engine's version, in the user's
cache folder, and opened directly from then on.
"""

import hashlib
import json
import platform
from contextlib import suppress
from pathlib import Path

from ..export.artifact import model_files
from ..models.errors import EdgewiseError, MissingDependencyError
from ..models.files import cache_folder
from . import runtime
from .bundle import Bundle
from .judge.described import require_described
from .judge.golden import require_prepared
from .probe import probe

_INPUT = "golden/input.npy"


def require_sound(bundle: Bundle, *files: Path) -> str | None:
    """Try the model `files` of a bundle, both by default, where that was not done before.

    A file that opens and that edgewise cannot classify with is no error here: opening it says why.

    Returns:
        A notice where a file could not be compared with the manifest for want of a library.

    Raises:
        EdgewiseError: a file crashes its engine, keeps it busy for two minutes, or cannot be read, or the
            manifest does not describe it or has other preprocessing than the golden sample.
        MissingDependencyError: the engine is not installed.
    """
    for file in files or filter(None, (bundle.model, bundle.reference)):
        proof = _proof(bundle, file)
        if proof.exists():
            continue
        require_prepared(bundle)
        try:
            found = probe(file, bundle.target, bundle.folder / _INPUT)
        except MissingDependencyError as error:  # not the engine, whose version `_proof` has read
            return f"The manifest's description of {file.name} was not checked: {error}"
        except EdgewiseError as error:
            raise EdgewiseError(f"{bundle.folder}: {error}") from error
        require_described(bundle, file, found.structure)
        if found.refusal is None:
            with suppress(OSError):  # then it is tried again next time
                proof.parent.mkdir(parents=True, exist_ok=True)
                proof.touch()
    return None


def _proof(bundle: Bundle, file: Path) -> Path:
    """The empty file that stands for a file and its manifest, with this engine on this kind of machine."""
    digests = [bundle.manifest["files"][part.name]["sha256"] for part in model_files(file)]
    told = json.dumps(bundle.manifest, sort_keys=True)
    facts = [told, file.name, *digests, bundle.target, runtime(bundle.target).version(), platform.machine()]
    return cache_folder() / "opened" / hashlib.sha256("\n".join(facts).encode()).hexdigest()
