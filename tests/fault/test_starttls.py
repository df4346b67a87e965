#!/usr/bin/python3
"""STARTTLS: a conversation that begins in the clear, with a real server, and with whoever may be in between."""

import base64
import os
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from scripted import Listener, Mailbox, Plain  # noqa: E402
from surel_test import *  # noqa: E402,F403

STARTTLS = {"security": GLib.Variant("s", "starttls")}
CLEAR = b"* OK [CAPABILITY IMAP4rev1 STARTTLS LITERAL+ AUTH=PLAIN SASL-IR] in the clear\r\n"


class Relay(Listener):
    """Passes on what is said between a client and a server, and keeps it."""

    def __init__(self, port):
        self.port_behind, self.heard = port, bytearray()
        super().__init__()

    def serve(self, plain):
        far = socket.create_connection(("127.0.0.1", self.port_behind))
        threading.Thread(target=self.pass_on, args=(far, plain), daemon=True).start()
        self.pass_on(plain, far)

    def pass_on(self, source, target):
        try:
            while octets := source.recv(65536):
                self.heard += octets
                target.sendall(octets)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass


class Honest(Mailbox):
    """It speaks TLS once it is asked to; what a test wants otherwise it replaces."""

    def __init__(self, **answers):
        super().__init__(**answers)
        self.answers.setdefault("greeting", CLEAR)

    def do_STARTTLS(self, peer, tag, _):
        peer.send(tag + b" OK go ahead\r\n")
        peer.start_tls()


