"""The results of a finished run, copied to an object store or any other place that fsspec knows."""

from agent.batch.errors import StorageError
from agent.batch.folder import RunFolder
from agent.batch.instructions import Output
from agent.batch.results.writer import FILES


def publish_results(folder: RunFolder, outputs: tuple[Output, ...], url: str) -> int:
    """Copy the results and overlays below `url`; returns how many files.

    They appear together where the store has transactions (fsspec commits at the end: local files, memory,
    S3 multipart uploads), else one by one, each whole.

    Raises:
        StorageError: the store refuses, or its package is not installed. The results stay in the folder.
    """
    from fsspec.core import url_to_fs

    files = [folder.path / FILES[output] for output in outputs if output in FILES]
    if "overlays" in outputs:
        files += sorted(folder.path.glob("overlays/*.jpg"))
    try:
        system, base = url_to_fs(url.rstrip("/"))
        with system.transaction:
            for path in files:
                target = f"{base}/{path.relative_to(folder.path).as_posix()}"
                system.makedirs(system._parent(target), exist_ok=True)
                with path.open("rb") as source, system.open(target, "wb") as copy:
                    while chunk := source.read(1 << 20):
                        copy.write(chunk)
    except Exception as error:  # each store raises exceptions of its own
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        raise StorageError(
            f"{url}: not copied ({reason}); the results are complete in {folder.path}; "
            "run again with --resume to copy them"
        ) from error
    return len(files)
