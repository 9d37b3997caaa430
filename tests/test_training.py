"""A run's folder: what is kept, what a resumed run finds there, and what is made of it."""

import importlib.util
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import recipes
import torch
from PIL import Image

from ganedu import checkpoint, choices, cli, data, drawing, export, film, training
from ganedu.measuring import judge
from ganedu.recipe import Recipe, made
from ganedu.recipes import about, shipped
from ganedu.trainer import latent
from ganedu.training import Keep, as_csv, read_rows

torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def train(*options):
    return cli.main(["train", "--device", "cpu", *options])


RING = ("--data", "ring", "--batch", "16")
KEPT = (*RING, "--metric", "kid", "--metric-n", "50", "--metric-every", "15", "--save-every", "20")


def folder_of_pictures(mode="RGB", n=3, size=(9, 9)):
    for name in ("cats", "dogs"):
        Path("photos", name).mkdir(parents=True)
        for k in range(n):
            Image.new(mode, size, 40 * k if mode == "L" else (200, 40 * k, 9)).save(
                f"photos/{name}/{k}.png"
            )


# ---------------------------------------------------------------- what is kept


def test_rows_are_kept_as_csv_and_read_again_as_they_were():
    rows = [{"step": 10, "d_loss": 0.1}, {"step": 15, "d_loss": 1 / 3, "kid": -2e-9}]
    Path("a.csv").write_text(as_csv(rows))
    assert read_rows(Path("a.csv")) == rows and read_rows(Path("absent.csv")) == []


def test_the_metric_is_measured_when_it_is_due_and_the_best_state_is_kept():
    assert train(*KEPT, "--steps", "60") == 0
    rows = read_rows(Path("run/training.csv"))
    assert [row["step"] for row in rows] == [10, 15, 20, 30, 40, 45, 50, 60]
    values = {row["step"]: row["kid"] for row in rows if "kid" in row}
    assert list(values) == [15, 30, 45, 60]
    best = checkpoint.load("run/best.pt")
    assert best["step"] == min(values, key=values.get)
    assert best["judged"] == {
        "metric": "kid",
        "n": 50,
        "value": min(values.values()),
        "on": "the points themselves",
    }
    trainer = Recipe.from_toml(best["recipe"]).trainer(device="cpu")
    trainer.load_state_dict(best)
    assert judge("kid", 50, data.ring())(trainer) == min(values.values())


def test_measuring_and_looking_change_nothing_in_a_run():
    train(*RING, "--steps", "40", "--out", "plain")
    train(*KEPT, "--samples-every", "25", "--steps", "40", "--out", "watched")
    plain, watched = (checkpoint.load(f"{name}/checkpoint.pt") for name in ("plain", "watched"))
    assert recipes.same(plain, watched)


def test_a_run_killed_between_two_checkpoints_ends_as_if_it_had_not_been(monkeypatch):
    """Rows, best state and what is kept on the way are those of a run in one go, bit for bit."""
    train(*KEPT, "--steps", "60", "--out", "whole")

    class Killed(BaseException):
        pass

    def killed(keeper, after=training.Keeper.after_step):
        after(keeper)
        if keeper.trainer.step == 35:
            raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(training.Keeper, "after_step", killed)
        train(*KEPT, "--steps", "60", "--out", "parts")
    assert checkpoint.load("parts/checkpoint.pt")["step"] == 20
    assert checkpoint.load("parts/best.pt")["step"] in (15, 30)
    assert train("--resume", "--out", "parts") == 0  # to the recipe's end, the metric as before
    for name in ("checkpoint.pt", "best.pt"):
        assert recipes.same(*(checkpoint.load(f"{run}/{name}") for run in ("whole", "parts")))
    for name in ("training.csv", "recipe.toml"):
        assert Path("whole", name).read_bytes() == Path("parts", name).read_bytes()


def test_a_checkpoint_is_due_after_so_many_minutes_too(monkeypatch):
    now = iter(range(0, 10_000, 25))  # seconds: each look at the clock is 25 later
    monkeypatch.setattr(training.time, "monotonic", lambda: next(now))
    saved = []
    monkeypatch.setattr(
        training.Keeper,
        "save",
        lambda self: (saved.append(self.trainer.step), setattr(self, "saved", (0, next(now)))),
    )
    trainer = recipes.mlp()
    keeper = training.Keeper(trainer, Keep(save_minutes=1), Path())
    for _ in trainer.steps(9):
        keeper.after_step()
    assert saved == [3, 6, 9]  # 75 s are the first that are more than 60


