"""Loads `torch.export` programs (.pt2) as networks.

Loading one can run code from the file, as torch's documentation warns. `program_check` only accepts plain
tensors and aten operators, which cannot, and which is all that an image classifier needs.
"""

import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import foreign as _foreign
from ..announcements import logits
from ..captured import inline_modes, training_operator
from ..errors import EdgewiseError, UsageError
from ..final_step import cut
from ..full_precision import in_float32
from ..model import Model
from ..overrides import Overrides
from ..sizes import Shape, Size, planes
from ..spec import Preprocess
from .program_check import first_line, require_harmless

if TYPE_CHECKING:
    from torch.export import ExportedProgram
    from torch.fx import GraphModule

_AGAIN = "torch.export.export(model.eval(), (pictures,), dynamic_shapes=({0: torch.export.Dim.AUTO},))"


def is_program(name: str) -> bool:
    """Whether `name` is a `torch.export` program."""
    return Path(name).suffix == ".pt2"


def load_program(path: Path, overrides: Overrides, announce: Callable[[str], None]) -> Model:
    """Load the network in `path`.

    Raises:
        UsageError: the file does not exist, or is not an image classifier in evaluation mode that takes any
            batch size.
        EdgewiseError: it cannot be read, or loading it might run code.
    """
    import torch
    from torch.export.pt2_archive._package import load_pt2  # `torch.export.load` may fall back to pickle

    if not path.is_file():
        raise UsageError(f"{path}: no such program; pass a .pt2 file written by torch.export.save")
    content = path.read_bytes()
    require_harmless(content, str(path))
    try:
        (program,) = load_pt2(io.BytesIO(content)).exported_programs.values()
    except Exception as error:  # programs from another torch version raise various errors
        raise EdgewiseError(
            f"{path}: torch cannot load it ({first_line(error)[:160]}); export it with this version of torch"
        ) from error
    found, channels = _require_pictures(program, path)
    size = _foreign.size_of(found, path, overrides)
    _foreign.require_channels(channels, path, overrides)
    module = _module(program, path)
    _require_evaluation(module, path)
    graph = torch.fx.GraphModule(module, module.graph).eval()  # the program's own module rejects `eval`
    step = cut(graph)
    network = in_float32(graph, path.name, announce)
    # The values that torchvision and most PyTorch training recipes use; for grey, half and half.
    usual = overrides.preprocess(_foreign.usual(size, Preprocess().mean, Preprocess().std), channels)
    outputs = _outputs(network, usual.shape, path)
    spec = _foreign.describe(path, usual, outputs, overrides)
    notices = _foreign.assumed(spec, "torchvision's preprocessing", overrides) + logits(spec, outputs, step)
    for line in notices:
        announce(line)
    return Model(network, spec)


def _module(program: "ExportedProgram", path: Path) -> Any:
    """The program's graph of plain operators."""
    module: Any = program.module(check_guards=False)  # guards would be Python code from the file
    try:
        inline_modes(module)
    except EdgewiseError:
        raise
    except Exception as error:  # regions that torch.export would not write
        raise EdgewiseError(
            f"{path}: a region of no_grad or autocast is damaged ({first_line(error)[:160]}); export it again"
        ) from error
    return module


def _require_pictures(program: "ExportedProgram", path: Path) -> tuple[Size | None, int]:
    """The size of the program's input pictures, None if any is accepted, and their channels."""
    inputs = [node for node in program.graph.nodes if node.name in program.graph_signature.user_inputs]
    shapes = [tuple(node.meta["val"].shape) for node in inputs if hasattr(node.meta.get("val"), "shape")]
    words = ", ".join(f"({', '.join(map(str, shape))})" for shape in shapes) or "no tensor"
    if len(inputs) != 1 or len(shapes) != 1 or len(shapes[0]) != 4 or shapes[0][1] not in (1, 3):
        raise UsageError(f"{path}: takes {words}; need one batch of pictures, (N, 3, H, W) or (N, 1, H, W)")
    batch, channels, height, width = shapes[0]
    if isinstance(batch, int):
        raise UsageError(f"{path}: takes {words}, a fixed batch size; export it again with {_AGAIN}")
    if not (isinstance(height, int) and isinstance(width, int)):
        return None, channels
    return (height, width), channels


def _require_evaluation(network: "GraphModule", path: Path) -> None:
    """Raise a `UsageError` if something was captured in training mode."""
    node = training_operator(network)
    if node is not None:
        raise UsageError(
            f"{path}: was exported in training mode ({node.name}); export it again with {_AGAIN}"
        )


def _outputs(network: Any, picture: Shape, path: Path) -> int:
    """The number of outputs per picture."""
    import torch

    try:
        with torch.no_grad():
            answer = network(torch.zeros(planes(picture, 2)))
    except RuntimeError as error:  # it has types of its own inside
        raise UsageError(
            f"{path}: does not take float32 pictures ({first_line(error)[:160]}); call model.float() and "
            "export it again"
        ) from error
    if not isinstance(answer, torch.Tensor) or answer.dim() != 2 or len(answer) != 2:
        raise UsageError(f"{path}: does not return a single tensor of logits, (N, classes)")
    return answer.shape[1]
