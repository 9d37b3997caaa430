"""The command line: trains, goes on, and says in one sentence what a user can mend."""

import signal
from pathlib import Path

import pytest
import recipes
import torch
from PIL import Image

from ganedu import checkpoint, cli, data


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def ring(*options, steps=12):
    return cli.main(["train", "--data", "ring", "--batch", "16", "--steps", str(steps), *options])


def test_training_leaves_a_checkpoint_and_two_pictures_and_says_where(capsys):
    assert ring() == 0
    assert sorted(p.name for p in Path("run").iterdir()) == [
        "checkpoint.pt",
        "samples.png",
        "training.png",
    ]
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
    class Interrupted(data.Mixture):
        draws = 0

        def sample(self, n, rng):
            Interrupted.draws += 1
            if Interrupted.draws == 4:  # the first is a check
                signal.raise_signal(signal.SIGINT)
            return super().sample(n, rng)

    mixture = data.ring(8)
    broken = Interrupted(mixture.means, mixture.std, mixture.weights)
    with monkeypatch.context() as patch:
        patch.setattr(data, "ring", lambda: broken)
        assert ring(steps=1000) == 0
    assert "Stopped after step 3; --resume goes on from here." in capsys.readouterr().out
    assert ring("--resume", steps=2) == 0
    assert checkpoint.load("run/checkpoint.pt")["step"] == 5


@pytest.mark.parametrize("name", cli.DATA)
def test_every_named_data_set_has_networks_that_fit_it(name):
    """With a stand-in of the right shape, so that nothing is downloaded."""
    shapes = {"cifar10": (3, 32, 32), "ring": None, "grid": None}
    shape = shapes.get(name, (1, 28, 28))
    p_data = data.Images(torch.zeros(2, *shape)) if shape else cli.find_data(name)
    G, D = cli.networks_for(p_data)
    x = p_data.sample(2, torch.Generator().manual_seed(0))
    assert G(torch.randn(2, *G.z_shape)).shape == x.shape and D(x).shape == (2,)


def test_the_data_sets_that_need_no_network_have_networks_that_fit():
    for name in set(cli.DATA) - {"mnist", "fashion_mnist", "cifar10"}:
        cli.networks_for(cli.find_data(name))  # the 8 x 8 digits have none: not in the list


def test_a_folder_of_pictures_is_a_data_set():
    Path("photos").mkdir()
    Image.new("RGB", (70, 80), (9, 99, 200)).save("photos/one.png")
    assert cli.find_data("photos").x.shape == (1, 3, 64, 64)


def unreachable(*args):
    raise ConnectionError("MNIST must be downloaded once, and that failed. Offline, use digits()")


@pytest.mark.parametrize(
    "options, says",
    [
        (
            ["--data", "mnits"],
            "no data set or folder called 'mnits'; data sets: ring, grid, digits",
        ),
        (["--data", "empty"], "no pictures in empty"),
        (["--data", "broken"], "broken/bad.png is not a readable picture"),
        (["--data", "mnist"], "MNIST must be downloaded once"),
        (["--batch", "0"], "batch must be above 0; got 0"),
        (["--lr", "-1"], "lr_g must be above 0; got -1.0"),
        (["--device", "gpu"], "device"),
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
    monkeypatch.setattr(data, "mnist", unreachable)
    before = sorted(str(p) for p in Path().rglob("*"))
    assert ring(*options) == 2
    said = capsys.readouterr().err
    assert said.startswith("ganedu: ") and says in said and said.count("\n") == 1
    assert sorted(str(p) for p in Path().rglob("*")) == before


@pytest.mark.parametrize(
    "arguments, says",
    [
        (["train", "--steps", "-3"], "must be 1 or more; got -3"),
        (["train", "--steps", "many"], "invalid"),
        (["train", "--loss", "hing"], "invalid choice: 'hing'"),
        (["tours"], "invalid choice: 'tours'"),
        ([], "COMMAND"),
    ],
)
def test_a_wrong_argument_ends_with_usage_and_code_2(arguments, says, capsys):
    with pytest.raises(SystemExit) as end:
        cli.main(arguments)
    assert end.value.code == 2 and says in capsys.readouterr().err


def test_the_losses_named_are_the_losses_there_are():
    from ganedu import losses

    pairs = {n for n, v in vars(losses).items() if isinstance(v, losses.Loss)} - {"article_code"}
    assert set(cli.LOSSES) == pairs


def test_a_diverging_run_is_one_sentence(capsys):
    assert ring("--loss", "wasserstein", "--lr", "1e30", steps=50) == 2
    assert "loss is" in capsys.readouterr().err


def test_the_version_is_the_packages(capsys):
    import ganedu

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
    assert stored["recipe"] == {"data": "ring", "loss": "hinge", "lr": 0.002, "batch": 16}
