#!/usr/bin/python3
"""The fault proxy does what it is told, at the octet and the line it is told to."""

import os
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from surel_test import *  # noqa: E402,F403
from wire import FaultProxy  # noqa: E402


class Echo:
    """Answers each octet with itself."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.ended = []  # how each connection ended
        self.heard = b""
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(peer,), daemon=True).start()

    def serve(self, peer):
        try:
            while octets := peer.recv(65536):
                self.heard += octets
                peer.sendall(octets)
            self.ended.append("fin")
        except OSError:
            self.ended.append("rst")
        peer.close()

    def stop(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


class Faults(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="surel-faultproxy-")
        self.addCleanup(shutil.rmtree, self.dir)
        self.echo = Echo()
        self.addCleanup(self.echo.stop)
        self.proxy = FaultProxy(self.echo.port, self.dir + "/log")
        self.addCleanup(self.proxy.stop)

    def connect(self):
        client = socket.create_connection(("127.0.0.1", self.proxy.port), timeout=20)
        self.addCleanup(client.close)
        return client

    def read(self, client, count=1 << 30):
        """What comes, and how it ends."""
        got = b""
        try:
            while len(got) < count:
                octets = client.recv(min(65536, count - len(got)))
                if not octets:
                    return got, "fin"
                got += octets
        except ConnectionResetError:
            return got, "rst"
        return got, "more"

    def sent_and_got(self, plan, octets, count=1 << 30):
        self.proxy.say("plan " + plan)
        client = self.connect()
        client.sendall(octets)
        return self.read(client, count)

    def test_nothing_is_done_unless_told(self):
        octets = os.urandom(300000)
        client = self.connect()
        writer = threading.Thread(target=lambda: (client.sendall(octets), client.shutdown(socket.SHUT_WR)))
        writer.start()
        self.assertEqual(self.read(client), (octets, "fin"))
        writer.join()
        wait_for(lambda: self.echo.ended == ["fin"])

    def test_fin_after_octets(self):
        self.assertEqual(self.sent_and_got("fin up octets 7", b"a line\r\nanother\r\n")[1], "fin")
        wait_for(lambda: self.echo.ended)
        self.assertEqual(self.echo.heard, b"a line\r")
        self.assertEqual(self.sent_and_got("fin down octets 9", b"a line\r\nanother\r\n"), (b"a line\r\na", "fin"))

    def test_rst_after_lines(self):
        self.assertEqual(self.sent_and_got("rst down lines 2", b"one\r\ntwo\r\nthree\r\n")[1], "rst")
        self.assertEqual(self.sent_and_got("rst up lines 1", b"one\r\ntwo\r\n")[1], "rst")
        log = self.proxy.read_log()
        self.assertIn("< two", log)

    def test_a_literal_is_no_line(self):
        octets = b"x APPEND a {12}\r\nline\r\nline\r\n\r\nnext\r\nmore\r\n"
        got, end = self.sent_and_got("fin down lines 2", octets)
        self.assertEqual((got, end), (b"x APPEND a {12}\r\nline\r\nline\r\n\r\nnext\r\n", "fin"))
        octets = b"x APPEND a {24+}\r\nMessage-ID: <a@b>\r\n\r\nx\r\n {24+}\r\nMessage-ID: <c@d>\r\n\r\ny\r\n\r\n"
        self.sent_and_got("fin down lines 1", octets)
        self.assertIn("> x APPEND a {24+}  {24+} <a@b> <c@d>\n", self.proxy.read_log())

    def test_delay_throttle_and_trickle_lose_nothing(self):
        octets = os.urandom(3000)
        for plan, least in (("delay up octets 100", 0.2), ("throttle down octets 100", 0.01),
                            ("trickle up octets 100", 0.1)):
            begin = time.monotonic()
            self.assertEqual(self.sent_and_got(plan, octets, len(octets)), (octets, "more"))
            self.assertGreater(time.monotonic() - begin, least, plan)

    def test_swallowed(self):
        self.assertEqual(self.sent_and_got("swallow down octets 3", b"abcdef"), (b"abc", "rst"))

    def test_all_are_cut(self):
        clients = [self.connect() for _ in range(3)]
        for client in clients:
            client.sendall(b"x")
            self.assertEqual(client.recv(1), b"x")
        self.proxy.say("cut")
        for client in clients:
            self.assertEqual(self.read(client), (b"", "rst"))

    def test_an_answer_is_lost(self):
        client = self.connect()
        client.sendall(b"one")
        self.assertEqual(client.recv(3), b"one")
        self.proxy.say("lose 0")
        client.sendall(b"two")
        self.assertEqual(self.read(client), (b"", "rst"))
        wait_for(lambda: self.echo.ended)
        self.assertEqual(self.echo.heard, b"onetwo")

    def test_an_answer_breaks_off(self):
        client = self.connect()
        client.sendall(b"one")
        self.assertEqual(client.recv(3), b"one")
        self.proxy.say("lose 5")
        client.sendall(b"two\n")
        self.assertEqual(client.recv(4), b"two\n")
        client.sendall(b"three")
        self.assertEqual(self.read(client), (b"t", "rst"))

    def test_an_answer_is_late(self):
        client = self.connect()
        client.sendall(b"one")
        self.assertEqual(client.recv(3), b"one")
        self.proxy.say("late 2")
        begin = time.monotonic()
        client.sendall(b"two")
        self.assertEqual(self.read(client, 3), (b"two", "more"))
        self.assertGreater(time.monotonic() - begin, 0.2)
        self.proxy.say("lose 0")
        client.sendall(b"three")
        self.assertEqual(self.read(client), (b"", "rst"))

    def test_calm_cuts_those_that_were_to_be_harmed(self):
        good = self.connect()
        good.sendall(b"x")
        self.assertEqual(good.recv(1), b"x")
        self.proxy.say("plan fin up octets 1000")
        bad = self.connect()
        bad.sendall(b"x")
        self.assertEqual(bad.recv(1), b"x")
        self.proxy.say("calm")
        self.assertEqual(self.read(bad), (b"", "rst"))
        good.sendall(b"y")
        self.assertEqual(good.recv(1), b"y")

    def test_a_seed_always_decides_the_same(self):
        plans = []
        for _ in range(2):
            self.proxy.say("faults 7")
            for _ in range(20):
                self.connect().close()
            wait_for(lambda: self.proxy.plans()[20 * len(plans) + 19:])
            plans.append(self.proxy.plans()[20 * len(plans):])
        self.assertEqual(*plans)
        self.assertGreater(len({plan.split()[0] for plan in plans[0]}), 3)


if __name__ == "__main__":
    main()
