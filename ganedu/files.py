"""Files that are either whole or not there."""

import os
import secrets
import time
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path


@contextmanager
def replacing(path):
    """A binary file to write, beside `path`; at the end it takes its place in one step.

    A kill leaves the old file, or none, and so does an error. Where the disk refuses, it says which file.
    """
    path = Path(path).expanduser()
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep(path)
        with open(partial, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except OSError as error:
        why = error.strerror or error
        raise type(error)(f"{path} could not be written: {why}") from error
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)  # there only if something went wrong


def write_text(path, text):
    """Write `path` anew, in UTF-8, in one step."""
    with replacing(path) as file:
        file.write(text.encode("utf-8"))


def _sweep(path, hours=1):
    """Remove what killed writes left; a younger file may be another process's, under way."""
    for old in path.parent.glob(f".{escape(path.name)}.*.partial"):
        with suppress(FileNotFoundError):  # another process was quicker
            if time.time() - old.stat().st_mtime > hours * 3600:
                old.unlink()
