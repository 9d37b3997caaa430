"""The workspace: made quickly, brought up to date, and never at the cost of anyone's work."""

import contextlib
import json
import os
import random
import subprocess
import sys
import time
from functools import cache
from pathlib import Path

import nbformat
import pytest
from test_exercise_collector import CHECK

from ganedu import cli
from ganedu.kit import checking, course, progress, workspace
from ganedu.kit.pages import ids_of, is_edited, opened

ROOT = Path(__file__).parents[1]
NAMES = [f"notebooks/{n:02}_lesson.ipynb" for n in range(4)] + ["exercises/01_double.ipynb"]


def page(*sources):
    """A page as the course gives it."""
    cells = [nbformat.v4.new_code_cell(text) for text in sources]
    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# 01 · A page"), *cells])
    for cell, name in zip(nb.cells, ids_of(nb.cells)):
        cell["id"] = name
    return course.to_bytes(opened(nb))


@cache
def pages(version):
    """A course of five pages; the last but one is the same in each version."""
    return {
        name: page(f"# version {version if n != 3 else 0} of page {n}", "x = ...")
        for n, name in enumerate(NAMES)
    }


@pytest.fixture
def root(tmp_path):
    """A workspace of version 1, in a folder with a space in its name."""
    return workspace.start(tmp_path / "my course", pages(1)).root


def edit(path, text="an hour of work"):
    nb = json.loads(path.read_bytes())
    nb["cells"][-1]["source"] = [text]
    path.write_text(json.dumps(nb))
    return path.read_bytes()


def run(path):
    """What JupyterLab leaves of a page that was run and saved."""
    nb = json.loads(path.read_bytes())
    nb["cells"][-1] |= {"execution_count": 7, "outputs": []}
    nb["metadata"]["language_info"] = {"name": "python", "version": "3.11"}
    path.write_text(json.dumps(nb))
    return path.read_bytes()


def everything(root):
    return {file.read_bytes() for file in root.rglob("*") if file.is_file()}


# ---- started, and started again ------------------------------------------------------------------


def test_a_new_workspace_holds_every_page_and_a_progress_file(root):
    assert {name: (root / name).read_bytes() for name in NAMES} == pages(1)
    assert json.loads((root / progress.FILE).read_text()) == {"exercises": {}, "predictions": {}}


def test_started_again_nothing_changes(root):
    before = {file: file.stat().st_mtime_ns for file in root.rglob("*.ipynb")}
    assert "nothing to bring up to date" in str(workspace.start(root, pages(1)))
    assert {file: file.stat().st_mtime_ns for file in root.rglob("*.ipynb")} == before


def test_untouched_pages_are_brought_up_to_date(root):
    report = workspace.start(root, pages(2))
    assert len(report.updated) == 4 and not report.kept  # the fifth is the same
    assert {name: (root / name).read_bytes() for name in NAMES} == pages(2)


def test_an_edited_page_stays_and_the_new_version_lies_beside_it(root):
    work = edit(root / NAMES[0])
    report = workspace.start(root, pages(2))
    assert (root / NAMES[0]).read_bytes() == work
    assert report.kept == [(NAMES[0], "00_lesson (new).ipynb")]
    assert (root / "notebooks" / "00_lesson (new).ipynb").read_bytes() == pages(2)[NAMES[0]]
    assert "00_lesson.ipynb: yours, kept; the new version is 00_lesson (new).ipynb" in str(report)


def test_a_new_version_is_offered_once_and_replaced_by_a_newer_one(root):
    edit(root / NAMES[0])
    workspace.start(root, pages(2))
    assert not workspace.start(root, pages(2)).kept
    workspace.start(root, pages(3))
    found = [file.name for file in (root / "notebooks").glob("00*")]
    assert sorted(found) == ["00_lesson (new).ipynb", "00_lesson.ipynb"]
    assert (root / "notebooks" / "00_lesson (new).ipynb").read_bytes() == pages(3)[NAMES[0]]


def test_work_in_the_offered_version_is_kept_as_well(root):
    edit(root / NAMES[0])
    workspace.start(root, pages(2))
    second = edit(root / "notebooks" / "00_lesson (new).ipynb", "a second hour")
    workspace.start(root, pages(3))
    assert second in everything(root) and pages(3)[NAMES[0]] in everything(root)


