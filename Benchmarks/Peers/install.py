"""Makes the peers' virtual environment and installs what is missing: `install.py FOLDER`.

The standard library alone, for the system's Python. Each engine is installed on its own: one that cannot be is named
here and left out, and peers.py calls its run incomplete.
"""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

from engines import ENGINES
from harness.packages import COMMON, REQUIREMENTS, missing


def main() -> None:
    if sys.version_info < (3, 11):
        raise SystemExit("install.py: Python 3.11 or later is needed")
    folder = Path(sys.argv[1]).resolve()
    environment = folder / "venv"
    python = environment / "bin" / "python"
    if Path(sys.prefix) != environment:
        if not python.exists():
            print(f"making {environment}", file=sys.stderr)
            venv.create(environment, with_pip=True, clear=True)
        # Once more by the environment's Python, which sees what is installed.
        raise SystemExit(subprocess.run([python, __file__, str(folder)]).returncode)
    if not _install("what all engines need", COMMON, folder):
        raise SystemExit("install.py: without these no model can be written")
    for engine in ENGINES.values():
        _install(engine.name, engine.packages, folder)


def _install(name: str, packages: tuple[str, ...], folder: Path) -> bool:
    wanted = missing(packages)
    if not wanted:
        return True
    print(f"installing {name}: {', '.join(wanted)}", file=sys.stderr, flush=True)
    log = folder / "logs" / f"install-{name.replace(' ', '-')}.log"
    log.parent.mkdir(exist_ok=True)
    options = ["--quiet", "--disable-pip-version-check", "--no-input", "--constraint", str(REQUIREMENTS)]
    with log.open("w") as output:
        command = [sys.executable, "-m", "pip", "install", *options, *wanted]
        status = subprocess.run(command, stdout=output, stderr=subprocess.STDOUT).returncode
    if status != 0:
        errors = [line for line in log.read_text().splitlines() if line.startswith("ERROR:")]
        print(f"cannot install {name}: {' '.join(errors[:1])} (see {log})", file=sys.stderr)
    return status == 0


if __name__ == "__main__":
    main()
