"""Ctrl-C and timeouts: the call stops there, and the session goes on. Over every stream."""

import concurrent.futures
import contextlib
import os
import signal
import threading
import time

import pytest

import rproxy

from .sshd import wait_for


@pytest.fixture
def client(any_client):
    return any_client


@contextlib.contextmanager
def interrupted_after(*waits):
    """Ctrl-C in the main thread, so many seconds after the start."""
    timers = [threading.Timer(wait, os.kill, (os.getpid(), signal.SIGINT)) for wait in waits]
    for timer in timers:
        timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            yield
    finally:
        for timer in timers:
            timer.cancel()
            timer.join()


def sleep(path):
    import time

    time.sleep(100)
    open(path, "w").close()


def loop(path):
    while True:
        pass


def with_child(path):
    import subprocess

    subprocess.run([*"sh -c".split(), 'sleep 100; : > "$0"', path], check=False)
    time.sleep(100)


def by_the_shell(path):
    import os
    import time

    os.system("sleep 100")
    time.sleep(100)


def in_c(path):
    return sum(range(10**11)) if not path else sorted(range(3 * 10**6), key=lambda number: -number) and sleep(path)


WORK = [sleep, loop, with_child, by_the_shell]


@pytest.mark.parametrize("work", WORK, ids=lambda work: work.__name__)
def test_an_interrupt_stops_the_call_there(client, tmp_path, work):
    before = client.call(processes)
    with interrupted_after(0.3):
        client.call(work, str(tmp_path / "done"))
    assert client.module("math").sqrt(4) == 2  # at once: nothing runs there any more
    wait_for(lambda: client.call(processes) <= before)
    assert not (tmp_path / "done").exists()


def processes():
    """The processes of the endpoint's group."""
    import os

    own, found = os.getpgrp(), set()
    for name in os.listdir("/proc"):
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                state, _, group = file.read().rpartition(b") ")[2].split()[:3]
        except OSError:
            continue
        if name.isdigit() and int(group) == own and state != b"Z":
            found.add(int(name))
    return found


def test_a_call_of_c_code_stops_when_it_returns(client):
    with interrupted_after(0.05):
        client.module("time").sleep(0.4)
        client.call(in_c, "x")
    assert client.module("math").sqrt(4) == 2


def test_what_was_started_before_the_call_lives_on(client):
    child = client.module("subprocess").Popen(["sleep", "100"])
    time.sleep(0.2)
    with interrupted_after(0.3):
        client.module("time").sleep(100)
    assert child.poll() is None
    child.kill()
    assert child.wait() == -signal.SIGKILL


def test_a_second_interrupt_stops_waiting_at_once(client):
    def stubborn():
        import time

        until = time.time() + 2
        while time.time() < until:
            try:
                time.sleep(0.1)
            except KeyboardInterrupt:
                continue
        return "done"

    begun = time.monotonic()
    with interrupted_after(0.3, 0.6):
        client.call(stubborn)
    assert time.monotonic() - begun < 1.9  # less than the call takes
    assert client.module("math").sqrt(4) == 2  # waits for it


def test_the_surroundings_are_put_back_after_an_interrupt(client, tmp_path):
    remote_os = client.module("os")
    before = remote_os.getcwd()
    with interrupted_after(0.3), client.cwd(tmp_path), client.env(RPROXY_HELD="1"):
        client.module("time").sleep(100)
    assert (remote_os.getcwd(), remote_os.getenv("RPROXY_HELD")) == (before, None)


def test_a_loop_of_short_calls_can_be_interrupted_anywhere(client):
    remote_os = client.module("os")
    for number in range(20):
        with interrupted_after(0.02 + number / 1000):
            while True:
                assert remote_os.path.join("a", "b") == "a/b"
        assert remote_os.path.join("a", "c") == "a/c"


def test_of_threads_that_stop_a_call_nothing_is_left(client):
    before = set(threading.enumerate())
    for _ in range(5):
        with interrupted_after(0.1):
            client.module("time").sleep(100)
    with contextlib.suppress(AssertionError):  # they may take a moment
        wait_for(lambda: set(threading.enumerate()) <= before)
    assert set(threading.enumerate()) - before == set()


def test_after_interrupts_in_quick_succession_the_next_call_is_made_at_once(client):
    remote_abs, calls, rounds = client.module("builtins").abs, 0, 100
    inside = threading.Event()

    def handler(number, frame):
        if inside.is_set():
            raise KeyboardInterrupt

    def interrupt():
        for turn in range(rounds):
            time.sleep(0.002 + turn * 1e-5)
            for pause in (0.0001, 0.0003, 0.0001):
                os.kill(os.getpid(), signal.SIGINT)
                time.sleep(pause)

    before = signal.signal(signal.SIGINT, handler)
    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        while thread.is_alive():
            with contextlib.suppress(KeyboardInterrupt):
                inside.set()
                try:
                    found = remote_abs(-calls)
                finally:
                    inside.clear()
                assert found == calls
                calls += 1
    finally:
        thread.join()
        signal.signal(signal.SIGINT, before)
    assert calls > rounds
    assert remote_abs(-3) == 3


