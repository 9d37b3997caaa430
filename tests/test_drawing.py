"""Samples of a trained run as files."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ganedu import checkpoint, cli, data, drawing, tour
from ganedu.networks import DCGANDiscriminator, DCGANGenerator, MLPDiscriminator, MLPGenerator
from ganedu.recipe import Recipe


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def a_run(recipe, p_data=None, folder="run"):
    """A run of two steps, its checkpoint saved; the trainer."""
    trainer = recipe.trainer(0, device="cpu", data=p_data)
    trainer.fit(2, progress=False)
    checkpoint.save(trainer.state_dict(), f"{folder}/checkpoint.pt")
    return trainer


POINTS = Recipe(
    data=data.ring, G=partial(MLPGenerator, width=8), D=partial(MLPDiscriminator, width=8), batch=4
)


def pictures(channels, **changes):
    G, D = (
        partial(net, size=32, channels=channels, width=4)
        for net in (DCGANGenerator, DCGANDiscriminator)
    )
    recipe = Recipe(data=data.cifar10, G=G, D=D, batch=4, **changes)  # only its name is used
    return recipe, data.Images(torch.rand(8, channels, 32, 32) * 2 - 1)


def bytes_in(folder):
    return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


@pytest.mark.parametrize("channels, mode", [(1, "L"), (3, "RGB")])
def test_a_run_on_pictures_gives_one_file_each_of_what_the_generator_draws(channels, mode, capsys):
    trainer = a_run(*pictures(channels))
    assert cli.main(["sample", "run", "-n", "3", "--out", "drawn", "--seed", "5"]) == 0
    assert f"3 samples: {Path('drawn').resolve()}" in capsys.readouterr().out
    assert sorted(bytes_in("drawn")) == ["00000.png", "00001.png", "00002.png"]
    picture = Image.open("drawn/00002.png")
    assert (picture.mode, picture.size) == (mode, (32, 32))
    x = list(drawing.samples(trainer.G, 3, seed=5))[2]  # [C, 32, 32]
    read = torch.from_numpy(np.array(picture).reshape(32, 32, channels)).permute(2, 0, 1)
    assert (read / 127.5 - 1 - x).abs().max() <= 0.5 / 127.5 + 1e-6


def test_a_seed_gives_the_same_files_and_another_seed_others_and_more_begin_with_the_same():
    a_run(*pictures(1))
    for name, n, seed in (("a", 2, 1), ("again", 2, 1), ("b", 2, 2), ("more", 4, 1)):
        drawing.write("run/checkpoint.pt", name, n, seed)
    a, more = bytes_in("a"), bytes_in("more")
    assert a == bytes_in("again") and a != bytes_in("b")
    assert len(more) == 4 and all(more[name] == content for name, content in a.items())
    assert len(set(more.values())) == 4


def test_parts_join_without_a_gap(monkeypatch):
    G = a_run(POINTS).G
    monkeypatch.setattr(drawing, "PART", 3)
    drawn = torch.stack(list(drawing.samples(G, 7)))
    assert drawn.shape == (7, 2) and len(drawn.unique(dim=0)) == 7


def test_points_are_a_table():
    G = a_run(POINTS).G
    assert cli.main(["sample", "run", "-n", "4"]) == 0
    head, *lines = Path("samples/samples.csv").read_text().splitlines()
    assert head == "x1,x2"
    read = torch.tensor([[float(v) for v in line.split(",")] for line in lines])
    assert torch.equal(read, torch.stack(list(drawing.samples(G, 4))))


def test_the_averaged_generator_draws_where_there_is_one():
    trainer = a_run(replace(POINTS, ema=0.9))
    G = drawing.generator("run")
    z = torch.randn(5, 2)
    assert torch.equal(G(z), trainer.average(z)) and not torch.equal(G(z), trainer.G(z))


def test_a_generator_with_classes_draws_of_classes_chosen_by_the_seed():
    trainer, asked = a_run(replace(tour.RECIPE, batch=4)), []
    drawing.write("run", "drawn", 2)
    assert Image.open("drawn/00001.png").mode == "L"
    trainer.G.register_forward_pre_hook(lambda _, args: asked.append(args[1]))
    first, again = (torch.stack([*drawing.samples(trainer.G, n, seed=7)]) for n in (300, 520))
    assert torch.equal(first, again[:300]) and torch.equal(asked[0], asked[1])
    assert len(asked[0].unique()) == 10 and not torch.equal(asked[1], asked[2])


def test_the_data_need_not_be_there():
    recipe, p_data = pictures(1)
    a_run(replace(recipe, data=partial(data.pictures, folder="gone")), p_data)
    drawing.write("run", "drawn", 1)
    assert Path("drawn/00000.png").exists()


def test_what_a_user_can_mend_is_one_sentence(capsys):
    a_run(POINTS)
    plain = {k: v for k, v in checkpoint.load("run/checkpoint.pt").items() if k != "recipe"}
    checkpoint.save(plain, "plain.pt")
    Path("full").mkdir()
    Path("full/a.png").touch()
    for options, says in (
        (["nowhere"], "no checkpoint at nowhere"),
        (["plain.pt"], "plain.pt does not say of which networks it is"),
        (["run", "--out", "full"], "full/a.png is there already: choose another --out"),
    ):
        assert cli.main(["sample", *options]) == 2
        said = capsys.readouterr().err
        assert says in said and said.count("\n") == 1
    assert bytes_in("full") == {"a.png": b""} and not Path("samples").exists()
