#!/usr/bin/python3
"""The rules every member keeps: what isn't built, wrong arguments, limits, who may call."""

import os
import re
import sys
import xml.etree.ElementTree as ET

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from surel_test import *  # noqa: E402,F403

# What answers NotSupported. It may only get shorter. (IMAP has no absence notice.)
UNBUILT = {
    "Manager": {"Discover"},
    "Account": {"Export", "Import", "Restore", "GetVacation"},
    "Folder": set(),
    "Messages": {"OpenView"},
    "Operations": set(),
    "Submission": {"Compose", "Attach", "Reply", "Forward"},
    "Items": {"List", "Get", "Put", "Remove"},
    "Job": set(),
}
UNBUILT_PROPERTIES = {"bodyValues"}
SAMPLES = {"s": "", "t": 0, "u": 0, "x": 0, "b": False, "o": "/", "as": [], "at": [], "a{sv}": {},
           "v": GLib.Variant("s", "x")}


class Rules(Case):
    def prepare(self):
        daemon = self.start()
        self.account, job = daemon.add_account(self.server)
        self.job = job
        daemon.wait_job(job)
        daemon.sync()
        return daemon

    def members(self, daemon):
        """Every method there is, by introspection: interface, object, name, signature."""
        objects = {PATH, self.account, daemon.folders()["INBOX"], self.job}
        for path in sorted(objects):
            text = daemon.connection.call_sync(NAME, path, "org.freedesktop.DBus.Introspectable", "Introspect",
                                               None, None, 0, 30000, None).unpack()[0]
            for interface in ET.fromstring(text).findall("interface"):
                if not interface.get("name").startswith(NAME):
                    continue
                for method in interface.findall("method"):
                    signature = [a.get("type") for a in method.findall("arg") if a.get("direction") == "in"]
                    yield interface.get("name").rsplit(".", 1)[1], path, method.get("name"), signature

    def test_a_job_stays_for_a_minute(self):
        daemon = self.start()
        ended = {}  # job → when
        for pause in (6, 0):
            job = daemon.call(PATH, "Manager", "Sync", "(a{sv})", {})[0]
            daemon.wait_job(job)
            ended[job] = time.monotonic()
            time.sleep(pause)
        first, second = ended
        while time.monotonic() < ended[first] + 58:
            self.assertLessEqual(set(ended), set(daemon.objects()))
            time.sleep(2)
        wait_for(lambda: first not in daemon.objects(), 6)
        self.assertLess(time.monotonic(), ended[second] + 60)
        self.assertIn(second, daemon.objects())
        with self.assertRaises(GLib.Error) as caught:
            daemon.call(first, "Job", "Wait", "()")
        self.assertEqual(error_name(caught.exception), "NotFound")
        wait_for(lambda: second not in daemon.objects(), 10)

    def test_what_is_not_built_is_exactly_the_list(self):
        daemon = self.prepare()
        found = {name: set() for name in UNBUILT}
        for interface, path, method, signature in self.members(daemon):
            if method in ("Remove", "Cancel", "SetSecrets") and interface != "Operations" and interface != "Items":
                continue
            arguments = GLib.Variant("(" + "".join(signature) + ")", tuple(SAMPLES[t] for t in signature))
            try:
                daemon.connection.call_sync(NAME, path, f"{NAME}.{interface}", method, arguments, None, 0, 30000,
                                            None)
            except GLib.Error as error:
                if error_name(error) == "NotSupported":
                    found[interface].add(method)
        self.assertEqual(found, UNBUILT)
        for name in UNBUILT_PROPERTIES:
            self.assertFails("NotSupported", daemon.query, properties=[name])
        self.assertFails("InvalidArgument", daemon.query, properties=["colour"])

    def test_wrong_arguments_are_errors_and_no_crash(self):
        daemon = self.prepare()
        odd = {"s": ["x" * 100000, "\u202e", "/"], "t": [0, 1 << 63, (1 << 64) - 1], "u": [0, 0xffffffff],
               "x": [-1 << 63], "b": [True], "o": ["/", "/org/surel/Sync1/accounts/a1/folders/2", "/" + "a" * 900],
               "as": [["x"] * 5000, [""]], "at": [[0] * 5000, [(1 << 64) - 1]],
               "a{sv}": [{"nonsense": GLib.Variant("s", "x")}, {"limit": GLib.Variant("s", "x")},
                         {"operator": GLib.Variant("s", "AND")}, {"wait": GLib.Variant("x", -1)}],
               "v": [GLib.Variant("i", 5)]}
        calls = 0
        for interface, path, method, signature in self.members(daemon):
            if (interface, method) in (("Account", "Remove"), ("Job", "Wait"), ("Manager", "Changes")):
                continue
            for at, kind in enumerate(signature):
                for value in odd[kind]:
                    arguments = [SAMPLES[t] for t in signature]
                    arguments[at] = value
                    try:
                        daemon.connection.call_sync(NAME, path, f"{NAME}.{interface}", method,
                                                    GLib.Variant("(" + "".join(signature) + ")", arguments), None,
                                                    0, 30000, None)
                    except GLib.Error as error:
                        self.assertTrue(Gio.DBusError.get_remote_error(error).startswith(NAME + ".Error."), error)
                    calls += 1
            try:
                daemon.connection.call_sync(NAME, path, f"{NAME}.{interface}", method,
                                            GLib.Variant("(iii)", (1, 2, 3)), None, 0, 30000, None)
            except GLib.Error:
                pass
        self.assertGreater(calls, 100)
        self.assertIsNone(daemon.process.poll())

    def test_unknown_keys_are_named(self):
        daemon = self.prepare()
        said = [self.assertFails("InvalidArgument", daemon.query, {"fooBar": GLib.Variant("s", "x")}),
                self.assertFails("InvalidArgument", daemon.query, None, ["fooBar"]),
                self.assertFails("InvalidArgument", daemon.query, None, [], ["fooBar"]),
                self.assertFails("InvalidArgument", daemon.query, fooBar=1),
                self.assertFails("InvalidArgument", daemon.changes, 0, fooBar=1),
                self.assertFails("InvalidArgument", daemon.add_account, self.server,
                                 settings={"fooBar": GLib.Variant("s", "x")}),
                self.assertFails("InvalidArgument", daemon.call, self.account, "Account", "Configure",
                                 "(a{sv}a{sv})", {"fooBar": GLib.Variant("s", "x")}, {})]
        for text in said:
            self.assertIn("fooBar", text)

    def test_limits_of_get_and_of_filters(self):
        daemon = self.prepare()
        self.assertFails("LimitExceeded", daemon.call, PATH, "Messages", "Get", "(atas)", [1] * 1001, [])
        deep = {"inMailbox": GLib.Variant("o", daemon.folders()["INBOX"])}
        for _ in range(11):
            deep = {"operator": GLib.Variant("s", "NOT"), "conditions": GLib.Variant("aa{sv}", [deep])}
        self.assertFails("LimitExceeded", daemon.query, deep)

    def test_trees_of_operators(self):
        imap = self.server.imap("carol")
        fill(imap, "INBOX", 1, 10, "\\Seen")
        fill(imap, "INBOX", 11, 5, "\\Flagged")
        daemon = self.start()
        account, job = daemon.add_account(self.server, user="carol")
        daemon.wait_job(job)
        daemon.sync()

        def count(tree):
            return daemon.query(tree, limit=0, calculateTotal=GLib.Variant("b", True))["total"]

        def node(word, *conditions):
            return {"operator": GLib.Variant("s", word), "conditions": GLib.Variant("aa{sv}", conditions)}
        seen, flagged = {"hasKeyword": GLib.Variant("s", "$seen")}, {"hasKeyword": GLib.Variant("s", "$FLAGGED")}
        inbox = {"inMailbox": GLib.Variant("o", daemon.folders()["INBOX"])}
        self.assertEqual([count(seen), count(flagged), count(node("OR", seen, flagged)),
                          count(node("AND", seen, flagged)), count(node("NOT", seen)),
                          count(node("AND", inbox, node("NOT", flagged)))], [10, 5, 15, 0, 5, 10])
        rows = daemon.query(inbox, ["size", "-receivedAt"], ["id", "size"], limit=100)["messages"]
        self.assertEqual([r["size"] for r in rows], sorted(r["size"] for r in rows))
        ids = [r["id"] for r in daemon.query(inbox, [], ["id"], limit=100)["messages"]]
        window = daemon.query(inbox, [], ["id"], limit=3, anchor=ids[7], anchorOffset=GLib.Variant("i", -2))
        self.assertEqual([r["id"] for r in window["messages"]], ids[5:8])
        self.assertFails("NotFound", daemon.query, inbox, [], ["id"], anchor=99999999)

    def test_changes_waits_and_answers_at_once(self):
        daemon = self.prepare()
        imap = self.server.imap()

        def is_quiet():
            before = daemon.get(PATH, "Manager", "State")
            time.sleep(0.3)
            return daemon.get(PATH, "Manager", "State") == before
        wait_for(is_quiet)
        state = daemon.get(PATH, "Manager", "State")
        begin = time.monotonic()
        page = daemon.changes(state, wait=1)
        self.assertTrue(0.9 < time.monotonic() - begin < 5)
        self.assertEqual((page["state"], page["hasMore"]), (state, False))
        imap.append("INBOX", "", None, message(1))
        page = daemon.changes(state, wait=20)
        self.assertGreater(page["state"], state)
        self.assertFails("StoreReplaced", daemon.changes, state, "another")
        self.assertFails("CannotCalculateChanges", daemon.changes, 12345)


