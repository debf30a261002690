"""The published weights, from a real server into a real cache."""

import io
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from edgewise.models import _imagenet
from edgewise.models.errors import EdgewiseError
from edgewise.models.spec import Preprocess
from edgewise.models.zoo import find

from .conftest import Server
