"""Studies: every run is counted once, kept whole, and never half a run; SD is not SE."""

import csv
import json
import math
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import joblib
import numpy as np
import pytest
import recipes
import torch

import ganedu
from ganedu import data, losses, studies
from ganedu.networks import MLPDiscriminator, MLPGenerator
from ganedu.penalties import r1
from ganedu.recipe import Recipe
from ganedu.studies import Trial, show, spread, study, table
from ganedu.trainer import NotFinite

quiet = partial(study, jobs=1, progress=False)


def modes(seed):
    return {"modes": 7 + seed % 2}


def names(folder):
    return sorted(path.name for path in Path(folder).iterdir())


def without_seconds(rows):
    return [{key: x for key, x in row.items() if key != "seconds"} for row in rows]


# ---------------------------------------------------------------- rows


def mixed():
    """Recipes made inside a function travel to the workers whole, as those of a notebook do."""

    def one_late(seed):
        """Draws without seeding, as a recipe should not; the first seed finishes last."""
        time.sleep(0.4 if seed == 5 else 0)
        return {"drawn": torch.rand(1), "seed squared": seed**2}

    def one_diverges(seed):
        if seed == 3:
            raise NotFinite("the generator's loss is nan at step 7.")
        return {"modes": torch.tensor(8)}

    def optimises(seed):
        before = len(sys.modules)
        torch.optim.Adam([torch.zeros(1)])
        return {"imported": len(sys.modules) - before}

    return {
        "late": one_late,
        "diverges": one_diverges,
        "a lambda": lambda seed: {"pid": os.getpid()},
        "optimises": optimises,
    }


MIXED = mixed()
SEEDS = (5, 3, 4)


@pytest.fixture(scope="module")
def in_two_processes():
    return study(MIXED, iter(SEEDS), jobs=2, progress=False)


def test_rows_are_in_the_order_of_recipes_then_seeds_whoever_finishes_first(in_two_processes):
    keys = [(row["recipe"], row["seed"]) for row in in_two_processes]
    assert keys == [(name, seed) for name in MIXED for seed in SEEDS]
    assert [row["seed squared"] for row in in_two_processes[:3]] == [25, 9, 16]
    assert in_two_processes[0]["seconds"] > 0.4 > in_two_processes[1]["seconds"] > 0


def test_runs_are_in_other_processes(in_two_processes):
    pids = {row["pid"] for row in in_two_processes[6:9]}
    assert pids and os.getpid() not in pids


def test_what_a_process_imports_for_its_first_run_is_not_on_that_runs_clock(in_two_processes):
    """torch imports about 900 modules with the first optimiser: a second, of one recipe only."""
    assert [row["imported"] for row in in_two_processes[9:]] == [0, 0, 0]


def test_one_process_gives_the_same_rows_as_two_even_where_a_recipe_forgets_to_seed(
    in_two_processes,
):
    before = torch.get_rng_state()
    in_one = quiet(MIXED, SEEDS)
    assert torch.equal(torch.get_rng_state(), before), "and the study's own draws are untouched"
    assert without_seconds(in_one[:6]) == without_seconds(in_two_processes[:6])
    assert len({row["drawn"] for row in in_one[:3]}) == 3


def test_a_run_that_diverges_is_a_row_that_says_so(in_two_processes):
    assert [row.get("failed") for row in in_two_processes[3:6]] == [
        None,
        "the generator's loss is nan at step 7.",
        None,
    ]
    assert "modes" not in in_two_processes[4]


def test_numbers_are_pythons_own_so_that_they_can_be_written(in_two_processes):
    kinds = {type(x) for row in in_two_processes for x in row.values()}
    assert kinds == {str, int, float}


