"""Runs one command, ends its whole tree when told to, and writes down how it ended, whoever else has died meanwhile.

Started by `evallab.runtimes.local.shim_process` as `python -I -S shim.py OPTIONS -- COMMAND…`. It is a program of its
own: it imports nothing of evallab, and of the standard library only what starts fast (no argparse, json, pathlib or
subprocess: they double the time to the adapter's first instruction).

    --directory D   gets started.json before the command starts, exit.json after its last process ended;
                    a file `stop` there holds the seconds of grace of a stop signal
    --log F         what the command writes is appended, through a pipe; when it came is noted beside it (`line_times`)
    --log-limit N   so many bytes of it are kept (`bounded_log`)
    --about JSON    kept as it is in started.json
    --header TEXT   a line for the log
    --leash-fd N    a pipe whose other end the starter holds, or -1; its end ends the tree
    --grace S       seconds between TERM and KILL when the leash broke
    --limit-X N     X of core, as, nofile, nproc: a resource limit of the command

The first line on stdout is `started`, `exists` (this directory was started before: nothing is done) or an error.
"""
# ruff: noqa: PTH104, PTH108, PTH123

import ctypes
import os
import resource
import select
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING or __package__:
    import signal

    from evallab.runtimes.local.bounded_log import BoundedLog
    from evallab.runtimes.local.descent import Tree, stat_fields
else:
    import _signal as signal  # what `signal` adds to it are enums, whose import takes longer than ours

    sys.path.append(__file__.rpartition("/")[0])
    from bounded_log import BoundedLog
    from descent import Tree, stat_fields

PR_SET_CHILD_SUBREAPER = 36
GRACE_AFTER_EXIT = 2.0  #: for what the command left running when it ended by itself
KILL_AGAIN_MS = 20
READ_AT_ONCE = 1024 * 1024
EXIT_BYTES = 256  #: kept free for exit.json from the start, so that a full disk does not hide how the command ended
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
RESET_SIGNALS = (*STOP_SIGNALS, signal.SIGCHLD, signal.SIGPIPE, signal.SIGXFSZ, signal.SIGQUIT)
LIMITS = {
    "--limit-core": resource.RLIMIT_CORE,
    "--limit-as": resource.RLIMIT_AS,
    "--limit-nofile": resource.RLIMIT_NOFILE,
    "--limit-nproc": resource.RLIMIT_NPROC,
}


class Watch:
    """Over a tree, until nothing of it is left: knows why, and until when, it is being ended."""

    def __init__(self, tree: Tree, log: BoundedLog, *, wakeup: int, leash: int, output: int) -> None:
        """Take what to listen to: the pipe of signals, the leash (-1 for none), and what the command writes."""
        self.tree, self.log, self.wakeup, self.leash, self.output = tree, log, wakeup, leash, output
        self.directory, self.grace = "", 0.0
        self.deadline: float | None = None
        self.stopped = self.orphaned = False

    def run(self) -> None:
        """Return when no process of the tree is left."""
        poller = select.poll()
        for fd in (self.wakeup, self.leash, self.output):
            if fd >= 0:
                poller.register(fd, select.POLLIN)
        while self.tree.reap():
            if self.tree.status is not None:
                self.end(min(self.grace, GRACE_AFTER_EXIT))
            if self.over():
                self.tree.send(signal.SIGKILL)
            for fd, _ in poller.poll(self.wait_ms()):
                data = os.read(fd, READ_AT_ONCE)
                self.heard(fd, data)
                if not data:
                    poller.unregister(fd)
        self.drain()

    def heard(self, fd: int, data: bytes) -> None:
        """Judge what came: words of the command, signals, or the end of the leash."""
        if fd == self.output:
            self.log.write(data)
        if fd == self.leash and not data:
            self.orphaned |= self.tree.status is None
            self.end(self.grace)
        if fd == self.wakeup and any(number in data for number in STOP_SIGNALS):
            self.stopped |= self.tree.status is None
            self.end(stop_grace(self.directory, self.grace))

    def drain(self) -> None:
        """Keep the last words; everybody who could write more is gone, or out of our reach."""
        os.set_blocking(self.output, False)
        try:
            while data := os.read(self.output, READ_AT_ONCE):
                self.log.write(data)
        except BlockingIOError:
            pass
        self.log.finish()

    def end(self, grace: float) -> None:
        """Tell the tree once to end; a later call can only shorten the grace period."""
        deadline = time.monotonic() + grace
        if self.deadline is None:
            self.tree.send(signal.SIGTERM, signal.SIGCONT)  # who is stopped could not hear a TERM
        self.deadline = deadline if self.deadline is None else min(deadline, self.deadline)

    def over(self) -> bool:
        """Say whether the grace period is over."""
        return self.deadline is not None and time.monotonic() >= self.deadline

    def wait_ms(self) -> int | None:
        """Return for how long nothing has to be done unless something is heard."""
        if self.deadline is None:
            return None
        return max(KILL_AGAIN_MS, int((self.deadline - time.monotonic()) * 1000) + 1)


def stop_grace(directory: str, default: float) -> float:
    """Return the grace period that the one who sent the signal asked for."""
    try:
        with open(f"{directory}/stop", encoding="utf-8") as file:
            return float(file.read())
    except (OSError, ValueError):
        return default


