import argparse
import io
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from rca_plugin.cli import classify

GOOD = {
    "id": "a",
    "source": "airflow",
    "code": None,
    "message": "OSError: [Errno 28] No space left on device",
}


def run(tmp_path: Path, text: bytes) -> int:
    file = tmp_path / "rows.jsonl"
    file.write_bytes(text)
    return classify.run(argparse.Namespace(jsonl=str(file)))


def test_answers_each_row(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    number = {**GOOD, "id": 7, "source": "adf", "code": 2105}
    assert run(tmp_path, f"{json.dumps(GOOD)}\n\n{json.dumps(number)}\n".encode()) == 0
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert first == {
        "id": "a",
        "category": "storage_full",
        "remediable": False,
        "severity": "High",
        "rule": "python.disk",
        "matched": GOOD["message"],
        "confidence": 0.88,
    }
    assert (second["id"], second["category"]) == (7, "configuration_error")


@pytest.mark.parametrize(
    "bad",
    [b"{", b"[]", b'{"id": 1}', b'{"source": "airflow", "message": 3}', b"\xff\xfe", b"[" * 100_000,
     b'{"source": "airflow", "message": "x", "code": []}'],
)  # fmt: skip
def test_a_malformed_line_is_named_and_the_others_still_answered(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], bad: bytes
) -> None:
    assert run(tmp_path, bad + b"\n" + json.dumps(GOOD).encode()) == 2
    written = capsys.readouterr()
    assert "line 1:" in written.err
    assert json.loads(written.out)["id"] == "a"


def test_reads_standard_input(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(json.dumps(GOOD).encode())))
    assert classify.run(argparse.Namespace(jsonl="-")) == 0
    assert json.loads(capsys.readouterr().out)["category"] == "storage_full"


def test_a_missing_file_or_data_folder_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert classify.run(argparse.Namespace(jsonl=str(tmp_path / "none.jsonl"))) == 2
    assert classify.run(argparse.Namespace(jsonl="-", include=tmp_path)) == 2
    assert len(capsys.readouterr().err.splitlines()) == 2


def test_the_parser_leads_to_run() -> None:
    parser = argparse.ArgumentParser()
    classify.add_parser(parser.add_subparsers())
    assert parser.parse_args(["classify", "--jsonl", "-"]).run is classify.run


def test_loads_nothing_heavy() -> None:
    probe = (
        "import sys, rca_plugin.cli.classify; "
        "print([m for m in ('airflow', 'pydantic', 'httpx', 'sqlalchemy', 'flask', 'fastapi') if m in sys.modules])"
    )
    plugins = str(Path(classify.__file__).resolve().parents[2])
    done = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, env={"PYTHONPATH": plugins}
    )
    assert done.stdout.strip() == "[]", done.stderr