def test_what_is_kept_stands_in_the_recipe_file_and_what_is_usual_does_not():
    keep = Keep(metric="recall", n=200, samples=50)
    assert Keep.from_toml('data = "ring"\n' + keep.to_toml()) == keep
    assert Keep().to_toml() == "" and Keep.from_toml("") == Keep()
    train(*KEPT, "--steps", "1")
    text = Path("run/recipe.toml").read_text()
    assert Keep.from_toml(text) == Keep(metric="kid", n=50, every=15, save_steps=20)
    assert Recipe.from_toml(text).plain() == Recipe.from_toml(text.split("[keep]")[0]).plain()


@pytest.mark.parametrize(
    "line, says",
    [
        ("n = 0", r"n must be a whole number, 1 or more; got 0 \(line 3\)"),
        ('metric = "fid"', r"metric: no 'fid'; there are .*frechet, kid.*\(line 3\)"),
        ("samples = 0.5", r"samples must be a whole number; got 0.5 \(line 3\)"),
        ("samples = -1", r"samples must be a whole number, 0 or more; got -1"),
        ("n = true", "n must be a whole number, 1 or more; got True"),
        ('save_minutes = "ten"', "save_minutes must be a number; got 'ten'"),
        ("save_minutes = 0", "save_minutes must be above 0"),
        ("evry = 5", r"\[keep\] has no 'evry'; .*\(line 3\)"),
    ],
)
def test_a_table_that_is_not_understood_is_one_sentence_with_its_line(line, says):
    with pytest.raises(ValueError, match=says):
        Keep.from_toml(f'data = "ring"\n[keep]\n{line}\n')


def test_what_is_kept_may_be_said_with_numpys_numbers():
    keep = Keep(n=np.int64(50), save_minutes=np.float32(2.5), save_steps=np.int32(7))
    assert keep == Keep(n=50, save_minutes=2.5, save_steps=7)
    assert Keep.from_toml(keep.to_toml()) == keep and type(keep.n) is int


@pytest.mark.parametrize("content", [b"step,d_loss\n10,x\n", b"\xff\xfe\x00", b"step\n1,2,3\n"])
def test_a_table_that_something_else_wrote_is_one_sentence(content, capsys):
    train(*RING, "--steps", "10")
    Path("run/training.csv").write_bytes(content)
    assert train("--resume", "--steps", "1") == 2
    assert "run/training.csv is no t" in capsys.readouterr().err


def without(state, *names):
    return {name: value for name, value in state.items() if name not in names}


@pytest.mark.parametrize(
    "change, says",
    [
        (lambda s: [1], "none of a run"),
        (lambda s: torch.ones(2), "none of a run"),
        (lambda s: {**s, "recipe": 5}, "none of a run"),
        (lambda s: without(s, "step"), "none of a run"),
        (lambda s: {**s, "step": "7"}, "none of a run"),
        (lambda s: {**s, "recipe": "data = 3"}, "a recipe needs G"),
        (lambda s: {**s, "average": s["D"]}, "the checkpoint is of another network: average.net."),
    ],
)
@pytest.mark.parametrize("command", [["train", "--resume", "--out", "run"], ["sample", "run"]])
def test_a_checkpoint_of_something_else_is_one_sentence(command, change, says, capsys):
    train(*RING, "--steps", "1")
    checkpoint.save(change(checkpoint.load("run/checkpoint.pt")), "run/checkpoint.pt")
    assert cli.main(command) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith("ganedu: ") and says in said


def test_events_for_tensorboard_are_written_where_it_is_installed():
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    train(*KEPT, "--steps", "30")
    events = EventAccumulator("run/tensorboard")
    events.Reload()
    rows = read_rows(Path("run/training.csv"))
    written = [(e.step, e.value) for e in events.Scalars("d_loss")]
    assert written == [(row["step"], pytest.approx(row["d_loss"])) for row in rows]
    assert [e.step for e in events.Scalars("kid")] == [15, 30]


# ---------------------------------------------------------------- folders of pictures


@pytest.mark.parametrize("mode, channels", [("L", 1), ("RGB", 3)])
def test_a_folder_gets_the_channels_that_its_pictures_have_and_the_size_that_is_asked(
    mode, channels, capsys
):
    folder_of_pictures(mode)
    options = ("--data", "photos", "--size", "8", "--batch", "4", "--steps", "2", "--flip")
    assert train(*options) == 0
    assert "2 classes: cats 3, dogs 3" in capsys.readouterr().out
    recipe = Recipe.from_toml(Path("run/recipe.toml").read_text())
    assert recipe.data.func is data.Flipped
    assert made(recipe.data).x.shape == (6, channels, 8, 8)
    assert drawing.generator("run")(torch.zeros(1, 100, 1, 1)).shape == (1, channels, 8, 8)
    assert cli.main(["train", "--resume", "--steps", "1", "--data", "photos"]) == 0