class Large(Case):
    def test_what_is_shortened_is_named(self):
        imap = self.server.imap("carol")
        crowd = ",\r\n ".join(f"n{n} <r{n}@surel.test>" for n in range(5000))
        text = "\r\n ".join(["word " * 150] * 200)
        imap.append("INBOX", "", None, message(1, subject=text, extra=f"Cc: {crowd}\r\n"))
        imap.append("INBOX", "", None, message(2, subject="Just this"))
        daemon = self.start()
        account, job = daemon.add_account(self.server, user="carol")
        daemon.wait_job(job)
        daemon.sync()
        rows = {row["subject"][:9]: row for row in daemon.query(properties=["id", "cc", "subject"], limit=50)["messages"]}
        long, short = rows["word word"], rows["Just this"]
        self.assertEqual((sorted(long["cut"]), len(long["cc"])), (["cc", "subject"], 1000))
        self.assertGreater(len(long["subject"]), 8000)
        self.assertNotIn("cut", short)
        # A copy counts as a message.
        folders = daemon.folders()
        copy = {"addFolders": GLib.Variant("ao", [folders["Archive"], folders["Drafts"]])}
        self.assertFails("LimitExceeded", daemon.call, PATH, "Operations", "Modify", "(ata{sv}a{sv})",
                         [long["id"]] * 3334, copy, {})

    def test_replies_stop_before_a_mebibyte(self):
        imap = self.server.imap("carol")
        crowd = ",\r\n ".join(f"Somebody with quite a long name {n} <recipient.{n}@a.long.domain.surel.test>" for n in range(1200))
        for n in range(40):
            imap.append("INBOX", "", None, message(n, extra=f"Cc: {crowd}\r\n"))
        daemon = self.start()
        account, job = daemon.add_account(self.server, user="carol")
        daemon.wait_job(job)
        daemon.wait_job(daemon.call(account, "Account", "Sync", "(a{sv})", {})[0])

        def call(member, signature, *arguments):
            reply = daemon.connection.call_sync(NAME, PATH, NAME + ".Messages", member, GLib.Variant(signature, arguments),
                                                None, 0, 30000, None)
            self.assertLess(reply.get_size(), 1 << 20)
            return reply.unpack()

        ids = [row["id"] for row in daemon.query(limit=100, properties=["id"])["messages"]]
        self.assertEqual(len(ids), 40)
        found, left, calls = [], ids, 0
        while left:
            rows, missing, left = call("Get", "(atas)", left, ["id", "cc", "subject"])
            self.assertEqual(missing, [])
            found += [row["id"] for row in rows]
            for row in rows:
                self.assertIn("subject", row)
                self.assertEqual(row["cut"], ["cc"])
                self.assertGreater(len(row["cc"]), 500)
            calls += 1
        self.assertEqual(found, ids)
        self.assertGreater(calls, 1)
        found, more = [], True
        while more:
            page = call("Query", "(a{sv}asa{sv}as)", {}, [], {"position": GLib.Variant("u", len(found)),
                                                             "limit": GLib.Variant("u", 100)}, ["id", "cc"])[0]
            found += [row["id"] for row in page["messages"]]
            more = page["hasMore"]
        self.assertEqual(found, ids)

    def test_replies_of_many_small_things_stop_as_well(self):
        """Short texts take several times their length on the wire."""
        imap = self.server.imap("bob")
        crowd = ",\r\n ".join(["a@b.c"] * 900)
        for n in range(60):
            imap.append("INBOX", "", None, message(n, extra=f"Cc: {crowd}\r\n"))
        daemon = self.start()
        account, job = daemon.add_account(self.server, user="bob")
        daemon.wait_job(job)
        daemon.wait_job(daemon.call(account, "Account", "Sync", "(a{sv})", {})[0])
        left, calls = [row["id"] for row in daemon.query(limit=100, properties=["id"])["messages"]], 0
        while left:
            reply = daemon.connection.call_sync(NAME, PATH, NAME + ".Messages", "Get", GLib.Variant("(atas)", (left, ["cc"])), None, 0, 30000, None)
            whole = Gio.DBusMessage.new_signal("/", "a.b", "C")
            whole.set_body(reply)
            self.assertLess(len(whole.to_blob(Gio.DBusCapabilityFlags.NONE)), 1 << 20)
            left, calls = reply.unpack()[2], calls + 1
        self.assertGreater(calls, 1)

    def test_a_caller_that_leaves_is_forgotten(self):
        daemon = self.start()
        before = len(os.listdir(f"/proc/{daemon.process.pid}/fd"))
        state = daemon.get(PATH, "Manager", "State")
        for _ in range(4):  # more than may wait, all in all
            connection = self.bus.connect()
            connection.call_sync(NAME, PATH, "org.freedesktop.DBus.Peer", "Ping", None, None, 0, 20000, None)
            for _ in range(400):
                connection.call(NAME, PATH, NAME + ".Manager", "Changes", GLib.Variant("(sta{sv})", (
                    "", state, {"wait": GLib.Variant("u", 20)})), None, 0, 30000, None, None)
            # The answer to this comes once the others wait.
            connection.call_sync(NAME, PATH, "org.freedesktop.DBus.Peer", "Ping", None, None, 0, 20000, None)
            connection.close_sync(None)
        begin = time.monotonic()
        self.assertEqual(daemon.changes(state, wait=1)["state"], state)
        self.assertGreater(time.monotonic() - begin, 0.5)
        self.assertLess(len(os.listdir(f"/proc/{daemon.process.pid}/fd")), before + 10)