def test_an_error_in_a_recipe_stops_the_study_and_is_named_with_its_cause(tmp_path):
    def broken(seed):
        return {"modes": len(seed) if seed == 1 else 3}

    broken.__qualname__ = "broken"  # as in a notebook, whose functions travel to workers whole
    says = r"recipe 'a' with seed 1 stopped the study: TypeError: object of type 'int' has no len"
    for jobs in (1, 2):
        with pytest.raises(RuntimeError, match=says) as error:
            quiet({"a": broken}, (0, 1, 2), folder=tmp_path / str(jobs), jobs=jobs)
        assert "in broken" in str(error.value.__cause__) or jobs == 1
        assert "\n" not in str(error.value)
    assert names(tmp_path / "1") == ["a-e8b7be43-seed0.json"], "what had finished is kept"


@pytest.mark.parametrize(
    "answer, says",
    [
        (None, "must return a dict of numbers, .*; got None"),
        ({"modes": "8 of 8"}, "must return numbers; 'modes' is '8 of 8'"),
        ({"modes": None}, "must return numbers; 'modes' is None"),
        ({"modes": 8, "seed": 1}, "none called recipe, seed or failed"),
    ],
)
def test_an_answer_that_is_not_numbers_is_one_sentence(answer, says):
    with pytest.raises(RuntimeError, match=f"recipe 'a' with seed 0 .*: TypeError: .*{says}"):
        quiet({"a": lambda seed: answer}, [0])


def test_the_same_seed_twice_is_not_two_runs():
    with pytest.raises(ValueError, match=r"seeds must differ.* got \[0, 1, 0\]"):
        quiet({"a": modes}, [0, 1, 0])


def test_a_run_has_one_thread_and_then_there_are_as_many_as_before():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        rows = quiet({"a": lambda seed: {"threads": torch.get_num_threads()}}, [0])
        assert rows[0]["threads"] == 1 and torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_progress_counts_kept_runs_too_and_can_be_silent(tmp_path, capsys):
    study({"a": modes}, range(2), jobs=1, folder=tmp_path, progress=False)
    assert capsys.readouterr().err == ""
    study({"a": modes}, range(4), jobs=1, folder=tmp_path)
    assert "4/4" in capsys.readouterr().err


# ---------------------------------------------------------------- how many at a time, and where


def test_a_backend_of_the_users_is_one_line_around_the_call():
    with joblib.parallel_config(backend="threading", n_jobs=2):
        rows = study({"a": lambda seed: {"pid": os.getpid()}}, range(3), progress=False)
    assert {row["pid"] for row in rows} == {os.getpid()}


@pytest.mark.parametrize(
    "cores, configured, jobs, expected",
    [(8, {}, None, 3), (2, {}, None, 2), (8, {"n_jobs": 5}, None, 5), (8, {"n_jobs": 5}, 4, 4)],
)
def test_there_are_as_many_as_asked_for_else_as_configured_else_cores_and_never_idle_ones(
    cores, configured, jobs, expected, monkeypatch
):
    asked = []

    def sequential(n_jobs, **options):
        asked.append((n_jobs, options.get("backend")))
        return lambda tasks: (f(*args) for f, args, _ in tasks)

    monkeypatch.setattr(joblib, "cpu_count", lambda: cores)
    monkeypatch.setattr(joblib, "Parallel", sequential)
    with joblib.parallel_config(**configured):
        study({"a": modes}, range(3), jobs=jobs, progress=False)
    assert asked == [(expected, None)]


# ---------------------------------------------------------------- keeping


def files_in(folder, seed):
    return {"files": len(names(folder))}


def test_each_run_is_written_before_the_next_begins(tmp_path):
    folder = str(tmp_path / "my runs")
    rows = quiet({"a": partial(files_in, folder)}, range(3), folder=folder)
    assert [row["files"] for row in rows] == [0, 1, 2]


def noted(ran, seed):
    with open(ran, "a") as file:
        file.write(f"{seed} ")
    return MIXED["diverges"](seed) | {"third": 1 / 3, "nan": math.nan, "inf": math.inf}


