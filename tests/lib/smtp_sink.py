"""An SMTP server that keeps what it is handed, for servers that send."""

import socketserver
import threading


class SmtpSink:
    """`messages`: (from, [to], octets), as they came; those to `refused` are refused."""

    def __init__(self):
        self.messages = []
        self.refused = set()
        outer = self

        class Handler(socketserver.StreamRequestHandler):
            def say(self, line):
                self.wfile.write(line + b"\r\n")

            def handle(self):
                sender, to = "", []
                self.say(b"220 sink ESMTP")
                for line in self.rfile:
                    words = line.decode("utf-8", "replace").strip()
                    name = words.split(" ")[0].upper()
                    if name == "EHLO":
                        self.say(b"250-sink\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 SIZE 52428800")
                    elif name == "MAIL":
                        sender, to = words[words.index("<") + 1:words.index(">")], []
                        self.say(b"250 ok")
                    elif name == "RCPT":
                        address = words[words.index("<") + 1:words.index(">")]
                        to += [] if address in outer.refused else [address]
                        self.say(b"550 5.1.1 nobody here of that name" if address in outer.refused else b"250 ok")
                    elif name == "DATA":
                        self.say(b"354 go on")
                        octets = b""
                        for part in iter(self.rfile.readline, b".\r\n"):
                            octets += part[1:] if part.startswith(b".") else part
                        outer.messages.append((sender, to, octets))
                        self.say(b"250 ok")
                    elif name == "QUIT":
                        self.say(b"221 bye")
                        return
                    else:
                        self.say(b"250 ok")

        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler, bind_and_activate=True)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
