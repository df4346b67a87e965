"""What was done by whom, and whether the end fits it: nothing lost, nothing there twice, nothing undone that nobody
undid, nothing destroyed that nobody meant."""

import collections
import re

from surel_test import *  # noqa: F403
from wire import Commands, numbers
from world import ENDED, Failed

ASIDE = re.compile("-surel-deletes-[0-9a-f]{8}$")  # what a folder is called that is being deleted


class Intent:
    """What a call of a D-Bus client is to do."""

    def __init__(self, client, append=None, into=None, folder=None):
        self.client, self.append, self.into, self.folder = client, append, into, folder
        self.ids = {}  # message id → name
        self.own, self.move, self.copy, self.destroy = 0, None, None, False

    def __str__(self):
        words = [f"{key} {value}" for key, value in (
            ("append", self.append), ("folder", self.folder), ("move to", self.move), ("copy to", self.copy),
            ("destroy", self.destroy), ("own keyword", self.own)) if value]
        return f"{self.client.name}: {', '.join(words) or 'keywords'}: {sorted(set(self.ids.values()))[:8]}"


class Record:
    def __init__(self):
        self.there = set()  # names of messages that were ever brought
        self.gone = collections.defaultdict(set)  # name → who destroyed it
        self.copies = collections.Counter()  # name → how many were made at most
        self.moves = collections.defaultdict(list)  # name → (who, folder), in order
        self.owns = {}  # (name, who) → whether it has who's own keyword
        self.shaken = set()  # names in folders that were renamed or deleted
        self.into = collections.defaultdict(set)  # folder → names that anybody put there
        self.unsteady = set()  # folders that were renamed or deleted, or are to be: nobody knows when
        self.marked = set()  # names ever marked \Deleted
        self.source_moves = collections.Counter()  # (mailbox, UID) → how often devices moved it
        self.operations = {}  # (station, operation) → Intent
        self.tried = []  # (station, Intent) of all calls, accepted or not
        self.undone = set()  # (station, operation, name, what it was shown without)
        self.taken_back = {}  # (station, operation) → Intent of those that somebody has cancelled, or tried to
        self.retried = set()  # (station, operation)
        self.refused = collections.Counter()
        self.history = collections.defaultdict(list)  # name → what was done with it, for people
        self.begin = time.monotonic()
        self.keys = 0
        self.folders_changed = False

    def next_key(self):
        self.keys += 1
        return self.keys

    # --- Acts ---

    def note(self, names, text):
        for name in set(names):
            self.history[name].append(f"{time.monotonic() - self.begin:.3f} {text}")

    def arrived(self, name, folder):
        self.there.add(name)
        self.went(folder, {name})

    def copied(self, names, folder):
        self.note(names, f"copied to {folder}")
        self.copies.update(names)  # one that is there twice is copied twice
        self.went(folder, set(names))

    def went(self, folder, names):
        self.into[folder] |= names
        if self.is_unsteady(folder):
            self.shaken |= names

    def is_unsteady(self, folder):
        """One that a daemon deletes has a name of its own for a moment."""
        return folder in self.unsteady or ASIDE.search(folder) is not None

    def destroyed(self, names, who):
        for name in names:
            self.gone[name].add(who)

    def unsure(self, names):
        """Whatever was done with them may have been done or not."""
        self.there.update(names)
        self.copies.update(names)
        self.shaken.update(names)
        self.destroyed(names, "nobody knows")

    def set_own(self, names, who, value):
        for name in names:
            self.owns[name, who] = value

    def server_moved(self, device, names, folder, success, copyuids, mailbox):
        self.note(names, f"{device.name} moved to {folder}: {success} {copyuids} {mailbox}")
        if not success:
            return
        for text in copyuids:
            words = text.replace("]", " ").split()
            if len(words) >= 3 and words[0].isdigit():
                self.source_moves.update((mailbox, uid) for uid in numbers(words[1]))
        for name in names:
            self.moves[name].append((device.name, folder))
        self.went(folder, names)

    def folder_changed(self, folder, there, new):
        """It was renamed to @new, or deleted: what is in it may go, and what is on its way there."""
        self.folders_changed = True
        self.unsteady |= {folder, new} - {None}
        names = there | self.into[folder]
        self.shaken |= names
        if new is None:
            self.destroyed(names, "folder")
        else:
            self.into[new] |= names

    def accepted(self, station, intent, method, answer):
        operation = answer[0] if method == "Modify" else answer[-1]
        missing = set(answer[2].get("notFound", ())) if method == "Modify" else set()
        names = {name for key, name in intent.ids.items() if key not in missing}
        who = intent.client.name
        self.note(names | ({intent.append} - {None}), f"{intent}, operation {operation}")
        if operation:
            self.operations[station.name, operation] = intent
        if intent.own:
            self.set_own(names, who, intent.own > 0)
            intent.client.own.update({key: (intent.own > 0, operation) for key in intent.ids if key not in missing})
        if intent.destroy:
            self.destroyed(names, who)
        if intent.copy:
            self.copied([name for key, name in intent.ids.items() if key not in missing], intent.copy)
        if intent.move:
            self.went(intent.move, names)
            for name in names:
                self.moves[name].append((who, intent.move))
        if intent.append:
            self.arrived(intent.append, intent.into)

    def cancelled(self, station, operation):
        """It may be undone, by the opposite where the server has done it: what comes of its messages is open, but that
        they are there, if it didn't make them."""
        intent = self.operations[station.name, operation]
        self.taken_back[station.name, operation] = intent
        if intent.append:
            self.destroyed({intent.append}, intent.client.name)
        if intent.folder and intent.folder[1]:
            old, new = intent.folder
            self.folder_changed(new, set(), old)

    def looked(self, client):
        """What one alone did to a message is shown to it from then on."""
        others = {*self.gone, *self.copies, *self.shaken}
        others |= {name for name, moves in self.moves.items() if any(who[:4] != client.station.name for who, _ in moves)}
        for key, (own, operation) in client.own.items():
            name, _, words = client.rows.get(key, (None, None, ()))
            if name and name not in others and (client.name in words) != own:
                self.undone.add((client.station.name, operation, name, f"{client.name}: message {name}"))

    # --- Judgement ---

    def judge_operations(self, station, listed):
        """Each one ended, and one way."""
        bad = []
        mine = {key: intent for (name, key), intent in self.operations.items() if name == station.name}
        for key, intent in mine.items():
            row = listed.get(key)
            if row is None:
                bad.append(f"{station.name}: operation {key} is not listed: {intent}")
                continue
            told = {state for client in station.clients for state in client.finished[key]}
            if row["state"] not in ENDED:
                bad.append(f"{station.name}: operation {key} is {row['state']} {row.get('error')}: {intent}")
            elif told - {row["state"]} - self.may_be_told(station, key, intent, row["state"]):
                bad.append(f"{station.name}: operation {key} is {row['state']} and was told as {told}: {intent}")
            elif row["state"] != "done" and not self.folders_changed and not self.others_took(station, intent):
                bad.append(f"{station.name}: operation {key} is {row['state']} for no reason, {row.get('error')} "
                           f"{row.get('failures')}: {intent}")
            for client in station.clients:
                # After a power failure it may have to be found out, and told, again.
                if (len(client.finished[key]) > len(set(client.finished[key])) and not station.cuts
                        and not self.may_be_tried_again(station, key, intent)):
                    bad.append(f"{station.name}: operation {key} was told to {client.name} as {client.finished[key]}, "
                               f"and is {row['state']}: {intent}")
        for key, row in listed.items():
            if row["state"] not in ENDED and key not in mine:
                bad.append(f"{station.name}: operation {key}, which nobody asked for, is {row['state']}")
        return bad

    def may_be_tried_again(self, station, key, intent):
        """By somebody; or as what it was refused for, the folder, is gone."""
        return (station.name, key) in self.retried or (intent.append and self.is_unsteady(intent.into))

    def may_be_told(self, station, key, intent, state):
        """What else than its state now an operation may have been told as, before somebody acted."""
        if (station.name, key) in self.taken_back:
            return {"done", "partial", "failed", "cancelled"}
        if self.may_be_tried_again(station, key, intent):
            return {"failed", "partial"}
        return {"failed"} if state == "cancelled" else set()

    def others_took(self, station, intent):
        """Whether others destroyed or moved some of its messages: then it need not have gone well."""
        names = set(intent.ids.values()) | {intent.append}
        return (any(name in self.gone or any(who[:4] != station.name for who, _ in self.moves[name]) for name in names)
                or bool(names & self.taken_back_names()))

    def taken_back_names(self):
        return {name for intent in self.taken_back.values() for name in (*intent.ids.values(), intent.append) if name}

    def failed_names(self, listed):
        """Names of messages of which an operation didn't end well: what was meant for them need not be true."""
        found = self.taken_back_names()
        for (station, key), intent in self.operations.items():
            if listed[station].get(key, {}).get("state") != "done":
                found |= set(intent.ids.values()) | ({intent.append} if intent.append else set())
        return found

    def never_sent(self, listed):
        """Names of messages that no server took, or that were taken back."""
        return {intent.append for (station, key), intent in self.operations.items()
                if intent.append and listed[station].get(key, {}).get("state") != "done"}

    def judge_messages(self, every, view, listed, twice, again):
        """@every: how often each is on the server; @view: what is shown there; @twice: names the server itself let two
        move at once; @again: (station, name) of what was appended again. What another device had destroyed before it was
        looked for can't be told from what never came: it is there once more, as nothing is to be lost."""
        failed, unsent = self.failed_names(listed), self.never_sent(listed)
        bad = []
        for name in self.there | set(every):
            count = every[name]
            if name not in self.there:
                bad.append(f"message {name} was brought by nobody")
            if count == 0 and name not in self.gone and name not in unsent:
                bad.append(f"message {name} is lost: " + "; ".join(self.history[name]))
            if count > 1 + self.copies[name] and name not in twice:
                bad.append(f"message {name} is there {count} times, and was copied {self.copies[name]} times: "
                           + "; ".join(self.history[name]))
        places = collections.defaultdict(list)
        for (folder, name, words), count in view.items():
            places[name] += [(folder, words)] * count
        revived = {name for station, name in again if any(not who.startswith(station) for who in self.gone.get(name, ()))}
        for name in self.there - failed - self.shaken - self.marked - revived:
            bad += self.judge_one(name, places[name], every[name])
        return bad

    def judge_ids(self, station, failed):
        """What nobody touched but its keywords keeps its id, and is never shown as gone."""
        touched = {*self.gone, *self.moves, *self.copies, *self.shaken, *self.marked, *failed}
        folders = {path for _, intent in self.tried for path in intent.folder or ()}
        return [f"{client.name}: {what} was gone for a while, or got another id" for client in station.clients for what in
                [f"folder {path}" for path in client.folders_taken_out if not (path in folders or self.is_unsteady(path))]
                + [f"message {name}" for name in client.taken_out if name not in touched]]

    def judge_shown(self, listed):
        """What was refused goes back, and nothing else."""
        open_again = self.taken_back_names()
        return [f"{what} was shown without what operation {operation} does"
                for station, operation, name, what in sorted(self.undone)
                if listed[station].get(operation, {}).get("state", "done") == "done" and name not in open_again]

    def judge_one(self, name, places, count):
        """What one alone did to a message has to have its effect."""
        movers = {who[:4] for who, _ in self.moves[name]}
        owners = {who[:4] for who in self.gone.get(name, ()) if who.startswith("bus")}
        if self.copies[name]:
            return []
        if owners and len(owners | movers) == 1 and count:
            return [f"message {name} was destroyed by {self.gone[name]}, and is there"]
        if self.gone.get(name) or len(places) != 1:
            return []
        folder, words = places[0]
        bad = []
        devices = all(who.startswith("dev") for who in movers)
        if self.moves[name] and (devices or len(movers) == 1) and self.moves[name][-1][1] != folder:
            bad.append(f"message {name} is in {folder}, and was moved by {self.moves[name]}")
        for who in {who for other, who in self.owns if other == name}:
            mine = movers <= {who[:4]} if who.startswith("bus") else devices
            if mine and self.owns[name, who] != (who in words):
                bad.append(f"message {name} has the keywords {words}, and {who} has "
                           f"{'set' if self.owns[name, who] else 'taken'} its own")
        return bad

    def judge_wire(self, station, commands):
        """Each command is about what is known, and a destructive one belongs to an operation."""
        bad = [f"{station.name}: the server has told of no such UID: {line}" for line in commands.guessed()]
        meant, folders = set(), set()
        for name, intent in self.tried:
            if name == station.name and (intent.destroy or intent.move):
                meant |= set(intent.ids.values())
            if name == station.name and intent.folder:
                folders.add(intent.folder[0])
        for (name, _), intent in self.taken_back.items():
            if name == station.name:
                meant |= {*intent.ids.values(), intent.append}
                folders |= {*(intent.folder or ())} - {None}
        for line, names in commands.destructive():
            words = line.split()
            if "DELETE" in words[4:5]:
                # One that is to be deleted may have got another name meanwhile.
                name = ASIDE.sub("", words[5].strip('"'))
                if not folders or station.server.path_of(name) not in folders | self.unsteady:
                    bad.append(f"{station.name}: nobody asked for this: {line}")
            elif names is None:
                bad.append(f"{station.name}: this may take along more than was meant: {line}")
            elif names - {None} - meant:
                bad.append(f"{station.name}: nobody asked for this of {sorted(names - meant - {None})}: {line}")
            elif None in names:
                bad.append(f"{station.name}: of what message is this? {line}")
        return bad


