"""Waits for attempts, and becomes the shim of each by a fork: a shim without the time that starting Python takes.

Started by `shim_pool` as `python -I -S shim_waiting.py FD`, of the same kind as the shim (see there): it imports little
and nothing of evallab. FD is a socket of packets, and its end is the end of the one who started us: then nobody is left
who could ask. A packet is one attempt: working directory, number of variables, variables, arguments, with NULs between
them; the pipes that the shim would have got at its start come with it. A packet arrives whole or not at all, so what is
started was asked for in full.
"""

import gc
import os
import sys
import warnings  # noqa: F401 - `os.execvp` needs it: imported here once, not in each attempt

TYPE_CHECKING = False
if TYPE_CHECKING or __package__:
    import signal
    import socket

    from evallab.runtimes.local import shim
else:
    import _signal as signal
    import _socket as socket

    sys.path.append(__file__.rpartition("/")[0])
    import shim

LARGEST = 128 * 1024  #: bytes of a packet
PIPES = 3  #: at most: where to answer, the leash, and one whose end says that the shim has ended
NUMBER = 4  #: bytes of a descriptor's number


def main(control: int) -> None:
    """Fork a shim per packet, until nobody can send one."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel collects those who have ended
    asked = socket.socket(fileno=control)
    os.set_inheritable(control, False)
    gc.freeze()  # what forks share is not looked at, so it is not copied
    while True:
        packet, ancillary, _, _ = asked.recvmsg(LARGEST, socket.CMSG_SPACE(PIPES * NUMBER), socket.MSG_CMSG_CLOEXEC)
        if not packet:
            return
        pipes = descriptors(ancillary[0][2]) if ancillary else []
        if pipes and os.fork() == 0:
            asked.close()
            become_shim(packet, pipes)
            return
        for pipe in pipes:
            os.close(pipe)


def descriptors(data: bytes) -> list[int]:
    """Return the descriptors that came with a packet."""
    return [int.from_bytes(data[at : at + NUMBER], sys.byteorder) for at in range(0, len(data), NUMBER)]


def become_shim(packet: bytes, pipes: list[int]) -> None:
    """Be what `python shim.py` would be with these arguments, this environment and this working directory."""
    os.dup2(pipes[0], 1)
    os.dup2(pipes[0], 2)
    os.close(pipes[0])
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    directory, count, *fields = packet.split(b"\0")
    os.environb.clear()
    for variable in fields[: int(count)]:
        name, _, value = variable.partition(b"=")
        os.environb[name] = value
    os.chdir(directory)
    leash = str(pipes[1]) if len(pipes) > 1 else "-1"
    shim.main(["--leash-fd", leash, *map(os.fsdecode, fields[int(count) :])])


if __name__ == "__main__":
    main(int(sys.argv[1]))
