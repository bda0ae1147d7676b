"""The command `rproxy`, run as a person runs it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.once

RPROXY = str(Path(sys.executable).with_name("rproxy"))


def run(*words, **env):
    """(exit code, standard output, standard error) of a command."""
    done = subprocess.run([RPROXY, *words], capture_output=True, text=True, timeout=60, env={**os.environ, **env})
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    ("words", "printed"),
    [
        (["math.hypot", "3", "4"], "5.0\n"),
        (["math.hypot", "-3", "4"], "5.0\n"),
        (["os.path.join", "/usr", "lib"], "/usr/lib\n"),
        (["textwrap.shorten", '"one two three"', "10"], "one [...]\n"),
        (["datetime.datetime.fromordinal", "1"], "datetime.datetime(1, 1, 1, 0, 0)\n"),
        (["xml.etree.ElementTree.iselement", "x"], "False\n"),
        (["builtins.print", "[1, null]"], "[1, None]\n"),
        (["os.getenv", "A", "--env", "A=b=c"], "b=c\n"),
        (["builtins.len", "[1, 2, 3]", "--json"], "3\n"),
    ],
)
def test_a_call_prints_its_value(words, printed):
    assert run("call", "local://", *words) == (0, printed, "")


def test_platform_uname_is_answered_by_the_endpoint():
    code, out, _ = run("call", "local://", "platform.uname", "--json")
    assert code == 0
    assert json.loads(out)["system"] == os.uname().sysname


def test_json_has_the_names_of_fields():
    assert json.loads(run("call", "local://", "os.uname", "--json")[1])["sysname"] == os.uname().sysname
    assert "st_mode" in json.loads(run("call", "local://", "os.stat", "/", "--json")[1])


def test_what_json_has_not_becomes_the_nearest_that_it_has():
    code, out, _ = run("call", "local://", "builtins.eval", "[b'a', {1, }, float('nan'), 2.5, (1, None)]", "--json")
    assert (code, json.loads(out)) == (0, ["YQ==", [1], "nan", 2.5, [1, None]])


def test_an_error_of_the_remote_code_is_one_with_its_traceback():
    code, out, err = run("call", "local://", "json.loads", "{")
    assert (code, out) == (1, "")
    assert "Traceback (most recent call last)" in err
    assert "JSONDecodeError: Expecting property name" in err
    assert "rproxy/session.py" not in err


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("no_such.thing", "No module named 'no_such' on local://"),
        ("os.no_such", "module 'os' has no attribute 'no_such'"),
        ("os.sep", "os.sep on local:// is a value, not a function: '/'"),
        ("sys.exit", "SystemExit"),
    ],
)
def test_what_cannot_be_called_there_is_one(function, message):
    code, out, err = run("call", "local://", function)
    assert (code, out) == (1, "")
    assert message in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["call", "local://", "getenv"], "write MODULE.FUNCTION"),
        (["call", "local://", "os.a b"], "cannot be"),
        (["call", "local://", "os.getenv", "A", "--env", "B"], "NAME=VALUE"),
        (["call", "nowhere://", "os.getenv"], "unknown scheme 'nowhere'"),
        (["call", "local://"], "Missing argument"),
        (["info"], "Missing argument"),
        (["nonsense"], "No such command"),
        (["info", "local://", "--no-such-option"], "No such option"),
    ],
)
def test_wrong_usage_is_two(words, message):
    code, out, err = run(*words)
    assert (code, out) == (2, "")
    assert message in err
    assert "Traceback" not in err


@pytest.mark.parametrize("command", [["info", "local://"], ["call", "local://", "os.getpid"]])
def test_a_host_that_cannot_be_used_is_three(command):
    code, out, err = run(*command, "--python", "/no/python")
    assert (code, out) == (3, "")
    assert "tried '/no/python'" in err


def test_a_connection_that_is_lost_is_three():
    code, _, err = run("call", "local://", "os._exit", "7")
    assert code == 3
    assert "exit code 7" in err


def test_info_shows_the_host():
    code, out, err = run("info", "local://", COLUMNS="40")
    assert (code, err) == (0, "")
    for name in ("Python", "platform", "cores", "memory", "endpoint", "round trip"):
        assert name in out
    assert sys.executable in out
    told = json.loads(run("info", "local://", "--json")[1])
    assert told["executable"] == sys.executable
    assert told["round_trip"] > 0


def test_output_of_the_call_comes_before_its_value():
    code, out, err = run("call", "local://", "subprocess.call", '["sh", "-c", "echo out; echo err >&2; exit 4"]')
    assert (code, out, err) == (0, "out\n4\n", "err\n")


def test_setup_lines_and_the_module_form_work():
    assert run("call", "local://", "os.getenv", "A", "--setup", "export A=1") == (0, "1\n", "")
    done = subprocess.run([sys.executable, "-m", "rproxy", "--version"], capture_output=True, text=True, timeout=60)
    assert done.stdout.startswith("rproxy, version 0.1")
