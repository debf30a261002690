"""A user's own networks: 'path/to/net.py:factory' is the network that `factory` in that file returns.

The file is imported, which runs its code.
"""

import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from ..spec import Preprocess
from . import Options, Published

if TYPE_CHECKING:
    from torch import nn

_CLASSES = ("num_classes", "classes")  # accepted parameter names for the number of classes


def names() -> list[str]:
    """Empty: these networks cannot be listed."""
    return []


def build(builder: str, classes: int, options: Options) -> "nn.Module":
    """See `Library.build`; a factory without a parameter for the number of classes chooses it itself."""
    from torch import nn

    path, name = _split(builder)
    factory = _factory(path, name)
    with _telling(path, f"{name}()"):
        network = factory(**_asked(factory, classes), **options)
    if not isinstance(network, nn.Module):
        raise UsageError(
            f"{builder}: returns a {type(network).__name__}; make it return the network, a torch.nn.Module"
        )
    return network.eval()


def preprocess(builder: str) -> Preprocess:
    """See `Library.preprocess`."""
    _split(builder)
    return Preprocess()


def published(builder: str, options: Options) -> Published | None:  # noqa: ARG001 - required by the protocol
    """See `Library.published`."""
    _split(builder)
    return None


def _split(builder: str) -> tuple[Path, str]:
    place, _, name = builder.rpartition(":")
    if not name.isidentifier() or not place:
        raise UsageError(f"{builder}: name the function that creates the network, as in net.py:factory")
    path = Path(place).expanduser()
    if not path.is_file():
        raise UsageError(f"{path}: no such file; pass the path of a Python file, as in net.py:{name}")
    return path.resolve(), name


def _factory(path: Path, name: str) -> Callable[..., Any]:
    from torch import nn

    module = _module(path, path.stat().st_mtime_ns)
    if not hasattr(module, name):
        found = [key for key, value in vars(module).items() if _makes(value, module)]
        hint = f"it has {', '.join(found)}" if found else "add a function that returns the network"
        raise UsageError(f"{path}: has no {name!r}; {hint}")
    factory: Callable[..., Any] = getattr(module, name)
    if not callable(factory) or isinstance(factory, nn.Module):
        raise UsageError(
            f"{path}: {name} is a {type(factory).__name__}; name a function that returns the network"
        )
    return factory


def _makes(value: Any, module: ModuleType) -> bool:
    """Whether it looks like a factory defined in that module."""
    return callable(value) and getattr(value, "__module__", None) == module.__name__


@lru_cache(maxsize=8)
def _module(path: Path, changed_ns: int) -> ModuleType:  # noqa: ARG001 - a changed file is imported again
    spec = importlib.util.spec_from_file_location(f"{path.stem} of {path.parent}", path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{path}: is not a Python file; its name must end in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # as dataclasses and pickle expect
    with _telling(path, "its import"):
        spec.loader.exec_module(module)
    return module


def _asked(factory: Callable[..., Any], classes: int) -> dict[str, int]:
    """The keyword argument for the number of classes, if the factory has one."""
    try:
        parameters = inspect.signature(factory).parameters
    except ValueError:  # some builtins have no signature
        return {}
    return {name: classes for name in _CLASSES if name in parameters}


@contextmanager
def _telling(path: Path, doing: str) -> Iterator[None]:
    """Let the user's code import modules from its own folder, and report the line where it fails."""
    sys.path.insert(0, str(path.parent))
    try:
        yield
    except (Exception, SystemExit) as error:
        told = (str(error).strip().splitlines() or ["no message"])[0]
        raise UsageError(
            f"{path}{_line(error, path)}: {doing} raises {type(error).__name__}: {told}; fix the error there"
        ) from error
    finally:
        sys.path.remove(str(path.parent))


def _line(error: BaseException, path: Path) -> str:
    """The last executed line of the file, as ':12'."""
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return f":{error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == str(path)]
    return f":{lines[-1]}" if lines else ""
