"""The links between daemons and the server: the fault proxy, and what its log shows."""

import collections
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


def conversation(text):
    """(line, connection, mark, what was said) of a log"""
    for line in text.splitlines():
        if match := re.match(r"\S+ (\d+) ([<>!]) (.*)", line):
            yield line, *match.groups()


class Mailboxes:
    """What mailboxes are known by: MAILBOXID where a server has it, else their UIDVALIDITY. Dovecot gives no two
    mailboxes of a user the same; Cyrus does, where it makes them in the same second."""

    def __init__(self):
        self.ids = collections.defaultdict(set)  # (name, UIDVALIDITY) → what it is known by: two may have had both in turn

    def opened(self, name, validity, mailbox_id):
        """Notes what a server said of the mailbox it opened, and returns what that is known by."""
        mailbox = mailbox_id.decode() if mailbox_id else int(validity)
        self.ids[name, int(validity)].add(mailbox)
        return mailbox

    def learn(self, text):
        """Notes what a log says of them."""
        names, validities = {}, {}
        for _, connection, mark, said in conversation(text):
            if mark == ">" and (match := re.match(r"\w+ (?:SELECT|EXAMINE) (\S+)", said)):
                names[connection] = match[1].strip('"')
            elif match := re.match(r"\* OK \[UIDVALIDITY (\d+)\]", said):
                validities[connection] = int(match[1])
            elif (match := re.match(r"\* OK \[MAILBOXID (\([\w-]+\))\]", said)) and connection in validities:
                self.ids[names.get(connection), validities[connection]].add(match[1])

    def find(self, name, validity):
        """All that it may be."""
        return self.ids.get((name, validity), {validity})


class Commands:
    """A log read as conversations. A message's UID is known by what the server said of it."""

    def __init__(self, text, known, mailboxes):
        self.names = known  # (mailbox, UID) → a message's name; also what others have seen
        self.mailboxes = mailboxes
        self.told = set()  # those that the server has told of in this log
        self.uses = []  # commands that do anything with messages: (line, their UIDs)
        self.commands = []  # those that destroy: (line, mailbox, command)
        self.moved = []  # (mailbox, UID) moved by a command that the server took
        self.opened = {}  # connection → mailbox
        self.appended = {}  # (connection, tag) → names, of commands that weren't refused
        self.targets = {}  # (connection, tag), and connection for the last → the mailbox that messages are put into
        self.has_name = {}  # (connection, name) → the MAILBOXID that STATUS last told, as it does before messages are put there
        for line, connection, mark, said in conversation(text):
            if mark == "<":
                self.heard(connection, said)
            elif mark == ">":
                tag, _, command = said.partition(" ")
                self.asked(connection, tag, command)
                if match := re.match(r"UID (?:STORE|COPY|MOVE|EXPUNGE) ([\d,:]+) ", command + " "):
                    self.uses.append((line, {(self.opened.get(connection), uid) for uid in numbers(match[1])}))
                if self.destroys(command):
                    self.commands.append((line, self.opened.get(connection), command))

    def destructive(self):
        """(line, the names of what it destroys; None among them for an unknown message, and instead of them where
        the command doesn't say)"""
        return [(line, self.named(mailbox, command)) for line, mailbox, command in self.commands]

    def appended_again(self):
        """The names of what was appended once more, as the answer to the time before was lost."""
        times = collections.Counter(name for names in self.appended.values() for name in names)
        return {name for name, count in times.items() if count > 1}

    def guessed(self):
        """Commands with a UID that the server has told of nowhere under that UIDVALIDITY."""
        return [line for line, uids in self.uses if uids - self.told]

    @staticmethod
    def destroys(command):
        word = command.upper()
        return (word.startswith(("UID MOVE ", "MOVE ", "EXPUNGE", "UID EXPUNGE", "CLOSE", "DELETE "))
                or (word.startswith(("STORE ", "UID STORE ")) and "\\DELETED" in word and "-FLAGS" not in word))

    def asked(self, connection, tag, command):
        if command.startswith("APPEND "):
            self.appended[connection, tag] = re.findall(r" <m(\w+)@[^ ]*>", command)
        if match := re.match(r"(?:UID (?:MOVE|COPY) \S+|APPEND) (\S+)", command):
            self.targets[connection, tag] = self.targets[connection] = match[1].strip('"')

    def heard(self, connection, said):
        if match := re.match(r"\* \d+ FETCH \(.*?\bUID (\d+)\b", said):
            self.told.add((self.opened.get(connection), int(match[1])))
        if match := re.match(r"\* OK \[UIDVALIDITY (\d+)\]", said):
            self.opened[connection] = int(match[1])
        elif match := re.match(r"\* OK \[MAILBOXID (\([\w-]+\))\]", said):
            self.opened[connection] = match[1]
        elif match := re.match(r"\* STATUS (\S+) \(MAILBOXID (\([\w-]+\))\)", said):
            self.has_name[connection, match[1].strip('"')] = match[2]
        elif (match := re.match(r"\* \d+ FETCH \(.*?\bUID (\d+)\b.*<m(\w+)@", said)) and connection in self.opened:
            self.names[self.opened[connection], int(match[1])] = match[2]
        elif match := re.match(r"(\w+) (?:NO|BAD) ", said):
            self.appended.pop((connection, match[1]), None)
        elif match := re.match(r"(\w+) OK \[APPENDUID (\d+) ([\d:,]+)\]", said):
            mailboxes, uids = self.target(connection, match[1], match[2]), list(numbers(match[3]))
            self.told.update((mailbox, uid) for mailbox in mailboxes for uid in uids)
            for uid, name in zip(uids, self.appended.get((connection, match[1]), ())):
                self.name(mailboxes, uid, name)
        elif match := re.match(r"(\S+) .*\[COPYUID (\d+) (\S+) (\S+)\]", said):
            moves = match[1] == "*"  # RFC 6851 §4.3: before the untagged EXPUNGE
            target = self.target(connection, match[1], match[2])
            for old, new in zip(numbers(match[3]), numbers(match[4])):
                source = self.opened.get(connection), old
                self.told.update((mailbox, new) for mailbox in target)
                if source in self.names:
                    self.name(target, new, self.names[source])
                if moves:
                    self.moved.append(source)

    def name(self, mailboxes, uid, name):
        """Where two may be meant nothing is known; and what was seen counts."""
        if len(mailboxes) == 1:
            self.names.setdefault((*mailboxes, uid), name)

    def target(self, connection, tag, validity):
        name = self.targets.get((connection, tag), self.targets.get(connection))
        mailboxes = self.mailboxes.find(name, int(validity))
        return mailboxes & {self.has_name.get((connection, name))} or mailboxes

    def named(self, mailbox, command):
        words = command.split()
        if words[0].upper() != "UID":
            return None
        try:
            return {self.names.get((mailbox, uid)) for uid in numbers(words[2])}
        except ValueError:
            return None