def test_an_interrupt_in_a_callback_crosses_the_call(client):
    def run(function):
        return function()

    with interrupted_after(0.3):
        client.call(run, rproxy.local(lambda: time.sleep(100)))
    assert client.module("math").sqrt(4) == 2


def test_a_handler_of_the_program_that_raises_nothing_leaves_the_call_alone(client):
    seen = []
    before = signal.signal(signal.SIGINT, lambda number, frame: seen.append(number))
    try:
        threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
        client.module("time").sleep(0.4)
        wait_for(lambda: seen == [signal.SIGINT])
        assert signal.getsignal(signal.SIGINT) is not before
    finally:
        signal.signal(signal.SIGINT, before)
    assert client.module("math").sqrt(4) == 2


def test_the_programs_handler_is_in_place_between_calls(client):
    client.module("math").sqrt(4)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_await_can_be_interrupted(client):
    async def wait():
        import asyncio

        await asyncio.sleep(100)

    async def quick():
        return "next"

    with interrupted_after(0.3):
        client.call(wait)
    assert client.call(quick) == "next"


@pytest.mark.parametrize("verb", ["push", "pull"])
def test_a_copy_that_is_interrupted_is_given_up_at_once_and_leaves_nothing(client, tmp_path, monkeypatch, verb):
    monkeypatch.setattr("rproxy.connectors.paramiko.stream.GRACE", 600)  # nothing waits for the rest
    big = tmp_path / "big"
    big.touch()
    os.truncate(big, 1 << 40)
    with interrupted_after(0.5):
        getattr(client, verb)(str(big), str(tmp_path / "copy"))
    wait_for(lambda: os.listdir(tmp_path) == ["big"])
    assert client.module("math").sqrt(4) == 2


# -- timeouts ------------------------------------------------------------------------------------------


def test_a_call_that_takes_too_long_is_stopped_and_says_so(client):
    with (
        client.timeout(0.3),
        pytest.raises(rproxy.CallTimeout, match=r"sleep on .* 0\.3 s: it was stopped"),
    ):
        client.module("time").sleep(100)
    assert client.module("math").sqrt(4) == 2


def test_a_timeout_is_a_timeout_error_and_no_remote_one(client):
    with client.timeout(0.1), pytest.raises(TimeoutError) as caught:
        client.module("time").sleep(100)
    assert not isinstance(caught.value, rproxy.RemoteExecError)


def test_inner_timeouts_go_first_and_none_lifts_them(client):
    remote_time = client.module("time")
    with client.timeout(0.1):
        with client.timeout(None):
            remote_time.sleep(0.3)
        with client.timeout(5):
            remote_time.sleep(0.3)
        with pytest.raises(rproxy.CallTimeout):
            remote_time.sleep(100)
    remote_time.sleep(0.3)


def test_a_call_that_cannot_be_stopped_is_said_to_go_on(client, monkeypatch):
    monkeypatch.setattr("rproxy.channels.reading.PATIENCE", 0.3)

    def stubborn():
        import time

        until = time.time() + 1.5
        while time.time() < until:
            try:
                time.sleep(0.1)
            except KeyboardInterrupt:
                continue

    with client.timeout(0.2), pytest.raises(rproxy.CallTimeout, match="could not be stopped there, and may go on"):
        client.call(stubborn)
    assert client.module("math").sqrt(4) == 2


def test_threads_that_wait_have_timeouts_too(client):
    def late():
        with client.timeout(0.3):
            client.module("time").sleep(100)

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        outcomes = [pool.submit(late) for _ in range(4)]
        assert all(isinstance(outcome.exception(20), rproxy.CallTimeout) for outcome in outcomes)
    assert client.module("math").sqrt(4) == 2


def test_results_of_a_timed_call_come_as_ever(client):
    with client.timeout(30):
        assert client.module("os").path.join("a", "b") == "a/b"
        assert len(client.module("os").urandom(3_000_000)) == 3_000_000


@pytest.mark.parametrize("wrong", [0, -1, "5", float("nan"), float("inf"), True])
def test_a_timeout_is_a_positive_number_or_none(client, wrong):
    with pytest.raises((TypeError, ValueError), match="timeout"):
        client.timeout(wrong)


# -- the client's own limit ----------------------------------------------------------------------------


def test_a_client_can_have_a_timeout_for_all_its_calls():
    with rproxy.connect(timeout=0.3) as client:
        remote_time = client.module("time")
        with pytest.raises(rproxy.CallTimeout, match="took longer than 0.3 s"):
            remote_time.sleep(100)
        with client.timeout(None):
            remote_time.sleep(0.5)
        assert client.submit(remote_time.sleep, 0.5).result(20) is None  # futures have their own


@pytest.mark.parametrize("wrong", [0, -1, "5"])
def test_a_wrong_timeout_is_refused_before_anything_starts(wrong):
    with pytest.raises((TypeError, ValueError), match="timeout"):
        rproxy.connect("ssh://nowhere.invalid", timeout=wrong)