def test_a_resumed_run_says_so_where_its_pictures_are_others_now(capsys):
    folder_of_pictures("L")
    said = "These are not the pictures that the run had before: "
    on = ("train", "--resume", "--steps", "1", "--out", "run", "--device", "cpu")
    assert train("--data", "photos", "--size", "8", "--batch", "4", "--steps", "1") == 0
    assert cli.main([*on]) == 0 and said not in capsys.readouterr().out
    Path("photos/cats").rename("photos/apes")  # the same pictures: the labels are others
    assert cli.main([*on]) == 0 and said in capsys.readouterr().out
    assert cli.main([*on]) == 0 and said not in capsys.readouterr().out  # it has these now


def test_four_channels_are_trained_and_drawn(tmp_path):
    Path("photos").mkdir()
    Image.new("RGBA", (9, 9), (255, 0, 0, 100)).save("photos/a.png")
    options = ("--data", "photos", "--size", "8", "--channels", "4", "--batch", "4")
    assert train(*options, "--steps", "1") == 0 and Path("run/samples.png").exists()
    assert cli.main(["sample", "run", "-n", "1"]) == 0
    assert Image.open("samples/00000.png").mode == "RGBA"
    red, clear = torch.tensor([1.0, -1, -1, 1]), torch.tensor([1.0, -1, -1, -1])
    seen = drawing.on_white(torch.stack([red, clear]).view(2, 4, 1, 1)).flatten(1)
    assert seen.tolist() == [[1, -1, -1], [1, 1, 1]]


def test_the_classes_of_a_folder_are_learnt_and_asked_for():
    folder_of_pictures()
    options = ("--data", "photos", "--size", "8", "--batch", "4", "--steps", "1", "--by-class")
    assert train(*options) == 0 and Path("run/samples.png").exists()
    G = drawing.generator("run")
    assert G.n_classes == 2
    assert cli.main(["sample", "run", "-n", "2", "--class", "1"]) == 0
    z = latent(G, drawing.PART, torch.Generator().manual_seed(0))
    with torch.no_grad():
        asked = G.eval()(z, torch.ones(drawing.PART, dtype=torch.long))[1]
    assert torch.equal(list(drawing.samples(G, 2, label=1))[1], asked)
    assert cli.main(["sample", "run", "-n", "2", "--class", "2", "--out", "b"]) == 2


def test_a_recipe_for_a_folder_is_told_which(capsys):
    folder_of_pictures()
    Path("mine.toml").write_text(
        shipped()["pictures"].replace("size = 64", "size = 8").replace("width = 32", "width = 2")
    )
    few = ("--steps", "1", "--batch", "4", "--metric-n", "2", "--samples-every", "1")
    assert train("mine.toml", "--data", "photos", *few) == 0
    stored = Recipe.from_toml(Path("run/recipe.toml").read_text())
    assert choices.folder_of(stored.data) == str(Path("photos").resolve())
    assert stored.data.func is data.Flipped and stored.penalty.keywords == {"gamma": 0.1}
    assert Image.open("run/samples/0000001.png").size[0] > 100


# ---------------------------------------------------------------- shipped recipes


def test_every_shipped_recipe_is_listed_and_can_be_printed(capsys):
    assert cli.main(["recipes"]) == 0
    listed = capsys.readouterr().out
    for name, text in shipped().items():
        assert f"{name} " in listed and len(about(text)) > 40
    assert cli.main(["recipes", "digits"]) == 0
    assert capsys.readouterr().out == shipped()["digits"]
    assert cli.main(["recipes", "digit"]) == 2


SHAPES = {"cifar10": (3, 32, 32), "pictures": (3, 64, 64), "pictures_residual": (3, 64, 64)}


@pytest.mark.parametrize("name", shipped())
def test_every_shipped_recipe_trains_a_step_on_data_of_its_shape(name):
    """The real sets need a download or minutes: stand-ins of the right shape."""
    text = shipped()[name]
    recipe, keep = Recipe.from_toml(text), Keep.from_toml(text)
    assert keep.metric and keep.samples and recipe.steps % keep.every == 0
    p_data = None
    if name != "ring":
        x = torch.rand(8, *SHAPES.get(name, (1, 28, 28))) * 2 - 1
        p_data = data.Images(x, torch.arange(8))
        mirrored = isinstance(recipe.data, partial) and recipe.data.func is data.Flipped
        p_data = data.Flipped(p_data) if mirrored else p_data
    slim = replace(recipe, batch=4, G=narrow(recipe.G), D=narrow(recipe.D), steps=1)
    rows = slim.trainer(0, device="cpu", data=p_data).fit(1, progress=False)
    assert rows[0]["step"] == 1