def test_a_page_that_was_only_run_is_replaced_and_its_outputs_kept(root):
    ran = run(root / NAMES[0])
    report = workspace.start(root, pages(2))
    assert (root / NAMES[0]).read_bytes() == pages(2)[NAMES[0]]
    assert report.run == [(NAMES[0], f"kept/{NAMES[0]}")]
    assert (root / "kept" / NAMES[0]).read_bytes() == ran


def test_a_page_that_was_edited_stays_while_the_course_is_the_same(root):
    work = edit(root / NAMES[0])
    report = workspace.start(root, pages(1))
    assert (root / NAMES[0]).read_bytes() == work and not report.kept


def test_a_deleted_page_comes_back(root):
    (root / NAMES[0]).unlink()
    assert workspace.start(root, pages(1)).new == [NAMES[0]]


def test_without_its_manifest_a_workspace_is_not_taken_for_one(root):
    (root / progress.MANIFEST).unlink()
    with pytest.raises(FileExistsError, match="not empty and no workspace"):
        workspace.start(root, pages(2))


def test_with_a_broken_manifest_all_that_differs_is_kept(root):
    work = edit(root / NAMES[0])
    (root / progress.MANIFEST).write_text("{")
    workspace.start(root, pages(2))
    assert (root / NAMES[0]).read_bytes() == work
    assert pages(2)[NAMES[0]] in everything(root)


def test_a_start_that_was_interrupted_goes_on(tmp_path, monkeypatch):
    def full(content, file, write=workspace.write_bytes):
        if file.name == "02_lesson.ipynb":
            raise OSError(28, "No space left on device")
        write(content, file)

    with monkeypatch.context() as patched:
        patched.setattr(workspace, "write_bytes", full)
        with pytest.raises(OSError, match="No space"):
            workspace.start(tmp_path / "course", pages(1))
    report = workspace.start(tmp_path / "course", pages(1))
    assert report.new == NAMES[2:]


def test_a_folder_of_other_things_is_refused(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="not empty and no workspace"):
        workspace.start(tmp_path, pages(1))
    with pytest.raises(NotADirectoryError, match="is a file"):
        workspace.start(tmp_path / "thesis.txt", pages(1))
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_tilde_is_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert workspace.start("~/course", pages(1)).root == tmp_path / "course"


# ---- nobody's work is lost -----------------------------------------------------------------------


def tamper(root, rng):
    """What learners do to a workspace, to each of its notebooks or to none, at random."""
    for path in sorted(root.rglob("*.ipynb")):
        text = f"work {rng.random()}"
        what = rng.choice(["leave", "leave", "edit", "run", "delete", "break", "copy", "swap"])
        if what in ("edit", "run"):
            with contextlib.suppress(ValueError):  # it was broken before
                edit(path, text) if what == "edit" else run(path)
        if what == "delete":
            path.unlink()
        if what == "break":
            path.write_text(f"<<<<<<< HEAD {text}")
        if what == "copy":
            path.with_name(f"{path.stem} (new).ipynb").write_text(text)
        if what == "swap":
            os.replace(path, rng.choice(sorted(path.parent.glob("*.ipynb"))))


def work_in(root):
    """The bytes of every notebook that is not one of the course's own."""
    own = {content for version in range(1, 5) for content in pages(version).values()}
    return {file.read_bytes() for file in root.rglob("*.ipynb")} - own


def test_fifty_workspaces_are_updated_without_a_byte_of_work_lost(tmp_path):
    count = 0
    for seed in range(50):
        rng = random.Random(seed)
        root = workspace.start(tmp_path / str(seed), pages(1)).root
        for version in (1, 2, 2, 3, 4):
            tamper(root, rng)
            before = work_in(root)
            workspace.start(root, pages(version))
            assert before <= work_in(root), (seed, version)
            assert set(pages(version)) <= {
                file.relative_to(root).as_posix() for file in root.rglob("*.ipynb")
            }
            count += len(before)
    assert count > 500


# ---- the real course -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def given():
    return course.given()


