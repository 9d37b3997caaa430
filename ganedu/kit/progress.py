"""What a learner has predicted and solved: one JSON file in the workspace, else memory alone."""

import json
import os
import time
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from ganedu.files import write_text

MANIFEST = ".ganedu.json"  # what `ganedu start` gave; its presence makes a folder a workspace
FILE = "progress.json"
APART = "GANEDU_APART"  # in the environment of a process that keeps nothing in the file
STALE_SECONDS = 5.0  # a lock that is older was left behind by a process that died


def workspace_of(folder):
    """The workspace that the folder lies in, or None."""
    folder = Path(folder).resolve()
    return next((f for f in (folder, *folder.parents) if (f / MANIFEST).is_file()), None)


class Progress:
    """Entries by kind and key: `predictions` and `exercises`; `root` None keeps them in memory."""

    def __init__(self, root):
        self.root = root
        self.memory = {}
        self.problem = ""  # why the newest entry is not in the file, in words

    @property
    def file(self):
        return self.root / FILE

    def all(self, kind):
        """Every entry of the kind: {key: entry}, those of the file and of this process."""
        stored = {} if self.root is None else read_json(self.file).get(kind, {})
        return (stored if isinstance(stored, dict) else {}) | self.memory.get(kind, {})

    def put(self, kind, entries):
        """Keep {key: entry}; a file that cannot be written is told in `problem`, not raised."""
        self.memory.setdefault(kind, {}).update(entries)
        if self.root is None:
            return
        try:
            with locked(self.file):
                content = read_json(self.file)
                content[kind] = {**content.get(kind, {}), **self.memory[kind]}
                write_json(content, self.file)
            self.problem = ""
        except OSError as error:
            self.problem = str(error)


@cache
def here():
    """The progress of the workspace that this process was started in."""
    return Progress(None if os.environ.get(APART) else workspace_of(Path.cwd()))


def read_json(file):
    """The object in the file; {} when there is none. An unreadable file is set aside, not lost."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError:
        content = None
    if isinstance(content, dict):
        return content
    os.replace(file, unused(file.with_name(f"{file.stem} (unreadable){file.suffix}")))
    return {}


def write_json(content, file):
    write_text(file, json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False))


def unused(file):
    """The path itself, or the first of `name 2`, `name 3`, ... that is free."""
    path, n = file, 1
    while os.path.lexists(path):
        n += 1
        path = file.with_name(f"{file.stem} {n}{file.suffix}")
    return path


@contextmanager
def locked(file):
    """One writer at a time, over processes: two notebooks may be answered in the same second."""
    lock = file.with_name(f".{file.name}.lock")
    while True:
        try:
            os.close(os.open(lock, os.O_CREAT | os.O_EXCL))
            break
        except FileExistsError:
            remove_stale(lock)
            time.sleep(0.01)
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)


def remove_stale(lock):
    try:
        if time.time() - lock.stat().st_mtime > STALE_SECONDS:
            lock.unlink()
    except FileNotFoundError:
        pass
