#!/usr/bin/env python3
"""Audits the objects of the kernel modules: `audit.py .build/release`, `audit.py --self-test`.

Symbols: weak code carries the tag of its module's instruction set. Weak code without it, say a helper that is not
generic over the instruction set, may have the same name in other modules; the linker keeps one of them for the whole
program, on machines that cannot run it too.

Assembly: the hot loops of every kernel, found in the machine code, do what the table below says and nothing else.
Hot are innermost loops that multiply and add, or add, vectors; what a kernel does around them may use the stack. The
transforms are straight code for a tile, in which the stack may hold no vector.

The build is a release without testability, which brings in weak accessors and uninlined operators of its own.
"""

import argparse
import platform
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import assembly


@dataclass(frozen=True)
class InstructionSet:
    tag: str
    register: str
    is_wide: bool = True  # VEX or EVEX code with fused multiply-adds, else SSE2
    multiplies_pairs: bool = False  # whether one instruction multiplies and adds pairs of bfloat16 numbers
    kernels: tuple[str, ...] = ()  # those that it has; without: all

    @property
    def module(self):
        return f"Kernels{self.tag}"

    def is_multiply_add(self, mnemonic):
        if self.multiplies_pairs and mnemonic == "vdpbf16ps":
            return True
        return re.match(r"vfn?m(add|sub)\d+p[sd]$" if self.is_wide else r"mulp[sd]$", mnemonic) is not None

    def values(self, names, arguments):
        """The generic arguments by name, and the multiply-adds that pairs of bfloat16 numbers take."""
        return SimpleNamespace(**dict(zip(names, arguments)), terms_a_pair=1 if self.multiplies_pairs else 2)

    def is_add(self, mnemonic):
        return mnemonic == ("vaddps" if self.is_wide else "addps")


INSTRUCTION_SETS = [
    InstructionSet("Baseline", "%xmm", is_wide=False),
    InstructionSet("AVX2", "%ymm"),
    InstructionSet("AVX512", "%zmm"),
    InstructionSet("AVX512BF16", "%zmm", multiplies_pairs=True, kernels=("PairTile", "WinogradOutput", "WinogradOutputTile", "WinogradOutputTiles", "PairWinogradInput", "PairWinogradOutput")),
]


@dataclass(frozen=True)
class Loop:
    """What one step of a hot loop does. LLVM may unroll a loop, not change the ratio."""

    multiply_adds: int = 0
    adds: int = 0
    loads: int = 0  # at most
    stores: int = 0  # at most


@dataclass(frozen=True)
class Kernel:
    name: str
    function: str  # part of the demangled name, after the generic arguments
    arguments: str  # the names of the generic arguments, after the instruction set
    loops: Callable[[SimpleNamespace], list[Loop]] | None  # None where no count tells: no vector on the stack at all
    of_pairs: bool = False  # instantiated with PairProducts of the instruction set


