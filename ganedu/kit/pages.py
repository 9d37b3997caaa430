"""A page of the course as plain JSON: what the builder wrote, what a learner opens.

Needs nothing but the standard library, so that `ganedu start` is quick and a wheel can be built.
"""

import hashlib
import json


def text_of(source):
    """A cell's source, which a file holds as a list of lines and nbformat as a text."""
    return source if isinstance(source, str) else "".join(source)


def content_id(kind, source, seen):
    """A cell's id, made from what it says, so that one source gives one file; `seen` counts twins."""
    digest = hashlib.sha1(f"{kind}\0{source}".encode()).hexdigest()[:10]
    seen[digest] = seen.get(digest, 0) + 1
    return digest if seen[digest] == 1 else f"{digest}-{seen[digest]}"


def ids_of(cells):
    seen = {}
    return [content_id(cell["cell_type"], text_of(cell["source"]), seen) for cell in cells]


def is_edited(notebook):
    """True when a cell was changed or added since the builder or `ganedu start` wrote the page."""
    cells = notebook["cells"]
    return [cell.get("id") for cell in cells] != ids_of(cells)


def opened(notebook):
    """The learner's version: no outputs, every blank open (the stub lies in its metadata).

    The setup, which is the same on every page, is folded away.
    """
    notebook = json.loads(json.dumps(notebook))
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None
            kept = cell["metadata"].pop("ganedu", {})
            if "setup" in cell["metadata"].get("tags", []):
                cell["metadata"]["jupyter"] = {"source_hidden": True}
            cell["source"] = kept.get("stub", text_of(cell["source"])).splitlines(keepends=True)
    for cell, name in zip(notebook["cells"], ids_of(notebook["cells"])):
        cell["id"] = name
    return notebook
