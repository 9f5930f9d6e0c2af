"""A worker process: stopped whenever it is not asked for anything, so that idle engines cost the others nothing."""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

_SET_PARENT_DEATH_SIGNAL = 1
_libc = ctypes.CDLL(None)


class WorkerError(Exception):
    """What a worker said, or that it went without a word."""


class WorkerProcess:
    """Speaks the protocol of harness/protocol.py."""

    def __init__(self, command: list[str], threads: int, cpu: int | None, log: Path) -> None:
        """
        - threads: what OpenMP and BLAS runtimes are limited to, before they load.
        - cpu: where the process is pinned to; nowhere for None.
        - log: gets what the worker writes to standard error.
        """
        limits = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
        environment = {**os.environ, **{name: str(threads) for name in limits}}

        def enter() -> None:
            # A stopped process would outlive the driver.
            _libc.prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
            if cpu is not None:
                os.sched_setaffinity(0, {cpu})

        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, env=environment,
                start_new_session=True, preexec_fn=enter,
            )  # fmt: skip
        self._unread = b""

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, line: str) -> None:
        """Wakes the worker and tells it to do something."""
        assert self._process.stdin
        self._process.send_signal(signal.SIGCONT)
        try:
            self._process.stdin.write(line.encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # Reading says why.

    def receive(self, timeout: float) -> Any:
        """The answer."""
        assert self._process.stdout
        deadline = time.monotonic() + timeout
        while b"\n" not in self._unread:
            ready, _, _ = select.select([self._process.stdout], [], [], max(0, deadline - time.monotonic()))
            if not ready:
                raise WorkerError(f"no answer within {timeout:.0f} s")
            data = os.read(self._process.stdout.fileno(), 1 << 16)
            if not data:
                raise WorkerError(f"ended with status {self._process.wait()}")
            self._unread += data
        line, self._unread = self._unread.split(b"\n", 1)
        answer = json.loads(line)
        if isinstance(answer, dict) and "error" in answer:
            raise WorkerError(answer["error"])
        return answer

    def stop(self) -> None:
        """Stops all its threads, and returns when they are."""
        self._process.send_signal(signal.SIGSTOP)
        if self._process.poll() is None:
            os.waitid(os.P_PID, self._process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream:
                try:
                    stream.close()
                except BrokenPipeError:
                    pass
