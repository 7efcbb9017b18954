"""SIGINT and SIGTERM are noted, met at safe points, and by the watchdog where none comes (RELIABILITY 5, 6, 37)."""

import os
import signal
import subprocess
import sys
import time

import pytest

from experiments.signals import Interrupted, StopRequest
from tests.conftest import environment


def strike(signum: int) -> None:
    os.kill(os.getpid(), signum)
    time.sleep(0.01)


def test_stop_request_gives_the_handlers_back():
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    wakeup = signal.set_wakeup_fd(-1)
    signal.set_wakeup_fd(wakeup)
    stop = StopRequest()
    with stop, stop.ending_with(lambda signum: None):
        stop.check()
        strike(signal.SIGTERM)
        with pytest.raises(Interrupted, match="interrupted by SIGTERM") as raised:
            stop.check()
    assert raised.value.signum == signal.SIGTERM
    with pytest.raises(Interrupted, match="SIGTERM"):
        stop.check()
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
    assert signal.set_wakeup_fd(wakeup) == wakeup


def test_a_signal_raises_nothing_inside_a_library():
    with StopRequest() as stop, stop.ending_with(lambda signum: None):
        strike(signal.SIGINT)  # returns
        strike(signal.SIGTERM)  # and is the same request
        with pytest.raises(Interrupted, match="SIGINT"):
            stop.check()


IN_A_LIBRARY = """
import ctypes, sys
from experiments.signals import StopRequest, stop as process
with StopRequest() as stop, stop.ending_with(lambda signum: print("written", signum)):
    print("ready", flush=True)
    libc = ctypes.CDLL(None)
    left = 30
    while left: left = libc.sleep(left)
"""
STARTING = """
import time
from experiments.signals import stop
stop.install()
print("ready", flush=True)
time.sleep(30)
"""


@pytest.mark.parametrize(
    ("code", "signals", "status", "at_least", "out"),
    [
        (IN_A_LIBRARY, [signal.SIGTERM], 143, 1.4, "written 15\n"),
        (IN_A_LIBRARY, [signal.SIGINT, signal.SIGTERM], 130, 1.4, "written 2\n"),
        (IN_A_LIBRARY, [signal.SIGINT, signal.SIGINT], 130, 0.0, "written 2\n"),
        (STARTING, [signal.SIGTERM], 143, 0.0, ""),
        (STARTING, [signal.SIGINT], 130, 0.0, ""),
    ],
    ids=["SIGTERM", "Ctrl-C of a worker", "twice", "SIGTERM at the start", "SIGINT at the start"],
)
def test_the_watchdog_writes_the_end_where_no_safe_point_comes(code, signals, status, at_least, out):
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "ready\n"
    for signum in signals:
        process.send_signal(signum)
        time.sleep(0.1)
    sent = time.monotonic()
    printed, err = process.communicate(timeout=20)
    assert (process.returncode, printed, err) == (status, out, "")
    assert at_least - 0.3 <= time.monotonic() - sent < at_least + 2


def test_what_is_held_is_not_cut_off():
    code = (
        "import time\n"
        "from experiments.signals import Interrupted, StopRequest\n"
        "with StopRequest() as stop, stop.ending_with(lambda signum: print('cut off')):\n"
        "    with stop.held():\n"
        "        print('ready', flush=True)\n"
        "        time.sleep(3)\n"
        "    time.sleep(0.1)\n"
        "    try:\n"
        "        stop.check()\n"
        "    except Interrupted:\n"
        "        print('committed')\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], env=environment(), stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=20)[0] == "committed\n"
