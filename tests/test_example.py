"""example.py, the page from z to a picture, with few steps."""

import runpy

import torch
from PIL import Image
from test_project import ROOT


def test_the_example_draws_the_same_z_again_and_again_and_saves_the_picture(tmp_path, capsys):
    main = runpy.run_path(str(ROOT / "example.py"))["main"]
    looks = main(steps=4, out=tmp_path / "picture.png")
    assert list(looks) == [0, 1, 2, 4]
    assert all(x.shape == (10, 1, 28, 28) for x in looks.values())
    assert not torch.equal(looks[0], looks[4])
    assert Image.open(tmp_path / "picture.png").size[0] > 800
    assert str(tmp_path / "picture.png") in capsys.readouterr().out


def test_the_example_is_one_page():
    assert len((ROOT / "example.py").read_text(encoding="utf-8").splitlines()) <= 66