class Flood(Case):
    def test_a_hundred_thousand_calls_at_once(self):
        daemon = self.start()
        other = self.bus.connect()
        before = daemon.memory("VmRSS")
        answers = {}
        loop = GLib.MainLoop()
        count = 20000 if SANITIZED else 100000

        def done(connection, result):
            try:
                connection.call_finish(result)
                name = "done"
            except GLib.Error as error:
                name = error_name(error)
            answers[name] = answers.get(name, 0) + 1
            if sum(answers.values()) == count:
                loop.quit()

        arguments = GLib.Variant("(a{sv}asa{sv}as)", ({}, [], {}, []))
        for n in range(count):
            # Without a time-out: GLib looks at all that it has each time that anything happens.
            daemon.connection.call(NAME, PATH, NAME + ".Messages", "Query", arguments, None, 0, GLib.MAXINT32, None, done)
            if n == count // 2:  # another client is served meanwhile
                begin = time.monotonic()
                other.call_sync(NAME, PATH, NAME + ".Messages", "Query", arguments, None, 0, 20000, None)
                self.assertLess(time.monotonic() - begin, 20)
        GLib.timeout_add_seconds(120, loop.quit)
        loop.run()
        self.assertEqual(sum(answers.values()), count, answers)
        self.assertEqual(set(answers) - {"done", "LimitExceeded"}, set(), answers)
        self.assertGreater(answers["done"], 1000)
        self.assertTrue(daemon.query() is not None)
        if not SANITIZED:
            self.assertLess(daemon.memory("VmHWM") - before, 64 * 1024)

    def test_one_who_asks_a_lot_does_not_keep_others_waiting(self):
        with self.server.imap() as device:
            fill(device, "INBOX", 1, 3000)
        daemon = self.start()
        daemon.wait_job(daemon.add_account(self.server)[1])
        daemon.sync()
        other = self.bus.connect()
        other.call_sync(NAME, PATH, NAME + ".Messages", "Get", GLib.Variant("(atas)", ([], [])), None, 0, 20000, None)
        before = daemon.memory("VmHWM")
        left = [200]
        loop = GLib.MainLoop()

        def done(connection, result):
            connection.call_finish(result)
            left[0] -= 1
            if left[0] == 0:
                loop.quit()

        small = GLib.Variant("(a{sv}asa{sv}as)", ({}, [], {"limit": GLib.Variant("u", 1)}, ["id"]))
        heavy = GLib.Variant("(a{sv}asa{sv}as)", ({}, ["subject"], {"limit": GLib.Variant("u", 1000)}, []))
        for _ in range(left[0]):
            daemon.connection.call(NAME, PATH, NAME + ".Messages", "Query", heavy, None, 0, 300000, None, done)
        daemon.connection.flush_sync(None)
        waits = []
        for _ in range(5):
            begin = time.monotonic()
            other.call_sync(NAME, PATH, NAME + ".Messages", "Query", small, None, 0, 20000, None)
            waits.append(time.monotonic() - begin)
        self.assertGreater(left[0], 0, "there was nothing to wait behind")
        loop.run()
        self.assertLess(max(waits), 2)
        if not SANITIZED:
            self.assertLess(daemon.memory("VmHWM") - before, 64 * 1024)

    def test_a_thousand_calls_may_wait(self):
        daemon = self.start()
        _, job = daemon.add_account(self.server, host="127.0.0.3")  # its certificate is expired: a person is asked
        wait_for(lambda: daemon.get(job, "Job", "State") == "waiting")
        answers = []
        loop = GLib.MainLoop()

        def done(connection, result):
            try:
                connection.call_finish(result)
            except GLib.Error as error:
                answers.append(error_name(error))
            if len(answers) in (100, 1100):
                loop.quit()

        for _ in range(1100):
            daemon.connection.call(NAME, job, NAME + ".Job", "Wait", None, None, 0, 60000, None, done)
        GLib.timeout_add_seconds(30, loop.quit)
        loop.run()
        self.assertEqual(answers, ["LimitExceeded"] * 100)
        other = self.bus.connect()  # ours may call no more until some are answered
        other.call_sync(NAME, job, NAME + ".Job", "Cancel", None, None, 0, 20000, None)
        loop.run()
        self.assertEqual(answers[100:], ["Cancelled"] * 1000)
        self.assertTrue(daemon.query() is not None)

    def test_calls_that_want_no_answer(self):
        daemon = self.start()
        daemon.query()
        for _ in range(5000):
            call = Gio.DBusMessage.new_method_call(NAME, PATH, NAME + ".Manager", "Sync")
            call.set_body(GLib.Variant("(a{sv})", ({},)))
            call.set_flags(Gio.DBusMessageFlags.NO_REPLY_EXPECTED)
            daemon.connection.send_message(call, Gio.DBusSendMessageFlags.NONE)
        daemon.connection.flush_sync(None)
        self.assertTrue(daemon.query() is not None)
        jobs = [p for p in daemon.objects() if "/jobs/" in p]
        self.assertLessEqual(len(jobs), 3000)

    def test_arrays_of_many_megabytes(self):
        daemon = self.start()
        ids = GLib.Variant.new_from_bytes(GLib.VariantType("at"), GLib.Bytes.new(bytes(48 << 20)), True)
        call = GLib.Variant.new_tuple(ids, GLib.Variant("as", []))
        with self.assertRaises(GLib.Error) as caught:
            daemon.connection.call_sync(NAME, PATH, NAME + ".Messages", "Get", call, None, 0, 60000, None)
        self.assertIn(error_name(caught.exception), ("TooLarge", "LimitExceeded", "InvalidArgument"))
        self.assertTrue(daemon.query() is not None)


