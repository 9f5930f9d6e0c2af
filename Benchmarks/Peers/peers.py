"""Times this project's engine and others in turn, in one run, and prints how they compare. `make peers` runs it."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path

from engines import ENGINES, OURS
from engines.engine import Engine
from harness import machine
from harness.measurement import Plan, measure
from harness.packages import missing
from harness.report import as_json, results_page, table
from harness.rows import read_rows

ROWS = Path(__file__).resolve().parent / "rows.toml"


def main() -> int:
    arguments = parse()
    rows = read_rows(ROWS, arguments.rows)
    os.environ["ENGINE_WORKER"] = str(arguments.engine_worker.resolve())
    cores = machine.cores()
    folder = arguments.folder.resolve()
    (folder / "logs").mkdir(parents=True, exist_ok=True)
    plan = Plan(arguments.rounds, arguments.slice, cores, folder, progress)

    engines, failures = available(arguments.engines)
    begin = time.monotonic()
    print(f"{machine.describe()}, {len(cores)} cores; {plan.rounds} rounds of {plan.seconds} s an engine\n")
    results = []
    measurements = []
    for row in rows:
        measurement = measure(row, engines, plan)
        progress("")
        print(table(row, len(cores), measurement) + "\n", flush=True)
        results.append(as_json(row, measurement))
        measurements.append((row, measurement))
        failures += [f"{row.name}: {entry.engine}" for entry in measurement.entries if entry.failures]
    print(f"{(time.monotonic() - begin) / 60:.1f} minutes")
    if arguments.json:
        report = {
            "schema": "peers/1",
            "machine": {"cpu": machine.describe(), "cores": len(cores)},
            "rounds": plan.rounds,
            "slice_seconds": plan.seconds,
            "rows": results,
            "incomplete": failures,
        }
        arguments.json.write_text(json.dumps(report, indent=1) + "\n")
    if arguments.results:
        arguments.results.write_text(
            results_page(machine.describe(), len(cores), plan.rounds, measurements, failures)
        )
    for failure in failures:
        print(f"INCOMPLETE  {failure}")
    return 1 if failures else 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=positive, default=15, help="rounds a row (default 15)")
    parser.add_argument(
        "--slice", type=float, default=0.5, help="seconds an engine runs in a round"
    )
    parser.add_argument("--rows", type=names, default=[], help="names or patterns, separated by commas")
    parser.add_argument("--engines", type=names, default=[], help="peers, separated by commas; ours always runs")
    parser.add_argument("--json", type=Path, help="write every time that was measured to this file")
    parser.add_argument("--results", type=Path, help="write the tables to this file, as Markdown")
    parser.add_argument("--folder", type=Path, default=Path(".build-peers"), help="what is kept between runs")
    parser.add_argument(
        "--engine-worker", type=Path, default=Path(".build-benchmarks/release/engine-worker"),
        help="this project's engine, as built from Benchmarks/Package.swift",
    )  # fmt: skip
    arguments = parser.parse_args()
    for name in arguments.engines:
        if name not in ENGINES:
            parser.error(f"no engine is named '{name}': {', '.join(ENGINES)}")
    for file in (arguments.json, arguments.results):
        if file and not file.resolve().parent.is_dir():
            parser.error(f"{file}: no such folder")
    if not arguments.engine_worker.exists():
        parser.error(f"{arguments.engine_worker} is not built")
    return arguments


def available(wanted: list[str]) -> tuple[list[Engine], list[str]]:
    """Ours and those wanted that are installed; and what stands for the others at the end."""
    engines: list[Engine] = []
    failures = []
    for engine in ENGINES.values():
        if wanted and engine is not OURS and engine.name not in wanted:
            continue
        lacking = missing(engine.packages)
        if lacking:
            failures.append(f"{engine.name}: {', '.join(lacking)} cannot be installed")
        else:
            engines.append(engine)
    return engines, failures


def progress(text: str) -> None:
    """On a terminal, in place of what stood there before."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


def positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("1 or more")
    return value


def names(text: str) -> list[str]:
    return [name for name in text.split(",") if name]


if __name__ == "__main__":
    sys.exit(main())
