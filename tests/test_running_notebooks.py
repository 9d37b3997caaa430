"""A kernel that does not start, as when two choose the same port at once, is started again."""

import nbformat
import pytest

from ganedu import notebooks


def failing(times, words="Kernel died before replying to kernel_info"):
    """A client whose kernel dies at its first starts."""
    starts = []

    class Client(notebooks.NotebookClient):
        def execute(self, **kwargs):
            starts.append(1)
            if len(starts) <= times:
                raise RuntimeError(words)
            return super().execute(**kwargs)

    return Client, starts


def page():
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("print(6 * 7)")])


def test_it_is_tried_three_times(tmp_path, monkeypatch):
    client, starts = failing(2)
    monkeypatch.setattr(notebooks, "NotebookClient", client)
    nb = notebooks.run(page(), tmp_path)
    assert nb.cells[0].outputs[0].text == "42\n" and len(starts) == 3


@pytest.mark.parametrize("times, words, tries", [(3, None, 3), (1, "another fault", 1)])
def test_and_no_more_and_for_no_other_fault(tmp_path, monkeypatch, times, words, tries):
    client, starts = failing(times, *([words] if words else []))
    monkeypatch.setattr(notebooks, "NotebookClient", client)
    with pytest.raises(RuntimeError):
        notebooks.run(page(), tmp_path)
    assert len(starts) == tries
