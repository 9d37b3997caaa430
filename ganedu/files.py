"""Files that are either whole or not there, folders that one run has for itself, texts of anybody's."""

import codecs
import errno
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
        in_the_way = isinstance(error, FileExistsError | NotADirectoryError)
        why = "a file is where its folder should be" if in_the_way else error.strerror or error
        raise type(error)(f"{path} could not be written: {why}") from error
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)  # there only if something went wrong


def write_text(path, text):
    """Write `path` anew, in UTF-8, in one step."""
    with replacing(path) as file:
        file.write(text.encode("utf-8"))


def read_text(path):
    """A text that somebody wrote: UTF-8, or what editors and shells of Windows make of it."""
    content = Path(path).read_bytes()
    utf16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = content.decode("utf-16" if utf16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is no text in UTF-8 (byte {error.start + 1})") from None
    return text.replace("\r\n", "\n")


@contextmanager
def claimed(folder):
    """The folder for this process alone while the block runs; it is made if need be.

    The lock is the system's own: it ends with the process however that ends, and leaves no file. Where
    there is none (Windows, some network disks), nothing is claimed.
    """
    folder = Path(folder).expanduser()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        in_the_way = isinstance(error, FileExistsError | NotADirectoryError)
        why = "a file is in its place" if in_the_way else error.strerror or error
        raise type(error)(f"{folder} cannot be a folder: {why}") from error
    try:
        import fcntl
    except ImportError:
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            os.close(handle)
            raise FileExistsError(f"another run is writing into {folder} now") from None
    try:
        yield
    finally:
        os.close(handle)


def _sweep(path, hours=1):
    """Remove what killed writes left; a younger file may be another process's, under way."""
    for old in path.parent.glob(f".{escape(path.name)}.*.partial"):
        with suppress(FileNotFoundError):  # another process was quicker
            if time.time() - old.stat().st_mtime > hours * 3600:
                old.unlink()
