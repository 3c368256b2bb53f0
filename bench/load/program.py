"""The same uploads as an ordinary program sends them: threads over urllib3's pool of connections.

Such a client costs several times what the one epoll does, and its threads share one interpreter:
so it tells what a program sees, and less of what the servers can do.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from queue import Empty, SimpleQueue

import urllib3

from bench.load.outcome import Outcome
from bench.load.plan import Plan
from bench.load.upload import HEAD_END, Upload


class _Request:
    """One upload as urllib3 is given it: its body is whole before the clock starts."""

    def __init__(self, upload: Upload) -> None:
        self.upload = upload
        head = upload.head.partition(HEAD_END)[0]
        first, *lines = head.decode().split("\r\n")
        self.method, self.target, _ = first.split(" ")
        self.headers = dict(line.split(": ", 1) for line in lines)
        del self.headers["Host"]  # it is the pool's
        self.body = upload.body()


class Program:
    """Sends a queue of uploads, once."""

    def __init__(self, plan: Plan, uploads: Iterable[Upload]) -> None:
        self._clients = plan.clients
        self._queue: SimpleQueue[_Request] = SimpleQueue()
        for upload in uploads:
            self._queue.put(_Request(upload))
        self._pool = urllib3.HTTPConnectionPool(
            "127.0.0.1", plan.port, maxsize=plan.clients, timeout=plan.deadline, retries=False
        )
        self._outcome, self._adding = Outcome(), threading.Lock()

    def run(self) -> Outcome:
        """Send everything; returns when all is answered."""
        threads = [threading.Thread(target=self._client) for _ in range(self._clients)]
        begun, cpu = time.monotonic(), time.process_time()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self._outcome.seconds = time.monotonic() - begun
        self._outcome.cpu = time.process_time() - cpu
        self._pool.close()
        return self._outcome

    def _client(self) -> None:
        while True:
            try:
                request = self._queue.get_nowait()
            except Empty:
                return
            begun = time.monotonic()
            failed = self._sent(request)
            with self._adding:
                if failed:
                    self._outcome.fail(failed)
                else:
                    self._outcome.latencies.append(time.monotonic() - begun)

    def _sent(self, request: _Request) -> str:
        """What went wrong, in a word; nothing where it went well."""
        target = request.upload.sign() if request.upload.sign else request.target
        try:
            answer = self._pool.request(
                request.method, target, body=request.body, headers=request.headers
            )
        except urllib3.exceptions.HTTPError as error:
            return type(error).__name__
        return "" if answer.status == request.upload.expected else f"status {answer.status}"


def run(plan: Plan, uploads: Iterable[Upload]) -> Outcome:
    """Run a plan in this process."""
    return Program(plan, uploads).run()