def test_a_study_goes_on_with_what_is_missing_and_gives_the_rows_it_would_have_given(tmp_path):
    ran = tmp_path / "ran.txt"
    recipe = partial(noted, str(ran))
    folder = tmp_path / "runs"
    first = quiet({"a": recipe}, (4, 3), folder=folder)
    rows = quiet({"a": recipe}, (2, 3, 4), folder=str(folder))
    assert ran.read_text() == "4 3 2 ", "a run that diverged has run, and is not run again"
    assert repr(rows[1:]) == repr(first[::-1])
    assert repr(quiet({"a": recipe}, (2, 3, 4), folder=folder)) == repr(rows)


@pytest.mark.parametrize("damage", ["", '{"made by": "', "[]", "null", "{}", '{"row": 1}'])
def test_a_damaged_file_is_run_again_with_a_warning(tmp_path, damage):
    rows = quiet({"a": modes, "b": modes}, range(2), folder=tmp_path)
    file = tmp_path / names(tmp_path)[1]
    file.write_text(damage)
    with pytest.warns(UserWarning, match=r"a-e8b7be43-seed1\.json is not a whole run") as warned:
        again = quiet({"a": modes, "b": modes}, range(2), folder=tmp_path)
    assert len(warned) == 1 and without_seconds(again) == without_seconds(rows)
    assert again[0] == rows[0] and json.loads(file.read_text())["row"] == again[1]


def test_a_file_under_another_runs_name_does_not_count_as_that_run(tmp_path):
    quiet({"a": modes}, range(2), folder=tmp_path)
    first, second = (tmp_path / name for name in names(tmp_path))
    second.write_text(first.read_text())
    with pytest.warns(UserWarning, match="not a whole run"):
        assert quiet({"a": modes}, range(2), folder=tmp_path)[1]["modes"] == 8


def test_a_write_that_fails_leaves_no_half_file(tmp_path, monkeypatch):
    def full(source, target):
        assert json.loads(Path(source).read_text())["row"]["modes"] == 7, "whole before it moves"
        raise OSError("the disk is full")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="the disk is full"):
        quiet({"a": modes}, [0], folder=tmp_path / "runs")
    assert names(tmp_path / "runs") == []


def test_a_half_written_file_left_by_a_kill_does_not_count(tmp_path):
    quiet({"a": modes}, [0], folder=tmp_path)
    whole = tmp_path / names(tmp_path)[0]
    whole.rename(tmp_path / f".{whole.name}.12ab.partial")
    quiet({"a": modes}, [0], folder=tmp_path)
    assert whole.exists()


def test_recipes_with_any_name_have_files_of_their_own(tmp_path):
    odd = ["R1", "r1", "a/b", "a b", "../up", "γ = .1", "", "x" * 300, "nul\0"]
    rows = quiet(dict.fromkeys(odd, modes), range(2), folder=tmp_path / "my runs")
    files = names(tmp_path / "my runs")
    assert len({name.lower() for name in files}) == 2 * len(odd)
    assert all(name.isascii() and len(name) < 100 for name in files)
    assert names(tmp_path) == ["my runs"]
    assert quiet(dict.fromkeys(odd, modes), range(2), folder=tmp_path / "my runs") == rows


def other_modes(seed):
    return {"modes": 1}


def judge(trainer):
    return {"size": trainer.sample(50).norm(dim=1).mean()}


def other_judge(trainer):
    return {"size": 1}


SMALL = Recipe(
    data=partial(data.ring, 8),
    G=partial(MLPGenerator, width=8),
    D=partial(MLPDiscriminator, width=8),
    steps=3,
    batch=16,
)


