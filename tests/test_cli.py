"""The command line: trains, goes on, and says in one sentence what a user can mend."""

import io
import os
import shlex
import signal
import subprocess
import sys
import time
import types
from functools import partial
from pathlib import Path

import pytest
import recipes
import torch
from PIL import Image

import ganedu
from ganedu import checkpoint, choices, cli, data, losses, measuring, training
from ganedu.kit import progress
from ganedu.recipe import Recipe, made
from ganedu.trainer import NotFinite


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def find_data(*options):
    return choices.find_data(cli.parser().parse_args(["train", *options]))


def ring(*options, steps=12):
    return cli.main(["train", "--data", "ring", "--batch", "16", "--steps", str(steps), *options])


def test_training_leaves_a_checkpoint_and_two_pictures_and_says_where(capsys):
    assert ring() == 0
    left = {p.name for p in Path("run").iterdir()} - {"tensorboard"}  # if that is installed
    pictures = {"samples.png", "training.png"}
    assert left == {"checkpoint.pt", "recipe.toml", "training.csv"} | pictures
    assert Image.open("run/samples.png").size[0] > 100
    out = capsys.readouterr().out
    assert f"Step 12 is saved in {Path('run/checkpoint.pt').resolve()}" in out
    assert f"Pictures: {Path('run').resolve()}" in out


def test_a_resumed_run_is_the_same_run_bit_for_bit(capsys):
    ring("--out", "whole", steps=10)
    ring("--out", "parts", steps=4)
    ring("--out", "parts", "--resume", steps=6)
    assert "Going on from step 4." in capsys.readouterr().out
    whole, parts = (checkpoint.load(f"{name}/checkpoint.pt") for name in ("whole", "parts"))
    assert whole["step"] == 10 and recipes.same(whole, parts)


def test_an_earlier_run_is_not_overwritten(capsys):
    ring()
    before = Path("run/checkpoint.pt").read_bytes()
    assert ring() == 2
    assert "add --resume to go on, or choose another --out" in capsys.readouterr().err
    assert Path("run/checkpoint.pt").read_bytes() == before


def test_ctrl_c_saves_what_was_trained_and_it_can_be_resumed(monkeypatch, capsys):
    sample, draws = data.Mixture.sample, []

    def interrupted(self, n, rng):
        draws.append(n)
        if len(draws) == 4:  # the first is a check
            signal.raise_signal(signal.SIGINT)
        return sample(self, n, rng)

    with monkeypatch.context() as patch:
        patch.setattr(data.Mixture, "sample", interrupted)
        assert ring(steps=1000) == 0
    assert "Stopped after step 3; --resume goes on from here." in capsys.readouterr().out
    assert ring("--resume", steps=2) == 0
    assert checkpoint.load("run/checkpoint.pt")["step"] == 5


@pytest.mark.parametrize("name", cli.DATA)
def test_every_named_data_set_has_networks_that_fit_it(name):
    """With a stand-in of the right shape, so that nothing is downloaded."""
    shapes = {"cifar10": (3, 32, 32), "ring": None, "grid": None}
    shape = shapes.get(name, (1, 28, 28))
    p_data = data.Images(torch.zeros(2, *shape)) if shape else made(find_data("--data", name))
    G, D = (made(make) for make in choices.networks_for(p_data))
    x = p_data.sample(2, torch.Generator().manual_seed(0))
    assert G(torch.randn(2, *G.z_shape)).shape == x.shape and D(x).shape == (2,)


def test_the_data_sets_that_need_no_network_have_networks_that_fit():
    for name in set(cli.DATA) - {"mnist", "fashion_mnist", "cifar10"}:
        choices.networks_for(
            made(find_data("--data", name))
        )  # the 8 x 8 digits have none: not in the list


def test_a_folder_of_pictures_is_a_data_set():
    Path("photos").mkdir()
    Image.new("RGB", (70, 80), (9, 99, 200)).save("photos/one.png")
    assert made(find_data("--data", "photos")).x.shape == (1, 3, 64, 64)


