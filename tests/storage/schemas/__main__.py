"""Writes the dumps of the present version."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.storage import schemas

with tempfile.TemporaryDirectory() as folder:
    schemas.write(Path(folder))
