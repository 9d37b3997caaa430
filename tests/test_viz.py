"""Pictures: the data that were drawn are the data that were given, in the course's two colours."""

import base64
import io
import math
import subprocess
import sys

import matplotlib
import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex, to_rgb
from PIL import Image

from ganedu import notebooks, viz

POINTS = torch.tensor([[0.0, 1.0], [-0.5, 0.25], [1.4, -1.4]])
ROWS = [
    {"step": 10, "d_loss": 1.5, "g_loss": 0.5, "d_real": 0.6, "d_fake": 0.4},
    {"step": 20, "d_loss": 1.25, "g_loss": 0.75, "d_real": 0.7, "d_fake": 0.3},
]


@pytest.fixture(autouse=True)
def no_windows_and_none_left_open():
    before = matplotlib.get_backend()
    plt.switch_backend("agg")
    yield
    plt.close("all")
    plt.switch_backend(before)


def luminance(colour):
    """The relative luminance of WCAG: 0 for black, 1 for white."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    return np.dot(linear, [0.2126, 0.7152, 0.0722])


def contrast(colour):
    """WCAG's contrast with white: 1 to 21."""
    return 1.05 / (luminance(colour) + 0.05)


def labels(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_curves_draw_the_columns_against_the_step_with_names_and_units():
    ax = viz.curves(ROWS, title="the losses meet")
    d, g = ax.lines
    assert list(d.get_xdata()) == [10, 20] and list(d.get_ydata()) == [1.5, 1.25]
    assert list(g.get_ydata()) == [0.5, 0.75]
    assert labels(ax) == ["D's loss", "G's loss"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("step", "loss")
    assert ax.get_title(loc="left") == "the losses meet"


def test_curves_of_ds_answers_say_so_in_reals_and_fakes_colours():
    ax = viz.curves(ROWS, "d_real", "d_fake")
    assert [to_hex(line.get_color()).upper() for line in ax.lines] == [viz.REAL, viz.FAKE]
    assert labels(ax) == ["D(x): real", "D(G(z)): fake"] and ax.get_ylabel() == "D's answer"


def test_curves_take_any_column_by_its_name():
    ax = viz.curves([{"step": 1, "modes": 3}], "modes")
    assert labels(ax) == ["modes"] and list(ax.lines[0].get_ydata()) == [3]


def test_scatter_draws_real_and_fake_apart_by_colour_and_by_marker_in_fixed_equal_limits():
    ax = viz.scatter(POINTS, POINTS + 0.05)
    real, fake = ax.collections
    assert np.allclose(real.get_offsets(), POINTS) and np.allclose(
        fake.get_offsets(), POINTS + 0.05
    )
    assert to_hex(real.get_facecolor()[0]).upper() == viz.REAL
    assert to_hex(fake.get_edgecolor()[0]).upper() == viz.FAKE
    assert len(real.get_paths()[0].vertices) != len(fake.get_paths()[0].vertices)
    assert labels(ax) == ["real", "fake"]
    assert ax.get_xlim() == ax.get_ylim() == (-1.5, 1.5) and ax.get_aspect() == 1


def test_scatter_draws_one_kind_alone_in_its_own_colour():
    ax = viz.scatter(fake=POINTS, limit=3)
    assert labels(ax) == ["fake"] and ax.get_xlim() == (-3, 3)
    assert to_hex(ax.collections[0].get_edgecolor()[0]).upper() == viz.FAKE


def test_tensors_with_a_graph_and_in_half_precision_can_be_drawn():
    viz.scatter(POINTS.clone().requires_grad_(), POINTS.bfloat16())


def test_real_and_fake_are_apart_for_colour_blind_readers_and_in_grey():
    """Okabe & Ito's blue and vermilion; their lightness differs too (WCAG relative luminance)."""
    assert luminance(viz.FAKE) > 1.3 * luminance(viz.REAL)


def cycle():
    viz.use()
    return [turn["color"] for turn in plt.rcParams["axes.prop_cycle"]]


def test_every_colour_of_a_line_has_a_contrast_of_3_to_1_on_white():
    for colour in (viz.REAL, viz.FAKE, viz.THIRD, viz.FOURTH, viz.GREY, *cycle()):
        assert contrast(colour) >= 3, colour


def test_what_is_neither_real_nor_fake_never_gets_their_colours():
    taken = {viz.REAL, viz.FAKE}
    assert not taken & {to_hex(colour).upper() for colour in cycle()}
    losses = [to_hex(line.get_color()).upper() for line in viz.curves(ROWS).lines]
    assert losses == [viz.THIRD, viz.FOURTH]


def test_a_legend_shows_the_colours_unmixed_and_its_text_in_black():
    for ax in (viz.scatter(POINTS, POINTS), viz.curves(ROWS)):
        legend = ax.get_legend()
        assert all(handle.get_alpha() in (None, 1) for handle in legend.legend_handles)
        assert all(contrast(text.get_color()) >= 4.5 for text in legend.get_texts())


CLEAN = """
import matplotlib
before = dict(matplotlib.rcParams)
from ganedu import viz
assert dict(matplotlib.rcParams) == before
viz.figure()
assert matplotlib.rcParams["axes.spines.top"] is False
matplotlib.rcParams["font.size"] = 14  # what a user changes afterwards stays
viz.figure()
assert matplotlib.rcParams["font.size"] == 14
viz.use()
assert matplotlib.rcParams["font.size"] == 10
"""


def test_importing_changes_no_setting_and_the_first_figure_puts_the_style_in_force():
    subprocess.run([sys.executable, "-c", CLEAN], check=True)


NOTEBOOK = """
from ganedu import viz
viz.curves([{"step": 1, "d_loss": 1.0, "g_loss": 2.0}]);
"""


def test_in_a_notebook_a_picture_has_two_pixels_for_one(tmp_path):
    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(NOTEBOOK)])
    notebooks.run(nb, tmp_path)
    (output,) = nb.cells[0].outputs
    size = output.metadata["image/png"]
    with Image.open(io.BytesIO(base64.b64decode(output.data["image/png"]))) as picture:
        assert picture.size == (2 * size["width"], 2 * size["height"]) and size["width"] > 600


