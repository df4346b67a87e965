"""The links between daemons and the server: the fault proxy, and what its log shows."""

import re
import subprocess

from surel_test import BUILD


class FaultProxy:
    """A running faultproxy; its source says what it can do."""

    def __init__(self, port, log):
        self.log_path = log
        self.process = subprocess.Popen([BUILD + "/tests/converge/faultproxy", str(port), log], text=True,
                                        bufsize=1, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.port = int(self.process.stdout.readline())

    def say(self, words):
        self.process.stdin.write(words + "\n")
        answer = self.process.stdout.readline().strip()
        if answer != "ok":
            raise RuntimeError(f"faultproxy says {answer!r} to {words!r}")

    def read_log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def plans(self):
        """What was decided of each connection."""
        return re.findall(r"^\S+ \d+ ! (\w+ \w+ \w+ \d+)$", self.read_log(), re.M)

    def tail(self, count=12):
        """The last lines that say more than how the folders are."""
        lines = [line for line in self.read_log().splitlines() if not re.search(r"< \* (LIST|STATUS) |> \w+ LIST |OK List completed", line)]
        return "\n".join(lines[-count:])

    def stop(self):
        self.process.stdin.close()
        self.process.wait(20)
        self.process.stdout.close()


def numbers(text):
    """1,3:5 → 1 3 4 5"""
    for piece in text.split(","):
        first, _, last = piece.partition(":")
        yield from range(int(first), int(last or first) + 1)


class Commands:
    """A log read as conversations. A message's UID is known by what the server said of it; a mailbox by its
    UIDVALIDITY, which Dovecot gives no two mailboxes of a user."""

    def __init__(self, text, known):
        self.names = known  # (UIDVALIDITY, UID) → a message's name; also what others have seen
        self.told = set()  # those that the server has told of in this log
        self.uses = []  # commands that do anything with messages: (line, their UIDs)
        self.commands = []  # those that destroy: (line, UIDVALIDITY, command)
        self.moved = []  # (UIDVALIDITY, UID) moved by a command that the server took
        mailbox, appended = {}, {}
        for line in text.splitlines():
            match = re.match(r"\S+ (\d+) ([<>!]) (.*)", line)
            if match:
                connection, mark, said = match.groups()
                if mark == "<":
                    self.heard(connection, said, mailbox, appended)
                elif mark == ">":
                    tag, _, command = said.partition(" ")
                    if match := re.search(r"APPEND .*<m(\w+)@", command):
                        appended[connection, tag] = match[1]
                    if match := re.match(r"UID (?:STORE|COPY|MOVE|EXPUNGE) ([\d,:]+) ", command + " "):
                        self.uses.append((line, {(mailbox.get(connection), uid) for uid in numbers(match[1])}))
                    if self.destroys(command):
                        self.commands.append((line, mailbox.get(connection), command))

    def destructive(self):
        """(line, the names of what it destroys; None among them for an unknown message, and instead of them where
        the command doesn't say)"""
        return [(line, self.named(validity, command)) for line, validity, command in self.commands]

    def guessed(self):
        """Commands with a UID that the server has told of nowhere under that UIDVALIDITY."""
        return [line for line, uids in self.uses if uids - self.told]

    @staticmethod
    def destroys(command):
        word = command.upper()
        return (word.startswith(("UID MOVE ", "MOVE ", "EXPUNGE", "UID EXPUNGE", "CLOSE", "DELETE "))
                or (word.startswith(("STORE ", "UID STORE ")) and "\\DELETED" in word and "-FLAGS" not in word))

    def heard(self, connection, said, mailbox, appended):
        if match := re.match(r"\* \d+ FETCH \(.*?\bUID (\d+)\b", said):
            self.told.add((mailbox.get(connection), int(match[1])))
        if match := re.match(r"\* OK \[UIDVALIDITY (\d+)\]", said):
            mailbox[connection] = int(match[1])
        elif (match := re.match(r"\* \d+ FETCH \(.*?\bUID (\d+)\b.*<m(\w+)@", said)) and connection in mailbox:
            self.names[mailbox[connection], int(match[1])] = match[2]
        elif match := re.match(r"(\w+) OK \[APPENDUID (\d+) (\d+)\]", said):
            self.told.add((int(match[2]), int(match[3])))
            if name := appended.get((connection, match[1])):
                self.names[int(match[2]), int(match[3])] = name
        elif match := re.search(r"\[COPYUID (\d+) (\S+) (\S+)\]", said):
            moves = said.startswith("* ")  # RFC 6851 §4.3: before the untagged EXPUNGE
            for old, new in zip(numbers(match[2]), numbers(match[3])):
                source = mailbox.get(connection), old
                self.told.add((int(match[1]), new))
                if source in self.names:
                    self.names[int(match[1]), new] = self.names[source]
                if moves:
                    self.moved.append(source)

    def named(self, validity, command):
        words = command.split()
        if words[0].upper() != "UID":
            return None
        try:
            return {self.names.get((validity, uid)) for uid in numbers(words[2])}
        except ValueError:
            return None
