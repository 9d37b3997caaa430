"""A lesson never prints an exercise's answer: no function of a lesson passes a check."""

import ast
import importlib
import inspect
from pathlib import Path

import nbformat
import pytest
import torch
from test_notebooks import CONVERTED

from ganedu.checks.engine import judged
from ganedu.checks.exercise import Attempt
from ganedu.checks.words import Misconception

ROOT = Path(__file__).parents[1]
LESSONS = [f for f in sorted((ROOT / "notebooks").glob("*.ipynb")) if f.name[:2] in CONVERTED]
CHAPTERS = sorted(path.stem[:2] for path in (ROOT / "exercises").glob("*.ipynb"))
EXERCISES = {
    f"{n}.{name}": exercise
    for n in CHAPTERS
    for name, exercise in importlib.import_module(f"ganedu.checks.ch{n}").EXERCISES.items()
    if not name.startswith("turn_") and exercise.function
}
KEPT = ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef | ast.Assign


def functions(path):
    """Every function that the lesson defines, by name, with what stands above it to refer to."""
    space, found = {"__name__": "lesson"}, {}
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type != "code" or "setup" in cell.metadata.get("tags", []):
            continue
        for node in ast.parse(
            cell.source.replace("%", "#") if "%" in cell.source[:1] else cell.source
        ).body:
            if isinstance(node, KEPT) and (not isinstance(node, ast.Assign) or is_lambda(node)):
                run(node, space)
            if isinstance(node, ast.FunctionDef) and node.name in space:
                found[f"{node.name}, line {node.lineno}: {len(found)}"] = space[node.name]
            elif isinstance(node, ast.Assign) and is_lambda(node):
                found[ast.unparse(node)[:60]] = space.get(getattr(node.targets[0], "id", ""))
    return {label: function for label, function in found.items() if function is not None}


def is_lambda(node):
    return isinstance(node.value, ast.Lambda)


def run(node, space):
    try:
        exec(compile(ast.Module([node], []), "<lesson>", "exec"), space)
    except Exception:  # it needs something that only a whole run has made
        pass


def takes(function, exercise):
    """Could the check call this function at all?"""
    count = [
        p
        for p in inspect.signature(exercise.right).parameters.values()
        if p.kind is not p.KEYWORD_ONLY
    ]
    try:
        inspect.signature(function).bind(*range(len(count)))
    except (TypeError, ValueError):
        return False
    return True


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_no_function_of_a_lesson_passes_a_check(path, monkeypatch):
    wrong = Misconception("WRONG-VALUE", what="it")
    monkeypatch.setattr(Attempt, "named", lambda *_: wrong)  # which mistake it is does not matter
    given_away = []
    for label, function in functions(path).items():
        for name, exercise in EXERCISES.items():
            if takes(function, exercise):
                torch.manual_seed(0)
                if judged(name, exercise, function).status == "passed":
                    given_away.append(f"{label} passes {name}")
    assert not given_away, "\n".join(given_away)
