"""Pages that carry the package themselves: one file, opened alone, is the whole course it needs.

The first cell unpacks an archive of the package, written into it as text, into a temporary folder.
"""

import ast
import base64
import io
import json
import zipfile
from functools import cache
from pathlib import Path

import ganedu
from ganedu.kit import course
from ganedu.kit.pages import ids_of, text_of

PACKAGE = Path(ganedu.__file__).parent
RECORDS = PACKAGE / "results"
TEXTS = {".py", ".toml"}  # they always travel
LINE = 1000  # characters of the archive on a line: editors are slow on one line of megabytes
SETUP = '''\
#@title Setup: this page carries the course's package; run this cell first
import base64, importlib.util, io, os, sys, tempfile, zipfile

NEEDED = {needed}
missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
if missing:
    raise ModuleNotFoundError(f"this page needs {{', '.join(missing)}} beside torch: install them first")
ARCHIVE = """
{archive}
"""
folder = tempfile.mkdtemp(prefix="ganedu-")
archive = zipfile.ZipFile(io.BytesIO(base64.b85decode("".join(ARCHIVE.split()))))
archive.extractall(folder)
sys.path.insert(0, folder)
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [folder, os.environ.get("PYTHONPATH")]))
'''
NEEDED = ("numpy", "torch", "torchvision", "matplotlib", "ipywidgets", "sklearn", "tqdm", "joblib")


def pages():
    """{page: bytes} of every lesson and exercise, with the package in its first code cell."""
    return {
        name: carrying(content)
        for name, content in course.given().items()
        if not name.startswith("solutions/")
    }


def carrying(content):
    """The page with its setup cell replaced by one that unpacks the package."""
    page = json.loads(content)
    cells = [cell for cell in page["cells"] if cell["cell_type"] == "code"]
    texts = [text_of(cell["source"]) for cell in cells]
    setup = next(cell for cell in cells if "setup" in cell["metadata"].get("tags", []))
    setup["source"] = setup_with(archive_for(texts)).splitlines(keepends=True)
    setup["metadata"] |= {"jupyter": {"source_hidden": True}, "cellView": "form"}
    for cell, name in zip(page["cells"], ids_of(page["cells"])):
        cell["id"] = name
    return course.to_bytes(page)


def setup_with(text):
    lines = [text[n : n + LINE] for n in range(0, len(text), LINE)]
    return SETUP.format(archive="\n".join(lines), needed=NEEDED).rstrip("\n")


def archive_for(texts):
    """The package as a zip in base 85: its texts, and the data that the page's code can come to read."""
    reached = reach(texts)
    said = [*texts, *map(text_in, reached)]
    return archive_of(tuple(f for f in files() if f.suffix in TEXTS or is_read(f, reached, said)))


@cache
def archive_of(chosen):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for file in chosen:
            packed = zipfile.ZIP_LZMA if file.suffix in TEXTS | {".json"} else zipfile.ZIP_DEFLATED
            entry = zipfile.ZipInfo(file.relative_to(PACKAGE.parent).as_posix())  # without a date
            archive.writestr(entry, file.read_bytes(), packed)
    return base64.b85encode(out.getvalue()).decode()


def files():
    """The package's files, without what Python and the wheel add."""
    return [
        file
        for file in sorted(PACKAGE.rglob("*"))
        if file.is_file() and "__pycache__" not in file.parts and file.name != course.ZIP
    ]


def is_read(file, reached, said):
    """True when a reached module lies in the data's own folder, or what is said names folder and file.

    A record of results travels only where it is named: the one module beside them reads any of them.
    """
    if file.parent == RECORDS:
        return any(f'"{file.stem}"' in text for text in said)
    if file.parent == PACKAGE:
        return any(file.name in text for text in said)
    beside = any(module.parent == file.parent for module in reached)
    parts = (file.parent.name, file.name)
    return beside or any(all(part in text for part in parts) for text in said)


def reach(texts):
    """The package's modules that the code imports, directly or through others."""
    waiting = [module for text in texts for module in imported(text) + checked(text)]
    reached = set()
    while waiting:
        module = waiting.pop()
        if module not in reached:
            reached.add(module)
            waiting += imported(text_in(module))
    return reached


@cache
def imported(text):
    """The files of ganedu that a text imports, at the top or inside a function."""
    names = []
    for node in ast.walk(ast.parse(plain(text))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        if isinstance(node, ast.ImportFrom) and not node.level:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return [file for name in names for file in files_of(name)]


def plain(text):
    """Code without the lines that only a notebook understands."""
    return "\n".join("" if line.lstrip()[:1] in ("%", "!") else line for line in text.splitlines())


def checked(text):
    """The chapters of the checks that a text calls: they are imported by name."""
    chapters = {name.partition(".")[0] for name in course.CHECK.findall(text)}
    return [file for chapter in sorted(chapters) for file in files_of(f"ganedu.checks.ch{chapter}")]


def files_of(name):
    """The file of a module, and those of the packages around it; [] when it is not ours."""
    parts = name.split(".")
    if parts[0] != PACKAGE.name:
        return []
    path = PACKAGE.joinpath(*parts[1:])
    packages = [
        folder / "__init__.py"
        for folder in (path, *path.parents)
        if PACKAGE in (folder, *folder.parents)
    ]
    return [file for file in (path.with_suffix(".py"), *packages) if file.is_file()]


@cache
def text_in(file):
    return file.read_text(encoding="utf-8")