def unreachable(*args):
    raise ConnectionError("MNIST must be downloaded once, and that failed. Offline, use digits()")


@pytest.mark.parametrize(
    "options, says",
    [
        (
            ["--data", "mnits"],
            "no data set or folder called 'mnits'; the nearest is 'mnist'",
        ),
        (["--data", "empty"], "empty: looked for .bmp"),
        (["--data", "broken"], "1 of 1 pictures cannot be read"),
        (["--data", "mnist"], "MNIST must be downloaded once"),
        (["--batch", "0"], "batch must be above 0; got 0"),
        (["--batch", "999999999999"], "the memory is not enough: try a smaller --batch"),
        (["--lr", "-1"], "--lr must be above 0; got -1.0"),
        (["--seed", "99999999999999999999"], "seed must be of at most 63 bits"),
        (["--device", "gpu"], "there is no device 'gpu' here: use auto, cpu, cuda or mps"),
        (["--out", "taken"], "taken cannot be a folder: a file is in its place"),
        (["--out", "taken/run"], "taken/run cannot be a folder: a file is in its place"),
        (["--data", "photos", "--out", "photos/run"], "lies among the pictures of --data"),
        (["wrong.toml"], "a recipe has no 'lerning_rate'"),
        (["absent.toml"], "no recipe file absent.toml, and no recipe of that name ships; there"),
        (["wide.toml"], "wide.toml: G draws [1, 64, 64] and the data are [1, 28, 28]"),
        (["wide.toml"], "one real example (line 2)"),
        (["kept.toml"], "kept.toml: [keep] has no 'metrik'; the nearest is 'metric'"),
        (["pictures"], "pictures: data: no folder of pictures at FOLDER (line 4)"),
        (["wide.toml", "--flip"], "--flip is for a run without a recipe"),
        (["--flip"], "--flip mirrors pictures: points have no left and right"),
        (["--size", "32"], "ring is as it is: --channels and --size are for pictures"),
        (["--data", "photos", "--size", "48"], "built for [8, 16, 28, 32, 64, 128] pixels"),
        (["--data", "photos", "--by-class"], "the data have no labels: sort the pictures into"),
        (["--metric", "frechet", "--metric-n", "1"], "frechet on 2 features needs that many"),
        (["--metric", "kid", "--metric-n", "1"], "at least 2 rows are needed"),
        (["wrong.toml", "--resume", "--out", "other"], "has its own recipe: leave out wrong.toml"),
        (["--resume", "--out", "nowhere"], "no checkpoint at nowhere/checkpoint.pt"),
        (["--resume", "--out", "cut"], "cut/checkpoint.pt is not a whole checkpoint"),
        (["--resume", "--out", "other"], "the checkpoint is of another network: G.net.0.weight"),
    ],
)
def test_what_a_user_can_mend_is_one_sentence_and_leaves_nothing(
    options, says, monkeypatch, capsys
):
    for folder in ("empty", "broken", "cut", "other"):
        Path(folder).mkdir()
    Path("broken/bad.png").write_text("not a picture")
    Path("cut/checkpoint.pt").write_bytes(b"PK")
    checkpoint.save(recipes.mlp(ema=0.9).state_dict(), "other/checkpoint.pt")
    Path("taken").write_text("a file, not a folder")
    Path("photos").mkdir()
    Image.new("RGB", (64, 64), (9, 99, 200)).save("photos/one.png")
    Path("wrong.toml").write_text("lerning_rate = 3")
    text = 'data = "digits"\nG = { name = "DCGANGenerator", size = 64 }\nD = "DCGANDiscriminator"\n'
    Path("wide.toml").write_text(text)
    Path("kept.toml").write_text(text + "[keep]\nmetrik = 3\n")
    monkeypatch.setattr(data, "_torchvision_set", unreachable)
    before = sorted(str(p) for p in Path().rglob("*"))
    named = options[0] in ("pictures", "wide.toml", "kept.toml")
    assert (cli.main(["train", *options]) if named else ring(*options)) == 2
    said = capsys.readouterr().err
    assert said.startswith("ganedu: ") and says in said and said.count("\n") == 1
    assert sorted(str(p) for p in Path().rglob("*")) == before