# One line for each kernel; each of its hot loops is one of those listed, and each of those listed is there.
KERNELS = [
    Kernel("ConvolutionTile", "static Kernels.ConvolutionTile.run(",
           "vectors segments pixels pixelStride inputWords asksAhead",
           lambda t: [Loop(multiply_adds=t.vectors * t.segments * t.pixels, loads=t.vectors + t.segments * t.pixels)]),
    Kernel("PairTile", "static Kernels.ConvolutionTile.run(",
           "vectors segments pixels pixelStride inputWords asksAhead",
           lambda t: [Loop(multiply_adds=t.terms_a_pair * t.vectors * t.segments * t.pixels,
                           loads=t.vectors + t.segments * t.pixels)], of_pairs=True),
    Kernel("DotTile", "static Kernels.DotTile.add(", "rowTile outputTile narrow",
           lambda t: [Loop(multiply_adds=t.rowTile * t.outputTile, loads=t.rowTile + t.outputTile)]),
    Kernel("ChannelAffine", "static Kernels.ChannelAffine.rows(", "",
           lambda t: [Loop(multiply_adds=1, loads=1, stores=1)]),
    Kernel("RowStatistics", "static Kernels.RowStatistics.rows(", "",
           lambda t: [Loop(multiply_adds=4, adds=4, loads=4)]),
    Kernel("MaximumPooling", "static Kernels.MaximumPoolingRows.run(", "narrowInput narrowOutput", None),
    Kernel("MeanPooling", "static Kernels.MeanPoolingRows.run(", "narrowInput narrowOutput", None),
    Kernel("WinogradInput", "static Kernels.WinogradInputTiles.run(", "narrow rowTaps columnTaps", None),
    Kernel("WinogradInputEdge", "static Kernels.WinogradInputEdge.run(", "narrow rowTaps columnTaps", None),
    Kernel("WinogradOutput", "static Kernels.WinogradOutputBlocks.edge(", "taps", None),
    Kernel("WinogradOutputTile", "static Kernels.WinogradOutputTile.run(", "taps rows columns", None),
    Kernel("WinogradOutputTiles", "static Kernels.WinogradOutputTiles.run(", "taps addsResidual rectifies narrow", None),
    Kernel("PairWinogradInput", "static Kernels.PairWinogradInput.run(", "", None),
    Kernel("PairWinogradOutput", "static Kernels.PairWinogradOutputTiles.run(", "narrow", None),
    Kernel("RowSum", "static Kernels.RowSum.strip(", "", None),
    Kernel("MultiplyAddProbe", "@Sendable (Swift.Int) -> Swift.Float in static Kernels.KernelTiles.bodies(",
           "vectors segments pixels lastVectors lastSegments rowTile outputTile chains", lambda t: [Loop(multiply_adds=t.chains)]),
]

# What kernels call outside their loops, besides each other.
ALLOWED_CALLS = {"__stack_chk_fail"}


