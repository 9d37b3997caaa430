"""The builder: what it makes of a source, and what it leaves alone."""

import base64
import importlib.util
import io
import shutil
import subprocess
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import psutil
import pytest
from PIL import Image

ROOT = Path(__file__).parents[1]
SPEC = importlib.util.spec_from_file_location("build", ROOT / "authoring" / "build.py")
build = importlib.util.module_from_spec(SPEC)
sys.modules["build"] = build
SPEC.loader.exec_module(build)

EXERCISE = '''\
# Exercises 1

{{colab-badge}}

Write a function.

```{code-cell} ipython3
def double(x):
    """Twice x."""
    ### BEGIN SOLUTION
    return 2 * x
    ### END SOLUTION
```

```{code-cell} ipython3
:tags: [needs-solution]

print(double(2))
```

+++ {"tags": ["solution-only"]}

The answer, explained.

+++ {"tags": ["exercise-only"]}

A hint for learners.
'''
LESSON = """\
# 0. A lesson

```{code-cell} ipython3
from tqdm.auto import tqdm

for i in tqdm(range(3)):
    print(i)
```

```{code-cell} ipython3
import matplotlib.pyplot as plt

plt.plot([0, 1])
plt.show()
```
"""
ADDRESS = '[tool.ganedu]\nrepository = "us/course"\nbranch = "main"\n'
SETUP = "```{code-cell} ipython3\n:tags: [setup]\n\n{{setup}}\n```\n"
BLANK = """\
# 0. A lesson

```{code-cell} ipython3
---
tags: [act]
alt: >-
  A line: it rises "steeply"
  from 0 to 1.
---
import matplotlib.pyplot as plt

### BEGIN SOLUTION
height = 1
### STUB
height = ...  # your turn
### END SOLUTION
plt.plot([0, height])
plt.show()
```

```{code-cell} ipython3
def double(x):
    ### BEGIN SOLUTION
    return 2 * x
    ### END SOLUTION
```
"""


@pytest.fixture
def course(tmp_path):
    """A course of one lesson and one exercise."""
    write(tmp_path / "authoring" / "lessons" / "00_lesson.md", LESSON)
    write(tmp_path / "authoring" / "exercises" / "01_double.md", EXERCISE)
    write(tmp_path / "pyproject.toml", ADDRESS)
    return tmp_path


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def assembled(course, kind):
    return build.assemble(next(job for job in build.all_jobs(course) if job.kind == kind))


def code(nb):
    return [cell for cell in nb.cells if cell.cell_type == "code"]


def text(nb):
    return "\n".join(cell.source for cell in nb.cells)


def test_learners_get_a_stub_where_the_solution_was(course):
    stub = code(assembled(course, "exercise"))[0].source
    assert stub.endswith(
        '    # YOUR CODE HERE\n    raise NotImplementedError("replace this line with your code")'
    )
    assert "2 * x" not in stub and "SOLUTION" not in stub


def test_the_solution_keeps_its_lines_and_loses_the_markers(course):
    solved = code(assembled(course, "solution"))[0].source
    assert solved == 'def double(x):\n    """Twice x."""\n    return 2 * x'


def test_a_cell_that_needs_the_solution_may_raise_for_learners_only(course):
    assert "raises-exception" in code(assembled(course, "exercise"))[1].metadata.tags
    assert "raises-exception" not in code(assembled(course, "solution"))[1].metadata.tags


def test_each_kind_drops_the_cells_of_the_other(course):
    learner, solved = text(assembled(course, "exercise")), text(assembled(course, "solution"))
    assert "A hint" in learner and "explained" not in learner
    assert "explained" in solved and "A hint" not in solved


def test_a_solution_outside_a_function_does_not_stop_run_all(course):
    source = "```{code-cell} ipython3\n### BEGIN SOLUTION\nx = 1\n### END SOLUTION\n```\n"
    write(course / "authoring" / "exercises" / "01_double.md", source)
    assert code(assembled(course, "exercise"))[0].metadata.tags == ["raises-exception"]


