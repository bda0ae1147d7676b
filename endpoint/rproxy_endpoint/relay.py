"""The command's end of a resident endpoint: brings what came with the command there, and prints what it answers.

Rules: the resident's socket is in a folder that is this user's alone; one is started only for the first request of
a client, and only where none answers, under a lock; this process loads next to nothing, since each call has one.
"""

import fcntl
import os
import signal
import socket
import stat
import sys
from typing import List, Optional

from .letters import Letter, remove
from .wire import GONE, LATE, NEVER, RUNNING, receive, send


def relay(words: List[str]) -> None:
    """Brings the bytes of a `Letter` to the resident endpoint that the next four words tell of; the words after
    them are files that are to go.

    ``NAME`` names the endpoint's socket; ``IDLE`` is after how many seconds without a request it ends, for one
    that has to be started; ``WAY`` is ``start`` if it may be, and ``end`` if it is to be killed where it does not
    answer in time; ``WAIT`` is how many seconds to wait for the answer, or 0 for any time. The call goes on after
    that.
    """
    name, idle, way, wait = words[6:10]
    for path in words[10:]:
        remove(path)
    letter = Letter(words[:6])
    data = letter.read()
    try:
        connection = _connect(name, float(idle), way == "start")
    except OSError as error:
        letter.say("barred")
        sys.exit("no resident endpoint can be started: %s" % error)
    if connection is None:
        letter.say("gone")
        sys.exit("no resident endpoint answers at %s" % socket_path(name))
    answer = ask(connection, data, float(wait))
    if answer is RUNNING and way == "end":
        os.kill(other_end(connection), signal.SIGKILL)  # it is in machine code, or stopped; its guard does the rest
        answer = b""
    if answer is None:
        sys.exit("the resident endpoint has ended during the call")
    if answer is RUNNING and is_stopped(connection):
        sys.exit("the resident endpoint is stopped (SIGSTOP), and goes on when it gets SIGCONT")
    if answer in (GONE, LATE, NEVER, RUNNING):
        letter.say(answer.decode("ascii"))
    else:
        letter.answer(answer)


def socket_path(name: str) -> str:
    # Not below the home: sockets need a file system of this very host, and short paths.
    return "/tmp/rproxy-%d/%s" % (os.getuid(), name)


def _connect(name: str, idle: float, start: bool) -> Optional[socket.socket]:
    """A connection to the resident endpoint of that name; starts it if it may."""
    path = socket_path(name)
    if start:
        folder = private_folder(os.path.dirname(path))
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)  # which all sessions share: nothing below waits for another one
            if not _listens(path):
                _tidy(os.path.dirname(path))
                _start(path, idle)
        finally:
            os.close(folder)
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.connect(path)
        return connection
    except OSError:
        connection.close()
        return None


def _listens(path: str) -> bool:
    """Whether a process has that socket, also one that lets nobody in: it is stopped, say."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.setblocking(False)
        try:
            connection.connect(path)
        except BlockingIOError:
            return True  # as many as may wait there do already
        except OSError:
            return False
        return True


def _tidy(folder: str) -> None:
    """Removes the sockets of resident endpoints that were killed; the lock must be held."""
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        try:
            is_socket = stat.S_ISSOCK(os.lstat(path).st_mode)
        except FileNotFoundError:
            continue  # one that ends by itself removes its own
        if is_socket and not _listens(path):
            remove(path)


def private_folder(path: str) -> int:
    """A descriptor of the folder, which is nobody else's. Raises OSError."""
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        pass
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    found = os.fstat(folder)
    if found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o077:
        raise OSError("%s must be a folder of yours with mode 0700" % path)
    return folder


def _start(path: str, idle: float) -> None:
    """Starts a resident endpoint, and waits until it listens."""
    reading, writing = os.pipe()
    if os.fork():
        os.close(writing)
        os.read(reading, 1)
        os.close(reading)
        return
    os.close(reading)
    os.setsid()
    never, kept = os.pipe()  # its input never ends: it has no client whose end it could miss
    os.dup2(never, 0)
    entries = list(sys.path)
    sys.path[:] = filter(None, entries)  # files of the current directory must not stand in for what is imported
    from . import arriving, guard, holding, overlay
    from .door import Door
    from .resident import Resident

    sys.path[:] = entries
    for descriptor in range(3, 256):
        if descriptor not in (writing, kept):
            try:
                os.close(descriptor)
            except OSError:
                continue  # it was not open
    home = os.path.dirname(arriving.HERE)
    holding.hold(home)
    overlay.activate(os.path.dirname(home))
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(path)
    listener.listen(64)
    null = os.open(os.devnull, os.O_RDWR)
    for output in (1, 2):  # until here the command tells what goes wrong; from here it must not wait
        os.dup2(null, output)
    os.close(null)
    os.close(writing)
    guard.settle(guard.lead_group())
    resident = Resident(listener, path, idle)
    Door(resident)
    resident.serve()


def ask(connection: socket.socket, data: bytes, wait: float) -> Optional[bytes]:
    """What the resident endpoint answers; `RUNNING` if it has not in time, None if it ends before."""
    connection.settimeout(wait or None)
    try:
        send(connection, data)
        return receive(connection)
    except socket.timeout:
        return RUNNING
    except OSError:
        return None


def is_stopped(connection: socket.socket) -> bool:
    """Whether the process at the other end was stopped by a signal, as far as this system tells."""
    try:
        with open("/proc/%d/stat" % other_end(connection), "rb") as file:
            return file.read().rpartition(b") ")[2][:1] in (b"T", b"t")
    except OSError:
        return False  # not Linux, or it has just ended


def other_end(connection: socket.socket) -> int:
    """The process at the other end. Raises OSError where the system does not tell."""
    if not hasattr(socket, "SO_PEERCRED"):
        raise OSError("not Linux")
    return int.from_bytes(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 4), sys.byteorder)
