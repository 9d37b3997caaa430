"""The rules that every notebook keeps, as far as a machine can tell."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
FOLDERS = ("notebooks", "solutions", "exercises")
ALL = sorted(path for folder in FOLDERS for path in (ROOT / folder).glob("*.ipynb"))
RUN = [path for path in ALL if path.parent.name != "exercises"]
MOST_LINES, MOST_LINES_OF_A_CLASS = 15, 25
MOST_WORDS, MOST_WORDS_OF_A_TASK = 150, 300  # a task stands with its folded hints in one cell
# Chapters in which the learner acts, as "05": they keep the rules at the end, too.
CONVERTED = ("00", "01", "02", "03", "04", "05", "06", "07", "08", "09", "10", "11", "12")
AUTHORS_PATH = re.compile(r"/home/|/root/|/Users/|/tmp/|site-packages|[A-Z]:\\")


def name(path):
    return path.relative_to(ROOT).as_posix()


def read(path):
    nb = nbformat.read(path, as_version=4)
    nbformat.validate(nb)
    return nb


def code_cells(nb):
    return [cell for cell in nb.cells if cell.cell_type == "code"]


def text_cells(nb):
    return [cell for cell in nb.cells if cell.cell_type == "markdown"]


def tags(cell):
    return cell.metadata.get("tags", [])


def opening(cell):
    return cell.source.strip().splitlines()[0] if cell.source.strip() else "(empty)"


def printed(cell):
    """All text among the outputs."""
    texts = (
        str(o.get("text", "")) + str(o.get("data", {}).get("text/plain", "")) for o in cell.outputs
    )
    return "\n".join(texts)


def has_picture(cell):
    return any(k.startswith("image/") for o in cell.get("outputs", []) for k in o.get("data", {}))


every_notebook = pytest.mark.parametrize("path", ALL, ids=name)
every_run_notebook = pytest.mark.parametrize("path", RUN, ids=name)


def test_notebooks_hold_what_their_sources_say():
    command = [sys.executable, str(ROOT / "authoring" / "build.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


# ---- what is stored ------------------------------------------------------------------------------


@every_run_notebook
def test_cells_were_run_once_in_order(path):
    """nbval compares nothing for a cell without a count."""
    counts = [cell.execution_count for cell in code_cells(read(path))]
    assert counts == list(range(1, len(counts) + 1))


@pytest.mark.parametrize("path", [p for p in ALL if p not in RUN], ids=name)
def test_exercises_store_nothing(path):
    for cell in code_cells(read(path)):
        assert cell.execution_count is None and cell.outputs == []


@every_run_notebook
def test_no_error_or_warning_is_stored(path):
    for cell in code_cells(read(path)):
        for output in cell.outputs:
            assert output.output_type != "error" or "raises-exception" in tags(cell), opening(cell)
            assert output.get("name") != "stderr", output.text


@every_run_notebook
def test_no_drawing_is_followed_by_its_name_in_memory(path):
    """A last line that draws ends in a semicolon; else "<Axes: ...>" stands above the picture."""
    for cell in code_cells(read(path)):
        name = re.search(r"^\W*(array\(\[)?<(Axes|matplotlib).*", printed(cell), re.M)
        assert name is None, f"{name[0]}: {opening(cell)}"


@every_notebook
def test_question_and_picture_are_two_cells(path):
    """Pictures appear when a cell has ended, below the question that asks what one sees in them."""
    for cell in code_cells(read(path)):
        assert "predict(" not in cell.source or not has_picture(cell), opening(cell)


@every_notebook
def test_no_path_of_the_author_is_stored(path):
    for cell in code_cells(read(path)):
        assert not AUTHORS_PATH.search(printed(cell)), printed(cell)


@every_notebook
def test_the_file_shows_on_a_code_host(path):
    """Widget state makes GitHub refuse a file; so does size."""
    assert "widgets" not in read(path).metadata
    assert path.stat().st_size < 2_000_000


# ---- how it reads --------------------------------------------------------------------------------


def repository():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return project["tool"]["ganedu"]["repository"]


@every_notebook
def test_it_opens_with_a_title_and_a_badge_that_leads_somewhere(path):
    first = read(path).cells[0]
    assert first.cell_type == "markdown" and first.source.startswith("# ")
    known = repository() != "OWNER/REPO"
    assert (f"/{name(path)})" in first.source) == known, "a Colab badge of this very file"
    assert known or "OWNER" not in path.read_text(encoding="utf-8")


@every_notebook
def test_the_first_code_is_the_setup(path):
    assert "setup" in tags(code_cells(read(path))[0])


@every_notebook
def test_code_cells_are_short(path):
    for cell in code_cells(read(path)):
        lines = [line for line in cell.source.splitlines() if line.strip()]
        defines_class = re.search(r"^class ", cell.source, re.M)
        most = MOST_LINES_OF_A_CLASS if defines_class else MOST_LINES
        assert "setup" in tags(cell) or len(lines) <= most, f"{len(lines)} lines: {opening(cell)}"


@every_notebook
def test_texts_are_short(path):
    most = MOST_WORDS if path.parent.name == "notebooks" else MOST_WORDS_OF_A_TASK
    for cell in text_cells(read(path)):
        for text in re.split(r"^#+ .*$", cell.source, flags=re.M):  # a heading begins a new text
            words = visible_words(text)
            assert len(words) <= most, f"{len(words)} words: {' '.join(words[:12])}"


def visible_words(text):
    """The words of a text without formulas, tables, tags and addresses of links."""
    hidden = r"<[^>]*>|\]\([^)]*\)|\$\$.*?\$\$|\$[^$]*\$|^\|.*?$"
    return re.sub(hidden, " ", text, flags=re.S | re.M).split()


@every_notebook
def test_no_more_than_two_code_cells_without_text(path):
    cells = [cell for cell in read(path).cells if not asks(cell)]  # a question is a text
    for trio in zip(cells, cells[1:], cells[2:]):
        only_code = all(cell.cell_type == "code" for cell in trio)
        assert not only_code, f"three in a row, from: {opening(trio[0])}"


@every_run_notebook
def test_every_picture_is_followed_by_words_or_has_alternative_text(path):
    cells = read(path).cells
    for n, cell in enumerate(cells):
        described = "alt" in cell.metadata or any(
            after.cell_type == "markdown" for after in cells[n + 1 : n + 3]
        )
        assert described or not has_picture(cell), f"no words after: {opening(cell)}"


@every_notebook
def test_links_inside_the_course_lead_somewhere(path):
    for cell in text_cells(read(path)):
        for target in re.findall(r"\]\(([^)#\s]+)", cell.source):
            if not re.match(r"[a-z]+:", target):
                assert (path.parent / target).exists(), target


# ---- the learner acts ----------------------------------------------------------------------------

LESSONS = sorted(path for path in RUN if path.parent.name == "notebooks")
every_converted_lesson = pytest.mark.parametrize(
    "path", [path for path in LESSONS if path.name[:2] in CONVERTED], ids=name
)


def calls(cell, function):
    """The calls of `function`, or of a method of that name, in a code cell, as syntax trees."""
    if cell.cell_type != "code":
        return []
    called = (node for node in ast.walk(tree(cell)) if isinstance(node, ast.Call))
    return [c for c in called if getattr(c.func, "id", getattr(c.func, "attr", "")) == function]


def tree(cell):
    plain = re.sub(r"^(\s*)[%!].*$", r"\1pass", cell.source, flags=re.M)
    return ast.parse(plain)


def asks(cell):
    return bool(calls(cell, "predict"))


def is_blank(cell):
    return "stub" in cell.metadata.get("ganedu", {})


def claims(cell):
    return cell.cell_type == "code" and any(isinstance(n, ast.Assert) for n in ast.walk(tree(cell)))


@every_converted_lesson
def test_a_lesson_asks_for_predictions_and_reveals_each(path):
    asked = [call for cell in read(path).cells for call in calls(cell, "predict")]
    told = [call for cell in read(path).cells for call in calls(cell, "reveal")]
    keys = [call.args[0].value for call in asked]
    assert len(keys) >= 4 and len(set(keys)) == len(keys) == len(told)
    assert all(key.startswith(f"{path.name[:2]}.") for key in keys), keys


@every_converted_lesson
def test_what_came_out_stands_below_the_picture(path):
    for cell in code_cells(read(path)):
        told = ["what came out:" in str(output) for output in cell.outputs]
        assert told == sorted(told), f"stored by another version, run it again: {opening(cell)}"


@every_converted_lesson
def test_a_lesson_ends_with_its_own_tally(path):
    found = [c.args[0].value for cell in read(path).cells for c in calls(cell, "tally")]
    assert found == [path.name[:2]]


@every_converted_lesson
def test_a_lesson_has_places_to_act_and_a_check_after_each_blank(path):
    cells = read(path).cells
    blanks = [n for n, cell in enumerate(cells) if is_blank(cell)]
    assert len(blanks) >= 2
    for n in blanks:
        assert any(calls(cell, "check") for cell in cells[n : n + 4]), opening(cells[n])


@every_converted_lesson
def test_the_first_action_is_near_the_top(path):
    cells = [cell for cell in read(path).cells if "setup" not in tags(cell)]
    acts = [asks(cell) or is_blank(cell) or "act" in tags(cell) for cell in cells]
    assert any(acts[:5]), "a prediction, a blank, or a control tagged `act` in the first five cells"


@every_converted_lesson
def test_claims_come_after_the_explanation(path):
    """An assert would give the answer away: a cell of its own, tagged, after the text."""
    cells, waiting = read(path).cells, set()
    for before, cell in zip([None, *cells], cells):
        if claims(cell):
            assert "claims" in tags(cell), f"tag it `claims`: {opening(cell)}"
            assert before.cell_type == "markdown", f"no explanation above: {opening(cell)}"
            assert not (asks(cell) or calls(cell, "reveal")), opening(cell)
            assert not waiting, f"{waiting} is not revealed yet at: {opening(cell)}"
        waiting |= {call.args[0].value for call in calls(cell, "predict")}
        waiting = set() if calls(cell, "reveal") else waiting


@every_converted_lesson
def test_every_picture_has_alternative_text(path):
    for cell in code_cells(read(path)):
        for alt in alternative_texts(cell):
            assert len(alt.split()) >= 5, f"no `alt`, or not a sentence: {opening(cell)}"


def alternative_texts(cell):
    """One for each stored picture: its own, or its cell's, or ""."""
    for output in cell.outputs:
        for kind in output.get("data", {}):
            if kind.startswith("image/"):
                own = output.metadata.get(kind, {}).get("alt")
                yield own or cell.metadata.get("alt", "")


def test_no_two_predictions_of_the_course_share_a_key():
    cells = (cell for path in LESSONS for cell in read(path).cells)
    keys = [call.args[0].value for cell in cells for call in calls(cell, "predict")]
    assert len(set(keys)) == len(keys)
