"""Single pictures: read as viewers show them, shrunk, never enlarged; what cannot be read is one sentence."""

import sys

import numpy as np
import pytest
import torch
from PIL import Image

from ganedu import data, pictures


def coloured(width=90, height=70):
    rng = np.random.default_rng(0)
    return Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))


def saved(picture, path, **options):
    picture.save(path, **options)
    return path


def test_a_picture_is_its_bytes_in_minus_one_to_one(tmp_path):
    picture = coloured()
    x = pictures.read(saved(picture, tmp_path / "a.png"))
    assert x.shape == (3, 70, 90) and x.dtype == torch.float32
    bytes_ = ((x + 1) * 127.5).round().byte().permute(1, 2, 0).numpy()
    assert (bytes_ == np.asarray(picture)).all()


def test_gray_pictures_have_one_channel_also_where_three_are_stored(tmp_path):
    gray = coloured().convert("L")
    for picture in (gray, gray.convert("RGB"), gray.convert("LA")):
        assert pictures.read(saved(picture, tmp_path / "gray.png")).shape == (1, 70, 90)


def test_it_stands_as_its_camera_says(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees to the right
    x = pictures.read(saved(coloured(), tmp_path / "turned.png", exif=exif))
    y = pictures.read(saved(coloured().rotate(-90, expand=True), tmp_path / "upright.png"))
    assert x.shape == (3, 90, 70) and torch.equal(x, y)


def test_what_is_transparent_is_white(tmp_path):
    clear = coloured().convert("RGBA")
    clear.putalpha(0)
    assert (pictures.read(saved(clear, tmp_path / "clear.png")) == 1).all()


def test_sixteen_bits_keep_their_contrast(tmp_path):
    ramp = np.linspace(1000, 3000, 80 * 80).reshape(80, 80).astype(np.uint16)
    x = pictures.read(saved(Image.fromarray(ramp), tmp_path / "deep.png"))
    assert x.shape == (1, 80, 80) and (x.min(), x.max()) == (-1, 1)


@pytest.mark.parametrize("ending", ["png", "jpg"])
def test_a_large_picture_is_shrunk_in_proportion(tmp_path, ending):
    large = coloured(90, 70).resize((900, 700))
    x = pictures.read(saved(large, tmp_path / f"large.{ending}"), side=140)
    assert x.shape == (3, 140, 180)
    small = pictures.read(saved(coloured(90, 70).resize((180, 140)), tmp_path / "small.png"))
    assert (x - small).abs().mean() < 0.1


def test_a_small_picture_is_not_enlarged(tmp_path):
    assert pictures.read(saved(coloured(), tmp_path / "a.png"), side=500).shape == (3, 70, 90)


def test_what_cannot_be_read_is_one_sentence(tmp_path, monkeypatch):
    (tmp_path / "words.png").write_text("no picture")
    whole = saved(coloured(200, 200), tmp_path / "whole.png")
    (tmp_path / "cut.png").write_bytes(whole.read_bytes()[:20_000])
    saved(coloured(300, 40), tmp_path / "thin.png")
    for name, said in (
        ("words.png", "cannot be read as a picture"),
        ("cut.png", "cannot be read to its end"),
        ("thin.png", "300 x 40 pixels: a GAN of patches needs at least 64 a side"),
    ):
        with pytest.raises(ValueError, match=said):
            pictures.read(tmp_path / name)
    with pytest.raises(
        FileNotFoundError, match=r"no picture at .*none comes along; there are .*hubble"
    ):
        pictures.read(tmp_path / "none.png")
    monkeypatch.setattr(data, "MOST", 30_000)
    with pytest.raises(ValueError, match="save it smaller"):
        pictures.read(whole)


def test_a_picture_for_many_viewers_too_large_is_read_all_the_same(tmp_path, monkeypatch):
    file = saved(coloured(400, 300), tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    assert pictures.read(file, side=64).shape == (3, 64, 85)
    assert Image.MAX_IMAGE_PIXELS == 1000


def test_the_pictures_of_packages_that_the_course_needs_are_there():
    for name in ("terrain", "china", "flower"):
        x = pictures.named(name)
        assert x.shape[0] == 3 and min(x.shape[1:]) == pictures.SHIPPED[name].side
        assert x.std() > 0.2


def test_the_pictures_of_scikit_image_are_in_its_wheel():
    pytest.importorskip("skimage")
    for name, known in pictures.SHIPPED.items():
        x = pictures.named(name)
        assert min(x.shape[1:]) == known.side and x.std() > 0.1


def test_without_scikit_image_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "skimage", None)
    monkeypatch.setitem(sys.modules, "skimage.data", None)
    with pytest.raises(ModuleNotFoundError, match="pip install scikit-image"):
        pictures.named("brick")


def test_a_side_too_small_for_patches_is_refused(tmp_path):
    with pytest.raises(ValueError, match="side must be at least 64 pixels; got 0"):
        pictures.read(saved(coloured(200, 200), tmp_path / "a.png"), side=0)


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"no picture called 'bricks'.*brick"):
        pictures.named("bricks")
