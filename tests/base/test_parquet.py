"""Parquet is read by an extra; who has not got it is told which."""

from __future__ import annotations

import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from safecase.base import InputError, parquet_rows


def test_rows_come_in_order(tmp_path: Path) -> None:
    rows = [{"id": str(number), "value": number} for number in range(3_000)]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    assert list(parquet_rows(tmp_path / "a.parquet", where="a.parquet")) == rows


def test_without_the_extra_its_name_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(InputError, match="parquet extra") as caught:
        list(parquet_rows(tmp_path / "a.parquet", where="a.parquet"))
    assert "safecase[parquet]" in (caught.value.hint or "")


def test_a_file_of_another_kind_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1 not")
    with pytest.raises(InputError, match="no readable parquet"):
        list(parquet_rows(tmp_path / "a.parquet", where="a.parquet"))