def test_a_heat_map_of_the_lattice_has_x_1_to_the_right_and_x_2_upwards():
    k, limit = 5, 2.0
    points = viz.lattice(k, limit)
    values = (points[:, 0] + 10 * points[:, 1]).reshape(k, k)  # grows to the right, more upwards
    ax = viz.heat(values, limit=limit, limits=(-22, 22), label="f(x)")
    image = ax.images[0]
    assert image.origin == "lower" and image.get_extent() == [-2, 2, -2, 2]
    array = image.get_array()
    assert (array[0, 0], array[0, -1]) == (-22, -18), "the first row is the lowest, left to right"
    assert (array[-1, 0], array[-1, -1]) == (18, 22)
    assert image.get_clim() == (-22, 22)
    assert ax.figure.axes[1].get_ylabel() == "f(x)"


def test_the_limits_of_a_heat_map_are_fixed_so_that_frames_can_be_compared():
    assert viz.heat(torch.full((3, 3), 0.3)).images[0].get_clim() == (0, 1)


def test_a_sheet_has_its_pictures_row_by_row_in_minus_one_to_one_on_white():
    x = torch.linspace(-1, 1, 5).reshape(5, 1, 1, 1).expand(5, 1, 2, 2)
    sheet = viz.tile(x, columns=3)
    assert sheet.shape == (2 * 4, 3 * 4)  # 2 pixels and a gap on either side
    assert np.allclose(sheet[1:3, 1:3], 0) and np.allclose(sheet[1:3, 5:7], 0.25)
    assert np.allclose(sheet[5:7, 1:3], 0.75) and np.allclose(sheet[5:7, 5:7], 1)
    assert np.allclose(sheet[4:, 8:], 1), "the place of the missing sixth is white"
    assert np.allclose(sheet[0], 1) and np.allclose(sheet[:, 0], 1)


