"""Loads Keras models as functions with constant weights, without running code from the file.

A `.keras` or `.h5` file configures known layers: Keras's safe mode rejects Lambda layers, which contain
Python bytecode, and unknown classes. A SavedModel is a graph of TensorFlow operators, some of which can read
and write files: it is rejected if it has such operators, or anything that runs on loading.
"""

import re
from itertools import pairwise
from pathlib import Path
from typing import Any

from ..errors import EdgewiseError, UsageError
from .tensorflow import tensorflow

_TASK = "Loading a Keras model"
_SIGNATURE = "serving_default"
# Stateful operators in the SavedModels that Keras writes: variables, calls, and their own checkpoint.
_HARMLESS = {
    "AssignVariableOp",
    "DisableCopyOnRead",
    "If",
    "MergeV2Checkpoints",
    "ReadVariableOp",
    "RestoreV2",
    "SaveV2",
    "StatefulPartitionedCall",
    "VarHandleOp",
    "VarIsInitializedOp",
    "While",
}
_FILE_READERS = {"ImmutableConst", "MatchingFiles", "PyFuncStateless", "ReadFile"}  # registered as stateless
_MEND = "export it with model.export('FOLDER') where it was created, and pass that folder"


def load(path: Path) -> Any:
    """The model's inference as a concrete function with all variables frozen to constants.

    Raises:
        MissingDependencyError: tensorflow is not installed.
        UsageError, EdgewiseError: as for `load_keras`.
    """
    tensorflow(_TASK)
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    owner, function = _saved_model(path) if path.is_dir() else _keras_model(path)
    _refuse_augmentation(function, path)
    try:
        frozen = convert_variables_to_constants_v2(function)
    except (ValueError, RuntimeError) as error:
        raise EdgewiseError(f"{path}: TensorFlow cannot freeze it ({_first_line(error)})") from error
    del owner  # needed until here to keep the variables alive
    if operators := _refused({node.op for node in frozen.graph.as_graph_def().node}, harmless=set()):
        raise EdgewiseError(f"{path}: uses {operators[0]}, which is not a pure function of the picture")
    return frozen


def _refuse_augmentation(function: Any, path: Path) -> None:
    """Raise a `UsageError` if the function draws random numbers.

    `model.export` calls augmentation layers as in training: such a SavedModel flips and turns its pictures.
    """
    graph = function.graph.as_graph_def()
    nodes = (*graph.node, *(node for inner in graph.library.function for node in inner.node_def))
    drawing = [node.name.split("/") for node in nodes if "Random" in node.op]
    if drawing:
        layers = dict.fromkeys(
            next(
                (above for above, part in pairwise(parts) if "random_" in part and "stateless" in part),
                parts[0],
            )
            for parts in drawing
        )
        raise UsageError(
            f"{path}: draws random numbers in {' and '.join(layers)}: model.export keeps augmentation layers "
            "as they are in training; pass the .keras file of the model, or export it without these layers"
        )


def _keras_model(path: Path) -> tuple[Any, Any]:
    tf = tensorflow(_TASK)
    import keras

    try:
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Keras, zipfile and h5py raise various errors on a broken file
        raise EdgewiseError(f"{path}: {_words(error)}") from error
    if not isinstance(model, keras.Model) or len(model.inputs or ()) != 1:
        raise UsageError(f"{path}: need a Keras model with one input, a batch of pictures")
    shape, kind = model.inputs[0].shape, model.inputs[0].dtype
    function = tf.function(lambda pictures: model(pictures, training=False))
    return model, function.get_concrete_function(tf.TensorSpec((None, *shape[1:]), kind))


def _words(error: Exception) -> str:
    said = str(error)
    if "lambda" in said.lower():
        return f"has a Lambda layer, and edgewise never runs Python code from a file; {_MEND}"
    if unknown := re.search(r"Could not locate \w+ '(\w+)'", said):
        return f"has a custom layer, {unknown[1]}, that Keras cannot load; {_MEND}"
    return f"Keras cannot load it ({_first_line(error)[:160]}); save it again with model.save('FILE.keras')"


def _saved_model(path: Path) -> tuple[Any, Any]:
    tf = tensorflow(_TASK)
    _refuse_side_effects(path)
    try:
        loaded = tf.saved_model.load(path)
    except Exception as error:  # TensorFlow raises various errors on a broken file
        raise EdgewiseError(f"{path}: TensorFlow cannot load it ({_first_line(error)[:160]})") from error
    signatures = loaded.signatures
    if _SIGNATURE not in signatures and len(signatures) != 1:
        names = ", ".join(map(repr, signatures)) or "none"
        raise UsageError(f"{path}: need a signature {_SIGNATURE!r}, found {names}; {_MEND}")
    return loaded, signatures.get(_SIGNATURE) or next(iter(signatures.values()))


def _refuse_side_effects(path: Path) -> None:
    """Raise an `EdgewiseError` if loading or running the SavedModel could have side effects."""
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    content = SavedModel()
    try:
        content.ParseFromString((path / "saved_model.pb").read_bytes())
    except DecodeError as error:
        raise EdgewiseError(f"{path}: saved_model.pb is damaged; copy the folder again") from error
    operators: set[str] = set()
    for graph in content.meta_graphs:
        if not graph.object_graph_def.nodes:
            raise EdgewiseError(f"{path}: was saved by TensorFlow 1, and loading it runs a graph; {_MEND}")
        if any(node.HasField("resource") for node in graph.object_graph_def.nodes):
            raise EdgewiseError(f"{path}: contains a resource, which runs a function on loading; {_MEND}")
        functions = graph.graph_def.library.function
        operators.update(node.op for node in graph.graph_def.node)
        operators.update(node.op for function in functions for node in function.node_def)
    if refused := _refused(operators, _HARMLESS):
        raise EdgewiseError(
            f"{path}: has the operator {refused[0]}, which can have side effects such as reading or writing "
            f"files; remove it, then {_MEND}"
        )


def _refused(operators: set[str], harmless: set[str]) -> list[str]:
    """The `operators` that have side effects and are not `harmless`, or that read files."""
    from tensorflow.python.framework import op_def_registry

    known = {name: op_def_registry.get(name) for name in operators - harmless}
    stateful = {name for name, definition in known.items() if definition and definition.is_stateful}
    return sorted(stateful | (operators & _FILE_READERS))


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
