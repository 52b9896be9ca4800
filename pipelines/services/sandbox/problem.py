"""Says in one line why there is no sandbox on this machine, and what would give one."""

import functools
import platform
import shutil
import subprocess
from pathlib import Path

from pipelines.services.sandbox import user_ids
from schemas.errors import MissingPart

_START_S = 20.0
_PACKAGES = {"bwrap": "bubblewrap", "setpriv": "util-linux", "unshare": "util-linux"}
# (file, the value that forbids, what to do)
_SWITCHES = (
    (
        "/proc/sys/kernel/unprivileged_userns_clone",
        "0",
        "sysctl kernel.unprivileged_userns_clone=1",
    ),
    ("/proc/sys/user/max_user_namespaces", "0", "sysctl user.max_user_namespaces=15000"),
    (
        "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
        "1",
        "give bwrap an AppArmor profile with `userns,` or "
        "sysctl kernel.apparmor_restrict_unprivileged_userns=0",
    ),
)


@functools.cache
def sandbox_problem() -> str:
    """Why code cannot be locked in here, with the remedy; "" when it can. Looks once."""
    if platform.system() != "Linux":
        return f"the sandbox needs Linux, and this is {platform.system()}"
    for program, package in _PACKAGES.items():
        if shutil.which(program) is None:
            return f"{program} is not installed: apt-get install {package}"
    said = _try_one()
    return f"bubblewrap cannot make a sandbox: {_remedy() or said}" if said else ""


def require_sandbox() -> None:
    """MissingPart when there is no sandbox."""
    if problem := sandbox_problem():
        raise MissingPart(f"{problem}; without it code of a language model is not run")


def _try_one() -> str:
    """What bubblewrap says when it fails, "" when a program ran in its namespaces."""
    spaces = [f"--unshare-{space}" for space in ("user", "pid", "net", "ipc", "uts")]
    command = ["bwrap", *spaces, "--ro-bind", "/", "/", "--", "/bin/sh", "-c", "exit 0"]
    if user_ids.is_root():
        nobody = ["--reuid", "65534", "--regid", "65534", "--clear-groups"]
        command = ["setpriv", *nobody, "--", *command]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_START_S, check=False)
    except subprocess.TimeoutExpired:
        return f"it did not start within {_START_S:g} s"
    words = done.stderr.decode("utf-8", errors="replace").strip()
    return "" if done.returncode == 0 else words or f"status {done.returncode}"


def _remedy() -> str:
    """The switch that forbids user namespaces, if one does."""
    for path, forbids, remedy in _SWITCHES:
        try:
            value = Path(path).read_text("ascii").strip()
        except OSError:
            continue
        if value == forbids:
            return f"user namespaces are switched off by {path}; {remedy}"
    return ""
