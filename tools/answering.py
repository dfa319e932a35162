"""The site on a port of its own, in a thread: for tests and pictures with a real browser."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tribune.bootstrap import Application
from web.app import create_app


@contextmanager
def answering(app: Application) -> Iterator[str]:
    """The site answers at this address."""
    import uvicorn

    server = uvicorn.Server(uvicorn.Config(create_app(app), port=0, log_config=None))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        threading.Event().wait(0.02)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()
