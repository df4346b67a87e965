"""A server that does what no real one does on purpose: each test gives it what to say."""

import socket
import ssl
import threading

GREETING = b"* OK [CAPABILITY IMAP4rev1 LITERAL+ AUTH=PLAIN SASL-IR] scripted\r\n"


class Listener:
    """Listens on loopback. For each connection serve(plain) is called in a thread of its own."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                plain, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(plain,), daemon=True).start()

    def stop(self):
        self.listener.close()


class Scripted(Listener):
    """A server with TLS. For each connection play(peer) is called."""

    def __init__(self, certificates, play, name="server"):
        self.context, self.play, self.peers = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), play, []
        self.context.load_cert_chain(f"{certificates}/{name}.pem", f"{certificates}/{name}.key")
        super().__init__()

    def begin(self, plain):
        return Peer(self.context.wrap_socket(plain, server_side=True))

    def serve(self, plain):
        try:
            peer = self.begin(plain)
            self.peers.append(peer)
            try:
                self.play(peer)
            finally:
                peer.ended = True
        except (OSError, EOFError):
            pass

    def said(self, word):
        """All commands so far that begin with a word."""
        return [line for peer in self.peers for line in peer.said if line.split(b" ", 1)[-1].startswith(word)]

    def stop(self):
        super().stop()
        for peer in self.peers:
            peer.close()


class Plain(Scripted):
    """The same in the clear, until Peer.start_tls()."""

    def begin(self, plain):
        peer = Peer(plain)
        peer.context = self.context
        return peer


class Peer:
    def __init__(self, connection):
        self.connection, self.file = connection, connection.makefile("rb")
        self.said, self.ended = [], False

    def send(self, octets):
        self.connection.sendall(octets)

    def read(self):
        """The next command: tag, the rest of the line."""
        line = self.file.readline()
        if not line:
            raise EOFError
        self.said.append(line)
        tag, _, rest = line.rstrip(b"\r\n").partition(b" ")
        return tag, rest

    def start_tls(self):
        self.clear, self.said = self.said, []
        self.file.close()
        self.connection = self.context.wrap_socket(self.connection, server_side=True)
        self.file = self.connection.makefile("rb")

    def close(self):
        try:
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.connection.close()


MESSAGE = b"From: a@b\r\nSubject: m\r\nMessage-ID: <%d@x>\r\n\r\n"


class Mailbox:
    """A small, honest server, of which a test replaces what it wants: answers[word] is called with the peer,
    the tag and the command, and answers it."""

    def __init__(self, uids=(1, 2, 3), **answers):
        self.uids, self.answers = list(uids), answers

    def __call__(self, peer):
        peer.send(self.answers.get("greeting", GREETING))
        while True:
            tag, command = peer.read()
            self.before(peer, tag, command)
            words = command.split(b" ")
            name = words[0].upper() if words[0].upper() != b"UID" else b"UID_" + words[1].upper()
            handler = self.answers.get(name.decode()) or getattr(self, "do_" + name.decode(), None)
            self.turn_back(peer)
            if handler:
                handler(peer, tag, command)
            else:
                peer.send(tag + b" OK done\r\n")

    def turn_back(self, peer):
        """To the mailbox that the connection has open, where there are several."""

    def before(self, peer, tag, command):
        """Before each command is answered."""

    def do_CAPABILITY(self, peer, tag, _):
        peer.send(b"* CAPABILITY IMAP4rev1 LITERAL+ AUTH=PLAIN SASL-IR\r\n" + tag + b" OK done\r\n")

    def do_LIST(self, peer, tag, _):
        peer.send(b'* LIST () "/" INBOX\r\n' + tag + b" OK done\r\n")

    def do_STATUS(self, peer, tag, _):
        peer.send(b"* STATUS INBOX (MESSAGES %d UIDNEXT %d UIDVALIDITY 7 UNSEEN 0)\r\n%s OK done\r\n"
                  % (len(self.uids), max(self.uids, default=0) + 1, tag))

    def do_EXAMINE(self, peer, tag, _):
        peer.send(b"* %d EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT %d] x\r\n%s OK [READ-ONLY] done\r\n"
                  % (len(self.uids), max(self.uids, default=0) + 1, tag))

    def row(self, n, full):
        uid = self.uids[n - 1]
        if not full:
            return b"* %d FETCH (UID %d FLAGS ())\r\n" % (n, uid)
        head = MESSAGE % uid
        return (b'* %d FETCH (UID %d FLAGS () INTERNALDATE "14-Nov-2023 22:13:20 +0000" RFC822.SIZE 100 '
                b'BODY[HEADER.FIELDS (SUBJECT)] {%d}\r\n%s)\r\n' % (n, uid, len(head), head))

    def do_FETCH(self, peer, tag, command):
        first, _, last = command.split(b" ")[1].partition(b":")
        rows = [self.row(n, b"HEADER" in command) for n in range(int(first), int(last or first) + 1)]
        peer.send(b"".join(rows) + tag + b" OK done\r\n")

    def do_UID_SEARCH(self, peer, tag, command):
        """UID SEARCH UID set, with RETURN or without: what is truly there."""
        words = command.split(b" ")
        wanted = set()
        for part in words[words.index(b"UID", 1) + 1].split(b","):
            first, _, last = part.partition(b":")
            wanted.update(uid for uid in self.uids if int(first) <= uid <= int(last or first))
        found = b" ".join(b"%d" % uid for uid in sorted(wanted))
        if b"RETURN" in words:
            peer.send(b'* ESEARCH (TAG "%s") UID COUNT %d%s\r\n' % (tag, len(wanted), b" ALL " + found.replace(b" ", b",")
                                                                  if wanted else b""))
        else:
            peer.send(b"* SEARCH" + (b" " + found if found else b"") + b"\r\n")
        peer.send(tag + b" OK done\r\n")

    def do_UID_FETCH(self, peer, tag, command):
        wanted = set()
        for piece in command.split(b" ")[2].split(b","):
            first, _, last = piece.partition(b":")
            top = max(self.uids) if last == b"*" else int(last or first)
            wanted.update(range(int(first), top + 1))
        rows = [self.row(n, True) for n, uid in enumerate(self.uids, 1) if uid in wanted]
        peer.send(b"".join(rows) + tag + b" OK done\r\n")
