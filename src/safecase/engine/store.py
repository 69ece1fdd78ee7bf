"""Where finished runs are kept: a local folder, or any fsspec URL.

Journals need a disk that can promise durability, so a run is always written to a local folder; where the
store is remote the folder is copied there once the run has ended.
"""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from safecase.base import InfrastructureError, InputError

_MANIFEST = "manifest.json"
_STATUS = "status.json"


def is_remote(store: Path | str) -> bool:
    """True for an fsspec URL that is not a local path or ``file://`` URL."""
    return isinstance(store, str) and "://" in store and not store.startswith("file://")


def local_path(store: Path | str) -> Path:
    """The local folder that a path or ``file://`` URL names. Raises InputError for a remote URL."""
    if is_remote(store):
        raise InputError(f"{store} is not a local folder")
    if isinstance(store, str) and store.startswith("file://"):
        return Path(unquote(urlsplit(store).path))
    return Path(store)


def staging_folder(store: Path | str, staging: Path | None = None) -> Path:
    """The local folder in which the runs of ``store`` are written.

    Of a remote one it is ``staging``, or a new folder that nobody else can guess or read.
    """
    if not is_remote(store):
        return local_path(store)
    return staging if staging is not None else Path(tempfile.mkdtemp(prefix="safecase-runs-"))


def publish(folder: Path, store: str) -> str:
    """Copy an ended run to a remote store, the manifest last; its URL.

    Raises InfrastructureError where the store does not take it; the local folder stays.
    """
    import fsspec

    url = f"{store.rstrip('/')}/{folder.name}"
    try:
        system, root = fsspec.core.url_to_fs(url)
        system.makedirs(root, exist_ok=True)
        files = sorted(path for path in folder.iterdir() if path.is_file() and path.name != "run.lock")
        # A reader that finds the manifest finds the rest.
        files.sort(key=lambda path: path.name == _MANIFEST)
        for path in files:
            system.put_file(str(path), f"{root}/{path.name}")
    except Exception as error:  # fsspec's back ends raise what they like
        raise InfrastructureError(
            f"the run could not be copied to {store}: {type(error).__name__}: {error}",
            where=str(folder),
            hint="the run is whole in this local folder; copy it when the store can be reached",
        ) from error
    return url


def publish_file(folder: Path, name: str, url: str) -> None:
    """Copy one file of a run folder to the run's place in a remote store. Raises as `publish`."""
    import fsspec

    try:
        system, root = fsspec.core.url_to_fs(url)
        system.put_file(str(folder / name), f"{root}/{name}")
    except Exception as error:  # fsspec's back ends raise what they like
        raise InfrastructureError(
            f"{name} could not be copied to {url}: {type(error).__name__}: {error}", where=str(folder / name)
        ) from error


def remote_runs(store: str) -> dict[str, dict[str, bytes]]:
    """The runs of a remote store: URL → small files by name (manifest, status), and the names of the others.

    The others are there with no content. Raises InfrastructureError where the store cannot be read; a store
    that nobody has written to is empty.
    """
    import fsspec

    try:
        system, root = fsspec.core.url_to_fs(store)
        if not system.exists(root):
            return {}
        found: dict[str, dict[str, bytes]] = {}
        small = []
        for path in system.find(root, maxdepth=2):
            name = PurePosixPath(path)
            url = f"{store.rstrip('/')}/{name.parent.name}"
            found.setdefault(url, {})[name.name] = b""
            if name.name in (_MANIFEST, _STATUS):
                small.append(path)
        for path, content in (system.cat(small, on_error="omit") if small else {}).items():
            name = PurePosixPath(path)
            found[f"{store.rstrip('/')}/{name.parent.name}"][name.name] = content
    except Exception as error:  # fsspec's back ends raise what they like
        raise InfrastructureError(
            f"the store {store} could not be read: {type(error).__name__}: {error}",
            hint="mend the access, or name another store",
        ) from error
    return {url: files for url, files in found.items() if files.get(_MANIFEST) and files.get(_STATUS)}


def is_forgetful(store: Path | str) -> bool:
    """True for a store that is gone when the program ends."""
    return isinstance(store, str) and store.startswith("memory:")


def local_copy(path: Path | str) -> Path:
    """A local folder with the run's files: the folder itself, or a fresh copy of a remote one.

    Raises InfrastructureError where the store cannot be read.
    """
    if not is_remote(path):
        return local_path(path)
    import fsspec

    target = Path(tempfile.mkdtemp(prefix="safecase-run-")) / PurePosixPath(str(path).rstrip("/")).name
    try:
        target.mkdir()
        system, root = fsspec.core.url_to_fs(str(path))
        for found in system.ls(root, detail=False):
            name = PurePosixPath(found).name
            with contextlib.suppress(IsADirectoryError):
                system.get_file(found, str(target / name))
    except Exception as error:  # fsspec's back ends raise what they like
        raise InfrastructureError(
            f"the run at {path} could not be read: {type(error).__name__}: {error}"
        ) from error
    return target
