"""One engine in a process of its own: `worker.py ENGINE VARIANT JOB`; see harness/protocol.py."""

from __future__ import annotations

import sys

from engines import ENGINES
from harness.job import Job
from harness.protocol import serve


def main() -> None:
    engine, variant, job = sys.argv[1:]
    serve(lambda: ENGINES[engine].load(Job.parse(job), variant))


if __name__ == "__main__":
    main()