def test_a_marker_without_its_partner_is_an_error(course):
    source = EXERCISE.replace("    ### END SOLUTION\n", "")
    write(course / "authoring" / "exercises" / "01_double.md", source)
    with pytest.raises(build.SourceError, match="do not pair"):
        assembled(course, "exercise")


def test_the_badge_points_to_each_notebook_of_the_configured_repository(course):
    for kind in ("exercise", "solution"):
        where = f"github/us/course/blob/main/{kind}s/01_double.ipynb"
        assert where in text(assembled(course, kind))


def test_without_a_public_address_there_is_no_badge_and_no_address(course):
    address = '[tool.ganedu]\nrepository = "OWNER/REPO"\nbranch = "main"\n'
    write(course / "pyproject.toml", address)
    nb = assembled(course, "exercise")
    assert nb.cells[0].source == "# Exercises 1\n\nWrite a function."
    write(course / "authoring" / "lessons" / "00_lesson.md", SETUP)
    assert "OWNER" not in text(assembled(course, "lesson"))


def test_the_setup_cell_prints_nothing_when_the_package_is_there(course):
    write(course / "authoring" / "lessons" / "00_lesson.md", SETUP)
    write(course / "notebooks" / "ganedu.py", "")
    assert build.main(["00", "--root", str(course)]) == 0
    stored = nbformat.read(course / "notebooks" / "00_lesson.ipynb", 4)
    assert "us/course@main" in stored.cells[0].source and stored.cells[0].outputs == []


def test_running_again_gives_the_same_bytes_and_no_progress_bars(course):
    out = course / "notebooks" / "00_lesson.ipynb"
    assert build.main(["00_lesson", "--root", str(course)]) == 0
    first = out.read_bytes()
    assert build.main(["00_lesson", "--root", str(course)]) == 0
    assert out.read_bytes() == first
    stored = nbformat.read(out, 4)
    assert [cell.execution_count for cell in code(stored)] == [1, 2]
    assert [o.text for o in code(stored)[0].outputs] == ["0\n1\n2\n"]
    (drawn,) = code(stored)[1].outputs
    assert build.smaller(drawn.data["image/png"]) == drawn.data["image/png"], "small already"


def png(picture):
    out = io.BytesIO()
    picture.save(out, "PNG")
    return base64.b64encode(out.getvalue()).decode()


def pixels(encoded):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(encoded))).convert("RGBA")).astype(int)


def test_a_stored_picture_is_smaller_and_looks_the_same():
    """A colour plot with soft edges: far from 256 colours, none of which is far from its own."""
    fig, ax = plt.subplots()
    x = np.linspace(0, 9, 200)
    for k, colour in enumerate(("#0072B2", "#D55E00", "#009E73")):
        ax.scatter(x, np.sin(x + k), color=colour, alpha=0.5)
    fig.savefig(out := io.BytesIO())
    plt.close(fig)
    before = base64.b64encode(out.getvalue()).decode()
    after = build.smaller(before)
    assert len(after) < 0.5 * len(before)
    off = np.abs(pixels(after) - pixels(before)).max(axis=2)
    assert off.mean() < 1 and off.max() < 64
    assert (pixels(after)[off == 0] == 255).all(axis=1).any(), "white stays white"
    grey = Image.fromarray(np.arange(256, dtype=np.uint8).reshape(16, 16))
    assert (pixels(build.smaller(png(grey))) == pixels(png(grey))).all()


def test_what_is_partly_transparent_is_stored_as_it_is():
    before = png(Image.new("RGBA", (9, 9), (255, 0, 0, 90)))
    assert build.smaller(before) == before


