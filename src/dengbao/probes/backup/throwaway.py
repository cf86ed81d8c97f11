"""A throw-away server for one trial restore: own folder, own user, no network, gone afterwards.

The folder is named after the process that made it. Where that process was killed, the next run finds the
folder, ends what still runs out of it and removes it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ...errors import ProbeIncapable
from .streams import Undecided, size_zh

PREFIX: Final = "dengbao-restore-"
_OWNER: Final = "owner"
_LOOK_EVERY_S: Final = 0.25
_KEEP_FREE_BYTES: Final = 256 * 1024 * 1024
_END_S: Final = 20.0
_NOBODY: Final = "nobody"
# Nothing of the operator's shell reaches the server, so that no setting of his steers it.
_ENVIRONMENT: Final = {"PATH": os.defpath, "LC_ALL": "C.UTF-8", "LANG": "C.UTF-8", "TZ": "UTC"}


@dataclass(frozen=True)
class Bounds:
    """How long a restore may take, and how much disk."""

    ends_at: float
    disk_bytes: int = 8 * 1024**3
    stop: threading.Event = field(default_factory=threading.Event)

    def left_s(self) -> float:
        """Return the seconds that are left."""
        return max(self.ends_at - time.monotonic(), 0.0)


@dataclass(frozen=True)
class Identity:
    """The unprivileged user that servers run as, where we are root; else ourselves."""

    uid: int | None
    gid: int | None

    @classmethod
    def find(cls) -> Identity:
        """Return `nobody` for root, and nothing to change for everybody else."""
        if os.name != "posix":
            raise ProbeIncapable("试恢复暂只支持在 Linux 上运行", cure="换用 Linux 测试机，或人工恢复并举证")
        if os.geteuid() != 0:
            return cls(None, None)
        for line in Path("/etc/passwd").read_text(encoding="utf-8", errors="replace").splitlines():
            name, *fields = line.split(":")
            if name == _NOBODY and len(fields) > 2 and fields[1].isdecimal() and fields[2].isdecimal():
                return cls(int(fields[1]), int(fields[2]))
        raise ProbeIncapable("本机没有 nobody 账户，不以 root 运行恢复用的数据库", cure="换用普通账户运行")


class Throwaway:
    """A private folder and the processes started in it; `why` says what ended them early."""

    def __init__(self, folder: Path, identity: Identity, bounds: Bounds) -> None:
        self.folder = folder
        self.identity = identity
        self.bounds = bounds
        self.why: Undecided | None = None
        self._running: list[subprocess.Popen[bytes]] = []
        self._cage, self._changes_user = _cage(identity)
        self._done = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Throwaway:
        """Begin to watch time and disk."""
        self._watcher.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        """End everything that runs."""
        self._done.set()
        self.end()
        self._watcher.join(_END_S)

    def make(self, name: str) -> Path:
        """Make a folder that the server's user owns."""
        place = self.folder / name
        place.mkdir(mode=0o700)
        self.give(place)
        return place

    def give(self, place: Path) -> None:
        """Hand a file or folder over to the server's user."""
        if self.identity.uid is not None and self.identity.gid is not None:
            os.chown(place, self.identity.uid, self.identity.gid)

    def start(
        self, command: Sequence[str | Path], *, stdout: int = subprocess.DEVNULL
    ) -> subprocess.Popen[bytes]:
        """Start a process as the unprivileged user, without network where the system can do that."""
        log = self.folder / "server.log"
        user = None if self._changes_user else self.identity.uid
        with log.open("ab") as out:
            try:
                process = subprocess.Popen(
                    [*self._cage, *(str(one) for one in command)],
                    stdin=subprocess.DEVNULL, stdout=stdout, stderr=out, cwd=self.folder,
                    env={**_ENVIRONMENT, "HOME": str(self.folder), "TMPDIR": str(self.folder)},
                    user=user, group=None if user is None else self.identity.gid,
                    extra_groups=None if user is None else [], start_new_session=True,
                )  # fmt: skip
            except OSError as exc:
                raise ProbeIncapable(
                    f"无法启动 {Path(str(command[0])).name}（{exc.strerror or exc}）", cure="检查其安装"
                ) from exc
        self._running.append(process)
        return process

    def run(self, command: Sequence[str | Path]) -> int:
        """Run a tool to its end and return its exit code; it is killed with everything else at the end."""
        return self.start(command).wait()

    def ready(self, process: subprocess.Popen[bytes], look: Callable[[], bool]) -> None:
        """Wait until the server answers.

        Raises:
            ProbeIncapable: it ended instead.
            Undecided: time or disk is up.

        """
        while not look():
            if process.poll() is not None:
                raise self.why or ProbeIncapable(
                    "恢复用的数据库未能启动", cure="检查本机 PostgreSQL 或 MariaDB 的安装与临时目录空间"
                )
            if self._done.wait(0.02):
                break
        self.check()

    def check(self) -> None:
        """Stop where time or disk is up.

        Raises:
            Undecided: it is.

        """
        if self.why is not None:
            raise self.why

    def end(self) -> None:
        """Kill every process of the folder and reap it."""
        for process in reversed(self._running):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
        for process in self._running:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_END_S)
        _end_those_of(self.folder)

    def _watch(self) -> None:
        begun = shutil.disk_usage(self.folder).free
        while not self._done.wait(_LOOK_EVERY_S):
            free = shutil.disk_usage(self.folder).free
            used = begun - free
            if self.bounds.stop.is_set() or not self.bounds.left_s():
                self.why = Undecided("试恢复未在时限内完成，已停止")
            elif free < _KEEP_FREE_BYTES or used > self.bounds.disk_bytes:
                self.why = Undecided(
                    f"试恢复占用磁盘超过上限（{size_zh(self.bounds.disk_bytes)}）或磁盘将满，已停止"
                )
            if self.why is not None:
                self.end()
                return