@pytest.mark.parametrize(
    "first, second, says",
    [
        (modes, other_modes, 'it was "[^"]*test_studies.modes", now ".*other_modes"'),
        (partial(pow, 2), partial(pow, 3), "base was 2, now 3"),
        (partial(max, 2), partial(max, 3), r"arguments was \[2\], now \[3\]"),
        (partial(modes), partial(other_modes), "name was .*modes.*, now .*other_modes"),
        (partial(dict, modes=1), partial(dict, modes=2), "modes was 1, now 2"),
        (Trial(SMALL, judge), Trial(replace(SMALL, steps=4), judge), "steps was 3, now 4"),
        (
            Trial(SMALL, judge),
            Trial(replace(SMALL, loss=losses.hinge), judge),
            'loss was "nonsaturating", now "hinge"',
        ),
        (
            Trial(SMALL, judge),
            Trial(replace(SMALL, penalty=partial(r1, gamma=0.1)), judge),
            'penalty was null, now {"name": "r1", "gamma": 0.1}',
        ),
        (Trial(SMALL, judge), Trial(SMALL, other_judge), "judge was .*, now .*other_judge"),
        (modes, Trial(SMALL, judge), "it was .*, now {"),
    ],
    ids="name positions builtin inside names steps loss penalty judge kind".split(),
)
def test_rows_of_another_recipe_under_the_same_name_are_not_mixed_in(tmp_path, first, second, says):
    before = studies._identity("a", first)
    row = json.dumps({"made by": before, "row": {"recipe": "a", "seed": 0, "modes": 1}})
    (tmp_path / "a-e8b7be43-seed0.json").write_text(row)
    says = rf"made by another recipe \({says}.*: choose another folder, or delete"
    with pytest.raises(ValueError, match=says):
        quiet({"a": second}, [0], folder=tmp_path)
    assert (tmp_path / "a-e8b7be43-seed0.json").read_text() == row
    assert quiet({"a": first}, [0], folder=tmp_path) == [{"recipe": "a", "seed": 0, "modes": 1}]