def test_a_failing_notebook_keeps_the_old_file_and_the_others_go_on(course, capfd):
    write(course / "notebooks" / "00_lesson.ipynb", "old")
    write(
        course / "authoring" / "lessons" / "00_lesson.md", "```{code-cell} ipython3\n1 / 0\n```\n"
    )
    assert build.main(["--all", "--root", str(course)]) == 1
    printed = capfd.readouterr()
    assert "code cell 1 raised ZeroDivisionError" in printed.err
    assert (course / "notebooks" / "00_lesson.ipynb").read_text() == "old"
    assert (course / "solutions" / "01_double.ipynb").exists()
    assert not list(course.rglob("*.partial"))


KILLED = """
import os, pathlib, signal, sys
sys.path.insert(0, {authoring!r})
import build, psutil

def after_the_first(*words, **options):
    workers = [str(child.pid) for child in psutil.Process().children(recursive=True)]
    pathlib.Path("workers").write_text(" ".join(workers))
    os.kill(os.getpid(), signal.SIGKILL)

build.print = after_the_first
build.build_all([job for job in build.all_jobs(pathlib.Path()) if job.kind == "exercise"], 1, True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="a kill there is another thing")
def test_a_killed_builder_leaves_no_worker_behind(course):
    program = KILLED.format(authoring=str(ROOT / "authoring"))
    killed = subprocess.run([sys.executable, "-c", program], cwd=course)
    workers = [int(pid) for pid in (course / "workers").read_text().split()]
    left = [psutil.Process(pid) for pid in workers if psutil.pid_exists(pid)]
    assert killed.returncode == -9 and workers and not psutil.wait_procs(left, timeout=30)[1]


def test_without_a_name_only_what_is_out_of_date_is_built(course, capsys):
    assert build.main(["--root", str(course)]) == 0
    assert capsys.readouterr().out.count(" ok") == 3
    write(course / "authoring" / "lessons" / "00_lesson.md", LESSON + "\nOne more word.\n")
    assert build.main(["--root", str(course)]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == [
        "notebooks/00_lesson.ipynb"
    ]


def test_check_sees_an_edited_notebook_and_one_without_a_source(course, capsys):
    assert build.main(["--root", str(course)]) == 0
    assert build.main(["--check", "--root", str(course)]) == 0
    out = course / "exercises" / "01_double.ipynb"
    source = course / "authoring" / "exercises" / "01_double.md"
    source.write_text(source.read_text().replace("explained.", "explained again."))
    out.write_text(out.read_text().replace("Write a function", "Write two functions"))
    write(course / "notebooks" / "99_stray.ipynb", "{}")
    capsys.readouterr()
    assert build.main(["--check", "--root", str(course)]) == 1
    printed = capsys.readouterr().out
    assert "exercises/01_double.ipynb: edited in place" in printed
    assert "solutions/01_double.ipynb: not what its source says" in printed
    assert "notebooks/99_stray.ipynb: no source makes it" in printed


def test_tidy_drops_what_a_tool_leaves_behind(course):
    cell = nbformat.v4.new_code_cell("1", metadata={"scrolled": True, "tags": ["setup"]})
    nb = nbformat.v4.new_notebook(cells=[cell], metadata={"widgets": {"x": 1}, "colab": {"y": 2}})
    path = course / "saved.ipynb"
    nbformat.write(nb, path)
    assert build.main(["--tidy", str(path)]) == 0
    stored = nbformat.read(path, 4)
    assert stored.metadata == build.METADATA
    assert stored.cells[0].metadata == {"tags": ["setup"]}


def test_an_unknown_name_is_one_sentence_that_lists_the_known(course):
    with pytest.raises(SystemExit, match=r"no source named '77'.*00_lesson, 01_double"):
        build.main(["77", "--root", str(course)])


def test_help_shows_how_to_use_it():
    command = [sys.executable, str(ROOT / "authoring" / "build.py"), "--help"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "examples:" in shown and "--check" in shown


# ---- lessons that are done -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def built_once(tmp_path_factory):
    """A course with a lesson of two blanks and a picture, built."""
    root = tmp_path_factory.mktemp("course")
    write(root / "authoring" / "lessons" / "00_lesson.md", BLANK)
    write(root / "pyproject.toml", ADDRESS)
    assert build.main(["00", "--root", str(root)]) == 0
    return root


@pytest.fixture
def built(built_once, tmp_path):
    """A copy of it."""
    return shutil.copytree(built_once, tmp_path / "course")


def stored_lesson(course):
    return nbformat.read(course / "notebooks" / "00_lesson.ipynb", 4)


def test_a_lesson_is_stored_solved_and_its_stubs_travel_in_the_metadata(built):
    plot, double = code(stored_lesson(built))
    assert "height = 1\nplt.plot" in plot.source and "STUB" not in plot.source
    assert "\nheight = ...  # your turn\nplt.plot" in plot.metadata.ganedu.stub
    assert double.source == "def double(x):\n    return 2 * x"
    assert double.metadata.ganedu.stub.endswith(
        '    # YOUR CODE HERE\n    raise NotImplementedError("replace this line with your code")'
    )


def test_alternative_text_is_kept_with_the_cell_and_given_to_its_picture(built):
    plot = code(stored_lesson(built))[0]
    assert plot.metadata.alt == 'A line: it rises "steeply" from 0 to 1.'
    assert plot.outputs[0].metadata["image/png"]["alt"] == plot.metadata.alt


def test_opened_for_a_learner_it_has_blanks_and_no_outputs(built):
    given = nbformat.from_dict(build.pages.opened(stored_lesson(built)))
    nbformat.validate(given)
    assert "return 2 * x" not in str(given) and "height = ...  # your turn" in str(given)
    assert all(cell.outputs == [] and "ganedu" not in cell.metadata for cell in code(given))
    assert not build.pages.is_edited(given)


def test_new_words_around_the_same_code_keep_the_outputs(built, capsys):
    source = built / "authoring" / "lessons" / "00_lesson.md"
    before = stored_lesson(built)
    source.write_text(BLANK.replace("# 0. A lesson", "# 0. Another title").replace("steep", "slow"))
    assert build.main(["--root", str(built)]) == 0
    assert "00_lesson.ipynb" in (said := capsys.readouterr().out) and "outputs kept" in said
    after = stored_lesson(built)
    assert after.cells[0].source == "# 0. Another title"
    assert [cell.outputs[0].data for cell in code(after)[:1]] == [code(before)[0].outputs[0].data]
    assert "slow" in code(after)[0].outputs[0].metadata["image/png"]["alt"]
    source.write_text(BLANK.replace("alt: >-", "other: >-"))
    assert build.main(["--root", str(built)]) == 0
    assert "alt" not in code(stored_lesson(built))[0].outputs[0].metadata.get("image/png", {})


def test_other_code_is_run_again(built, capsys):
    source = built / "authoring" / "lessons" / "00_lesson.md"
    source.write_text(BLANK.replace("height = 1", "height = 2"))
    assert build.main(["--root", str(built)]) == 0
    assert "outputs kept" not in capsys.readouterr().out


def test_what_was_edited_in_place_is_moved_away_not_overwritten(course, capsys):
    assert build.main(["01", "--root", str(course)]) == 0
    out = course / "exercises" / "01_double.ipynb"
    given = out.read_bytes()
    for work in ("an hour of work", "another hour"):
        nb = nbformat.read(out, 4)
        code(nb)[0].source = f"def double(x):\n    return '{work}'"
        nbformat.write(nb, out)
        assert build.main(["--root", str(course)]) == 0
        assert out.read_bytes() == given
    assert "kept/exercises/01_double 2.ipynb" in capsys.readouterr().out
    kept = course / "kept" / "exercises"
    assert "an hour of work" in (kept / "01_double.ipynb").read_text()
    assert "another hour" in (kept / "01_double 2.ipynb").read_text()