class Passed(Case):
    """Secrets that come through a descriptor."""

    def pass_secret(self, daemon, account, fd, seen):
        """SetSecrets from a client of its own; seen gets "" or the error's name once it is answered."""
        def done(connection, result):
            try:
                connection.call_with_unix_fd_list_finish(result)
                seen.append("")
            except GLib.Error as error:
                seen.append(error_name(error))
        fds = Gio.UnixFDList.new()
        fds.append(fd)
        self.client.call_with_unix_fd_list(NAME, account, NAME + ".Account", "SetSecrets", GLib.Variant(
            "(a{sv}a{sv})", ({"password": GLib.Variant("h", 0)}, {})), None, 0, 30000, fds, None, done)
        self.client.flush_sync(None)

    def begin(self):
        daemon = self.start(secrets="file:" + self.dir + "/secrets")
        account, job = daemon.add_account(self.server)
        daemon.wait_job(job)
        self.client = self.bus.connect()
        self.client.call_sync(NAME, PATH, "org.freedesktop.DBus.Peer", "Ping", None, None, 0, -1, None)
        return daemon, account

    def kept(self):
        with open(self.dir + "/secrets", encoding="utf-8") as file:
            return re.findall("^password=(.*)$", file.read(), re.MULTILINE)

    def answered(self, seen):
        def look():
            while GLib.MainContext.default().iteration(False):
                pass
            return seen
        wait_for(look)
        return seen.pop(0)

    def test_one_line_end_is_no_part_of_a_secret(self):
        daemon, account = self.begin()
        for octets, secret in ((b"new\n", "new"), (b"new\r\n", "new"), (b"a\n\n", "a\\n"), (b"\xc3\xa4 b", "\xe4 b")):
            for kind in ("pipe", "socket", "file"):
                with self.subTest(octets=octets, kind=kind):
                    if kind == "pipe":
                        ours, theirs = os.pipe()
                        os.write(theirs, octets)
                        os.close(theirs)
                    elif kind == "socket":
                        one, other = socket.socketpair()
                        other.sendall(octets)
                        other.close()
                        ours = one.detach()
                    else:
                        ours = os.memfd_create("secret")
                        os.write(ours, octets)
                        os.lseek(ours, 0, os.SEEK_SET)
                    seen = []
                    self.pass_secret(daemon, account, ours, seen)
                    os.close(ours)
                    self.assertEqual(self.answered(seen), "")
                    self.assertEqual(self.kept(), [secret])

    def test_what_is_no_secret(self):
        daemon, account = self.begin()
        for octets in (b"x" * 65537, b"a\0b"):
            ours = os.memfd_create("secret")
            os.write(ours, octets)
            os.lseek(ours, 0, os.SEEK_SET)
            seen = []
            self.pass_secret(daemon, account, ours, seen)
            os.close(ours)
            self.assertEqual(self.answered(seen), "InvalidArgument")
        for handle in (1, -1):
            self.assertFails("InvalidArgument", daemon.call, account, "Account", "SetSecrets", "(a{sv}a{sv})",
                             {"password": GLib.Variant("h", handle)}, {})
        self.assertEqual(self.kept(), ["secret"])

    def test_a_pipe_that_stays_open_holds_up_nobody(self):
        daemon, account = self.begin()
        ours, theirs = os.pipe()
        os.write(theirs, b"half a sec")
        seen, begin = [], time.monotonic()
        self.pass_secret(daemon, account, ours, seen)
        while time.monotonic() - begin < 2:
            daemon.query()
        self.assertEqual(self.answered(seen), "InvalidArgument")
        self.assertTrue(9 < time.monotonic() - begin < 15)
        self.assertTrue(os.get_blocking(ours))  # what is the client's stays as it was
        self.pass_secret(daemon, account, ours, seen)
        daemon.query()
        os.write(theirs, b"ret")
        os.close(theirs)
        os.close(ours)
        self.assertEqual(self.answered(seen), "")
        self.assertEqual(self.kept(), ["ret"])  # the half was read before
        ours, theirs = os.pipe()
        self.pass_secret(daemon, account, ours, seen)
        daemon.query()
        begin = time.monotonic()
        self.assertEqual(daemon.stop(), 0)
        self.assertLess(time.monotonic() - begin, 5)
        self.assertEqual(self.answered(seen), "Cancelled")
        for fd in (ours, theirs):
            os.close(fd)

    def test_secrets_of_one_client_are_kept_in_their_order(self):
        daemon, account = self.begin()
        ours, theirs = os.pipe()
        seen, later = [], []
        self.pass_secret(daemon, account, ours, seen)
        fd = os.memfd_create("secret")
        os.write(fd, b"last")
        os.lseek(fd, 0, os.SEEK_SET)
        self.pass_secret(daemon, account, fd, later)
        time.sleep(0.5)
        while GLib.MainContext.default().iteration(False):
            pass
        self.assertEqual(later, [])
        os.write(theirs, b"first")
        os.close(theirs)
        self.assertEqual((self.answered(seen), self.answered(later)), ("", ""))
        self.assertEqual(self.kept(), ["last"])
        os.close(ours)
        os.close(fd)


    def test_many_at_once_are_all_kept(self):
        daemon, first = self.begin()
        accounts = [first] + [daemon.add_account(self.server, user=user)[0] for user in ("bob", "carol", "dave")]
        left = daemon.add_account(self.server, user="erin")[0]
        answers = []
        for n in range(20):
            for account in accounts:
                self.client.call(NAME, account, NAME + ".Account", "SetSecrets", GLib.Variant(
                    "(a{sv}a{sv})", ({"password": GLib.Variant("s", f"{account}-{n}")}, {})), None, 0, 20000,
                    None, lambda connection, result: answers.append(connection.call_finish(result)))
            if n == 10:
                daemon.connection.call_sync(NAME, left, NAME + ".Account", "Remove", GLib.Variant("(a{sv})", ({},)),
                                            None, 0, 20000, None)

        def all_answered():
            while GLib.MainContext.default().iteration(False):
                pass
            return len(answers) == 80
        wait_for(all_answered)
        wait_for(lambda: len(self.kept()) == 4, say=lambda: str(self.kept()))
        self.assertEqual(sorted(self.kept()), sorted(f"{account}-19" for account in accounts))