class Audit:
    """The complaints about the objects of one instruction set's module."""

    def __init__(self, isa, is_verbose=False):
        self.isa = isa
        self.is_verbose = is_verbose
        self.complaints = []
        self.counts = {kernel.name: 0 for kernel in KERNELS if not isa.kernels or kernel.name in isa.kernels}
        self.loops = self.multiply_adds = self.weak_symbols = 0

    def run(self, paths):
        functions = []
        for path in paths:
            found = assembly.functions(path)
            self._check_symbols(path, found)
            functions += found
        for function in functions:
            kernel, arguments = self._kernel(function)
            if kernel:
                self._check_kernel(function, kernel, arguments)
            elif any(self.isa.is_multiply_add(i.mnemonic) for i in function.instructions):
                self._complain(function.name, "multiplies and adds, but is none of the kernels listed")
        for name, count in self.counts.items():
            if count == 0:
                self._complain(self.isa.module, f"has no {name}")
        return self

    def summary(self):
        kernels = ", ".join(f"{count} {name}" for name, count in self.counts.items())
        return (
            f"{self.isa.module}: {self.weak_symbols} weak symbols, {sum(self.counts.values())} kernels ({kernels}), "
            f"{self.loops} hot loops, {self.multiply_adds} multiply-adds in them")

    def _complain(self, subject, complaint):
        self.complaints.append(f"{subject}: {complaint}")

    # MARK: Symbols

    def _check_symbols(self, path, functions):
        wide = {}  # the first wide instruction of each function that has one
        for function in functions:
            first = next((i for i in function.instructions if i.is_wide), None)
            if first:
                wide[function.name] = first.text
                if not self.isa.is_wide:
                    self._complain(f"{path}: {function.name}", f"wide code in {self.isa.module}: `{first.text}`")
        for name in assembly.weak_code(path):
            self.weak_symbols += 1
            if f"{self.isa.module}.{self.isa.tag}" not in name:
                holds = f"holds `{wide[name]}`" if name in wide else "holds no wide instruction yet"
                self._complain(f"{path}: {name}", f"weak without the tag {self.isa.module}.{self.isa.tag}, {holds}")

    # MARK: Assembly

    def _kernel(self, function):
        """The line of the table that a function belongs to, and its generic arguments."""
        tag = rf"{self.isa.module}\.{self.isa.tag}"
        specialization = (
            r"(?:function signature specialization <[^>]*> of )?(?:merged )?generic specialization "
            rf"<(?:(Kernels\.PairProducts<{tag}>)|{tag})((?:, -?\d+)*)> of ")
        if match := re.match(specialization, function.name):
            for kernel in KERNELS:
                if kernel.of_pairs == (match[1] is not None) and kernel.function in function.name[match.end():]:
                    return kernel, [int(number) for number in match[2].split(",")[1:]]
        return None, None

    def _check_kernel(self, function, kernel, arguments):
        self.counts[kernel.name] = self.counts.get(kernel.name, 0) + 1
        title = f"{self.isa.module} {kernel.name}<{', '.join(map(str, arguments))}>"
        names = kernel.arguments.split()
        if len(names) != len(arguments):
            self._complain(title, f"has {len(arguments)} generic arguments, listed are {len(names)}: {names}")
            return
        for callee in sorted({function.leaves(i) for i in function.instructions} - ALLOWED_CALLS - {None}):
            if not any(other.function in callee for other in KERNELS):
                self._complain(title, f"calls {callee}")
        if kernel.loops is None:
            for i in function.instructions:
                if i.moves_vector and function.is_stack(i):
                    self._complain(title, f"spills: `{i.text}`")
            return
        missing = kernel.loops(self.isa.values(names, arguments))
        listed = list(missing)
        for body in function.innermost_loops():
            counts = self._counts(body)
            if counts.multiply_adds or counts.adds:
                self.loops += 1
                self.multiply_adds += counts.multiply_adds
                at = f"{title}, loop at {body[0].address:#x}"
                if self.is_verbose:
                    print(f"{at}: {counts}, {len(body)} instructions")
                loop = self._check_loop(at, function, body, counts, listed)
                missing = [other for other in missing if other is not loop]
        for loop in missing:
            self._complain(title, f"has no loop of {loop}")

    def _counts(self, body):
        multiply_adds = sum(self.isa.is_multiply_add(i.mnemonic) for i in body)
        adds = sum(self.isa.is_add(i.mnemonic) for i in body)
        return Loop(
            multiply_adds, adds if self.isa.is_wide else adds - multiply_adds,
            sum(i.is_vector_load for i in body), sum(i.is_vector_store for i in body))

    def _check_loop(self, title, function, body, counts, listed):
        """Checks a hot loop against the one listed that does the same arithmetic; returns that."""
        for i in body:
            if i.moves_vector and function.is_stack(i):
                self._complain(title, f"spills: `{i.text}`")
            if self.isa.is_multiply_add(i.mnemonic) or self.isa.is_add(i.mnemonic):
                if self.isa.register not in i.operands or not i.mnemonic.endswith("ps"):
                    self._complain(title, f"narrow: `{i.text}`")
            if function.leaves(i):
                self._complain(title, f"leaves: `{i.text}` to {function.leaves(i)}")
        for loop in listed:
            steps = counts.multiply_adds // loop.multiply_adds if loop.multiply_adds else counts.adds // loop.adds
            if steps > 0 and (counts.multiply_adds, counts.adds) == (steps * loop.multiply_adds, steps * loop.adds):
                if counts.loads > steps * loop.loads or counts.stores > steps * loop.stores:
                    self._complain(title, f"moves more than {steps} times {loop}: {counts}")
                return loop
        self._complain(title, f"is no multiple of {' or '.join(map(str, listed))}: {counts}")
        return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", nargs="?", type=Path, help="a folder that holds Kernels*.build")
    parser.add_argument("--self-test", action="store_true", help="check the audit itself on planted faults")
    parser.add_argument("--verbose", action="store_true", help="print every hot loop")
    options = parser.parse_args()
    if platform.machine() != "x86_64":
        print("audit: skipped, it reads x86-64 code only")
        return 0
    if options.self_test:
        import self_test
        return self_test.run()
    if not options.build:
        parser.error("which build?")

    complaints = []
    for isa in INSTRUCTION_SETS:
        paths = sorted(options.build.glob(f"{isa.module}.build/**/*.o"))
        audit = Audit(isa, options.verbose).run(paths)
        print(f"audit: {audit.summary()}")
        complaints += audit.complaints
    listed = {"Kernels", "KernelsTests", *(isa.module for isa in INSTRUCTION_SETS)}
    for folder in sorted(options.build.glob("Kernels*.build")):
        if folder.stem not in listed:
            complaints.append(f"{folder.stem}: is none of the modules listed")
    for complaint in complaints:
        print(f"audit: {complaint}", file=sys.stderr)
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
