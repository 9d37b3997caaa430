"""The pages of the course as a learner gets them: {"notebooks/05_....ipynb": its bytes}.

In a clone they are made from the notebooks there; a wheel carries them in a small file of its own,
which setup.py writes while the wheel is built. Needs nothing but the standard library.
"""

import json
import re
import zipfile
from pathlib import Path

from ganedu.kit.pages import opened, text_of

ROOT = Path(__file__).resolve().parents[2]
ZIP = "course.zip"
FOLDERS = ("notebooks", "exercises", "solutions")
CHECK = re.compile(r"""^[^#\n]*\bcheck\(\s*["']([^"']+)["']""", re.M)
PREDICT = re.compile(r"""\bpredict\(\s*["']([^"']+)["']""")


def given():
    """Every page, its blanks open and without outputs."""
    carried = Path(__file__).with_name(ZIP)
    return unzipped(carried) if carried.exists() else of_clone(ROOT)


def of_clone(root):
    """The pages made from the notebooks under root."""
    files = [file for folder in FOLDERS for file in sorted((root / folder).glob("*.ipynb"))]
    if not files:
        raise FileNotFoundError(f"the course's notebooks are neither in {root} nor in the package")
    return {
        file.relative_to(root).as_posix(): to_bytes(opened(json.loads(file.read_bytes())))
        for file in files
    }


def to_bytes(notebook):
    return (json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n").encode()


def unzipped(file):
    with zipfile.ZipFile(file) as pages:
        return {name: pages.read(name) for name in pages.namelist()}


def write_zip(file):
    """The clone's pages as one file, the same bytes for the same pages."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as pages:
        for name, content in of_clone(ROOT).items():
            pages.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)


# ---- what is due ---------------------------------------------------------------------------------


def chapter_of(name):
    """ "05" of "notebooks/05_the_training_loop.ipynb"."""
    return Path(name).name[:2]


def sources(content, kind="code"):
    """The cells' texts of one kind."""
    cells = json.loads(content)["cells"]
    return [text_of(cell["source"]) for cell in cells if cell["cell_type"] == kind]


def title(content):
    """The page's heading without its number: "The training loop"."""
    heading = sources(content, "markdown")[0].splitlines()[0].lstrip("# ")
    return re.sub(r"^\d\d[ ·.:]*", "", heading)


def checked_in(cell):
    """The names of the exercises that the cell checks."""
    return CHECK.findall(text_of(cell["source"])) if cell["cell_type"] == "code" else []


def exercises(pages):
    """{page: names of the exercises that are due on it}, lessons' own turns included."""
    found = {
        name: list(dict.fromkeys(n for text in sources(content) for n in CHECK.findall(text)))
        for name, content in pages.items()
        if not name.startswith("solutions/")
    }
    asked = {n for name, names in found.items() if name.startswith("exercises/") for n in names}
    return {
        name: [n for n in names if name.startswith("exercises/") or is_turn(n, name, asked)]
        for name, names in found.items()
    }


def is_turn(exercise, page, asked):
    """A lesson's own exercise; lessons also show other exercises' checks at work."""
    return exercise.startswith(f"{chapter_of(page)}.") and exercise not in asked


def predictions(pages):
    """{chapter: keys of the predictions that its lesson asks for}."""
    return {
        chapter_of(name): [key for text in sources(content) for key in PREDICT.findall(text)]
        for name, content in pages.items()
        if name.startswith("notebooks/")
    }
