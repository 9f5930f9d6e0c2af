"""Plants faults in assembled samples of every kernel and sees each caught: an audit that cannot fail proves nothing."""

import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

from audit import INSTRUCTION_SETS, KERNELS, Audit


def run():
    cases = failures = 0
    for isa in INSTRUCTION_SETS:
        clean = sample(isa)
        for fault, (text, expected) in {"nothing": (clean, None), **faults(isa, clean)}.items():
            cases += 1
            complaints = audited(isa, text)
            caught = any(expected in complaint for complaint in complaints) if expected else not complaints
            if not caught or (expected and text == clean):
                failures += 1
                print(f"audit: self-test: {isa.tag} with {fault}: {complaints or 'no complaint'}", file=sys.stderr)
    print(f"audit: self-test: {cases - failures} of {cases} samples judged right")
    return 1 if failures else 0


def faults(isa, clean):
    """By name, a spoilt sample and a part of the complaint about it."""
    move, multiply, register = "vmovups" if isa.is_wide else "movups", multiply_add(isa), f"{isa.register}1"
    helper = "generic specialization <Swift.Int32> of Kernels.helper(A) -> A"

    tile = isa.kernels[0] if isa.kernels else "ConvolutionTile"

    def inside(text):
        return clean.replace(f"# inside {tile}\n", f"{text}\n")

    def outside(text):
        return clean.replace(f"# outside {tile}\n", f"{text}\n")

    found = {
        "a spill": (inside(f"{move} {register},-0x40(%rbp)"), "spills: "),
        "a spill in straight code": (
            clean.replace("# outside WinogradOutput\n", f"{move} {register},-0x40(%rbp)\n"), "spills: "),
        "a reload": (inside(f"{move} 0x20(%rsp),{register}"), "spills: "),
        "a load": (inside(f"{move} (%rdx),{register}"), "moves more than"),
        "a store": (inside(f"{move} {register},(%rdx)"), "moves more than"),
        "a multiply-add more": (inside(multiply), "is no multiple of"),
        "a call in a loop": (inside("call swift_retain"), "leaves: "),
        "a call": (outside("call swift_release"), "calls swift_release"),
        "an indirect call": (outside("call *%rax"), "calls call *%rax"),
        "a tail call": (outside("jmp swift_release"), "calls swift_release"),
        "no loop": (clean.replace(f"jne 1b # {tile}", "nop"), "has no loop of"),
        "no kernel": (clean.replace("static Kernels.WinogradOutputBlocks.", "static Kernels.Else."), "has no WinogradOutput"),
        "a kernel unlisted": (clean + function(isa, "Kernels.Else", multiply), "is none of the kernels listed"),
        "an argument more": (clean.replace(", 2, 3", ", 2, 2, 3"), "generic arguments, listed are"),
        "weak code": (clean + named(helper, "ret"), "holds no wide instruction"),
    }
    if isa.is_wide:
        narrow = {"%ymm": "%xmm", "%zmm": "%ymm"}[isa.register]
        found["narrow code"] = (clean.replace(multiply, multiply.replace(isa.register, narrow)), "narrow: ")
        found["wide weak code"] = (clean + named(helper, "vpxor %xmm0,%xmm0,%xmm0"), "holds `vpxor")
    else:
        found["narrow code"] = (clean.replace("mulps", "mulpd"), "narrow: ")
        found["wide code"] = (clean + function(isa, "Kernels.Else", "vpxor %xmm0,%xmm0,%xmm0"), "wide code in")
    return found


def sample(isa):
    """Assembly of every kernel with all that is listed, each loop once as it is and once unrolled."""
    text = ""
    for kernel in KERNELS:
        if isa.kernels and kernel.name not in isa.kernels:
            continue
        arguments = dict(zip(kernel.arguments.split(), range(2, 100)))
        body = f"push %rbp\nmov %rsp,%rbp\n# outside {kernel.name}\n"
        for loop in kernel.loops(isa.values(arguments, arguments.values())) if kernel.loops else []:
            for steps in [1, 2]:
                move = "vmovups" if isa.is_wide else "movups"
                step = f"{move} (%rsi),{isa.register}0\n" * loop.loads + f"{multiply_add(isa)}\n" * loop.multiply_adds
                step += ("vaddps %v1,%v2,%v3\n" if isa.is_wide else "addps %v1,%v2\n") * loop.adds
                step += f"{move} {isa.register}3,(%rdi)\n" * loop.stores
                body += f"1:\n# inside {kernel.name}\n{step * steps}dec %rcx\njne 1b # {kernel.name}\n"
        numbers = "".join(f", {value}" for value in arguments.values())
        text += function(isa, f"{kernel.function})", body.replace("%v", isa.register), numbers, kernel.of_pairs)
    return text


def multiply_add(isa):
    text = "vfmadd231ps %v0,%v1,%v2" if isa.is_wide else "mulps %v0,%v1\naddps %v1,%v2"
    return text.replace("%v", isa.register)


def function(isa, name, body, numbers="", of_pairs=False):
    tag = f"{isa.module}.{isa.tag}"
    if of_pairs:
        tag = f"Kernels.PairProducts<{tag}>"
    return named(f"generic specialization <{tag}{numbers}> of {name}", f"{body}\nret")


def named(name, body):
    return f'.weak "{name}"\n"{name}":\n{body}\n'


def audited(isa, text):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sample.o"
        subprocess.run(["as", "-o", path, "-"], input=text, text=True, check=True)
        return Audit(isa).run([path]).complaints
