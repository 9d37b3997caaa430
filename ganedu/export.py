"""A trained generator for others: its weights as safetensors, its recipe, and a model card.

safetensors files hold tensors and words alone, so that opening a stranger's runs no code.
"""

import importlib.util
from pathlib import Path

from ganedu import __version__, drawing
from ganedu.files import replacing, write_text

CARD = """\
# A generator trained with ganedu

| | |
|---|---|
| Data | {data} |
| Generator | {G} |
| Steps | {step:,} of {steps:,}, batches of {batch} |
| Weights | {weights} |
| Judged by | {judged} |
| Made with | ganedu {version} |

## Use

```python
from pathlib import Path
from safetensors.torch import load_file
from ganedu.recipe import Recipe, made
from ganedu.trainer import latent
import torch

recipe = Recipe.from_toml(Path("recipe.toml").read_text())
G = made(recipe.G).eval()
G.load_state_dict(load_file("generator.safetensors"))
x = G(latent(G, 16, torch.Generator().manual_seed(0)))
```

## Before you use it

- It draws what is like its data, gaps and prejudices included; what is rare there is rarer here.
- A generator can repeat examples that it was trained on. If they are private, measure that first
  (`ganedu.diagnostics.memorisation`), and do not take a good score above for an answer.
- Not tested for any decision about people.

To be filled in by whoever publishes it: the licence of the data, whom to ask, what it is meant for.
"""


def export(run, out):
    """Write generator.safetensors, recipe.toml and README.md, the model card, into the folder `out`.

    `run` is a run's folder or one of its checkpoints. An averaged generator goes before the last one.
    """
    if importlib.util.find_spec("safetensors") is None:
        raise RuntimeError("export needs safetensors: pip install 'ganedu[train]'")
    from safetensors.torch import save

    state, recipe = drawing.loaded(run)
    out = Path(out).expanduser()
    if (out / "generator.safetensors").exists():
        raise FileExistsError(f"{out} holds a generator already: choose another --out")
    averaged = "average" in state
    weights = {k: v.contiguous() for k, v in state["average" if averaged else "G"].items()}
    about = {"format": "pt", "recipe": recipe.to_toml(), "step": str(state["step"])}
    with replacing(out / "generator.safetensors") as file:
        file.write(save(weights, metadata=about))
    write_text(out / "recipe.toml", recipe.to_toml())
    write_text(out / "README.md", card(state, recipe, averaged))


def card(state, recipe, averaged):
    """The model card as text: what is known of the run, nothing else."""
    plain = recipe.plain()
    judged = state.get("judged")
    return CARD.format(
        data=f"`{plain['data']}`",
        G=f"`{plain['G']}`",
        step=state["step"],
        steps=recipe.steps,
        batch=recipe.batch,
        weights="a running average of the generator's" if averaged else "the generator's last",
        judged="{metric} {value:.4g} with n = {n:,}, on {on}; the best of its run, so flattering".format(
            **judged
        )
        if judged
        else "nothing: export best.pt of a run with a metric",
        version=__version__,
    )