def test_a_sheet_of_colours_keeps_each_pixel_in_its_place():
    x = -torch.ones(1, 3, 2, 3)
    x[0, 0, 0, 2] = 1  # red, first row, last column
    sheet = viz.tile(x, columns=1, gap=0)
    assert sheet.shape == (2, 3, 3)
    assert sheet[0, 2].tolist() == [1, 0, 0] and sheet.sum() == 1


@pytest.mark.parametrize("values", [[0.0, 255.0], [-1.001, 1.0], [0.0, math.nan]])
def test_pictures_outside_the_range_are_one_sentence_with_the_way_out(values):
    x = torch.tensor(values).reshape(2, 1, 1, 1)
    with pytest.raises(ValueError, match=r"drawn from \[-1, 1\]; these lie in .*x\.clamp\(-1, 1\)"):
        viz.images(x)
    assert np.isfinite(viz.tile(x.nan_to_num().clamp(-1, 1), 2)).all()


@pytest.mark.parametrize(
    "n, columns, shape", [(3, None, (10, 30)), (12, None, (20, 100)), (4, 2, (20, 20))]
)
def test_images_are_laid_out_ten_in_a_row_or_as_asked_without_axes(n, columns, shape):
    ax = viz.images(torch.zeros(n, 1, 8, 8), columns=columns, title="grey")
    assert ax.images[0].get_array().shape == shape and not ax.axison
    assert ax.images[0].get_clim() == (0, 1) and ax.get_title(loc="left") == "grey"


def test_the_names_of_rows_stand_at_the_middle_of_their_rows():
    ax = viz.images(torch.zeros(60, 1, 8, 8), rows="ABCDEF")
    ax.figure.draw_without_rendering()
    heights = [
        ax.transData.inverted().transform(t.get_window_extent().get_points()) for t in ax.texts
    ]
    middles = [row.mean(axis=0)[1] for row in heights]
    assert [t.get_text() for t in ax.texts] == list("ABCDEF")
    assert np.allclose(middles, [10 * row + 4.5 for row in range(6)], atol=1)


@pytest.mark.parametrize("shape", [(5, 784), (0, 1, 8, 8), (1, 8, 8), (5, 8, 8, 3)])
def test_what_is_not_a_picture_is_one_sentence(shape):
    with pytest.raises(ValueError, match=r"pictures must be \[n, 1 or 3, height, width\]; got \["):
        viz.images(torch.zeros(shape))


@pytest.mark.parametrize("shape", [(5, 3), (5,), (5, 1, 2)])
def test_what_is_not_a_point_is_one_sentence(shape):
    with pytest.raises(ValueError, match=r"points must be \[n, 2\]; got \["):
        viz.scatter(torch.zeros(shape))


RUNS = [
    {"recipe": "plain", "seed": 0, "modes": 2.0, "kl": math.inf},
    {"recipe": "with R1", "seed": 0, "modes": 8.0, "kl": 0.5},
    {"recipe": "plain", "seed": 1, "modes": 6.0, "kl": 0.25},
    {"recipe": "with R1", "seed": 1, "failed": "nan at step 7"},
]


def marks(ax, marker):
    """Each recipe's line with that marker: [(x, y), ...] of its points."""
    return [list(zip(*line.get_data())) for line in ax.lines if line.get_marker() == marker]


def test_a_study_has_a_panel_for_each_measure_and_a_line_for_each_recipe_the_first_on_top():
    axes = viz.study(RUNS, ["modes", "kl"])
    assert [ax.get_xlabel() for ax in axes] == ["modes", "kl"]
    names = [text.get_text() for text in axes[0].get_yticklabels()]
    assert names == ["plain", "with R1 (1 failed)"] and list(axes[0].get_yticks()) == [0, 1]
    bottom, top = axes[0].get_ylim()
    assert top < 0 and bottom > 1
    assert axes[1].get_ylim() == (bottom, top)


