"""Programs of `torch.export` (.pt2) as networks.

Loading one can run code that is in the file, and torch's documentation warns of it. `_program_check` lets
pass what cannot: plain tensors and aten operators, which is all that image classifiers are made of.
"""

import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import foreign as _foreign
from ..errors import EdgewiseError, UsageError
from ..model import Model
from ..overrides import Overrides
from .program_check import first_line, require_harmless

if TYPE_CHECKING:
    from torch.export import ExportedProgram

_AGAIN = "torch.export.export(model.eval(), (pictures,), dynamic_shapes=({0: torch.export.Dim.AUTO},))"


def is_program(name: str) -> bool:
    """Whether `name` is that of a `torch.export` program."""
    return Path(name).suffix == ".pt2"


def load_program(path: Path, overrides: Overrides, announce: Callable[[str], None]) -> Model:
    """The network in `path`.

    Raises:
        UsageError: there is no such file, or it is no image classifier in evaluation mode for any batch.
        EdgewiseError: it cannot be read, or not without the chance that it runs code.
    """
    import torch
    from torch.export.pt2_archive._package import load_pt2  # for `torch.export.load` may fall back to pickles

    if not path.is_file():
        raise UsageError(f"{path}: no such program; give the .pt2 file that torch.export.save wrote")
    content = path.read_bytes()
    require_harmless(content, str(path))
    try:
        (program,) = load_pt2(io.BytesIO(content)).exported_programs.values()
    except Exception as error:  # whatever a program of another torch raises
        raise EdgewiseError(
            f"{path}: torch cannot load it ({first_line(error)[:160]}); export it with this torch"
        ) from error
    size = _foreign.size_of(_require_pictures(program, path), path, overrides)
    _require_evaluation(program, path)
    module: Any = program.module(check_guards=False)  # guards would be Python code from the file
    network = torch.fx.GraphModule(module, module.graph).eval()  # anew, as the program's own refuses `eval`
    classes = _classes(network, size, path)
    # What torchvision and most recipes for PyTorch train with.
    preprocess = _foreign.usual(size, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    spec = _foreign.describe(path, preprocess, classes, overrides)
    for line in _foreign.assumed(spec, "torchvision's way", overrides):
        announce(line)
    return Model(network, spec)


def _require_pictures(program: "ExportedProgram", path: Path) -> int | None:
    """The side of the pictures that the program takes, None where any will do."""
    inputs = [node for node in program.graph.nodes if node.name in program.graph_signature.user_inputs]
    shapes = [tuple(node.meta["val"].shape) for node in inputs if hasattr(node.meta.get("val"), "shape")]
    words = ", ".join(f"({', '.join(map(str, shape))})" for shape in shapes) or "no tensor"
    if len(inputs) != 1 or len(shapes) != 1 or len(shapes[0]) != 4 or shapes[0][1] != 3:
        raise UsageError(f"{path}: takes {words}; need one batch of pictures, (N, 3, S, S)")
    batch, _, height, width = shapes[0]
    if isinstance(batch, int):
        raise UsageError(f"{path}: takes {words}, so its batch is fixed; export it anew by {_AGAIN}")
    if not (isinstance(height, int) and isinstance(width, int)):
        return None
    if height != width:
        raise UsageError(f"{path}: takes {words}; need square pictures, (N, 3, S, S)")
    return height


def _require_evaluation(program: "ExportedProgram", path: Path) -> None:
    """Raise a `UsageError` where a dropout or batch norm was captured as training has it."""
    import torch

    aten = torch.ops.aten
    places = {aten.dropout.default: 2, aten.dropout_.default: 2, aten.batch_norm.default: 5}
    for node in program.graph.nodes:
        if node.target in places and node.args[places[node.target]]:
            raise UsageError(
                f"{path}: was exported in training mode ({node.name}); export it anew by {_AGAIN}"
            )


def _classes(network: Any, size: int, path: Path) -> int:
    """How many scores it gives for a picture."""
    import torch

    with torch.no_grad():
        answer = network(torch.zeros(2, 3, size, size))
    if not isinstance(answer, torch.Tensor) or answer.dim() != 2 or len(answer) != 2:
        raise UsageError(f"{path}: gives something else than one tensor of logits, (N, classes)")
    return answer.shape[1]
