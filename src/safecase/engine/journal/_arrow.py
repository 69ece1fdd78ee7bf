"""Arrow arrays from NumPy arrays and lists, and back, without what pyarrow would import for it.

Where pandas is installed, pyarrow's own conversions (``pa.array``, ``pq.read_table``) import it, to see if
they were given one of its objects: about a second of every command that reads or writes a run. Buffers are
handed over as they are instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa


def number_array(values: NDArray[Any], present: NDArray[np.bool_] | None = None) -> pa.Array:
    """Numbers or truth values, shape (n,); null where ``present`` is False."""
    import pyarrow as pa

    kind = pa.from_numpy_dtype(values.dtype)
    # Arrow keeps truth values, like marks of presence, as bits.
    content = np.packbits(values, bitorder="little") if values.dtype == bool else np.ascontiguousarray(values)
    marks = None if present is None else pa.py_buffer(np.packbits(present, bitorder="little"))
    return pa.Array.from_buffers(kind, len(values), [marks, pa.py_buffer(content)])


def text_array(texts: Sequence[bytes]) -> pa.Array:
    """Texts in UTF-8, together less than 2 GiB."""
    import pyarrow as pa

    ends = np.zeros(len(texts) + 1, dtype=np.int32)
    np.cumsum([len(text) for text in texts], out=ends[1:])
    buffers = [None, pa.py_buffer(ends), pa.py_buffer(b"".join(texts))]
    return pa.Array.from_buffers(pa.string(), len(texts), buffers)


def word_array(words: Sequence[str | None]) -> pa.Array:
    """Words of which many are equal, each kept once; None is null."""
    import pyarrow as pa

    codes: dict[str, int] = {}
    indices = np.array(
        [-1 if word is None else codes.setdefault(word, len(codes)) for word in words], dtype=np.int32
    )
    present = indices >= 0
    marks = None if present.all() else present
    return pa.DictionaryArray.from_arrays(
        number_array(indices.clip(0), marks), text_array([word.encode() for word in codes])
    )


def read_columns(path: Path, columns: Sequence[str] | None = None) -> pa.Table:
    """Columns of a Parquet file, all of them by default. Raises OSError or ValueError where it is damaged."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        return file.read(columns=list(columns) if columns is not None else None)


def numpy_column(column: pa.ChunkedArray) -> NDArray[Any]:
    """A column of numbers or truth values, shape (n,); NaN where a floating-point number is null."""
    return np.concatenate([_numpy_chunk(chunk) for chunk in column.chunks]) if column.num_chunks else _NOTHING


def word_codes(column: pa.ChunkedArray) -> tuple[NDArray[np.int32], tuple[str, ...]]:
    """Codes of a column of words over all its chunks, -1 where it is null, and the words by code.

    Words are numbered in order of appearance.
    """
    words: dict[str, int] = {}
    parts: list[NDArray[np.int32]] = []
    for chunk in column.chunks:
        known = [words.setdefault(word, len(words)) for word in chunk.dictionary.to_pylist()]
        indices = np.where(_present(chunk.indices), _numpy_chunk(chunk.indices), -1)
        # The last place stands for null: index -1.
        parts.append(np.array([*known, -1], dtype=np.int32)[indices])
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.int32), tuple(words)


_NOTHING: NDArray[Any] = np.empty(0)


def _numpy_chunk(chunk: pa.Array) -> NDArray[Any]:
    content = chunk.buffers()[1]
    if not len(chunk):
        return np.empty(0, dtype=chunk.type.to_pandas_dtype())
    if str(chunk.type) == "bool":
        return _bits(content, chunk.offset, len(chunk))
    dtype = np.dtype(chunk.type.to_pandas_dtype())
    values = np.frombuffer(content, dtype=dtype, count=chunk.offset + len(chunk))[chunk.offset :]
    return np.where(_present(chunk), values, np.nan) if chunk.null_count and dtype.kind == "f" else values


def _present(chunk: pa.Array) -> NDArray[np.bool_]:
    if not chunk.null_count:
        return np.ones(len(chunk), dtype=np.bool_)
    return _bits(chunk.buffers()[0], chunk.offset, len(chunk))


def _bits(buffer: pa.Buffer, offset: int, count: int) -> NDArray[np.bool_]:
    packed = np.frombuffer(buffer, dtype=np.uint8)
    return np.unpackbits(packed, count=offset + count, bitorder="little")[offset:].astype(np.bool_)