def test_lessons_are_given_without_outputs_and_solved_blanks(given):
    for name, content in given.items():
        nb = nbformat.reads(content.decode(), as_version=4)
        nbformat.validate(nb)
        code = [cell for cell in nb.cells if cell.cell_type == "code"]
        assert all(cell.outputs == [] and cell.execution_count is None for cell in code)
        assert all("ganedu" not in cell.metadata for cell in code) and not is_edited(nb), name
    assert len(given) == len(list(ROOT.glob("authoring/*/*.md"))) + len(
        list((ROOT / "authoring" / "exercises").glob("*.md"))
    )


def test_the_setup_is_folded_away_and_nothing_else(given):
    for name, content in given.items():
        cells = json.loads(content)["cells"]
        folded = [c for c in cells if c["metadata"].get("jupyter", {}).get("source_hidden")]
        assert [c["metadata"]["tags"] for c in folded] == [["setup"]], name


def test_every_exercise_is_due_once(given):
    due = [name for names in course.exercises(given).values() for name in names]
    assert "05.d_step" in due and len(set(due)) == len(due) >= 30


def test_a_course_carried_by_a_wheel_is_the_clones(tmp_path, given):
    course.write_zip(tmp_path / course.ZIP)
    assert course.unzipped(tmp_path / course.ZIP) == given
    chapters = len(list((ROOT / "authoring" / "lessons").glob("*.md")))
    assert (tmp_path / course.ZIP).stat().st_size < 30_000 * chapters


def test_from_a_wheel_the_course_starts_without_the_clone(tmp_path, given):
    build = [sys.executable, "setup.py", "-q", "build_py", "--build-lib", str(tmp_path / "lib")]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    done = ganedu("start", "my course", cwd=tmp_path, package=tmp_path / "lib")
    assert f"{len(given)} pages new" in done.stdout, done.stderr
    assert {name: (tmp_path / "my course" / name).read_bytes() for name in given} == given


def ganedu(*arguments, cwd, package=ROOT):
    command = [sys.executable, "-m", "ganedu.cli", *map(str, arguments)]
    env = os.environ | {"PYTHONPATH": str(package)}
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True)


def test_start_check_and_progress_from_the_command_line(tmp_path):
    started = ganedu("start", cwd=tmp_path)
    assert started.returncode == 0 and "ganedu-course/notebooks/00_start_here" in started.stdout
    assert "pages new" in started.stdout
    again = ganedu("start", cwd=tmp_path / "ganedu-course" / "notebooks")
    assert "nothing to bring up to date" in again.stdout
    shown = ganedu("progress", cwd=tmp_path)
    assert "05  The training loop" in shown.stdout and "○ 05.d_step" in shown.stdout
    outside = ganedu("progress", cwd="/")
    assert outside.returncode == 2 and "`ganedu start` makes one" in outside.stderr


def test_starting_needs_neither_torch_nor_jupyter(tmp_path):
    code = (
        "import sys; from ganedu import cli; cli.main(['start', sys.argv[1]]); "
        "print([m for m in ('torch', 'nbformat', 'ipywidgets', 'numpy') if m in sys.modules])"
    )
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    start = time.process_time()
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "w")], env=env, capture_output=True, text=True
    )
    assert done.stdout.splitlines()[-1] == "[]" and time.process_time() - start < 3


def test_help_says_what_is_done():
    for command, words in (("start", "keeps all your work"), ("check", "in a process of its own")):
        done = ganedu(command, "--help", cwd=ROOT)
        assert words in " ".join(done.stdout.split())


# ---- checking ------------------------------------------------------------------------------------

STUB = "def double(x):\n    raise NotImplementedError"


@pytest.fixture
def course_of_three(tmp_path, monkeypatch):
    """A workspace of three lessons, the first with a turn, and an exercise to each."""
    given = {f"notebooks/0{n}_double.ipynb": page("x = 1") for n in (1, 2, 3)}
    given["notebooks/01_double.ipynb"] = page(CHECK, STUB, 'check("01.turn", double)')
    given |= {
        f"exercises/0{n}_double.ipynb": page(CHECK, STUB, f'check("0{n}.double", double)')
        for n in (1, 2, 3)
    }
    monkeypatch.setattr(course, "given", lambda: given)
    return workspace.start(tmp_path / "course", given).root