def test_a_study_has_a_dot_for_each_seed_and_mean_and_sd_of_each_recipe():
    """Of 2 and 6 the mean is 4 and the SD, with n - 1, the root of 8."""
    ax = viz.study(RUNS, ["modes"])[0]
    plain, other = marks(ax, "o")
    assert [x for x, _ in plain] == [2, 6] and [x for x, _ in other] == [8]
    assert plain[0][1] != plain[1][1] and all(abs(y) < 0.3 for _, y in plain) and other[0][1] == 1
    assert marks(ax, "|") == [[(4, 0)], [(8, 1)]]
    bars = marks(ax, "None")
    assert [x for x, _ in bars[0]] == pytest.approx([4 - 8**0.5, 4 + 8**0.5])
    assert bars[1] == [(8, 1), (8, 1)], "of one seed there is no spread"


def test_what_the_truth_scores_is_a_blue_line_in_its_panel():
    modes, kl = viz.study(RUNS, ["modes", "kl"], truth={"modes": 8})

    def blue(ax):
        return [line for line in ax.lines if to_hex(line.get_color()).upper() == viz.REAL]

    assert [list(line.get_xdata()) for line in blue(modes)] == [[8, 8]] and blue(kl) == []


def test_a_value_that_is_infinite_is_an_arrow_at_the_edge_and_then_there_is_no_mean():
    ax = viz.study(RUNS, ["kl"])[0]
    assert [[x for x, _ in dots] for dots in marks(ax, "o")] == [[0.25], [0.5]]
    (arrow,) = marks(ax, ">")
    assert arrow[0][0] == 1 and marks(ax, "|") == [[(0.5, 1)]]


def test_a_recipe_of_which_every_run_failed_has_its_line_without_dots():
    ax = viz.study([RUNS[3], RUNS[0]], ["modes"])[0]
    assert [len(dots) for dots in marks(ax, "o")] == [0, 1]
    assert ax.get_yticklabels()[0].get_text() == "with R1 (1 failed)"


def test_pictures_are_drawn_into_axes_of_ones_own():
    fig, axes = viz.figure(2, 2)
    assert axes.shape == (2, 2)
    assert viz.scatter(POINTS, ax=axes[0, 0]) is axes[0, 0]
    assert viz.curves(ROWS, ax=axes[0, 1]) is axes[0, 1]
    assert viz.heat(torch.zeros(3, 3), ax=axes[1, 0]) is axes[1, 0]
    assert viz.images(torch.zeros(2, 1, 4, 4), ax=axes[1, 1]) is axes[1, 1]
    assert viz.study(RUNS, ["modes"], axes=axes[1, 1])[0] is axes[1, 1]
    assert plt.get_fignums() == [fig.number], "and no other figure was opened"


def test_a_picture_does_not_change_the_data_it_shows():
    x = torch.rand(3, 1, 4, 4, generator=torch.Generator().manual_seed(0)) * 2 - 1
    before, points = x.clone(), POINTS.clone()
    viz.images(x), viz.scatter(points, points)
    assert torch.equal(x, before) and torch.equal(points, POINTS)


def test_a_live_figure_is_not_one_of_pyplots_so_it_is_shown_only_once():
    viz.figure(live=True)
    assert plt.get_fignums() == []


def test_the_same_figure_is_the_same_bytes():
    def bytes_of_one():
        fig, ax = viz.figure(live=True)
        viz.scatter(POINTS, ax=ax)
        return viz.png(fig)

    first = bytes_of_one()
    assert first[:8] == b"\x89PNG\r\n\x1a\n" and first == bytes_of_one()


def test_a_live_picture_is_replaced_in_place_with_constant_text(monkeypatch):
    import IPython.display

    shown, described = [], []

    class Handle:
        def update(self, bundle, metadata, raw):
            shown.append(bundle), described.append(metadata["image/png"])

    def display(bundle, metadata, raw, display_id):
        assert raw and display_id
        described.append(metadata["image/png"])
        shown.append(bundle)
        return Handle()

    monkeypatch.setattr(IPython.display, "display", display)
    fig, ax = viz.figure(live=True)
    live = viz.Live(fig, text="points on a ring")
    viz.scatter(POINTS, ax=ax)
    live.update()
    before, after = shown
    assert before["text/plain"] == after["text/plain"] == "<points on a ring>"
    assert before["image/png"] != after["image/png"]
    assert described == 2 * [{"width": 640, "height": 224, "alt": "points on a ring"}]
    with Image.open(io.BytesIO(after["image/png"])) as picture:
        assert picture.size == (1280, 448), "two pixels for one"


