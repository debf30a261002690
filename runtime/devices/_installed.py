"""Check on a board that its engines load: the last step of its setup, run by their Python.

    python -m edgewise.runtime.devices._installed FILE tflite onnx

FILE then lists the installed targets: {"targets": {"tflite": "2.3.0"}, "python": [3, 11, 2]}.
"""

import json
import sys
from pathlib import Path

from ...models.errors import EdgewiseError
from ...models.files import write_file
from .. import runtime


def main() -> None:
    """Load each engine and write the file atomically."""
    file, *targets = sys.argv[1:]
    try:
        versions = {target: runtime(target).version() for target in targets}
    except EdgewiseError as error:
        sys.exit(str(error))
    content = json.dumps({"targets": versions, "python": sys.version_info[:3]})
    write_file(Path(file), content.encode())


if __name__ == "__main__":
    main()