class Settings(Case):
    def add(self, user="alice", secrets=None, **settings):
        whole = {"address": user + "@surel.test", "user": user, "host": "localhost", "port": self.server.port + 1}
        whole.update(settings)
        return self.daemon.call(PATH, "Manager", "AddAccount", "(a{sv}a{sv}a{sv})",
                                {k: v if isinstance(v, GLib.Variant) else GLib.Variant("i" if isinstance(v, int) else "s", v)
                                 for k, v in whole.items()},
                                secrets or {"password": GLib.Variant("s", "secret")}, {})[0]

    def test_what_cant_work_is_told_at_the_call(self):
        self.daemon = self.start()
        account = self.add("carol")
        for name, settings in (("InvalidArgument", {"security": "none", "host": "mail.surel.test"}),
                               ("InvalidArgument", {"security": "none", "host": "192.0.2.1"}),
                               ("InvalidArgument", {"security": "none", "host": "localhost.surel.test"}),
                               ("InvalidArgument", {"port": 0}), ("InvalidArgument", {"port": 65536}),
                               ("InvalidArgument", {"maxConnections": 0})):
            with self.subTest(**settings):
                said = self.assertFails(name, self.add, **settings)
                if name == "InvalidArgument":
                    self.assertIn("`" + [k for k in settings if k != "host"][0] + "`", said)
                settings = {k: GLib.Variant("i" if isinstance(v, int) else "s", v) for k, v in settings.items()}
                self.assertFails(name, self.daemon.call, account, "Account", "Configure", "(a{sv}a{sv})", settings, {})
        for host in ("localhost", "127.0.0.1", "127.9.9.9", "::1"):
            self.daemon.call(account, "Account", "Configure", "(a{sv}a{sv})", {
                "security": GLib.Variant("s", "none"), "host": GLib.Variant("s", host)}, {})

    def test_no_secret_is_empty(self):
        self.daemon = self.start()
        account = self.add("carol")
        empty = {"password": GLib.Variant("s", "")}
        self.assertFails("InvalidArgument", self.add, secrets=empty)
        self.assertFails("InvalidArgument", self.daemon.call, account, "Account", "SetSecrets", "(a{sv}a{sv})", empty, {})
        ours, theirs = os.pipe()
        os.write(theirs, b"\n")
        os.close(theirs)
        fds = Gio.UnixFDList.new()
        fds.append(ours)
        os.close(ours)
        self.assertFails("InvalidArgument", self.daemon.connection.call_with_unix_fd_list_sync, NAME, account,
                         NAME + ".Account", "SetSecrets", GLib.Variant(
                             "(a{sv}a{sv})", ({"password": GLib.Variant("h", 0)}, {})), None, 0, 30000, fds, None)

    def test_no_account_becomes_the_same_as_another(self):
        self.daemon = self.start()
        bob, carol = self.add("bob"), self.add("carol")
        user = GLib.Variant("s", "bob")
        self.assertFails("Exists", self.daemon.call, carol, "Account", "Configure", "(a{sv}a{sv})", {"user": user}, {})
        self.assertEqual(self.daemon.get(carol, "Account", "Settings")["user"], "carol")
        self.daemon.call(bob, "Account", "Configure", "(a{sv}a{sv})",
                         {"user": user, "name": GLib.Variant("s", "B")}, {})
        self.daemon.call(carol, "Account", "Configure", "(a{sv}a{sv})",
                         {"user": user, "host": GLib.Variant("s", "127.0.0.1")}, {})