def test_outside_a_notebook_a_live_picture_does_nothing(monkeypatch, capsys):
    import IPython.display

    monkeypatch.setattr(IPython.display, "display", lambda *args, **kwargs: None)
    viz.Live(viz.figure(live=True)[0]).update()


def test_the_title_of_a_study_stands_above_all_its_panels():
    rows = [{"recipe": "a", "seed": 0, "modes": 1, "quality": 0.5}]
    axes = viz.study(rows, ["modes", "quality"], title="what was found")
    assert axes[0].figure.get_suptitle() == "what was found"
    assert not any(ax.get_title() for ax in axes)


# ---------------------------------------------------------------- the game in one drawing


def words_of(ax):
    return [text.get_text() for text in ax.texts if text.get_text()]


def test_the_schematic_names_both_players_their_losses_and_both_turns():
    words = words_of(viz.schematic())
    assert {"G", "D", "D's loss", "G's loss", "real", "fake", "noise $z$"} <= set(words)
    assert sum("turn" in text for text in words) == 2 and "detach" not in words


def test_detach_adds_its_cut_to_the_same_drawing():
    plain, cut = viz.schematic(), viz.schematic(detach=True)
    assert set(words_of(cut)) - set(words_of(plain)) == {"detach"}
    assert len(cut.lines) == len(plain.lines) + 6  # two ways, each with its end, and two strokes


def test_the_schematics_cards_hold_the_pictures_in_reals_and_fakes_colours():
    bright, dark = torch.full((1, 28, 28), 1.0), torch.full((1, 28, 28), -1.0)
    ax = viz.schematic(real=bright, fake=dark)
    cards = {to_hex(patch.get_edgecolor()).upper(): patch for patch in ax.patches}
    for image, colour, value in zip(ax.images, (viz.REAL, viz.FAKE), (1, 0)):
        left, right, low, high = image.get_extent()
        assert cards[colour].get_bbox().bounds == (left, low, right - left, high - low)
        assert (image.get_array() == value).all() and image.zorder < cards[colour].zorder


def test_no_words_of_the_schematic_overlap_or_leave_it_at_a_notebooks_width():
    ax = viz.schematic(detach=True)
    ax.figure.canvas.draw()
    boxes = [text.get_window_extent() for text in ax.texts if text.get_text()]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
    frame = ax.figure.bbox
    assert all(frame.contains(*corner) for box in boxes for corner in (box.min, box.max))


def test_the_schematic_draws_into_axes_that_it_is_given():
    ax = viz.figure()[1]
    assert viz.schematic(ax=ax) is ax


def test_clouds_share_their_limits_and_carry_their_names():
    axes = viz.clouds({"A": torch.zeros(3, 2), "B": torch.ones(3, 2)}, limit=2)
    assert [ax.get_title(loc="left") for ax in axes] == ["A", "B"]
    assert {ax.get_xlim() for ax in axes} == {(-2.0, 2.0)}
    assert axes[1].collections[0].get_offsets().tolist() == [[1.0, 1.0]] * 3


def test_ranges_span_the_middle_90_percent_with_a_dot_at_the_median():
    ax = viz.ranges({"one": torch.arange(101.0), "two": torch.ones(4)}, colours={"two": viz.REAL})
    span, dot, _, other = ax.lines
    assert span.get_xdata().tolist() == pytest.approx([5, 95])
    assert dot.get_xdata().tolist() == pytest.approx([50])
    assert (span.get_color(), other.get_color()) == ("black", viz.REAL)
    assert [text.get_text() for text in ax.get_yticklabels()] == ["one", "two"]
