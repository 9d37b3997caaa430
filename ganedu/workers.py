"""Worker processes that end with the process that they work for."""

import os
import threading
import time
from functools import cache


@cache
def end_with(parent):
    """End this process as soon as the process `parent`, whose child it is, was killed.

    A pool's idle worker would wait for work, for minutes or for ever. Where this is no child of
    `parent` (a thread of it, a machine of a cluster), nothing is done.
    """
    if os.getppid() == parent:
        threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent):
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)
