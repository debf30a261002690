"""Answer prepared pictures on a board: run there by the engines' Python, for `answers`.

    python -P -m edgewise.runtime.devices._answering BUNDLE BATCH.npy THREADS

BATCH.npy holds (N, H, W, C) normalised float32 pictures, and is removed once it is read. The answer is one
line of JSON: {"shape": [N, classes], "logits": "..."}, little-endian float32 in base64.
"""

import base64
import json
import sys
from pathlib import Path

import numpy as np

from ...models.errors import EdgewiseError
from .. import open_session
from ..bundle import Bundle
from ..child import answering


def main() -> None:
    """Open the model, and answer the batch."""
    folder, file, threads = sys.argv[1:]
    with answering() as answers:
        try:
            bundle = Bundle.open(Path(folder))
            batch = np.load(file, allow_pickle=False)
            Path(file).unlink()
            logits = open_session(bundle.model, bundle.target, int(threads))(batch)
        except EdgewiseError as error:
            sys.exit(str(error))
        content = base64.b64encode(logits.astype("<f4").tobytes()).decode()
        print(json.dumps({"shape": logits.shape, "logits": content}), file=answers, flush=True)


if __name__ == "__main__":
    main()
