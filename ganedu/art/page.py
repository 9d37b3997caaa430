"""The page beside the pictures: what was made, of what, and what was measured."""

from html import escape

PAGE = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{name}, generated</title>
<style>
 body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem;
        background: #fff; color: #222; }}
 img {{ max-width: 100%; height: auto; }}
 figure {{ margin: 2rem 0; }} figcaption {{ color: #555; }}
 .floor {{ height: 28rem; background: url(tile.png); background-size: 256px; }}
 table {{ border-collapse: collapse; }} td, th {{ text-align: left; padding: .3rem 1rem .3rem 0;
        border-bottom: 1px solid #ddd; vertical-align: top; }}
</style>
<h1>{name}</h1>
<p>{words}</p>
<figure><img src="poster.png" alt="The poster: one texture, {width} pixels a side, drawn by the generator">
<figcaption>poster.png, {width} x {width} pixels</figcaption></figure>
<figure><div class="floor" role="img"
 aria-label="The tile at half its size, repeated over the whole strip"></div>
<figcaption>tile.png at half its size, laid side by side. Can you find the edges?</figcaption></figure>
<figure><img src="loop.webp" alt="The loop: the texture changes slowly and returns to where it began">
<figcaption>loop.webp</figcaption></figure>
<h2>What was measured</h2>
<table>
{rows}
</table>
<h2>Whose picture it is</h2>
<p>Source: {credit}. What is drawn from a picture depends on it: if it is not yours, ask, and name it.</p>
<p>Each file says that it is generated, of what, with which seed, and carries the mark that the IPTC has for
pictures of trained models (DigitalSourceType). Anyone can remove or change that. A C2PA manifest, as
cameras and large services write it, is signed, so that a change shows; these files have none.</p>
</html>
"""


def html(found):
    """The page of what `ganedu.art.art` found."""
    rows = "\n".join(
        f"<tr><th>{escape(what)}<td>{escape(value)}<td>{escape(meaning)}"
        for what, value, meaning in lines(found)
    )
    return PAGE.format(
        name=escape(found["name"]),
        words=escape(found["words"]),
        credit=escape(found["credit"]),
        width=found["poster_pixels"][0],
        rows=rows,
    )


def lines(found):
    """(what, its value, what it means), for the page and for the terminal."""
    yield "seam", f"{found['seam']:.3f} ± {found['seam_error']:.3f}", SEAM
    yield "loop", f"{found['loop']:.3f}", LOOP
    if "seen" in found:
        further = found["held_out"] / (sum(found["seen"]) / len(found["seen"])) - 1
        value = f"{further:+.1%} ({found['excess']:+.1f} standard errors)"
        yield "copying", value, COPYING
    else:
        yield "copying", "not measured", "the picture is too small to hold a part of it back"
    for scale, value in found["gram"].items():
        halves = found["gram_of_halves"][scale]
        pixels = "every pixel" if int(scale) == 1 else f"every {scale} pixels as one"
        yield f"statistics, {pixels}", f"{value:.3f} (halves: {halves:.3f})", GRAM
    yield "training", training(found), ""
    yield "drawing", f"{found['drawing_seconds']:.0f} s, measuring included", ""


def training(found):
    """How long G was trained."""
    if not found["steps"]:
        return "before: the generator comes with ganedu"
    return f"{found['steps']:,} steps, {found['training_seconds']:,} s"


SEAM = "the step across the tile's edge, over the steps inside between cells of z: 1 is no seam"
LOOP = "the step from the last frame to the first, over the mean step: 1 is no jump"
COPYING = (
    "how much further it is to parts of the picture that were never seen: far above 3: it quotes"
)
GRAM = "distance from the picture's; beside it, of the picture's left half from its right"
