"""Stages and notices on a terminal or in a notebook."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import IO, Any

import rich.progress
from rich.console import Console, ConsoleOptions, RenderableType
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.segment import Segment

from ..models.printable import printable_lines


class SafeConsole(Console):
    """A console without control characters but its own: names come from files, texts from libraries.

    It leaves ':phone:' as it is, which Rich would print as a picture.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(emoji=False, highlight=False, **settings)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
        """See `Console.render`, which everything that is printed passes."""
        for segment in super().render(renderable, options):
            text, style, control = segment
            yield segment if control else Segment(printable_lines(text), style)


class Shown:
    """A `Progress` that shows a spinner or a bar while a stage runs, and a tick with its seconds after."""

    def __init__(self, console: Console) -> None:
        self.console = console

    @contextmanager
    def stage(self, title: str, number: int = 0, of: int = 0) -> Iterator["Stage"]:
        """See `Progress.stage`."""
        counted = f"[{number}/{of}] {title}" if number else title
        start = time.perf_counter()
        with self._moving(BarColumn(24), MofNCompleteColumn(), TimeElapsedColumn()) as bar:
            yield Stage(bar, counted)
        spent = time.perf_counter() - start
        self.console.print(f"[green]✓[/] {escape(counted)} [dim]{spent:.1f} s[/]")

    @contextmanager
    def starting(self) -> Iterator[None]:
        """Show a spinner on a terminal until the block ends, which imports what a command needs."""
        with self._moving() as bar:
            bar.add_task("Starting", total=None)
            yield

    @contextmanager
    def _moving(self, *columns: rich.progress.ProgressColumn) -> Iterator[rich.progress.Progress]:
        """A spinner with a title and further columns; nothing moves where the console is no terminal."""
        shared = self.console.file is sys.stderr
        bar = rich.progress.Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            *columns,
            console=self.console,
            transient=True,
            # Otherwise rich would show what libraries print through sys.stdout and sys.stderr.
            redirect_stdout=shared,
            redirect_stderr=shared,
        )
        with bar if self.console.is_terminal else nullcontext():
            yield bar

    def notice(self, line: str) -> None:
        """See `Progress.notice`."""
        self.console.print(f"[bold yellow]! {escape(line)}[/]")


class Stage:
    """A stage on the screen; call it with (done, total) where its work can be counted."""

    def __init__(self, bar: rich.progress.Progress, title: str) -> None:
        self._bar = bar
        self._task = bar.add_task(escape(title), total=None)

    def __call__(self, done: int, total: int) -> None:
        """Show that `done` of `total` are finished."""
        self._bar.update(self._task, completed=done, total=total)


def progress(stream: IO[str] | None = None) -> Shown:
    """Progress on `stream`, which is stderr by default, for the jobs of `edgewise`.

    edgewise.convert("mobilenetv2", int8=True, progress=edgewise.progress())
    """
    return Shown(SafeConsole(file=stream, stderr=stream is None))