def narrow(part):
    """The same network at width 2 with one block."""
    if not isinstance(part, partial):
        return part if "MLP" in part.__name__ else partial(part, width=2)
    inner = {k: narrow(v) if isinstance(v, partial) else v for k, v in part.keywords.items()}
    small = {k: {"width": 2, "blocks": 1}.get(k, v) for k, v in inner.items()}
    return partial(part.func, *part.args, **small)


# ---------------------------------------------------------------- film, walk, export


def test_the_sheets_of_a_run_become_a_film():
    train(*RING, "--steps", "30", "--samples-every", "10")
    assert cli.main(["film", "run", "--seconds", "3"]) == 0
    with Image.open("film.gif") as gif:
        assert gif.n_frames == 3 and gif.info["duration"] == 1000
        first = gif.convert("RGB")
    assert first.size == Image.open("run/samples/0000010.png").size
    assert cli.main(["film", "run"]) == 2  # it is there already


def test_a_run_without_sheets_is_no_film(capsys):
    train(*RING, "--steps", "2")
    assert cli.main(["film", "run"]) == 2
    assert "0 sheets of samples and a film needs two: train it with" in capsys.readouterr().err


def test_a_walk_goes_from_place_to_place_on_the_sphere_and_back():
    places = torch.randn(3, 4, 50, generator=torch.Generator().manual_seed(0))
    path = torch.stack(list(film.path(places, 12)))  # [12, 4, 50]
    assert torch.allclose(path[[0, 4, 8]], places, atol=1e-4)
    # half-way a straight line between two places would be 1 / sqrt(2) = 0.71 as long as they are
    assert (path.norm(dim=2) > 0.95 * places.norm(dim=2).min(0).values).all()
    steps = (path - path.roll(1, 0)).norm(dim=2)  # the last step leads to the first place
    assert (steps.max(0).values < 1.5 * steps.min(0).values).all()


def test_a_walk_of_a_run_is_a_gif_of_its_pictures():
    recipe, p_data = tiny_pictures()
    trainer = recipe.trainer(0, device="cpu", data=p_data)
    checkpoint.save(trainer.state_dict(), "run/checkpoint.pt")
    assert cli.main(["walk", "run", "-n", "4", "--frames", "5", "--stops", "2"]) == 0
    with Image.open("walk.gif") as gif:
        assert 2 <= gif.n_frames <= 5 and gif.size[0] > 300  # PIL joins frames that are alike
    film.walk("run", "again.gif", n=4, frames=5, stops=2)
    film.walk("run", "other.gif", n=4, frames=5, stops=2, seed=1)
    walk, again, other = (Path(f"{x}.gif").read_bytes() for x in ("walk", "again", "other"))
    assert walk == again != other


def tiny_pictures():
    from ganedu.networks import DCGANDiscriminator, DCGANGenerator

    G, D = (
        partial(net, size=8, channels=3, width=2) for net in (DCGANGenerator, DCGANDiscriminator)
    )
    recipe = Recipe(data=data.cifar10, G=G, D=D, batch=4, ema=0.9)  # only its name is used
    return recipe, data.Images(torch.rand(8, 3, 8, 8) * 2 - 1)


def test_an_exported_generator_is_loaded_by_the_lines_on_its_card(monkeypatch):
    pytest.importorskip("safetensors")
    train(*KEPT, "--steps", "30")
    assert cli.main(["export", "run/best.pt"]) == 0
    card = Path("model/README.md").read_text()
    best = checkpoint.load("run/best.pt")
    assert f"kid {best['judged']['value']:.4g} with n = 50" in card and "`ring`" in card
    assert f"{best['step']} of 30" in card
    code = card.split("```python\n")[1].split("```")[0]
    monkeypatch.chdir("model")
    found = {}
    exec(code, found)
    monkeypatch.chdir("..")
    z = latent(found["G"], 16, torch.Generator().manual_seed(0))
    assert torch.equal(found["x"], drawing.generator("run/best.pt")(z))
    assert cli.main(["export", "run"]) == 2  # the folder holds one already


def test_without_safetensors_export_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert cli.main(["export", "run"]) == 2
    assert "pip install 'ganedu[train]'" in capsys.readouterr().err
    assert not Path("model").exists()


def test_a_card_says_so_when_nothing_was_measured():
    state, recipe = recipes.mlp().state_dict(), Recipe.from_toml(shipped()["ring"])
    assert "| nothing: export best.pt of a run with a metric |" in export.card(state, recipe, False)
