"""A seccomp filter: system calls that no renderer needs and that attacks begin with are refused.

The filter is classic BPF as the kernel takes it (Linux, Documentation/userspace-api/
seccomp_filter.rst): instructions of 8 bytes, `u16 code, u8 jt, u8 jf, u32 k`. It is a second line;
the namespaces, the missing capabilities and the limits hold without it.
"""

import errno
import functools
import platform
import struct

_LOAD, _IF_EQUAL, _IF_AT_LEAST, _IF_ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16
_ALLOW, _REFUSE, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
# CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET
_NEW_NAMESPACES = 0x7E020000
_X32 = 0x40000000
# AF_UNIX, AF_INET, AF_INET6, AF_NETLINK; others (AF_VSOCK) are not bound to a network namespace.
_FAMILIES = (1, 2, 10, 16)

# name: (x86-64, arm64); from the kernel's syscall_64.tbl and asm-generic/unistd.h.
_REFUSED = {
    "acct": (163, 89),
    "add_key": (248, 217),
    "adjtimex": (159, 171),
    "bpf": (321, 280),
    "chroot": (161, 51),
    "clock_adjtime": (305, 266),
    "clock_settime": (227, 112),
    "delete_module": (176, 106),
    "fanotify_init": (300, 262),
    "finit_module": (313, 273),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fsopen": (430, 430),
    "fspick": (433, 433),
    "init_module": (175, 105),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "io_uring_setup": (425, 425),
    "kexec_file_load": (320, 294),
    "kexec_load": (246, 104),
    "keyctl": (250, 219),
    "migrate_pages": (256, 238),
    "mount": (165, 40),
    "mount_setattr": (442, 442),
    "move_mount": (429, 429),
    "move_pages": (279, 239),
    "mq_open": (240, 180),
    "msgget": (68, 186),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "open_tree": (428, 428),
    "perf_event_open": (298, 241),
    "pidfd_getfd": (438, 438),
    "pivot_root": (155, 41),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "ptrace": (101, 117),
    "quotactl": (179, 60),
    "reboot": (169, 142),
    "request_key": (249, 218),
    "semget": (64, 190),
    "setns": (308, 268),
    "settimeofday": (164, 170),
    "shmget": (29, 194),
    "swapoff": (168, 225),
    "swapon": (167, 224),
    "syslog": (103, 116),
    "umount2": (166, 39),
    "unshare": (272, 97),
    "userfaultfd": (323, 282),
}
_MEMORY_FILES = {"memfd_create": (319, 279), "memfd_secret": (447, 447)}
_CLONE, _CLONE3, _SOCKET = (56, 220), 435, (41, 198)
_MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}


@functools.cache
def filter_program(memory_files: bool = False) -> bytes:
    """The filter for this machine, b"" for an architecture that has none here.

    `memory_files` allows anonymous files in memory, which no limit but a cgroup's counts.
    """
    if platform.machine() not in _MACHINES:
        return b""
    column, architecture = _MACHINES[platform.machine()]
    refused = dict(_REFUSED) if memory_files else _REFUSED | _MEMORY_FILES
    steps = [_step(_LOAD, _ARCHITECTURE), _step(_IF_EQUAL, architecture, 1, 0), _end(_KILL)]
    steps += [_step(_LOAD, _NUMBER), _step(_IF_AT_LEAST, _X32, 0, 1), _end(_KILL)]
    for numbers in refused.values():
        steps += [_step(_IF_EQUAL, numbers[column], 0, 1), _end(_REFUSE | errno.EPERM)]
    # Its flags lie in memory, where a filter cannot look; the C library then takes clone.
    steps += [_step(_IF_EQUAL, _CLONE3, 0, 1), _end(_REFUSE | errno.ENOSYS)]
    steps += _no_new_namespaces(_CLONE[column]) + _known_families(_SOCKET[column])
    return b"".join([*steps, _end(_ALLOW)])


def _no_new_namespaces(clone: int) -> list[bytes]:
    return [
        _step(_IF_EQUAL, clone, 0, 4),
        _step(_LOAD, _FIRST_ARGUMENT),
        _step(_IF_ANY_BIT, _NEW_NAMESPACES, 0, 1),
        _end(_REFUSE | errno.EPERM),
        _end(_ALLOW),
    ]


def _known_families(socket: int) -> list[bytes]:
    known = []
    for family in _FAMILIES:
        known += [_step(_IF_EQUAL, family, 0, 1), _end(_ALLOW)]
    body = [_step(_LOAD, _FIRST_ARGUMENT), *known, _end(_REFUSE | errno.EAFNOSUPPORT)]
    return [_step(_IF_EQUAL, socket, 0, len(body)), *body]


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)


def _end(verdict: int) -> bytes:
    return _step(_RETURN, verdict)