def _cages(identity: Identity) -> Iterator[tuple[list[str], bool]]:
    """Yield words to put before a command, best first, and whether they change the user themselves.

    They take the network away and let the process die with us, as far as this system can do that.
    """
    die = ["setpriv", "--pdeathsig", "KILL"]
    if identity.uid is None:
        yield ["unshare", "-c", "-n", *die], False
        yield die, False
    else:
        become = [*die, f"--reuid={identity.uid}", f"--regid={identity.gid}", "--clear-groups"]
        yield ["unshare", "-n", *become], True
        yield become, True
    yield [], False


def _cage(identity: Identity) -> tuple[list[str], bool]:
    return next(one for one in _cages(identity) if _works([*one[0], "true"]))


def _works(command: list[str]) -> bool:
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


@contextmanager
def throwaway(bounds: Bounds) -> Iterator[Throwaway]:
    """Yield a fresh place for one restore; afterwards nothing of it is left.

    Raises:
        ProbeIncapable: no room on this machine, or no user to run as.

    """
    sweep()
    identity = Identity.find()
    with private_folder() as folder:
        place = Throwaway(folder, identity, bounds)
        place.give(folder)
        with place:
            yield place


@contextmanager
def private_folder() -> Iterator[Path]:
    """Yield an empty folder of our own that is removed at the end, or by the next run's `sweep`.

    Raises:
        ProbeIncapable: no room on this machine.

    """
    try:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX))  # mode 0700
    except OSError as exc:
        raise ProbeIncapable(f"无法建立临时目录（{exc.strerror}）", cure="检查 TMPDIR 的空间与权限") from exc
    try:
        (folder / _OWNER).write_text(f"{os.getpid()} {_born(os.getpid())}\n", encoding="ascii")
        yield folder
    finally:
        _remove(folder)


def sweep() -> int:
    """Remove what killed runs left behind; return how many folders that were."""
    swept = 0
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        if _is_orphan(folder):
            _end_those_of(folder)
            _remove(folder)
            swept += 1
    return swept


def _is_orphan(folder: Path) -> bool:
    """Tell whether the folder is ours and the process that made it is gone."""
    try:
        state = folder.lstat()
        pid, _, born = (folder / _OWNER).read_text(encoding="ascii").strip().partition(" ")
        mine = (folder / _OWNER).stat().st_uid == os.geteuid()
    except (OSError, UnicodeDecodeError):
        return False
    if not mine or not pid.isdecimal() or folder.is_symlink() or not state:
        return False
    return _born(int(pid)) != born


def _born(pid: int) -> str:
    """Return when a process began, nothing where there is none; a reused number has another birth."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
    return text.rpartition(")")[2].split()[19]


def _end_those_of(folder: Path) -> None:
    """Kill the processes whose working folder is this one: they can be nobody's but ours."""
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (entry / "cwd").resolve().is_relative_to(folder) and int(entry.name) != os.getpid():
                os.kill(int(entry.name), signal.SIGKILL)


def _remove(folder: Path) -> None:
    for _ in range(50):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(0.05)  # a process that is just dying may still write