class Keyed(Case):
    def test_a_call_with_a_key_is_done_once(self):
        secrets = "file:" + self.dir + "/secrets"
        daemon = self.start(secrets=secrets)
        settings = {k: GLib.Variant("s", v) for k, v in
                    {"address": "bob@surel.test", "user": "bob", "host": "localhost"}.items()}
        settings["port"] = GLib.Variant("i", self.server.port + 1)

        def add(key, **more):
            return daemon.call(PATH, "Manager", "AddAccount", "(a{sv}a{sv}a{sv})", {**settings, **more},
                               {"password": GLib.Variant("s", "secret")}, {"key": GLib.Variant("s", key)})

        def configure(name, key):
            daemon.call(account, "Account", "Configure", "(a{sv}a{sv})", {"name": GLib.Variant("s", name)},
                        {"key": GLib.Variant("s", key)})

        first = add("one")
        account = first[0]
        self.assertEqual(add("one"), first)
        self.assertFails("Exists", add, "two")
        self.assertFails("Exists", add, "two")  # a call that failed may be tried again
        self.assertFails("Conflict", add, "one", user=GLib.Variant("s", "carol"))
        self.assertFails("Conflict", configure, "A", "one")
        configure("A", "three")
        configure("B", "four")
        configure("A", "three")
        self.assertEqual(daemon.get(account, "Account", "Name"), "B")
        for wrong in (GLib.Variant("u", 1), GLib.Variant("s", ""), GLib.Variant("s", "x" * 256)):
            self.assertFails("InvalidArgument", daemon.call, account, "Account", "Configure", "(a{sv}a{sv})", {},
                             {"key": wrong})
        self.assertFails("InvalidArgument", daemon.changes, 0, "", key=1)
        daemon.kill()
        daemon = self.start(secrets=secrets)
        self.assertEqual(add("one"), first)
        self.assertEqual(len([p for p in daemon.objects() if p.count("/") == 5 and "accounts" in p]), 1)

    def test_calls_with_one_key_at_once(self):
        daemon = self.start()
        account, _ = daemon.add_account(self.server)
        replies = []
        loop = GLib.MainLoop()

        def done(connection, result):
            replies.append(connection.call_finish(result).unpack())
            if len(replies) == 20:
                loop.quit()

        for _ in range(20):
            daemon.connection.call(NAME, account, NAME + ".Account", "Sync",
                                   GLib.Variant("(a{sv})", ({"key": GLib.Variant("s", "now")},)), None, 0, 20000,
                                   None, done)
        GLib.timeout_add_seconds(20, loop.quit)
        loop.run()
        self.assertEqual(len(replies), 20)
        self.assertEqual(len(set(replies)), 1)

    def test_calls_of_one_client_are_done_in_their_order(self):
        daemon = self.start()
        account, _ = daemon.add_account(self.server)
        answers = []
        loop = GLib.MainLoop()

        def done(connection, result):
            connection.call_finish(result)
            answers.append(None)
            if len(answers) == 500:
                loop.quit()

        for n in range(500):
            daemon.connection.call(NAME, account, NAME + ".Account", "Configure",
                                   GLib.Variant("(a{sv}a{sv})", ({"name": GLib.Variant("s", str(n))}, {})), None, 0,
                                   20000, None, done)
        GLib.timeout_add_seconds(20, loop.quit)
        loop.run()
        self.assertEqual(len(answers), 500)
        self.assertEqual(daemon.get(account, "Account", "Name"), "499")


