"""`ganedu art`: from one picture to a tile, a poster, a loop, and a page with what was measured.

art("wall.jpg", "wall")  # trains, or goes on where it was stopped; then draws
art("gravel", "gravel")  # one of the gallery's, trained before
"""

import hashlib
import json
import time
from dataclasses import dataclass
from operator import index
from pathlib import Path

import torch
from torch import nn

from ganedu import checkpoint, pictures
from ganedu.art import page
from ganedu.art.provenance import in_words, write_loop, write_png
from ganedu.diagnostics.textures import measured
from ganedu.files import claimed, write_text
from ganedu.gallery import FILES, FOLDER, painter
from ganedu.recording import progress as with_bar
from ganedu.texture import CELL, circle, noise, recipe, split, strips, tile
from ganedu.trainer import evaluating

STEPS, TILE, LOOP, FRAMES = 3000, 512, 256, 64  # pixels and frames


@dataclass(frozen=True)
class Source:
    """The picture that one begins with."""

    name: str
    x: torch.Tensor  # [C, H, W]
    credit: str  # as it is written into the files

    @property
    def mark(self):
        """What tells it from every other picture: a hash of its pixels as they are used."""
        return hashlib.sha256(self.x.numpy().tobytes()).hexdigest()[:16]


@dataclass(frozen=True)
class Painter:
    """A trained G, and y, which of its textures is meant, where it has several."""

    G: nn.Module
    y: torch.Tensor | None
    steps: int
    seconds: float  # of training, 0 where it was not here

    def tile(self, z):
        """[n, C, 8 h, 8 w] of z [n, z_dim, h, w] on a torus."""
        return tile(self.G, z, None if self.y is None else self.y.expand(len(z)))

    def strips(self, z):
        """The one tile of z [1, z_dim, h, w], from top to bottom: each [C, 64, 8 w]."""
        return (part[0] for part in strips(self.G, z, self.y))


def art(picture, out="art", *, steps=None, seed=0, side=None, poster=1024, progress=True):
    """Train on a picture, or take the gallery's generator of that name; draw; returns what was measured.

    Stopped by Ctrl-C, it draws with what was learned; called again, it goes on.
    """
    out = Path(out).expanduser()
    source = find(picture, side)
    with claimed(out):
        return _art(source, out, steps, seed, side, poster, progress)


def _art(source, out, steps, seed, side, poster, progress):
    refuse_another(source, out / "art.json")
    taken = None if steps or side else from_gallery(source.name)
    ours = taken or trained(source, out, steps or STEPS, seed, progress)
    begin = time.perf_counter()
    found = draw(ours, source, out, seed, poster)
    found |= {"drawing_seconds": round(time.perf_counter() - begin, 1)}
    write_text(out / "art.json", json.dumps(found, indent=1) + "\n")
    write_text(out / "index.html", page.html(found))
    return found


def find(picture, side=None):
    """The source of that name, or in that file."""
    if picture in pictures.SHIPPED and not Path(picture).is_file():
        return Source(picture, pictures.named(picture, side), pictures.SHIPPED[picture].credit)
    x = pictures.read(picture, side or pictures.SIDE)
    if x.flatten(1).std(1).max() < 0.01:
        raise ValueError(f"{picture} is of one colour: there is nothing to learn from it")
    return Source(Path(picture).name, x, Path(picture).name)


def refuse_another(source, file):
    """A folder is one picture's: another's files are not written over."""
    if file.is_file():
        before = json.loads(file.read_text(encoding="utf-8"))
        if before["mark"] != source.mark:
            raise FileExistsError(
                f"{file.parent} holds what was made of {before['name']}"
                f"{'' if before['name'] != source.name else ' at another size'}: choose another --out"
            )


def from_gallery(name):
    """The Painter of a shipped picture, None where none was trained before."""
    for file, names in FILES.items():
        if name in names and (FOLDER / f"{file}.npz").is_file():
            y = torch.tensor([names.index(name)]) if len(names) > 1 else None
            return Painter(painter(file), y, 0, 0.0)
    return None


def trained(source, out, steps, seed, progress=True):
    """A Painter trained on the source, from the checkpoint in `out` where there is one."""
    data, _ = split(source.x)
    trainer = recipe(source.x, steps=steps).trainer(seed, data=data)
    file, seconds = out / "checkpoint.pt", 0.0
    if file.is_file():
        state = checkpoint.load_run(file)
        if state.get("mark") != source.mark:
            raise FileExistsError(f"{file} is of another picture: choose another --out")
        trainer.load_state_dict(state)
        seconds = state["seconds"]
        print(f"Going on from step {trainer.step:,}.")
    begin = time.perf_counter()

    def save():
        more = {"mark": source.mark, "seconds": seconds + time.perf_counter() - begin}
        checkpoint.save(trainer.state_dict() | more, file)
        return more["seconds"]

    save()  # where it cannot be written, no time is lost
    with with_bar(trainer, max(0, steps - trainer.step), show=progress) as training:
        for now in training:
            if now["step"] % 250 == 0:
                save()
    seconds_now = save()
    if trainer.step < steps:
        print(
            f"Stopped after step {trainer.step:,} of {steps:,}; the same command goes on from here."
        )
    return Painter(trainer.average.cpu(), None, trainer.step, seconds_now)


# ---------------------------------------------------------------- drawing and measuring


def draw(ours, source, out, seed=0, poster=1024):
    """tile.png, poster.png and loop.webp; returns what was measured."""
    G, said = ours.G, (source.credit, seed)
    rng = torch.Generator().manual_seed(index(seed))
    with evaluating(G):
        write_png([ours.tile(noise(G, 1, _cells(TILE), rng))[0]], out / "tile.png", *said)
        frames = loop(ours, rng)
        write_loop(frames, out / "loop.webp", *said)
        write_png(ours.strips(noise(G, 1, _cells(poster), rng)), out / "poster.png", *said)
        found = measured(G, source.x, ours.y)
    return {
        "name": source.name,
        "credit": source.credit,
        "mark": source.mark,
        "source_pixels": [*source.x.shape[:0:-1]],
        "poster_pixels": 2 * [_cells(poster)[0] * CELL],
        "steps": ours.steps,
        "training_seconds": round(ours.seconds),
        "seed": seed,
        "words": in_words(*said),
        **found,
    }


def loop(ours, rng):
    """Frames [C, LOOP, LOOP] on a closed curve in z."""
    a, b = (noise(ours.G, 1, _cells(LOOP), rng) for _ in range(2))
    return [ours.tile(z)[0] for z in circle(a, b, FRAMES)]


def _cells(pixels):
    return (-(-pixels // CELL),) * 2
