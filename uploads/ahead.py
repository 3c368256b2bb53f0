"""The app's modules, imported by the master before it forks: the web processes share their pages.

What a process writes to becomes its own: its counts of references where it works, and, were they
not frozen, the notes of Python's garbage collector on every single object. Only modules are shared:
each process makes its app, with whatever it opens, after the fork.
"""

from __future__ import annotations

import gc
import time
import warnings
from importlib import import_module

from gevent import monkey


def import_app() -> None:
    """To be called once, in the process that forks, when it needs nothing unpatched any more.

    What is imported takes locks, sockets and time from modules that gevent has patched by then.
    Forking, signals, programs and sleeping stay the system's. Where gevent starts a program, and
    libmagic is looked for by one, it takes the signals that tell of children's ends, and the master
    would replace none that died.
    """
    monkey.patch_all(os=False, signal=False, subprocess=False)
    import_module("uploads.app")
    import_module("uploads.edge")
    time.sleep = monkey.get_original("time", "sleep")
    gc.freeze()


def patch_rest() -> None:
    """To be called in each forked process: what the master does without."""
    monkey.patch_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", monkey.MonkeyPatchWarning)  # that it is the second time
        monkey.patch_all()
