"""Named arrays in one file: an uncompressed zip of ``.npy`` members, as ``numpy.load`` reads it.

NumPy's own writer puts the time of day into the file, and its reader allocates what a header claims before
it has read it. Here equal arrays give equal bytes, and a member is believed only as far as it is long.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

_HEADER_CHARACTERS = 10_000
"""Most of a header that is parsed; a plain array's has about a hundred. NumPy's own bound."""


def write_arrays(
    file: IO[bytes], arrays: Mapping[str, NDArray[Any]], *, texts: Mapping[str, bytes] | None = None
) -> None:
    """Write arrays under their names, and ``texts`` as members as they are. Raises OSError."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            # A ZipInfo made by hand has a fixed date.
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
                npy.write_array(member, np.ascontiguousarray(array), allow_pickle=False)
        for name, text in (texts or {}).items():
            archive.writestr(zipfile.ZipInfo(name), text)


def read_arrays(path: Path, names: Sequence[str]) -> dict[str, NDArray[Any]]:
    """The named arrays, read-only; the others are not read.

    Raises OSError where the file cannot be read, ValueError where it is damaged or lacks one of them.
    """
    with _opened(path) as archive:
        return {name: _array(_member(archive, f"{name}.npy"), name) for name in names}


def read_text(path: Path, name: str) -> bytes:
    """A member as it is. Raises as `read_arrays` does."""
    with _opened(path) as archive:
        return _member(archive, name)


def _opened(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except (zipfile.BadZipFile, NotImplementedError) as error:
        raise ValueError(f"{path.name} is damaged: {error}") from error


def _member(archive: zipfile.ZipFile, name: str) -> bytes:
    try:
        info = archive.getinfo(name)
        if info.compress_type != zipfile.ZIP_STORED:
            raise ValueError(f"{name} is compressed")  # A bomb could be; what is written here never is.
        return archive.read(info)
    except (KeyError, zipfile.BadZipFile, EOFError, RuntimeError, NotImplementedError) as error:
        raise ValueError(f"{name} is missing or damaged: {error}") from error


def _array(data: bytes, name: str) -> NDArray[Any]:
    stream = io.BytesIO(data)
    version = npy.read_magic(stream)
    if version != (1, 0):
        raise ValueError(f"{name} has a header of another version")
    shape, _, dtype = npy.read_array_header_1_0(stream, max_header_size=_HEADER_CHARACTERS)
    length = len(data) - stream.tell()
    if dtype.hasobject or len(shape) != 1 or shape[0] * dtype.itemsize != length:
        raise ValueError(f"{name} is not as long as its header says")
    return np.frombuffer(data, dtype=dtype, offset=stream.tell())
