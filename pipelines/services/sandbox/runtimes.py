"""What a sandbox sees of this machine: read-only folders, and the few variables a tool needs.

A path here may be another one inside, so that hostile code does not learn where things lie.
"""

import functools
import os
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

_PREFIX = "/runtime/python"
_PACKAGES = "/runtime/packages"
_SYSTEM_FOLDERS = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_SYSTEM_FILES = ("/etc/ld.so.cache", "/etc/fonts", "/var/cache/fontconfig")


@dataclass(frozen=True)
class Runtime:
    """Parts that a tool needs besides the system's own folder of programs.

    `mounts` are pairs (path here, path inside), read only. `proc` shows the sandbox's own
    processes, `shared_memory` gives /dev/shm and anonymous memory files. `huge_address_space` is
    for tools that reserve far more addresses than they use, as V8 does.
    """

    mounts: tuple[tuple[str, str], ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    proc: bool = False
    shared_memory: bool = False
    huge_address_space: bool = False


def python_runtime() -> Runtime:
    """This interpreter and the packages beside it."""
    paths = [sysconfig.get_path("purelib")]
    mounts = [(paths[0], _PACKAGES)]
    environment = [
        ("PYTHONPATH", _PACKAGES),
        ("PYTHONDONTWRITEBYTECODE", "1"),
        ("PYTHONHASHSEED", "0"),
        ("PYTHONNOUSERSITE", "1"),
    ]
    if not _is_system(sys.base_prefix):
        mounts.append((os.path.realpath(sys.base_prefix), _PREFIX))
        environment.append(("LD_LIBRARY_PATH", f"{_PREFIX}/lib"))
    return Runtime(mounts=tuple(mounts), environment=tuple(environment))


def inside_python() -> str:
    """The path of this interpreter in a sandbox that has `python_runtime()`."""
    program = f"python{sys.version_info.major}.{sys.version_info.minor}"
    if _is_system(sys.base_prefix):
        return f"{os.path.realpath(sys.base_prefix)}/bin/{program}"
    return f"{_PREFIX}/bin/{program}"


@functools.cache
def system_arguments() -> tuple[str, ...]:
    """bubblewrap's arguments for programs, libraries and fonts of the system."""
    arguments: list[str] = []
    for folder in _SYSTEM_FOLDERS:
        if os.path.islink(folder):
            arguments += ["--symlink", os.readlink(folder), folder]
        elif os.path.isdir(folder):
            arguments += ["--ro-bind", folder, folder]
    for path in _SYSTEM_FILES:
        if os.path.exists(path):
            arguments += ["--ro-bind", path, path]
    return tuple(arguments)


def outside(text: str, runtimes: tuple[Runtime, ...]) -> str:
    """A path inside as the path here, for a command that runs without a sandbox."""
    for runtime in runtimes:
        for here, inside in runtime.mounts:
            text = text.replace(inside, here)
    return text


def _is_system(prefix: str) -> bool:
    return Path(os.path.realpath(prefix)).is_relative_to("/usr")