@pytest.mark.parametrize(
    "arguments, says",
    [
        (["train", "--steps", "-3"], "must be 1 or more; got -3"),
        (["train", "--steps", "many"], "invalid number 'many': a whole one is wanted"),
        (["train", "--steps", "1e4"], "invalid number '1e4': a whole one is wanted"),
        (["train", "--seed", "x"], "invalid number 'x'"),
        (["train", "--loss", "hing"], "invalid choice: 'hing'; the nearest is 'hinge'"),
        (["train", "--metric", "fid"], "invalid choice: 'fid'; there are coverage, frechet, kid"),
        (["tours"], "invalid choice: 'tours'; the nearest is 'tour'"),
        (["train", "--stpes", "5"], "unrecognized arguments: --stpes; the nearest is '--steps'"),
    ],
)
def test_a_wrong_argument_ends_with_usage_and_code_2(arguments, says, capsys):
    with pytest.raises(SystemExit) as end:
        cli.main(arguments)
    assert end.value.code == 2 and says in capsys.readouterr().err


def test_the_command_alone_is_its_help_and_no_success(capsys):
    assert cli.main([]) == 2
    said = capsys.readouterr().out
    assert "train on real digits" in said and "walk through a trained run" in said


@pytest.mark.parametrize(
    "arguments, says",
    [
        (["train", "rign"], "no recipe of that name ships; the nearest is 'ring'"),
        (["recipes", "digit"], "no recipe called 'digit'; the nearest is 'digits'"),
        (["study", "ring", "--recipes", "relativstic", "--list"], "the nearest is 'relativistic'"),
        (["art", "terain"], "no picture at terain, and none comes along; the nearest is 'terrain'"),
    ],
)
def test_a_misspelt_name_is_answered_with_the_nearest(arguments, says, capsys):
    assert cli.main(arguments) == 2
    assert says in capsys.readouterr().err


def test_a_recipe_is_read_as_editors_and_shells_of_windows_write_it(capsys):
    text = 'data = "ring"  # ä\r\nG = "MLPGenerator"\r\nD = "MLPDiscriminator"\r\nsteps = 2\r\n'
    for name, code in (("utf8-bom", "utf-8-sig"), ("powershell", "utf-16"), ("plain", "utf-8")):
        Path(f"{name}.toml").write_bytes(text.encode(code))
        assert cli.main(["train", f"{name}.toml", "--out", name, "--device", "cpu"]) == 0
    Path("latin.toml").write_bytes(text.encode("latin-1"))
    assert cli.main(["train", "latin.toml"]) == 2
    assert "latin.toml is no text in UTF-8 (byte 18)" in capsys.readouterr().err


def test_a_package_that_is_missing_is_one_sentence(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "skimage", None)
    monkeypatch.setitem(sys.modules, "skimage.data", None)
    assert cli.main(["art", "brick"]) == 2
    assert "which is not installed: pip install scikit-image" in capsys.readouterr().err


def test_a_reader_who_has_seen_enough_is_no_error():
    program = f"{shlex.quote(sys.executable)} -m ganedu recipes | head -n 1"
    done = subprocess.run(program, shell=True, capture_output=True, text=True)
    assert done.stdout.startswith("cifar10") and done.stderr == ""


def test_in_a_folder_that_is_gone_it_is_said(tmp_path, monkeypatch, capsys):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert cli.main(["progress"]) == 2
    assert "the folder that you are in is not there any more" in capsys.readouterr().err
    monkeypatch.chdir(tmp_path)


