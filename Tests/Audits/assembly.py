"""Object files as functions, instructions and innermost loops, by objdump and nm. x86-64, AT&T syntax."""

import re
import subprocess
from dataclasses import dataclass, field

HEADING = re.compile(r"^[0-9a-f]+ <(.*)>:$")
INSTRUCTION = re.compile(r"^\s*([0-9a-f]+):\t(?:(?:data16|cs|rep|repz|repnz|lock|notrack|bnd) )*(\S+)\s*(.*)$")
RELOCATION = re.compile(r"^\s*[0-9a-f]+: R_X86_64_\w+\t(.*?)(?:[-+]0x[0-9a-f]+)?$")
MEMORY = re.compile(r"\(([^)]*)\)")
VECTOR = re.compile(r"%[xyz]mm\d")
TARGET = re.compile(r"^([0-9a-f]+) <")

# VEX and EVEX mnemonics start with v, those of mask registers with k. tzcnt is left out: older processors run it as
# bsf, and compilers emit it for them on purpose.
WIDE = re.compile(r"^(v(?!err|erw|mcall)\w+|k\w+[bwdq]|andn|bextr|blsi|blsmsk|blsr|bzhi|mulx|pdep|pext|rorx|sarx"
                  r"|shlx|shrx|lzcnt)l?q?$")


@dataclass
class Instruction:
    address: int
    mnemonic: str
    operands: str
    symbol: str | None = None  # what the relocation names

    @property
    def text(self):
        return f"{self.mnemonic} {self.operands}".split("#")[0].split("<")[0].strip()

    @property
    def is_wide(self):
        return WIDE.match(self.mnemonic) is not None

    @property
    def is_call(self):
        return self.mnemonic.startswith("call")

    @property
    def is_jump(self):
        return self.mnemonic.startswith("j")

    @property
    def falls_through(self):
        return not (self.mnemonic.startswith(("jmp", "ret", "ud2")))

    @property
    def target(self):
        """The address within the section that a direct jump names; None for jumps that the linker completes."""
        match = TARGET.match(self.operands)
        return int(match[1], 16) if match and not self.symbol else None

    @property
    def base(self):
        """The base register of the memory operand, None without one."""
        match = MEMORY.search(self.operands)
        return match[1].split(",")[0] if match else None

    @property
    def moves_vector(self):
        return self.base is not None and VECTOR.search(self.operands) is not None

    @property
    def is_vector_store(self):
        """The destination stands last."""
        return self.moves_vector and "," not in self.operands[MEMORY.search(self.operands).end():]

    @property
    def is_vector_load(self):
        return self.moves_vector and not self.is_vector_store


@dataclass
class Function:
    name: str
    instructions: list[Instruction] = field(default_factory=list)

    def is_stack(self, instruction):
        """Whether the memory operand lies in the frame."""
        has_frame_pointer = any(i.mnemonic == "mov" and i.operands == "%rsp,%rbp" for i in self.instructions)
        return instruction.base == "%rsp" or (instruction.base == "%rbp" and has_frame_pointer)

    def leaves(self, instruction):
        """What the instruction calls or jumps to outside the function; None for all others."""
        if instruction.is_call:
            return instruction.symbol or instruction.text
        if instruction.is_jump:
            inside = range(self.instructions[0].address, self.instructions[-1].address + 1)
            if instruction.target not in inside:
                return instruction.symbol or instruction.text
        return None

    def innermost_loops(self):
        """The natural loops that hold no other, each as its instructions in the order of their addresses."""
        blocks, successors = self._blocks()
        predecessors = [[] for _ in blocks]
        for block, following in enumerate(successors):
            for next_block in following:
                predecessors[next_block].append(block)
        dominators = _dominators(predecessors)
        loops = {}  # by header, so that several ways back to one header make one loop
        for block, following in enumerate(successors):
            for header in following:
                if header in dominators[block]:
                    loops.setdefault(header, {header}).update(_reaching(block, header, predecessors))
        bodies = list(loops.values())
        innermost = [body for body in bodies if not any(other < body for other in bodies)]
        return [[i for block in sorted(body) for i in blocks[block]] for body in innermost]

    def _blocks(self):
        """Basic blocks, and for each the blocks that may follow it."""
        addresses = {i.address for i in self.instructions}
        leaders = {i.target for i in self.instructions if i.is_jump and i.target in addresses}
        blocks = []
        is_start = True
        for i in self.instructions:
            if is_start or i.address in leaders:
                blocks.append([])
            blocks[-1].append(i)
            is_start = i.is_jump or not i.falls_through
        index = {block[0].address: number for number, block in enumerate(blocks)}
        successors = []
        for number, block in enumerate(blocks):
            last = block[-1]
            following = [index[last.target]] if last.is_jump and last.target in index else []
            if last.falls_through and number + 1 < len(blocks):
                following.append(number + 1)
            successors.append(following)
        return blocks, successors


def _dominators(predecessors):
    """For each block the blocks that every way to it passes, itself included; none for unreachable blocks."""
    everything = set(range(len(predecessors)))
    dominators = [{0}] + [everything] * (len(predecessors) - 1)
    changed = True
    while changed:
        changed = False
        for block in range(1, len(predecessors)):
            ways = [dominators[p] for p in predecessors[block]]
            new = {block} | set.intersection(*ways) if ways else everything
            changed = changed or new != dominators[block]
            dominators[block] = new
    return [d if d != everything or block == 0 else set() for block, d in enumerate(dominators)]


def _reaching(block, header, predecessors):
    """The blocks from which `block` is reached without passing `header`."""
    found, waiting = {header}, [block]
    while waiting:
        next_block = waiting.pop()
        if next_block not in found:
            found.add(next_block)
            waiting += predecessors[next_block]
    return found


def demangled(text):
    return _run("swift", "demangle", "--compact", input=text)


def functions(path):
    """All functions of an object file, their names demangled."""
    found = []
    listing = _run("objdump", "-dr", "--no-show-raw-insn", path)
    for line in listing.splitlines():
        if match := HEADING.match(line):
            found.append(Function(match[1]))
        elif match := INSTRUCTION.match(line):
            found[-1].instructions.append(Instruction(int(match[1], 16), match[2], match[3]))
        elif match := RELOCATION.match(line):
            if found and found[-1].instructions:
                found[-1].instructions[-1].symbol = match[1]
    names = [f.name for f in found] + sorted({i.symbol for f in found for i in f.instructions if i.symbol})
    clear = dict(zip(names, demangled("\n".join(names)).splitlines()))
    for function in found:
        function.name = clear[function.name]
        for instruction in function.instructions:
            instruction.symbol = clear.get(instruction.symbol)
    return found


def weak_code(path):
    """The demangled names of an object file's weak symbols of code: what the linker may merge across objects."""
    lines = [line.split(maxsplit=2) for line in _run("nm", "--defined-only", path).splitlines()]
    names = [line[2] for line in lines if line[1] == "W"]
    return demangled("\n".join(names)).splitlines() if names else []


def _run(*command, input=None):
    return subprocess.run(command, input=input, capture_output=True, text=True, check=True).stdout