@pytest.mark.parametrize(
    "trial",
    [lambda seed: {}, partial(modes, rest=lambda: 3), Trial(SMALL, lambda trainer: {})],
    ids=["a lambda", "bound", "a judge"],
)
def test_what_has_no_name_of_its_own_cannot_be_kept_and_that_is_said_first(tmp_path, trial):
    with pytest.raises(
        ValueError, match="runs of 'a' cannot be kept: a function inside has no name"
    ):
        quiet({"a": trial}, [0], folder=tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_a_trial_trains_its_recipe_with_the_seed_and_says_what_it_cost():
    (row,) = quiet({"a": Trial(replace(SMALL, d_steps=2), judge)}, [4])
    trainer = replace(SMALL, d_steps=2).trainer(4)
    trainer.fit(3, progress=False)
    assert row["size"] == judge(trainer)["size"].item()
    assert (row["g_updates"], row["d_updates"]) == (3, 6) and row["cpu_seconds"] > 0


def test_the_same_recipe_made_again_is_the_same_recipe(tmp_path):
    kept = quiet({"a": Trial(SMALL, judge)}, [0], folder=tmp_path)
    again = replace(SMALL, data=partial(data.ring, modes=8), steps=np.int64(3))
    assert quiet({"a": Trial(again, judge)}, [0], folder=tmp_path) == kept


# ---------------------------------------------------------------- Ctrl-C

STUDY = """
import os
from functools import partial
from pathlib import Path

import recipes
from ganedu.studies import study

HERE = Path(__file__).parent

def training(make, seed):
    if seed == 0:
        return {"steps": 0}
    trainer, steps = make(seed=seed), 3 if (HERE / "quick").exists() else 10**9
    (HERE / f"{os.getpid()}.pid").touch()
    trainer.fit(steps, progress=False)
    return {"steps": trainer.step}

def go(jobs):
    both = {"a/b": partial(training, recipes.mlp)}
    return study(both, range(3), folder=HERE / "my runs", jobs=jobs, progress=False)

if __name__ == "__main__":
    print([row["steps"] for row in go(2)])
"""


def wait_until(true, seconds=120):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def lives(pid):
    try:
        os.kill(pid, 0)
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rsplit(")")[1].split()[0]
    except OSError:
        return False


@pytest.mark.skipif(os.name != "posix", reason="sends a signal to a group of processes")
def test_ctrl_c_in_a_terminal_keeps_what_has_finished_and_the_same_call_goes_on(tmp_path):
    script = tmp_path / "a study.py"
    script.write_text(STUDY)
    places = os.pathsep.join([str(Path(__file__).parent), str(Path(ganedu.__file__).parents[1])])
    with subprocess.Popen(
        [sys.executable, str(script)],
        env={**os.environ, "PYTHONPATH": places},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            wait_until(lambda: len(list(tmp_path.glob("*.pid"))) == 2)
            wait_until(lambda: list(tmp_path.glob("my runs/*seed0.json")))
            os.killpg(process.pid, signal.SIGINT)  # as a terminal does: workers get it too
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode in (-signal.SIGINT, 130)
    assert "KeyboardInterrupt: 1 of 3 runs are done and kept in" in err
    assert "my runs: the same call goes on from there" in err and "Stopped after" not in out
    assert [name[-10:] for name in names(tmp_path / "my runs")] == ["seed0.json"]
    for file in tmp_path.glob("*.pid"):
        wait_until(lambda pid=int(file.stem): not lives(pid), seconds=20)
    kept = next(tmp_path.glob("my runs/*seed0.json"))
    before = kept.read_text()
    (tmp_path / "quick").touch()
    again = subprocess.run(
        [sys.executable, str(script)],
        env={**os.environ, "PYTHONPATH": places},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert again.stdout == "[0, 3, 3]\n", again.stderr
    assert kept.read_text() == before


@pytest.mark.skipif(os.name != "posix", reason="a kill there is another thing")
def test_a_study_that_is_killed_leaves_no_worker_behind(tmp_path):
    script = tmp_path / "a study.py"
    script.write_text(STUDY)
    places = os.pathsep.join([str(Path(__file__).parent), str(Path(ganedu.__file__).parents[1])])
    env = {**os.environ, "PYTHONPATH": places}
    with subprocess.Popen([sys.executable, str(script)], env=env, start_new_session=True) as study:
        try:
            wait_until(lambda: len(list(tmp_path.glob("*.pid"))) == 2)
        finally:
            study.kill()
    for file in tmp_path.glob("*.pid"):
        wait_until(lambda pid=int(file.stem): not lives(pid), seconds=20)


class InterruptedRing:
    """A ring that presses Ctrl-C during its third draw."""

    def __init__(self):
        self.ring, self.draws = data.ring(8), 0

    def sample(self, n, rng):
        self.draws += 1
        if self.draws == 3:
            signal.raise_signal(signal.SIGINT)
        return self.ring.sample(n, rng)


def interrupted(seed):
    p_data = data.ring(8) if seed == 0 else InterruptedRing()
    return {"steps": len(recipes.mlp(data=p_data).fit(5, progress=False))}


@pytest.mark.parametrize("folder, fate", [("my runs", "kept in my runs: the same"), (None, "lost")])
def test_ctrl_c_in_the_one_process_does_not_make_half_a_training_a_row(
    folder, fate, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)

    with pytest.raises(KeyboardInterrupt, match=f"1 of 3 runs are done and {fate}"):
        quiet({"a": interrupted}, range(3), folder=folder)
    assert names(folder or ".") == (["a-e8b7be43-seed0.json"] if folder else [])
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler, "as it was before"


# ---------------------------------------------------------------- tables


def rows_of(recipe, *values, **costs):
    return [
        {"recipe": recipe, "seed": seed, "seconds": 2.0, "modes": x, **costs}
        for seed, x in enumerate(values)
    ]


FAILED = {"recipe": "plain", "seed": 9, "seconds": 99.0, "failed": "nan at step 7"}


def test_sd_has_n_minus_one_and_se_is_sd_over_root_n():
    """[7, 8, 8, 9]: squares of the distances from 8 sum to 2, so SD^2 = 2 / 3 and SE^2 = 2 / 12."""
    assert spread([7, 8, 8, 9]) == pytest.approx((8, math.sqrt(2 / 3), math.sqrt(1 / 6)))
    mean, sd, se = spread([7.5])
    assert mean == 7.5 and math.isnan(sd) and math.isnan(se)
    assert all(map(math.isnan, spread([])))


def test_the_table_has_a_line_for_each_recipe_in_their_order_with_failures_counted_apart():
    rows = rows_of("plain", 7, 8, 8, 9, d_updates=30, g_updates=10)
    found = table([*rows[:1], FAILED, *rows[1:], *rows_of("another", 3)])
    one, two = found.to_dict("records")
    columns = "recipe, n, failed, modes, modes SD, modes SE, seconds, d_updates, g_updates"
    assert list(found) == columns.split(", ")
    assert (one["recipe"], one["n"], one["failed"], one["modes"]) == ("plain", 4, 1, 8)
    assert one["modes SD"] == pytest.approx(math.sqrt(2 / 3)) and one["seconds"] == 2
    assert (one["d_updates"], one["g_updates"]) == (30, 10)
    assert (two["recipe"], two["n"], two["failed"], two["modes"]) == ("another", 1, 0, 3)
    assert math.isnan(two["modes SE"])


def test_a_recipe_of_which_every_run_failed_is_still_in_the_table():
    line = table([FAILED, *rows_of("other", 1, 2)]).iloc[0]
    assert (line["n"], line["failed"]) == (0, 1) and math.isnan(line["modes"])


def test_the_text_says_what_plus_or_minus_is_and_shows_as_much_as_is_known():
    rows = [
        *rows_of("plain", 7, 8, 8, 9, cpu_seconds=1.25, g_updates=1500),
        FAILED,
        *rows_of("a longer name", 8, 8),
    ]
    assert show(table(rows)).splitlines() == [
        "       recipe  n  failed    modes ± SE (SD) seconds cpu_seconds g_updates",
        "        plain  4       1 8.00 ± 0.41 (0.82)     2.0         1.2     1,500",
        "a longer name  2       0          8 ± 0 (0)     2.0         nan       nan",
    ]
    assert "3 ± nan (nan)" in show(table(rows_of("one", 3)))
    assert "0.0020 ± 0.0010 (0.0014)" in show(table(rows_of("small", 0.001, 0.003)))


def test_a_measure_that_one_run_lacks_has_no_mean():
    one, two = rows_of("plain", 7, 8, quality=0.5)
    del two["quality"]
    line = table([one, two]).iloc[0]
    assert line["modes"] == 7.5 and math.isnan(line["quality"]) and math.isnan(line["quality SE"])


def test_of_no_rows_the_table_is_empty():
    assert len(table([])) == 0 and list(table([])) == ["recipe", "n", "failed"]


def test_what_is_saved_can_be_read_by_anyone(tmp_path):
    rows = [*rows_of('R1, "strong"', 7, 8), *rows_of("once", math.inf), FAILED]
    studies.save(rows, tmp_path / "my study")
    assert names(tmp_path / "my study") == ["rows.csv", "rows.json", "table.csv", "table.json"]

    def read(name):
        with open(tmp_path / "my study" / name, newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file)) if name.endswith("csv") else json.load(file)

    assert [row["modes"] for row in read("rows.csv")] == ["7.0", "8.0", "inf", ""]
    assert read("rows.csv")[0]["recipe"] == 'R1, "strong"'
    assert read("rows.csv")[3]["failed"] == "nan at step 7"
    assert read("rows.json")[:2] == rows[:2] and read("rows.json")[2]["modes"] is None
    assert read("table.csv")[1]["modes SD"] == "" and read("table.json")[1]["modes SD"] is None
    assert [line["n"] for line in read("table.json")] == [2, 1, 0]


def test_the_costs_are_no_measures():
    assert studies.measures(
        [FAILED, *rows_of("a", 1, quality=1.0, cpu_seconds=0.5, d_updates=3)]
    ) == [
        "modes",
        "quality",
    ]
