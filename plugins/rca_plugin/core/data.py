"""Where the data files (rules, knowledge, prompts) live."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent


def data_folder() -> Path:
    """The `include` folder: inside the package for a wheel, beside `plugins/` for a checkout."""
    packed = _PACKAGE / "include"
    return packed if packed.is_dir() else _PACKAGE.parent.parent / "include"