class StartTls(Case):
    def begin(self, mailbox):
        self.scripted = Plain(self.server.dir + "/tls", mailbox)
        self.addCleanup(self.scripted.stop)
        self.daemon = self.start()
        self.account, self.job = self.daemon.add_account(self.scripted, port=self.scripted.port, settings=STARTTLS)

    def check_refused(self, mailbox, *names):
        """No secret is sent, and the account says why."""
        self.begin(mailbox)
        error = wait_for(lambda: self.daemon.get(self.account, "Account", "Error") if
                         self.daemon.get(self.account, "Account", "Error")[0] else None, 60)
        self.assertIn(error[0].rsplit(".", 1)[-1], names)
        self.assertGreater(len(self.scripted.peers), 0)
        for peer in self.scripted.peers:
            said = b"".join(getattr(peer, "clear", []) + peer.said)
            self.assertNotIn(b"LOGIN", said)
            self.assertNotIn(b"AUTHENTICATE", said)
        return error[1]

    def test_nothing_but_starttls_is_said_in_the_clear(self):
        imap = self.server.imap()
        fill(imap, "INBOX", 1, 5)
        imap.logout()
        relay = Relay(self.server.port)
        self.addCleanup(relay.stop)
        daemon = self.start()
        account, job = daemon.add_account(self.server, port=relay.port, settings=STARTTLS)
        daemon.wait_job(job)
        daemon.sync()
        self.assertEqual(daemon.get(account, "Account", "Status"), "idle")
        self.assertEqual(daemon.query(calculateTotal=GLib.Variant("b", True))["total"], 5)
        id = daemon.query(limit=1)["messages"][0]["id"]
        self.assertIn(b"Message", bytes(daemon.call(PATH, "Messages", "Read", "(tstua{sv})", id, "", 0, 1000, {})[0]))
        heard = bytes(relay.heard)
        self.assertIn(b"STARTTLS\r\n", heard)
        for word in (b"secret", b"alice", base64.b64encode(b"\0alice\0secret")[:12], b"Message", b"INBOX"):
            self.assertNotIn(word, heard)

    def test_bad_certificates_are_refused_and_can_be_pinned(self):
        daemon = self.start()
        for n, (host, problem) in enumerate((("127.0.0.2", "wrong-host"), ("127.0.0.3", "expired"),
                                             ("127.0.0.4", "unknown-issuer"))):
            account, job = daemon.add_account(self.server, host=host, port=self.server.port, settings=STARTTLS,
                                              user=("alice", "bob", "carol")[n])
            question = wait_for(lambda: daemon.get(job, "Job", "Question"))
            self.assertIn(problem, question["problems"])
            self.assertEqual(daemon.get(account, "Account", "Error")[0], NAME + ".Error.CertificateRejected")
            accept = n == 2
            daemon.call(job, "Job", "Answer", "(a{sv})", {"accept": GLib.Variant("b", accept)})
            if accept:
                daemon.wait_job(job)
            else:
                self.assertFails("CertificateRejected", daemon.wait_job, job)

    def test_a_server_that_does_not_offer_it(self):
        said = self.check_refused(Honest(greeting=b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hello\r\n"), "TlsRequired")
        self.assertIn("STARTTLS", said)

    def test_a_server_that_refuses_it(self):
        self.check_refused(Honest(STARTTLS=lambda peer, tag, _: peer.send(tag + b" NO not today\r\n")), "TlsRequired")

    def test_what_was_added_before_tls_ends_it(self):
        for added in (b"* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n", b"* OK [ALERT] Sign in at evil.test\r\n", b"* ", b"\r\n"):
            with self.subTest(added=added):
                def answer(peer, tag, _):
                    peer.send(tag + b" OK go ahead\r\n" + added)
                    peer.start_tls()
                said = self.check_refused(Honest(STARTTLS=answer), "ServerMisbehaved")
                self.assertIn("STARTTLS", said)
                self.assertEqual(self.daemon.get(self.account, "Account", "Alert"), "")
                self.daemon.stop()
                self.data += "x"

    def test_in_without_signing_in(self):
        self.check_refused(Honest(greeting=b"* PREAUTH [CAPABILITY IMAP4rev1] welcome\r\n"), "ServerMisbehaved")

    def test_no_tls_follows(self):
        def close(peer, tag, _):
            peer.send(tag + b" OK go ahead\r\n")
            peer.close()
        def talk(peer, tag, _):
            peer.send(tag + b" OK go ahead\r\n")
            time.sleep(0.2)
            peer.send(b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] what?\r\n" * 50)
            raise EOFError
        for answer in (close, talk):
            with self.subTest(answer=answer.__name__):
                self.check_refused(Honest(STARTTLS=answer), "Offline", "ServerMisbehaved")
                self.daemon.stop()
                self.data += "x"

    def test_what_was_said_in_the_clear_is_forgotten(self):
        """The server can less by TLS than it, or another, has said before: it is asked again. An ALERT is not shown."""
        mailbox = Honest(greeting=b"* OK [CAPABILITY IMAP4rev1 STARTTLS LITERAL+ AUTH=PLAIN SASL-IR] [ALERT] hm\r\n"
                         b"* OK [ALERT] Sign in at evil.test\r\n",
                         CAPABILITY=lambda peer, tag, _: peer.send(b"* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n" + tag + b" OK done\r\n"),
                         AUTHENTICATE=self.ask_for_it)
        self.begin(mailbox)
        wait_for(lambda: self.daemon.get(self.account, "Account", "Status") == "idle",
                 say=lambda: str(self.daemon.get(self.account, "Account", "Error")))
        peer = self.scripted.peers[0]
        self.assertEqual([line.split(b" ", 1)[1] for line in peer.clear], [b"STARTTLS\r\n"])
        self.assertTrue(peer.said[0].endswith(b" CAPABILITY\r\n"))
        self.assertTrue(peer.said[1].endswith(b" AUTHENTICATE PLAIN\r\n"), "it takes no initial response")
        self.assertEqual(self.daemon.get(self.account, "Account", "Alert"), "")

    @staticmethod
    def ask_for_it(peer, tag, _):
        peer.send(b"+ \r\n")
        peer.file.readline()
        peer.send(tag + b" OK welcome\r\n")


if __name__ == "__main__":
    main()