def solve(path, answer):
    path.write_text(path.read_text().replace("    raise NotImplementedError", answer))


def test_each_exercise_that_is_due_has_a_result(course_of_three, capsys):
    solve(course_of_three / "exercises" / "01_double.ipynb", "    return 2 * x")
    solve(course_of_three / "exercises" / "02_double.ipynb", "    return 3 * x")
    assert cli.main(["check", str(course_of_three)]) == 1
    shown = capsys.readouterr().out
    assert "1 of 4 exercises done" in shown and "✗ 02.double\n  THRICE: That is three" in shown
    assert "✓ 01.double" in shown and "✗ 02.double THRICE" in shown and "○ 01.turn" in shown
    kept = json.loads((course_of_three / progress.FILE).read_text())["exercises"]
    assert kept["02.double"] == {"status": "failed", "code": "THRICE"}
    assert kept["03.double"]["status"] == "todo"


PREDICTS = """
from ganedu.kit import predict
guess = predict("01.guess", "Which?", ["a", "b"])
guess.reveal("b")
"""


def test_a_turn_that_has_not_passed_is_run_as_far_as_its_check(course_of_three, capsys):
    lesson = course_of_three / "notebooks" / "01_double.ipynb"
    solve(lesson, "    return 3 * x")
    nb = json.loads(lesson.read_bytes())
    nb["cells"].insert(1, nbformat.v4.new_code_cell(PREDICTS))
    nb["cells"].append(nbformat.v4.new_code_cell("import time; time.sleep(1000)"))
    lesson.write_text(json.dumps(nb))
    said = {"01.guess": {"question": "Which?", "said": "a", "unit": ""}}
    progress.Progress(course_of_three).put("predictions", said)
    assert cli.main(["check", str(course_of_three)]) == 1
    assert "✗ 01.turn THRICE" in capsys.readouterr().out
    assert progress.Progress(course_of_three).all("predictions") == said  # nothing was revealed
    progress.Progress(course_of_three).put("exercises", {"01.turn": {"status": "passed"}})
    assert cli.main(["check", str(course_of_three)]) == 0  # what passed is not run again
    assert "✓ 01.turn" in capsys.readouterr().out


def test_a_missing_and_an_unreadable_page_fail_by_name(course_of_three, capsys):
    (course_of_three / "exercises" / "01_double.ipynb").unlink()
    (course_of_three / "exercises" / "02_double.ipynb").write_text("<<<<<<< HEAD")
    path = course_of_three / "exercises" / "03_double.ipynb"
    path.write_text(path.read_text().replace('check(\\"03.double\\", double)', "pass"))
    assert cli.main(["check", str(course_of_three)]) == 1
    shown = capsys.readouterr().out
    assert "✗ 01.double MISSING" in shown and "✗ 02.double UNREADABLE" in shown
    assert "✗ 03.double MISSING" in shown


def test_one_exercise_or_one_chapter_is_run_alone(course_of_three, capsys):
    for name in ("01.turn", "02.double"):
        assert checking.chosen(course.exercises(course.given()), name) == {
            f"{'notebooks' if 'turn' in name else 'exercises'}/{name[:2]}_double.ipynb": [name]
        }
    solve(course_of_three / "notebooks" / "01_double.ipynb", "    return 2 * x")
    assert cli.main(["check", str(course_of_three), "01"]) == 0
    assert "✓ 01.turn" in capsys.readouterr().out
    assert cli.main(["check", str(course_of_three), "7.none"]) == 2
    assert "no exercise or chapter '7.none'" in capsys.readouterr().err


def test_ctrl_c_keeps_what_was_found(course_of_three, capsys, monkeypatch):
    def stopped(root, due, on_page):
        yield {"01.double": {"status": "passed", "words": "Right."}}
        raise KeyboardInterrupt

    monkeypatch.setattr(checking, "check", stopped)
    assert cli.main(["check", str(course_of_three)]) == 130
    printed = capsys.readouterr()
    assert "✓ 01.double" in printed.out and "ganedu: stopped" in printed.err