class Sandboxed(Case):
    """A caller whose root has Flatpak's description at it, as all of an app's processes have."""

    SCRIPT = """
import os, sys
sys.path.insert(0, sys.argv[1])
from surel_test import Gio, GLib
flags = Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION
connection = Gio.DBusConnection.new_for_address_sync(sys.argv[2], flags, None, None)
os.chroot(sys.argv[3])
for path, interface, member, arguments in (
    ("/org/surel/Sync1", "org.surel.Sync1.Messages", "Query", "(@a{sv} {}, @as [], @a{sv} {}, @as [])"),
    ("/org/surel/Sync1", "org.freedesktop.DBus.Properties", "Get", "('org.surel.Sync1.Manager', 'State')"),
    ("/org/surel/Sync1", "org.freedesktop.DBus.ObjectManager", "GetManagedObjects", "()"),
    ("/org/surel/Sync1", "org.freedesktop.DBus.Introspectable", "Introspect", "()"),
):
    try:
        connection.call_sync("org.surel.Sync1", path, interface, member,
                             GLib.Variant.parse(None, arguments, None, None), None, 0, 20000, None)
        print(member, "done")
    except GLib.Error as error:
        print(member, error.message)
"""

    def calls_from(self, root):
        lead = [] if os.getuid() == 0 else ["unshare", "--map-current-user", "--keep-caps"]
        return subprocess.run([*lead, "/usr/bin/python3", "-W", "ignore", "-c", self.SCRIPT, ROOT + "/tests/lib",
                               self.bus.address, root], capture_output=True, text=True, timeout=60,
                              check=True).stdout.splitlines()

    def test_a_flatpak_is_refused_everything(self):
        if os.getuid() != 0 and subprocess.run(["unshare", "--map-current-user", "true"], check=False,
                                               stderr=subprocess.DEVNULL).returncode != 0:
            self.skipTest("only root can enter another root here")
        self.start()
        root = self.dir + "/root"
        os.mkdir(root)
        for line in self.calls_from("/"):
            self.assertTrue(line.endswith("done"), line)
        with open(root + "/.flatpak-info", "w", encoding="ascii"):
            pass
        lines = self.calls_from(root)
        self.assertEqual(len(lines), 4)
        for line in lines:
            self.assertIn("Sandboxed programs may not use this", line)
            self.assertIn("PermissionDenied", line)


if __name__ == "__main__":
    main()