def test_two_runs_at_once_do_not_write_into_one_folder(capsys):
    first = subprocess.Popen(
        [sys.executable, "-m", "ganedu", "train", "--data", "ring", "--steps", "1000000"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while not Path("run/recipe.toml").exists():
            time.sleep(0.05)
        assert ring() == 2
        assert "another run is writing into run now" in capsys.readouterr().err
    finally:
        first.kill()
        first.wait()
    assert ring() == 0  # the kill gave the folder back; no checkpoint was there yet


def test_the_losses_named_are_the_losses_there_are():
    from ganedu import losses

    pairs = {n for n, v in vars(losses).items() if isinstance(v, losses.Loss)} - {"article_code"}
    assert set(cli.LOSSES) == pairs
    assert cli.DATA == choices.DATA and cli.METRICS == tuple(measuring.METRICS)


def test_a_diverging_run_is_one_sentence(capsys):
    assert ring("--loss", "wasserstein", "--lr", "1e30", steps=50) == 2
    assert "loss is" in capsys.readouterr().err


def test_the_version_is_the_packages(capsys):
    with pytest.raises(SystemExit) as end:
        cli.main(["--version"])
    assert end.value.code == 0 and capsys.readouterr().out == f"ganedu {ganedu.__version__}\n"


def test_a_run_goes_on_with_its_own_recipe_and_refuses_another(capsys):
    assert ring("--loss", "hinge", "--lr", "0.002") == 0
    assert ring("--resume", "--loss", "saturating") == 2
    assert "this run is on --loss hinge, not saturating" in capsys.readouterr().err
    assert cli.main(["train", "--data", "grid", "--resume", "--steps", "2"]) == 2
    assert "this run is on --data ring, not grid" in capsys.readouterr().err
    assert cli.main(["train", "--resume", "--steps", "2"]) == 0
    stored = checkpoint.load("run/checkpoint.pt")
    assert stored["step"] == 14
    recipe = Recipe.from_toml(stored["recipe"])
    assert recipe.loss is losses.hinge and recipe.data is data.ring
    assert (recipe.lr_g, recipe.lr_d, recipe.batch, recipe.steps) == (0.002, 0.002, 16, 14)


def test_a_resumed_run_takes_other_step_sizes_and_keeps_all_else():
    ring("--loss", "hinge")
    assert cli.main(["train", "--resume", "--lr", "0.5", "--batch", "8", "--steps", "2"]) == 0
    recipe = Recipe.from_toml(checkpoint.load("run/checkpoint.pt")["recipe"])
    assert (recipe.lr_g, recipe.batch, recipe.loss) == (0.5, 8, losses.hinge)


def test_a_run_leaves_its_recipe_and_another_can_be_made_from_it_with_changes():
    assert ring("--loss", "hinge") == 0
    text = Path("run/recipe.toml").read_text()
    assert text == checkpoint.load("run/checkpoint.pt")["recipe"]
    assert cli.main(["train", "run/recipe.toml", "--out", "again"]) == 0
    first, again = (checkpoint.load(f"{name}/checkpoint.pt") for name in ("run", "again"))
    assert recipes.same(first, again)
    assert (
        cli.main(["train", "run/recipe.toml", "--out", "b", "--batch", "8", "--data", "grid"]) == 0
    )
    changed = Recipe.from_toml(Path("b/recipe.toml").read_text())
    assert (changed.batch, changed.data, changed.loss) == (8, data.grid, losses.hinge)


def test_a_recipe_written_by_hand_is_trained():
    Path("mine.toml").write_text(
        'data = { name = "ring", modes = 5 }\nG = { name = "MLPGenerator", width = 8 }\n'
        'D = "MLPDiscriminator"\nsteps = 3\nbatch = 4\npenalty = { name = "r1", gamma = 0.1 }\n'
    )
    assert cli.main(["train", "mine.toml"]) == 0
    assert checkpoint.load("run/checkpoint.pt")["step"] == 3


def test_a_folder_is_the_same_folder_however_it_is_spelled(capsys):
    Path("photos").mkdir(), Path("elsewhere").mkdir()
    Image.new("RGB", (64, 64), (9, 99, 200)).save("photos/one.png")
    Path("photos/two.heic").write_bytes(b"")
    one = [
        "train",
        "--steps",
        "1",
        "--batch",
        "2",
        "--device",
        "cpu",
        "--out",
        str(Path("run").resolve()),
    ]
    assert cli.main([*one, "--data", "photos"]) == 0
    assert "1 picture in" in (out := capsys.readouterr().out) and "1 .heic" in out
    for spelling in ("photos/", str(Path("photos").resolve())):
        assert cli.main([*one, "--resume", "--data", spelling]) == 0
    os.chdir("elsewhere")
    assert (
        cli.main([*one, "--resume"]) == 0
        and cli.main([*one, "--resume", "--data", "../photos"]) == 0
    )
    assert cli.main([*one, "--resume", "--data", "."]) == 2


def test_a_tilde_is_the_home_folder(monkeypatch):
    monkeypatch.setenv("HOME", str(Path("home").resolve()))
    assert ring("--out", "~/run") == 0
    assert Path("home/run/checkpoint.pt").exists() and not Path("~").exists()


def test_a_data_set_and_a_folder_of_one_name_are_told_apart(capsys):
    Path("ring").mkdir()
    ring()
    assert "the folder of that name is ./ring" in capsys.readouterr().out


def test_a_place_that_cannot_be_written_is_said_before_training(monkeypatch):
    Path("taken").write_text("a file, not a folder")
    monkeypatch.setattr(training, "Keeper", lambda *args: pytest.fail("trained first"))
    assert ring("--out", "taken") == 2


def test_the_command_line_takes_no_more_threads_than_it_may(monkeypatch):
    before = torch.get_num_threads()
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(4)), raising=False)
    for had, expected in ((1, 1), (2, 2), (8, 2)):
        torch.set_num_threads(had)
        cli.leave_room()
        assert torch.get_num_threads() == expected
    torch.set_num_threads(before)