def differences(what, one, other):
    """Lines that say which (folder, name, keywords) are in one alone."""
    if one == other:
        return []
    lines = [f"{what}: the server has {sum(one.values())}, it has {sum(other.values())}"]
    for key in sorted(set(one) | set(other)):
        if one[key] != other[key]:
            lines.append(f"  {key}: on the server {one[key]}, here {other[key]}")
    return lines[:30]


def judge(world, record, listed, every, view):
    bad = []
    known = dict(world.seen)
    logs = {station.name: station.proxy.read_log() for station in world.stations}
    for log in logs.values():
        world.mailboxes.learn(log)
    commands = {name: Commands(log, known, world.mailboxes) for name, log in logs.items()}
    moved = collections.Counter(record.source_moves)
    for one in commands.values():
        moved.update(one.moved)
    twice = {known.get(source) for source, count in moved.items() if count > 1}
    if "List" in world.built:
        for station in world.stations:
            bad += record.judge_operations(station, listed[station.name])
    bad += record.judge_shown(listed)
    again = {(station, name) for station, one in commands.items() for name in one.appended_again()}
    bad += record.judge_messages(every, view, listed, twice, again)
    for station in world.stations:
        bad += record.judge_wire(station, commands[station.name])
        bad += record.judge_ids(station, record.failed_names(listed))
    if bad:
        raise Failed(*bad[:40])
