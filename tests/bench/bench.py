"""What the benchmarks share: helpers in C that do one thing a line, and how figures are shown."""

import os
import statistics
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from surel_test import *  # noqa: E402,F403

QUIET = 0.005  # seconds before what is timed: changes and checks come now and then, to a server that isn't just at one


class Helper:
    """raw or bus: does what a line says, and tells how long that took."""

    def __init__(self, *words, **environment):
        self.process = subprocess.Popen(words, env={**os.environ, **environment}, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, bufsize=1)

    def __call__(self, line, quiet=QUIET):
        """Seconds, and what else the helper says."""
        time.sleep(quiet)
        self.process.stdin.write(line + "\n")
        milliseconds, *rest = self.process.stdout.readline().split()
        return (float(milliseconds) / 1000, *map(int, rest))

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


class Bench(Case):
    def raw_first(self):
        """Seconds that a raw client's first sync takes."""
        return float(subprocess.run([BUILD + "/tests/bench/raw", *self.as_alice(), "first"], capture_output=True,
                                    check=True, text=True).stdout)

    def as_alice(self):
        return str(self.server.port + 1), "alice", self.server.ca

    def helper(self, program, *words):
        helper = Helper(f"{BUILD}/tests/bench/{program}", *words, DBUS_SESSION_BUS_ADDRESS=self.bus.address)
        self.addCleanup(helper.close)
        return helper


def show(name, values, unit="s", scale=1):
    values = sorted(v * scale for v in values)
    print(f"{name:52} {statistics.median(values):8.2f} {unit}  ({values[0]:.2f} to {values[-1]:.2f}"
          + (f"; 99 % below {values[int(len(values) * 0.99)]:.2f})" if len(values) >= 100 else ")"), flush=True)


def show_ratio(name, a, b):
    """Of the medians."""
    print(f"{name:52} {statistics.median(a) / statistics.median(b):8.2f}", flush=True)
