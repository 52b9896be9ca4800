"""What hostile code may use: plain values, cheap to import."""

from dataclasses import dataclass

MIB = 2**20


@dataclass(frozen=True)
class SandboxLimits:
    """Limits of one run: seconds of CPU and of wall clock, bytes, processes and threads.

    `memory` is of all processes together, `scratch` of the files they write, `output` of the one
    file that comes back.
    """

    cpu_s: float = 20.0
    wall_s: float = 30.0
    memory: int = 2048 * MIB
    processes: int = 256
    scratch: int = 256 * MIB
    output: int = 32 * MIB


DEFAULT_LIMITS = SandboxLimits()
