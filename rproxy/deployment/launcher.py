"""The command lines that start Python on a host.

Rules: a command survives every login shell, quoting and locale; setup lines come first, in bash if there is one,
without the session's input, and their failure is told as theirs; the first Python that is found replaces the
shell, so that no process is left between.

Before the endpoint's own marker its host may say one of these words in the marker's place: ``need`` (the
endpoint is not there: send it), ``old-3.5.2`` (that Python is too old), ``setup-1`` (the setup lines failed,
with that exit code), ``none`` (there is no Python).
"""

import binascii
import functools
import os
import re
import shlex
import zlib
from collections.abc import Callable

from ..connectors.shell import for_any_shell
from .bundle import bundle, read_remote

#: What setup lines may use in every sh: bash, if there is one, else its `source`.
_BASH = """\
[ "$BASH_VERSION" ] || ! command -v bash >/dev/null || exec bash -c 'eval "$(printf %b "$@")"' sh "$@"
[ "$BASH_VERSION" ] || eval 'source() { . "$@"; }'
"""
#: Exported functions of bash are gone where sh is another shell; `module` is found again where it usually is.
_MODULES = """\
command -v {0} >/dev/null 2>&1 || for rproxy_file in /etc/profile.d/*modules.sh /etc/profile.d/*lmod*.sh \
/usr/share/lmod/lmod/init/sh /usr/share/modules/init/sh; do [ -r "$rproxy_file" ] && . "$rproxy_file"; done
"""
_END_HUNG = """\
for rproxy_file in $(grep -l '{}[{}]' /proc/[0-9]*/cmdline 2>/dev/null); do
    rproxy_file=${{rproxy_file#/proc/}}; kill -9 "${{rproxy_file%/cmdline}}" 2>/dev/null
done
"""
#: A guard ignores the first signal, and sees to what the call has started; the second is for who is stopped.
_END_CALL = """\
for rproxy_file in $(grep -l '{}[{}]' /proc/[0-9]*/cmdline 2>/dev/null); do
    rproxy_file=${{rproxy_file#/proc/}}; rproxy_pid=${{rproxy_file%/cmdline}}
    kill "$rproxy_pid" 2>/dev/null && rproxy_ended=yes
    rproxy_group=$(cat "/proc/$rproxy_pid/stat" 2>/dev/null); set -- ${{rproxy_group##*) }}
    [ "$3" = "$rproxy_pid" ] && kill -9 "$rproxy_pid" 2>/dev/null
done
[ "$rproxy_ended" ] && {}
"""
_CHECK = "import sys, zlib; sys.stdout.write('rproxy-python %d.%d.%d' % sys.version_info[:3])"


@functools.cache
def script(name: str) -> str:
    """The text of a script that runs there, without comments and blank lines."""
    text = read_remote(name).decode()
    if name.endswith(".sh"):
        lines = [line.partition(" # ")[0].strip() for line in text.splitlines()]
    else:
        lines = [line.partition("  # ")[0].rstrip() for line in text.splitlines()]
    return "\n".join(line for line in lines if line and not line.startswith("#"))


@functools.cache
def _coded(*names: str) -> str:
    """Scripts of Python as one short line of it."""
    packed = zlib.compress("\n".join(map(script, names)).encode(), 9)
    text = binascii.b2a_base64(packed, newline=False).decode("ascii")
    return f'import binascii,zlib;exec(zlib.decompress(binascii.a2b_base64("{text}")))'


def new_token() -> str:
    """A word that only this start knows: its reverse marks the endpoint's first byte."""
    return os.urandom(8).hex()


def words_of(token: str) -> re.Pattern[bytes]:
    """What a host says in the marker's place."""
    return re.compile(rb"<rproxy:" + token[::-1].encode() + rb"(?:-([a-z]+)-?([^>\s]*))?>")


