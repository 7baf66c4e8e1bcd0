"""`python -m benchmarks [PREFIX]`: prints `name value unit`, a figure a line, and nothing else on standard output."""

from __future__ import annotations

import importlib
import os
import pkgutil
import sys
from collections.abc import Iterator
from types import ModuleType

import benchmarks


def main(argv: list[str]) -> int:
    prefix = argv[0] if argv else ""
    chosen = [one for one in _modules() if any(name.startswith(prefix) for name in one.FIGURES)]
    if not chosen:
        print(f"no figure begins with {prefix!r}; there are {', '.join(_names())}", file=sys.stderr)
        return 1
    # the CPUs this process may use, not those the machine has
    benchmarks.note(f"{len(os.sched_getaffinity(0))} CPUs; load generator, broker, database and roles share them")
    for module in chosen:
        for figure in module.figures():
            if figure.name.startswith(prefix):
                print(figure, flush=True)
    return 0


def _modules() -> Iterator[ModuleType]:
    for info in pkgutil.iter_modules(benchmarks.__path__):
        if info.name != "__main__":
            module = importlib.import_module(f"{benchmarks.__name__}.{info.name}")
            if hasattr(module, "FIGURES"):
                yield module


def _names() -> list[str]:
    return [name for module in _modules() for name in module.FIGURES]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
