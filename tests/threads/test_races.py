#!/usr/bin/python3
"""ThreadSanitizer tells of a race of ours, whichever library lies between it and its thread: the program that
has them is of the same build as the daemon, and runs with the same options and suppressions."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from surel_test import *  # noqa: E402,F403


class Races(unittest.TestCase):
    def run_case(self, name):
        result = subprocess.run([BUILD + "/tests/threads/planted-race", name], capture_output=True, text=True,
                                timeout=60, check=False)
        return result.returncode, result.stdout + result.stderr

    def assertTold(self, name, *functions):
        status, output = self.run_case(name)
        self.assertEqual(status, 66, output)  # as the daemon would end, too
        self.assertIn("WARNING: ThreadSanitizer: ", output)
        for function in functions:
            self.assertIn(" " + function + " ", output)

    def test_what_is_handed_over_is_none(self):
        self.assertEqual(self.run_case("none"), (0, "nothing was told\n"))

    def test_a_race_with_the_main_loop_is_told(self):
        self.assertTold("main-loop", "post_and_write", "write_and_quit")

    def test_a_race_between_threads_is_told(self):
        self.assertTold("queue", "push_and_write", "pop_and_write")

    def test_a_race_below_a_signal_is_told(self):
        self.assertTold("signal", "on_cancelled", "write_and_quit")

    def test_a_race_with_what_frees_is_told(self):
        self.assertTold("freed", "let_go_and_write", "value_unref")


if __name__ == "__main__":
    main()