def become_reaper() -> None:
    """Lead a session of our own, and inherit every descendant that loses its parent."""
    if os.getsid(0) != os.getpid():
        os.setsid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER) failed")


def catch_signals() -> int:
    """Turn signals into bytes of a pipe, so that none is lost between looking and waiting; return its end to read."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    for number in (*STOP_SIGNALS, signal.SIGCHLD):
        signal.signal(number, lambda *_: None)
    return reading


def spawn(command: list[str], output: int, limits: dict[int, int]) -> int:
    """Start the command in a process group of its own; signals wait until it can take them as any program would."""
    signal.pthread_sigmask(signal.SIG_BLOCK, RESET_SIGNALS)
    pid = os.fork()
    if pid == 0:
        become_command(command, output, limits)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, RESET_SIGNALS)
    return pid


def become_command(command: list[str], output: int, limits: dict[int, int]) -> None:
    """Never return: be the command, or say in the log why not, with the exit code a shell would give."""
    code = 126
    try:
        os.setpgid(0, 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        for name, value in limits.items():
            limit(name, value)
        signal.set_wakeup_fd(-1)
        for number in RESET_SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, RESET_SIGNALS)
        os.execvp(command[0], command)  # noqa: S606 - the command is what this program is for
    except FileNotFoundError as error:
        code = 127
        os.write(2, f"evallab: {command[0]}: {error.strerror}\n".encode())
    except (OSError, ValueError) as error:
        os.write(2, f"evallab: {command[0]}: {error}\n".encode())
    finally:
        os._exit(code)


def limit(name: int, value: int) -> None:
    """Set a resource limit; one that is stricter already, and that we may not raise, stays."""
    try:
        resource.setrlimit(name, (value, value))
    except (ValueError, PermissionError):
        _, most = resource.getrlimit(name)
        resource.setrlimit(name, (most, most))


def now() -> str:
    """Return the time as ISO 8601, without the price of importing datetime."""
    seconds = time.time()
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{int(seconds % 1 * 1e6):06d}+00:00"


def record_start(directory: str, about: str) -> bool:
    """Write started.json unless it is there; a hard link is atomic and never replaces."""
    with open("/proc/sys/kernel/random/boot_id", encoding="utf-8") as file:
        boot_id = file.read().strip()
    temporary, room = f"{directory}/.started.{os.getpid()}", f"{directory}/.exit.{os.getpid()}"
    with open(room, "w", encoding="utf-8") as file:
        file.write(" " * EXIT_BYTES)
    with open(temporary, "w", encoding="utf-8") as file:
        file.write(
            f'{{"pid":{os.getpid()},"start_time":{int(stat_fields("self")[19])},"boot_id":"{boot_id}",'
            f'"started_at":"{now()}","about":{about}}}\n'
        )
    try:
        os.link(temporary, f"{directory}/started.json")
    except FileExistsError:
        os.unlink(room)
        return False
    finally:
        os.unlink(temporary)
    os.rename(room, f"{directory}/.exit")
    return True


def record_exit(watch: Watch) -> None:
    """Write exit.json so that it is there whole, or not at all, also after a power cut."""
    status = watch.tree.status or 0
    code, number = (os.WEXITSTATUS(status), "null") if os.WIFEXITED(status) else ("null", os.WTERMSIG(status))
    temporary = f"{watch.directory}/.exit"
    text = (
        f'{{"code":{code},"signal":{number},"orphaned":{str(watch.orphaned).lower()},'
        f'"stopped":{str(watch.stopped).lower()},"finished_at":"{now()}"}}'
    )
    with open(temporary, "r+", encoding="utf-8") as file:
        file.write(text.ljust(EXIT_BYTES - 1) + "\n")
        file.flush()
        os.fsync(file.fileno())
    os.rename(temporary, f"{watch.directory}/exit.json")
    entry = os.open(watch.directory, os.O_RDONLY)
    os.fsync(entry)
    os.close(entry)


def say(line: str) -> None:
    """Tell the starter how it went; it may be dead already."""
    try:
        os.write(1, line.encode())
    except OSError:
        return


def main(arguments: list[str]) -> None:
    """Run one command."""
    end = arguments.index("--")
    options, command = dict(zip(arguments[:end:2], arguments[1:end:2], strict=True)), arguments[end + 1 :]
    directory, leash = options["--directory"], int(options["--leash-fd"])
    become_reaper()
    if leash >= 0:
        os.set_inheritable(leash, False)
    wakeup = catch_signals()
    log = BoundedLog(options["--log"], limit=int(options["--log-limit"]))
    if not record_start(directory, options["--about"]):
        say("exists\n")
        return
    if options["--header"]:
        log.write(f"{options['--header']}\n".encode())
    output, theirs = os.pipe()
    tree = Tree(spawn(command, theirs, {LIMITS[name]: int(options[name]) for name in LIMITS if name in options}))
    os.close(theirs)
    say("started\n")
    os.dup2(log.fd, 1)
    os.dup2(log.fd, 2)
    watch = Watch(tree, log, wakeup=wakeup, leash=leash, output=output)
    watch.directory, watch.grace = directory, float(options["--grace"])
    watch.run()
    record_exit(watch)


if __name__ == "__main__":
    main(sys.argv[1:])
