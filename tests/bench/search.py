#!/usr/bin/python3
"""search.py COUNT: what is looked for among COUNT messages in 21 folders, beside a list of as many rows. Medians with
their spread."""

import importlib.util
import os

from bench import *  # noqa: F403

spec = importlib.util.spec_from_file_location("first_sync", os.path.join(os.path.dirname(os.path.abspath(__file__)), "first-sync.py"))
first_sync = importlib.util.module_from_spec(spec)
spec.loader.exec_module(first_sync)
CALLS = 60
LOOKED_FOR = [("a word that most have", {"to": "alice"}), ("a common word", {"text": "quarterly"}), ("two words", {"text": "jürgen figures"}),
              ("a phrase", {"text": '"foto liburan"'}), ("a prefix of four letters", {"text": "bali"}), ("a prefix of one letter", {"text": "b"}),
              ("two characters of Chinese or Japanese", {"text": "会議"}), ("one character", {"text": "会"}), ("a word that none has", {"text": "nowhere"})]


class Search(Bench):
    def test_search(self):
        first_sync.seed(self.server, COUNT)
        daemon = self.start()
        account, job = daemon.add_account(self.server)
        daemon.wait_job(job)
        daemon.wait_job(daemon.call(account, "Account", "Sync", "(a{sv})", {})[0])
        wait_for(lambda: daemon.query({"subject": GLib.Variant("s", "zzz")})["complete"], 600)
        small = GLib.Variant("o", daemon.folders()["Folder 3"])

        def times(filter, **window):
            def one():
                begin = time.monotonic()
                daemon.query(filter, properties=["id"], limit=50, **window)
                return time.monotonic() - begin
            one()
            return [one() for _ in range(CALLS)]
        print(f"\n{COUNT} messages, {CALLS} calls each, the first 50 ids")
        show("newest fifty", times({}), "ms", 1000)
        for name, words in LOOKED_FOR:
            filter = {key: GLib.Variant("s", value) for key, value in words.items()}
            show(name, times(filter), "ms", 1000)
            show("  in a folder", times({**filter, "inMailbox": small}), "ms", 1000)
            if name == "a common word":
                show("  with all of them counted", times(filter, calculateTotal=GLib.Variant("b", True)), "ms", 1000)
        show("memory of sureld now (VmRSS)", [daemon.memory("VmRSS") / 1024], "MiB")


if __name__ == "__main__":
    COUNT = int(sys.argv.pop(1))
    main()
