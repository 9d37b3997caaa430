"""Pages that carry the package: small enough, complete, and alone."""

import base64
import io
import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from ganedu.kit import course, single
from ganedu.kit.pages import is_edited, text_of

MOST_BYTES = 3_000_000


@pytest.fixture(scope="module")
def pages():
    return single.pages()


def code(content):
    cells = json.loads(content)["cells"]
    return [text_of(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


def run_alone(folder, *cells):
    """Run code in an empty folder, with nothing on the path but what is installed."""
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [sys.executable, "-"]
    code = "\n".join(cells)
    done = subprocess.run(command, cwd=folder, env=env, input=code, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_each_page_is_small_and_open(pages):
    assert set(pages) == {name for name in course.given() if not name.startswith("solutions/")}
    for name, content in pages.items():
        assert len(content) <= MOST_BYTES, f"{name}: {len(content):,} bytes"
        assert not is_edited(json.loads(content)), name


def test_the_same_course_gives_the_same_pages(pages):
    name = "notebooks/02_the_two_player_game.ipynb"
    assert single.carrying(course.given()[name]) == pages[name]


def test_the_package_comes_out_of_the_page_and_nothing_else_is_needed(tmp_path, pages):
    setup = code(pages["notebooks/00_start_here.ipynb"])[0]
    shown = run_alone(
        tmp_path,
        setup,
        "import ganedu, ganedu.data, ganedu.kit, ganedu.checks",
        "print(ganedu.__file__, len(ganedu.data.digits().x))",
    )
    assert re.search(r"ganedu-\w+/ganedu/__init__\.py 5000", shown)
    assert list(tmp_path.iterdir()) == []


def test_all_that_a_page_imports_and_reads_travels_with_it(pages):
    """Whoever imports losses alone gets no data; the clinic brings its patients."""
    with_patients = {Path(n) for n in carried("from ganedu import clinic")}
    without = {Path(n) for n in carried("from ganedu import losses")}
    assert without and {file.suffix for file in without} <= single.TEXTS
    patients = [f for f in single.files() if f.parent.name == "clinic" and f.suffix == ".npz"]
    assert patients and {f.relative_to(single.PACKAGE.parent) for f in patients} <= with_patients


def carried(*texts):
    """The names in the archive of a page of these code cells."""
    archive = base64.b85decode(single.archive_for(texts))
    return set(zipfile.ZipFile(io.BytesIO(archive)).namelist())


def test_a_record_of_results_travels_where_it_is_named():
    names = [file.stem for file in single.RECORDS.glob("*.json")]
    of_11 = 'from ganedu import results\nmade = results.load("one_picture")["rows"]'
    kept = carried(of_11)
    assert [n for n in names if f"ganedu/results/{n}.json" in kept] == ["one_picture"]


def test_every_record_that_a_page_reads_travels_with_it():
    """Played through the lessons' own words: each name given to `results.load` is in the archive."""
    read = re.compile(r"""results\.load\(["'](\w+)["']\)""")
    for name, content in course.given().items():
        texts = code(content)
        wanted = {f"ganedu/results/{n}.json" for text in texts for n in read.findall(text)}
        if wanted and not name.startswith("solutions/"):
            assert wanted <= carried(*texts), name


def test_what_a_page_needs_beside_torch_is_said_in_one_sentence(tmp_path, pages):
    setup = code(pages["exercises/02_the_two_player_game.ipynb"])[0]
    setup = setup.replace("'joblib'", "'joblib', 'no_such_package'")
    with pytest.raises(AssertionError, match="this page needs no_such_package"):
        run_alone(tmp_path, setup)
