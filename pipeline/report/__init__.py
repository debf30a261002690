"""report.html: what was measured of a bundle, for people.

A report is made from the bundle's manifest, which is untrusted, and from the answers to single pictures. It
is one file without scripts or addresses, so that it can be sent, archived and printed.
"""

from .bundle_files import documents
from .evidence import Evidence
from .gallery import chosen, thumbnails
from .overview import overview
from .page import rendered
from .predictions import from_csv, predictions
from .reproduce import command
from .templates import require, style

__all__ = [
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
]
