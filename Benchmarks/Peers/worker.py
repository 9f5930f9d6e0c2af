"""One engine in a process of its own: `worker.py ENGINE VARIANT JOB`; see harness/protocol.py."""

from __future__ import annotations

import sys
from importlib import import_module

from engines import ENGINES
from harness.job import Job
from harness.protocol import serve


def main() -> None:
    engine, variant, job = sys.argv[1:]
    parsed = Job.parse(job)

    def prepare() -> None:
        for module in ENGINES[engine].modules:
            import_module(module)
        parsed.exports.images(parsed.batch)

    serve(prepare, lambda: ENGINES[engine].load(parsed, variant))


if __name__ == "__main__":
    main()
