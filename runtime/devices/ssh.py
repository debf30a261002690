"""A board over SSH, 'ssh://pi@raspberrypi': models are copied there, measured and removed afterwards.

Only the engines are installed there, by `edgewise device setup` in a separate virtual environment; the runner
is the code of this edgewise in a zip archive.
"""

import json
from collections.abc import Generator, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...export.facts import TARGETS
from ...models.errors import EdgewiseError
from ..bundle import Bundle
from ..bundle.atomic import MANIFEST
from . import AnsweringSession, Event
from ._facts import VENV
from ._package import NAME, package
from .board import facts, require_fit, usable
from .ssh_address import Address, parse
from .transport import Board, Ended

if TYPE_CHECKING:
    from ..bench.request import BenchRequest

_LAST = {"done", "error"}
# The second prevents OpenVINO's oneDNN from leaving JIT maps for profilers in /tmp.
ENVIRONMENT = {"PYTHONPATH": NAME, "ONEDNN_JIT_PROFILE": "0"}
_SPARE_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class Ready:
    """What was sent to a board: `folders` are those of the bundles there, `python` has their engines."""

    board: str | None
    python: str
    folders: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class SshBoard:
    """A board, as named by the user."""

    address: Address

    @property
    def name(self) -> str:
        """The name of the board."""
        return self.address.name

    def run(self, request: "BenchRequest") -> Iterator[Event]:
        """Measure there; see `Device.run`."""
        bundles = {asked.bundle: Bundle.open(Path(asked.bundle)) for asked in request.contenders}
        with Board(self.address) as board:
            ready = self.ready(board, bundles)
            there = ready.folders
            contenders = tuple(replace(asked, bundle=there[asked.bundle]) for asked in request.contenders)
            order = json.dumps(replace(request, contenders=contenders).to_json())
            runner = [ready.python, "-P", "-m", "edgewise.runtime.bench.runner"]
            last, ended = yield from self._events(board.run(runner, ENVIRONMENT, order), there)
            if last not in _LAST:
                why = "perhaps out of memory; run there: dmesg" if ended.code == -9 else "check the board"
                raise EdgewiseError(f"{self.name}: the measuring program died ({ended.words}), {why}")

    def answers(self, bundle: Bundle, threads: int) -> AbstractContextManager[AnsweringSession]:
        """The bundle's model there; see `AnsweringDevice.answers`."""
        from ._ssh_answers import answers

        return answers(self, bundle, threads)

    def ready(self, board: Board, bundles: Mapping[str, Bundle]) -> Ready:
        """Send the bundles and the code that runs them to a board that was set up.

        Raises:
            EdgewiseError: it cannot run them.
        """
        found = facts(board)
        require_fit(found, self.name)
        self._require_engines(found, bundles)
        python = f"{found['home']}/{VENV}/bin/python"
        return Ready(found["board"], python, self._sent(board, bundles))

    def _events(
        self, lines: Generator[str, None, Ended], there: Mapping[str, str]
    ) -> Generator[Event, None, tuple[str | None, Ended]]:
        """Yield the runner's events; return the name of the last one, and how the runner ended."""
        last = None
        while True:
            try:
                event: Event = json.loads(next(lines))
            except StopIteration as stop:
                return last, stop.value
            last = event["event"]
            if last == "error":
                for local, remote in there.items():
                    event["message"] = event["message"].replace(remote, local)
                event["message"] = f"{self.name}: {event['message']}"
            yield event

    def _require_engines(self, found: dict[str, Any], bundles: Mapping[str, Bundle]) -> None:
        """Refuse models that cannot run there before they are copied."""
        there = found["installed"]["targets"] if usable(found) else {}
        if missing := sorted({bundle.target for bundle in bundles.values()} - {*there}):
            raise EdgewiseError(
                f"{self.name}: has no runtime for {' and '.join(missing)}; "
                f"run: edgewise device setup {self.name} --target {','.join(missing)}"
            )
        for folder, bundle in bundles.items():
            row = TARGETS[bundle.target]
            if row.needs_dot_product and bundle.precision.integer and not found["dot_product"]:
                others = " or ".join(name for name, other in TARGETS.items() if not other.needs_dot_product)
                raise EdgewiseError(
                    f"{folder}: {row.title} runs INT8 on Arm only with dot products (asimddp), which "
                    f"{self.name} lacks, like a Raspberry Pi 4; export for {others}"
                )

    def _sent(self, board: Board, bundles: Mapping[str, Bundle]) -> dict[str, str]:
        """Copy the runner and the bundles; return the path of each bundle there."""
        names = {folder: [MANIFEST, *bundle.manifest["files"]] for folder, bundle in bundles.items()}
        files = {folder: {name: Path(folder) / name for name in names[folder]} for folder in bundles}
        needed = sum(path.stat().st_size for paths in files.values() for path in paths.values())
        if needed + _SPARE_BYTES > board.free_bytes:
            raise EdgewiseError(
                f"{self.name}: {board.free_bytes / 1e6:.0f} MB left in {Path(board.folder).parent}, but "
                f"{(needed + _SPARE_BYTES) / 1e6:.0f} MB are needed; free some space there"
            )
        board.store(NAME, package())
        there = {folder: f"bundle-{place}" for place, folder in enumerate(files)}
        for folder, paths in files.items():
            for name, path in paths.items():
                board.store(f"{there[folder]}/{name}", path)
        return there


def open_device(name: str) -> SshBoard:
    """The board with this address.

    Raises:
        UsageError: it is not an address.
    """
    return SshBoard(parse(name))
