"""The table, and the same as JSON."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from statistics import median
from typing import Any

import numpy

from engines import ENGINES, OURS
from harness.measurement import Measurement, ratios
from harness.packages import pinned
from harness.rows import Row

_HEADERS = ("engine", "best variant", "UNIT", "p10–p90", "peer ÷ ours", "p10–p90", "error", "peak MB")
_LEFT_COLUMNS = 2


def table(row: Row, cores: int, measurement: Measurement) -> str:
    """One row's engines, each that was not run and each failure on a line below."""
    entries = measurement.entries
    lines = [tuple(row.unit if header == "UNIT" else header for header in _HEADERS)]
    failures = []
    for entry in entries:
        if entry.is_measured:
            note = f" ({entry.note})" if entry.note else ""
            ratio = ratios(entry, entries) if entry.engine != OURS.name else []
            lines.append(
                (
                    entry.engine, entry.variant + note, f"{median(entry.figures):.1f}",
                    _spread(entry.figures, 1), f"{median(ratio):.2f}" if ratio else "",
                    _spread(ratio, 2), f"{entry.error:.1e}", f"{entry.peak_bytes / 1e6:.0f}",
                )
            )  # fmt: skip
        if entry.lacks:
            failures.append(f"not run  {entry.engine}: {entry.lacks}")
        for variant, reason in entry.failures.items():
            failures.append(f"FAILED  {entry.engine}{', ' if variant else ''}{variant}: {reason}")
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEADERS))]
    text = [f"{row.title(cores)}; others kept {measurement.neighbours:.1f} CPUs busy"]
    for line in lines:
        cells = [
            cell.ljust(width) if column < _LEFT_COLUMNS else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths))
        ]
        text.append("  " + "  ".join(cells).rstrip())
    return "\n".join(text + ["  " + failure for failure in failures])


def results_page(
    cpu: str, cores: int, rounds: int, measurements: list[tuple[Row, Measurement]], failures: list[str]
) -> str:
    """All rows of a run as a page: first what the fastest of the others comes to, then everyone."""
    measured = {entry.engine for _, measurement in measurements for entry in measurement.entries if entry.is_measured}
    packages = ", ".join(
        f"{engine.packages[0]} {pinned(engine.packages[0])}"
        for engine in ENGINES.values()
        if engine.packages and engine.name in measured
    )
    lines = [
        "# This engine and others",
        "",
        f"Written by `make peers` on {date.today().isoformat()}: {cpu}, {cores} cores, {rounds} rounds in turn; {packages}.",
        "README.md beside this file says how it is measured. `fastest ÷ ours` is the median of the rounds' ratios, with their",
        "10th to 90th percentiles, of the engine with the least median; above 1 this engine is faster, or leaner.",
        "",
        "| row | fastest of the others | fastest ÷ ours | p10–p90 | ours | unit |",
        "|---|---|---|---|---|---|",
    ]
    for row, measurement in measurements:
        ours = next((entry for entry in measurement.entries if entry.engine == OURS.name), None)
        others = [entry for entry in measurement.entries if entry.is_measured and entry is not ours]
        if ours is None or not ours.is_measured or not others:
            lines.append(f"| {row.name} | – | – | – | – | {row.unit} |")
            continue
        best = min(others, key=lambda entry: median(entry.figures))
        ratio = ratios(best, measurement.entries)
        lines.append(
            f"| {row.name} | {best.engine} | {median(ratio):.2f} | {_spread(ratio, 2)} "
            f"| {median(ours.figures):.1f} | {row.unit} |"
        )
    for row, measurement in measurements:
        lines += ["", "```", table(row, cores, measurement), "```"]
    if failures:
        lines += ["", "Incomplete:", ""] + [f"- {failure}" for failure in failures]
    return "\n".join(lines) + "\n"


def as_json(row: Row, measurement: Measurement) -> dict[str, Any]:
    """Everything that was measured."""
    entries = measurement.entries
    results = []
    for entry in entries:
        result = asdict(entry) | {"figures": entry.figures, "ratios": ratios(entry, entries)}
        if not entry.is_measured:
            del result["error"]
        results.append(result)
    return {"row": asdict(row), "busy_neighbour_cpus": measurement.neighbours, "engines": results}


def _spread(values: list[float], decimals: int) -> str:
    if not values:
        return ""
    low, high = numpy.percentile(values, [10, 90])
    return f"{low:.{decimals}f}–{high:.{decimals}f}"
