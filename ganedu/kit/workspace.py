"""The learner's own copy of the course: made, and brought up to date without touching work."""

import hashlib
import json
import os
from dataclasses import dataclass, field
from pathlib import Path

from ganedu import __version__
from ganedu.files import replacing
from ganedu.kit import progress
from ganedu.kit.pages import is_edited
from ganedu.kit.progress import MANIFEST, unused, write_json

DEFAULT = "ganedu-course"
FIRST = "notebooks/00_start_here.ipynb"


@dataclass
class Report:
    """What `start` did: pages new, brought up to date, and kept as they were (page, where else)."""

    root: Path
    new: list = field(default_factory=list)
    updated: list = field(default_factory=list)
    run: list = field(default_factory=list)  # were run, not edited: (page, where the old one is)
    kept: list = field(default_factory=list)  # are edited: (page, where the new version is)

    def __str__(self):
        lines = [f"Workspace: {self.root}"]
        for word, names in (("new", self.new), ("brought up to date", self.updated)):
            lines += [f"  {len(names)} pages {word}"] if names else []
        lines += [
            f"  {name}: new version; yours, as you ran it, is in {old}" for name, old in self.run
        ]
        lines += [f"  {name}: yours, kept; the new version is {new}" for name, new in self.kept]
        return "\n".join(lines if len(lines) > 1 else [*lines, "  nothing to bring up to date"])


def start(folder, pages, *, single=False):
    """Make or update the workspace `folder` from {page: bytes} -> Report.

    A page that nobody touched is replaced. One that was only run is replaced, and the old file kept
    in `kept/`. One that was edited stays; the new version lies beside it. A page that was deleted
    comes back.
    """
    root = Path(folder).expanduser().resolve()
    refuse_foreign(root, single)
    root.mkdir(parents=True, exist_ok=True)
    report = Report(root)
    with progress.locked(root / MANIFEST):
        manifest = manifest_of(root) | {"ganedu": __version__, "single": single}
        write_json(manifest, root / MANIFEST)  # from now on this is a workspace
        try:
            for name, content in pages.items():
                place(root, name, content, manifest["pages"].setdefault(name, {}), report)
        finally:
            write_json(manifest, root / MANIFEST)
    if not (root / progress.FILE).exists():
        write_json({"exercises": {}, "predictions": {}}, root / progress.FILE)
    return report


def refuse_foreign(root, single):
    """Raise unless root is a workspace of this kind, empty, or not there yet."""
    if root.exists() and not root.is_dir():
        raise NotADirectoryError(f"{root} is a file: name a folder for the workspace")
    if (root / MANIFEST).exists():
        if manifest_of(root).get("single", single) != single:
            raise ValueError(f"{root} holds the course in its other form: name another folder")
    elif root.exists() and any(not path.name.startswith(".") for path in root.iterdir()):
        raise FileExistsError(
            f"{root} is not empty and no workspace of ganedu: name another folder"
        )


def manifest_of(root):
    manifest = progress.read_json(root / MANIFEST)
    known = manifest.get("pages")
    return manifest | {"pages": known if isinstance(known, dict) else {}}


def place(root, name, content, entry, report):
    """One page: write it, leave it, or put it beside what the learner has made of it."""
    path, version = root / name, digest(content)
    found = path.read_bytes() if path.is_file() else None
    if not os.path.lexists(path):
        write_bytes(content, path)
        report.new.append(name)
    elif found is not None and digest(found) == version:
        pass
    elif found is not None and digest(found) == entry.get("given"):
        write_bytes(content, path)
        report.updated.append(name)
    elif version in (entry.get("given"), entry.get("offered")):
        return  # the learner's, and nothing new to offer
    elif found is not None and only_run(found):
        report.run.append((name, set_aside(root, name)))
        write_bytes(content, path)
    else:
        report.kept.append((name, beside(path, content, entry)))
        entry["offered"] = version
        return
    entry["given"] = version


def write_bytes(content, path):
    """All of the file or nothing."""
    with replacing(path) as file:
        file.write(content)


def digest(content):
    return hashlib.sha256(content).hexdigest()


def only_run(content):
    """True when the page's cells say what they said when it was given."""
    try:
        return not is_edited(json.loads(content))
    except (ValueError, KeyError, TypeError, AttributeError):
        return False


def set_aside(root, name):
    """Move the page to kept/; return where to."""
    there = unused(root / "kept" / name)
    there.parent.mkdir(parents=True, exist_ok=True)
    os.replace(root / name, there)
    return there.relative_to(root).as_posix()


def beside(path, content, entry):
    """Write the new version as "05_... (new).ipynb"; return its name."""
    new = path.with_name(f"{path.stem} (new){path.suffix}")
    if not (new.is_file() and digest(new.read_bytes()) == entry.get("offered")):
        new = unused(new)
    write_bytes(content, new)
    return new.name
