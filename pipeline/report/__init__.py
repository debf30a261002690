"""report.html: what was measured of a bundle, or of a training run, for people.

A report is made from the bundle's manifest, or the run's files, which are untrusted, and from the answers to
single pictures. It is one file without scripts or addresses, so that it can be sent, archived and printed.
"""

from .bundle_files import documents
from .evidence import PIPELINE, Evidence
from .gallery import MOST, chosen, thumbnails
from .learned import warnings, worst
from .overview import overview
from .page import rendered
from .predictions import from_csv, predictions
from .reproduce import command
from .templates import require, style
from .training import training_page

__all__ = [
    "MOST",
    "PIPELINE",
    "Evidence",
    "chosen",
    "command",
    "documents",
    "from_csv",
    "overview",
    "predictions",
    "rendered",
    "require",
    "style",
    "thumbnails",
    "training_page",
    "warnings",
    "worst",
]
