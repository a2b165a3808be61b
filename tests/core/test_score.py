import json
from pathlib import Path

import pytest

from bench.score import main

ROWS = [
    ("airflow", "OSError: [Errno 28] No space left on device", "storage_full", False),
    ("airflow", "OSError: [Errno 28] No space left on device", "data_quality", False),
    ("airflow", "It failed.", "unknown", False),
    ("network", "ConnectionRefusedError: [Errno 111] Connection refused", "auth_permission", False),
]


def corpus(folder: Path) -> Path:
    rows = [
        {"id": n, "source": s, "code": None, "message": m, "category": c, "remediable": r}
        for n, (s, m, c, r) in enumerate(ROWS)
    ]
    (folder / "mine.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return folder


def test_figures_are_counted_as_they_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--corpus", str(corpus(tmp_path)), "--wrong"]) == 0
    said = capsys.readouterr().out
    name, rows, micro, macro, unknown, remediable, never, _ = said.splitlines()[1].split()
    # F1: storage_full 2/3, unknown 1, data_quality and auth_permission 0.
    assert (name, rows, micro, macro) == ("mine.jsonl", "4", "0.500", "0.417")
    assert (unknown, remediable, never) == ("1.000", "0.750", "1")
    assert "1: data_quality answered storage_full by python.disk" in said
    assert "0: storage_full" not in said


def test_a_missing_folder_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--corpus", str(tmp_path / "none")]) == 2
    assert "no labeled failures (*.jsonl)" in capsys.readouterr().err