class Launcher:
    """Makes command lines for one host.

    `python` is the interpreter there, or None to find one; `setup` the shell lines to run before it, `root` the
    folder of endpoints, `tmp` the folder of temporary files (`tmp` in `root` if None); with `deploy` an
    endpoint that is missing is sent; if it is `whole`, a session begins with all of it, and asks for no rest.
    """

    def __init__(self, python: str | None, setup: str, root: str, tmp: str | None = None, deploy: bool = True) -> None:
        self.python = python
        self.setup = setup
        self.root = root
        self.tmp = root.rstrip("/") + "/tmp" if tmp is None else tmp
        self.tmp_is_given = tmp is not None
        self.deploy = deploy
        self.whole = not deploy
        self.meanwhile: Callable[[], object] = lambda: None  # what this side can do while Python starts there

    def endpoint(self, token: str, *words: str) -> str:
        """The shell command that runs the endpoint."""
        return self._endpoint(token, "", *words)

    def session(self, token: str) -> str:
        """The shell command of an endpoint that lasts."""
        return self.endpoint(token, "session", token, *(("whole",) if self.whole else ()))

    def session_unasked(self, token: str) -> str:
        """The same with the endpoint in it, for a host that is not known to have it."""
        sent = binascii.b2a_base64(bundle().packed, newline=False).decode("ascii")
        return self._endpoint(token, f"export rproxy_sent={sent}", "session", token)

    def prepare(self, token: str, first: str, second: str) -> str:
        """The shell command that makes a private folder or deploys what was pushed; see prepare.py."""
        code = _coded("common.py", "prepare.py")
        return self._command(token, code, self.root, bundle().name, token, first, second)

    def end(self, token: str) -> str:
        """The shell command that ends what hangs of the start with that token."""
        return for_any_shell(_END_HUNG.format(token[:-1], token[-1]))  # brackets, so that it does not find itself

    def end_call(self, token: str) -> str:
        """The shell command that ends the call that the command with that token runs, and says ``ended`` if it did."""
        return for_any_shell(_END_CALL.format(token[:-1], token[-1], _say(token, "ended")))

    def survey(self, token: str, seconds: float) -> str:
        """The shell command that runs each Python of the host, for so long at most, and prints what it says."""
        limit = int(seconds / 0.02)
        lines = [f"rproxy_token={token[::-1]}", f"rproxy_check={shlex.quote(_CHECK)}", f"rproxy_limit={limit}"]
        return for_any_shell("\n".join([*self._before(token), *lines, script("survey.sh"), script("find.sh")]))

    def _endpoint(self, token: str, first: str, *words: str) -> str:
        code = _coded("common.py", "start.py")
        return self._command(token, code, self.root, bundle().name, token, *words, first=first)

    def _command(self, token: str, code: str, *words: str, first: str = "") -> str:
        quoted = " ".join(map(shlex.quote, words))
        lines = [*self._before(token), *filter(None, [first])]
        if self.python is None:
            lines += [f'rproxy_found() {{ exec "$1" -c \'{code}\' "$1" {quoted}; }}', script("find.sh")]
            lines += [_say(token, "none")]
        else:
            python = _path(self.python)
            if python.startswith('"$rproxy_home'):
                lines.append('[ "$HOME" ] && rproxy_home=$HOME || eval "rproxy_home=~$(id -un)"')
            lines.append(f"exec {python} -c '{code}' {python} {quoted}")
        return for_any_shell("\n".join(lines))

    def _before(self, token: str) -> list[str]:
        """The lines that run the setup lines, and say how they failed."""
        if not self.setup:
            return []
        wanted = re.search(r"^\s*(module|ml)\s", self.setup, re.MULTILINE)
        return [
            _BASH + (_MODULES.format(wanted[1]) if wanted else ""),
            f"trap '{_say(token, 'setup-$?')}' 0",
            f"eval {shlex.quote(self.setup)} </dev/null",
            "rproxy_setup=$?; trap - 0; set +eu",
            f'[ "$rproxy_setup" = 0 ] || {{ {_say(token, "setup-$rproxy_setup")}; exit "$rproxy_setup"; }}',
        ]


def _say(token: str, word: str) -> str:
    return f'printf "\\n<rproxy:%s-%s>" {token[::-1]} "{word}"'


def _path(path: str) -> str:
    """A path as a word of sh, with ~ for the home of the user, or of the one that is named."""
    head, slash, rest = path.partition("/")
    if head == "~":
        return '"$rproxy_home"' + (shlex.quote(slash + rest) if rest else "")
    if re.fullmatch(r"~[\w.-]+", head):
        return head + slash + (shlex.quote(rest) if rest else "")  # a quoted slash would end no name
    return shlex.quote(path)