def test_python_dash_m_is_the_command_line():
    done = subprocess.run(
        [sys.executable, "-m", "ganedu", "--version"],
        env={**os.environ, "PYTHONPATH": str(Path(ganedu.__file__).parents[1])},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0 and done.stdout == f"ganedu {ganedu.__version__}\n"


# ---------------------------------------------------------------- ganedu study


@pytest.fixture
def trials(monkeypatch):
    """A stand-in for the recipes of chapter 08; returns the runs it was asked for."""
    ran = []

    def recipe(name, steps, seed):
        ran.append((name, seed, steps))
        if (name, seed) == ("R1 + R2", 1):
            raise NotFinite("the generator's loss is nan at step 7.")
        if name == "wrong":
            raise IndexError("no such mode")
        if name == "stops" and seed == 2:
            raise KeyboardInterrupt
        return {"modes": 7 + seed, "quality": 0.9, "d_updates": steps or 100}

    recipe.__qualname__ = "recipe"  # as one at the top of a module

    def trial(name, steps=None):
        names = ["GAN", "R1 + R2", "wrong", "stops"] if name == "ring" else [name]
        return {one: partial(recipe, one, steps) for one in names}

    module = types.ModuleType("ganedu.treatments")
    module.trial = trial
    monkeypatch.setitem(sys.modules, "ganedu.treatments", module)
    monkeypatch.setattr(ganedu, "treatments", module, raising=False)
    return ran


def study(name, *options):
    return cli.main(["study", name, "--jobs", "1", *options])


BOTH = ("--recipes", "R1 + R2, GAN", "--seeds", "2")


def test_a_study_prints_its_table_and_leaves_rows_table_and_picture(trials, capsys):
    assert study("ring", *BOTH, "--out", "my study") == 0
    out = capsys.readouterr().out
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert lines[0].startswith("recipe n failed modes ± SE (SD) quality ± SE (SD)")
    assert lines[1].startswith("GAN 2 0 7.50 ± 0.50 (0.71) 0.9 ± 0 (0)")
    assert lines[2].startswith("R1 + R2 1 1 7 ± nan (nan)")
    assert f"Rows, table and picture: {Path('my study/ring').resolve()}" in out
    left = sorted(path.name for path in Path("my study/ring").iterdir())
    assert left == ["rows.csv", "rows.json", "runs", "study.png", "table.csv", "table.json"]
    assert Image.open("my study/ring/study.png").size[0] > 400
    assert trials == [
        ("GAN", 0, None),
        ("GAN", 1, None),
        ("R1 + R2", 0, None),
        ("R1 + R2", 1, None),
    ]


def test_a_study_asked_for_again_prints_the_same_table_and_runs_only_what_is_new(trials, capsys):
    study("ring", *BOTH)
    first = capsys.readouterr().out
    study("ring", *BOTH)
    assert capsys.readouterr().out == first and len(trials) == 4
    assert study("ring", "--recipes", "GAN", "--seeds", "3") == 0
    assert trials[4:] == [("GAN", 2, None)]


def test_studies_of_two_data_sets_are_kept_apart_and_have_five_seeds(trials):
    assert study("grid") == study("stacked") == 0
    assert (
        len(trials) == 10
        and Path("study/grid/table.csv").read_text().split("\n")[1][:6] == "grid,5"
    )
    assert Path("study/stacked/study.png").exists()


def test_steps_reach_the_recipes_and_runs_of_other_steps_are_not_mixed_in(trials, capsys):
    assert study("grid", "--steps", "30") == 0
    assert {steps for _, _, steps in trials} == {30}
    assert study("grid") == 2
    said = capsys.readouterr().err
    assert "made by another recipe (steps was 30, now null)" in said and len(trials) == 5


def test_results_are_kept_before_anything_is_printed(trials, monkeypatch):
    def cannot(*args, **options):
        raise AssertionError("no place to print")

    monkeypatch.setattr("builtins.print", cannot)
    with pytest.raises(AssertionError, match="no place to print"):
        study("grid", "--seeds", "2")
    assert Path("study/grid/table.csv").exists() and Path("study/grid/study.png").exists()


def test_the_recipes_can_be_listed_without_running_any(trials, capsys):
    assert study("ring", "--list") == 0
    assert capsys.readouterr().out == "GAN\nR1 + R2\nwrong\nstops\n"
    assert not trials and not Path("study").exists()


@pytest.mark.parametrize(
    "options, code, says",
    [
        (["--recipes", "GAN,R3"], 2, "no recipe called 'R3'; there are GAN, R1 + R2, stops, wrong"),
        (["--recipes", "wrong"], 2, "recipe 'wrong' with seed 0 stopped the study: IndexError: no"),
        (["--recipes", "stops"], 130, "stopped: 2 of 5 runs are done and kept in study/ring/runs"),
    ],
)
def test_a_study_that_cannot_end_says_why_in_one_sentence(options, code, says, trials, capsys):
    assert study("ring", *options) == code
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith("ganedu: ") and says in said


def test_a_study_of_which_every_run_fails_still_has_its_table(trials, monkeypatch, capsys):
    def fails(seed):
        raise NotFinite("the generator's loss is nan at step 7.")

    fails.__qualname__ = "fails"
    only = {"only": fails}
    monkeypatch.setattr(sys.modules["ganedu.treatments"], "trial", lambda name, steps: only)
    assert study("ring") == 0
    assert "only 0 5" in " ".join(capsys.readouterr().out.split())
    assert not Path("study/ring/study.png").exists()


def test_a_terminal_without_the_signs_still_tells_done_from_open_and_failed(monkeypatch):
    cli.main(["start", "course"])
    passed, failed = {"status": "passed", "code": ""}, {"status": "failed", "code": "SWAPPED"}
    kept = progress.Progress(Path("course").resolve())
    kept.put("exercises", {"05.d_step": passed, "05.g_step": failed})
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    assert cli.main(["progress", "course"]) == 0
    sys.stdout.flush()
    words = sys.stdout.buffer.getvalue().decode()
    assert "+ 05.d_step" in words and "x 05.g_step SWAPPED" in words and "- 01." in words
    assert "+ done   - open   x what the check saw last" in words
