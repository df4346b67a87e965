#!/usr/bin/python3
"""What people do: there at once, on the server soon, exactly once."""

import os
import re
import sqlite3
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from changing import *  # noqa: E402,F403


class Operations(Changing):
    # --- What can be done ---

    def test_keywords_reach_the_server(self):
        daemon = self.prepare()
        ids = self.ids(daemon)
        some = [ids["Message 3"], ids["Message 5"]]
        operation, state, result = self.modify(daemon, some + [999999, 2 ** 64 - 1], {
            "addKeywords": strings("$seen", "$flagged", "$forwarded", "Urgent")})
        self.assertEqual((result["changed"], result["notFound"]), (2, [999999, 2 ** 64 - 1]))
        self.assertGreaterEqual(daemon.get(PATH, "Manager", "State"), state)
        self.assertEqual(set(self.row(daemon, some[0], "keywords")["keywords"]),
                         {"$seen", "$flagged", "$forwarded", "urgent"})
        self.assertEqual(self.ended(daemon, operation)["state"], "done")
        there = self.on_server("INBOX")
        self.assertEqual({f.lower() for f in there[3]}, {"\\seen", "\\flagged", "$forwarded", "urgent"})
        self.assertEqual(there[4], set())
        operation, _, result = self.modify(daemon, some, {"removeKeywords": strings("$seen", "urgent")})
        self.ended(daemon, operation)
        self.assertEqual({f.lower() for f in self.on_server("INBOX")[5]}, {"\\flagged", "$forwarded"})
        daemon.sync()
        self.assertEqual(set(self.row(daemon, some[0], "keywords")["keywords"]), {"$flagged", "$forwarded"})
        self.assertEqual(self.modify(daemon, some, {"removeKeywords": strings("$seen")})[0], 0)

    def test_a_move_keeps_the_id(self):
        daemon = self.prepare()
        ids = self.ids(daemon)
        mirror = Mirror()
        mirror.catch_up(daemon)
        operation, _, result = self.modify(daemon, list(ids.values())[:4],
                                           {"moveTo": GLib.Variant("o", self.folders["Work"])})
        self.assertEqual(result["changed"], 4)
        self.assertEqual(daemon.get(self.folders["Work"], "Folder", "TotalMessages"), 4)
        self.assertEqual(self.ended(daemon, operation)["state"], "done")
        self.assertEqual(len(self.on_server("Work")), 4)
        self.assertEqual(len(self.on_server("INBOX")), self.count - 4)
        daemon.sync()
        self.assertEqual(set(self.ids(daemon, "Work").values()), set(list(ids.values())[:4]))
        mirror.catch_up(daemon)
        self.assertEqual((mirror.messages, mirror.new_mail), (set(ids.values()), []))
        operation, _, _ = self.modify(daemon, list(ids.values())[:2], {"moveToRole": GLib.Variant("s", "archive")})
        self.ended(daemon, operation)
        self.assertEqual(len(self.on_server("Archive")), 2)

    def test_destroyed_is_gone_and_nothing_else_is(self):
        daemon = self.prepare()
        ids = self.ids(daemon)
        self.imap.select("INBOX")
        self.imap.store("2", "+FLAGS", "\\Deleted")  # another's, not to be expunged by us
        operation, _, _ = self.modify(daemon, [ids["Message 7"]], {"destroy": GLib.Variant("b", True)})
        self.assertIsNone(self.row(daemon, ids["Message 7"], "id"))
        self.assertEqual(self.ended(daemon, operation)["state"], "done")
        there = self.on_server("INBOX")
        self.assertEqual(set(there), set(range(1, self.count + 1)) - {7})
        daemon.sync()
        self.assertEqual(len(self.ids(daemon)), self.count - 2)  # the marked one is out of sight

    def test_a_copy_is_another_message(self):
        daemon = self.prepare()
        ids = self.ids(daemon)
        operation, _, result = self.modify(daemon, [ids["Message 1"], ids["Message 2"]], {
            "addFolders": GLib.Variant("ao", [self.folders["Work"], self.folders["Archive"]])})
        self.assertEqual(len(result["copies"]), 4)
        source, folder, copy = result["copies"][0]
        self.assertEqual((source, folder), (ids["Message 1"], self.folders["Work"]))
        self.modify(daemon, [copy], {"addKeywords": strings("$flagged")})
        self.assertEqual(self.ended(daemon, operation)["state"], "done")
        daemon.sync()
        wait_for(lambda: self.on_server("Work")[1] == {"\\Flagged"})
        self.assertEqual(set(self.on_server("Archive")), {1, 2})
        self.assertEqual(self.on_server("INBOX")[1], set())
        self.assertEqual(self.ids(daemon, "Work")["Message 1"], copy)

    def test_out_of_folders(self):
        """As for a server that has a message in several: it is where it is to be, and out of where not, with its id."""
        daemon = self.prepare()
        ids = self.ids(daemon)
        out = {"removeFolders": GLib.Variant("ao", [self.folders["INBOX"], self.folders["Trash"]])}
        into = {"addFolders": GLib.Variant("ao", [self.folders["Work"], self.folders["Archive"]])}
        operation, _, result = self.modify(daemon, [ids["Message 1"]], {**out, **into})
        self.assertEqual([folder for _, folder, _ in result["copies"]], [self.folders["Archive"]])
        self.assertEqual(self.ended(daemon, operation)["state"], "done")
        self.assertEqual((set(self.on_server("Work")), set(self.on_server("Archive"))), ({1}, {1}))
        self.assertNotIn(1, self.on_server("INBOX"))
        self.assertEqual(self.ids(daemon, "Work"), {"Message 1": ids["Message 1"]})
        self.assertFails("InvalidArgument", self.modify, daemon, [ids["Message 1"]], out)  # wherever it is
        self.assertEqual(self.modify(daemon, [ids["Message 1"]], {**out, "addFolders": GLib.Variant("ao", [self.folders["Work"]])})[2]
                         ["changed"], 0)
        operation, _, result = self.modify(daemon, [ids["Message 2"]], {**out, **into, "moveToRole": GLib.Variant("s", "trash")})
        self.assertEqual(len(result["copies"]), 2)
        self.ended(daemon, operation)
        self.assertEqual((set(self.on_server("Work")), set(self.on_server("Trash"))), ({1, 2}, {2}))
        self.assertFails("NotFound", self.modify, daemon, [ids["Message 3"]],
                         {"removeFolders": GLib.Variant("ao", [self.account + "/folders/99999"])})

    def test_all_that_match(self):
        daemon = self.prepare()
        self.imap.select("INBOX")
        self.imap.store("1:5", "+FLAGS", "\\Seen")
        daemon.sync()
        operation, _, result = daemon.call(
            PATH, "Operations", "ModifyMatching", "(a{sv}a{sv}a{sv})",
            {"inMailbox": GLib.Variant("o", self.folders["INBOX"]), "notKeyword": GLib.Variant("s", "$seen")},
            {"addKeywords": strings("$seen")}, {})
        self.assertEqual(result["changed"], self.count - 5)
        self.ended(daemon, operation)
        self.assertEqual(set(map(frozenset, self.on_server("INBOX").values())), {frozenset({"\\Seen"})})

    def test_of_more_copies_than_a_reply_has_room_for_it_is_told(self):
        daemon = self.prepare()
        fill(self.imap, "Archive", 100, 10001)
        daemon.sync()
        self.enable(daemon, False)  # servers aren't asked
        one = daemon.query({"inMailbox": GLib.Variant("o", self.folders["Archive"])}, properties=["id"], limit=1)["messages"][0]["id"]
        self.modify(daemon, [one], {"addKeywords": strings("urgent")})

        def copy(**more):
            where = {"inMailbox": GLib.Variant("o", self.folders["Archive"]), **more}
            return daemon.call(PATH, "Operations", "ModifyMatching", "(a{sv}a{sv}a{sv})", where,
                               {"addFolders": GLib.Variant("ao", [self.folders["Work"]])}, {}, timeout=120000)[2]
        some = copy(notKeyword=GLib.Variant("s", "urgent"))
        self.assertEqual((some["changed"], len(some["copies"]), "cut" in some), (10000, 10000, False))
        all = copy()
        self.assertEqual((all["changed"], len(all["copies"]), all["cut"]), (10001, 10000, ["copies"]))
        self.assertEqual(daemon.get(self.folders["Work"], "Folder", "TotalMessages"), 20001)

    # --- The rules ---

    def test_if_state_and_dry_run(self):
        daemon = self.prepare()
        ids = self.ids(daemon)
        state = daemon.get(PATH, "Manager", "State")
        _, after, _ = self.modify(daemon, [ids["Message 1"]], {"addKeywords": strings("$seen")})
        self.assertFails("StateMismatch", self.modify, daemon, [ids["Message 1"]], {"addKeywords": strings("$flagged")},
                         ifState=GLib.Variant("t", state))
        self.modify(daemon, [ids["Message 2"]], {"addKeywords": strings("$flagged")}, ifState=GLib.Variant("t", state))
        operation, tried, result = self.modify(daemon, [ids["Message 3"]], {"destroy": GLib.Variant("b", True)},
                                               dryRun=GLib.Variant("b", True))
        self.assertEqual((operation, result["changed"]), (0, 1))
        self.assertLessEqual(tried, daemon.get(PATH, "Manager", "State"))  # none that a commit is going to have
        self.assertIsNotNone(self.row(daemon, ids["Message 3"], "id"))

    def test_with_a_key_it_is_done_once(self):
        daemon = self.prepare()
        ids = self.ids(daemon)
        patch = {"addFolders": GLib.Variant("ao", [self.folders["Work"]])}
        first = self.modify(daemon, [ids["Message 1"]], patch, key=GLib.Variant("s", "k1"))
        again = self.modify(daemon, [ids["Message 1"]], patch, key=GLib.Variant("s", "k1"))
        self.assertEqual(first, again)
        self.ended(daemon, first[0])
        daemon.sync()
        self.assertEqual(set(self.on_server("Work")), {1})

    def test_wrong_patches_are_told(self):
        daemon = self.prepare()
        ids = list(self.ids(daemon).values())
        folder = GLib.Variant("o", self.folders["Work"])
        for patch in ({"nonsense": folder}, {"addFolders": GLib.Variant("ao", [self.folders["Work"]] * 2)}, {"moveTo": GLib.Variant("o", "/")}, {"moveTo": GLib.Variant("s", "Work")},
                      {"addKeywords": strings("a b")}, {"addKeywords": strings("x"), "removeKeywords": strings("X")},
                      {"destroy": GLib.Variant("b", True), "moveTo": folder}, {"moveFrom": folder},
                      {"moveToRole": GLib.Variant("s", "nowhere")}, {"moveTo": folder, "moveToRole": GLib.Variant("s", "trash")},
                      {"removeFolders": GLib.Variant("ao", [self.folders["INBOX"]])},
                      {"removeFolders": GLib.Variant("ao", [self.folders["Work"]]), "moveTo": folder},
                      {"removeFolders": GLib.Variant("ao", [self.folders["Work"]]),
                       "addFolders": GLib.Variant("ao", [self.folders["Work"]])}):
            self.assertFails("InvalidArgument", self.modify, daemon, ids[:1], patch)
        self.assertFails("NotFound", self.modify, daemon, ids[:1],
                         {"moveTo": GLib.Variant("o", self.account + "/folders/99999")})
        self.assertFails("LimitExceeded", self.modify, daemon, range(1, 10002), {"addKeywords": strings("$seen")})
        self.assertFails("NotFound", daemon.call, PATH, "Operations", "Cancel", "(ta{sv})", 12345, {})
        for wrong in ({"kind": GLib.Variant("s", "nonsense")}, {"state": GLib.Variant("s", "ended")}, {"ids": GLib.Variant("as", [])}):
            self.assertFails("InvalidArgument", daemon.call, PATH, "Operations", "List", "(a{sv})", wrong)
        for kind in ("modify", "append", "draft", "send", "create-folder", "move-folder", "set-vacation"):
            daemon.call(PATH, "Operations", "List", "(a{sv})", {"kind": GLib.Variant("s", kind)})
        self.assertEqual(daemon.call(PATH, "Operations", "List", "(a{sv})", {})[0], {"operations": [], "hasMore": False})

    # --- They are listed ---

    def listed(self, daemon, **filter):
        """Ids, and whether there are more."""
        found = daemon.call(PATH, "Operations", "List", "(a{sv})", filter)[0]
        return [one["id"] for one in found["operations"]], found["hasMore"]

    def flag_each(self, daemon, ids):
        """An operation for each, as many calls as ids."""
        return [self.modify(daemon, [id], {"addKeywords": strings("$flagged")})[0] for id in ids]

    def test_operations_are_listed_by_what_they_are(self):
        daemon = self.prepare()
        ids = list(self.ids(daemon).values())
        done = self.flag_each(daemon, ids[:1])
        self.ended(daemon, done[0])
        _, made = self.create(daemon, "Made")
        self.ended(daemon, made)
        self.enable(daemon, False)
        waiting = self.flag_each(daemon, ids[1:3])
        other, job = daemon.add_account(self.server, user="bob")
        daemon.wait_job(job)
        daemon.call(other, "Account", "Configure", "(a{sv}a{sv})", {"enabled": GLib.Variant("b", False)}, {})
        _, elsewhere = daemon.call(other, "Account", "CreateFolder", "(soa{sv})", "There", "/", {})
        s, t, of = lambda word: GLib.Variant("s", word), lambda n: GLib.Variant("t", n), lambda path: GLib.Variant("o", path)
        everything = [*done, made, *waiting, elsewhere]
        for filter, fits in (({}, everything),
                             ({"account": of(self.account)}, [*done, made, *waiting]), ({"account": of(other)}, [elsewhere]),
                             ({"state": s("done")}, [*done, made]), ({"state": s("pending")}, [*waiting, elsewhere]),
                             ({"state": s("failed")}, []),
                             ({"kind": s("modify")}, [*done, *waiting]), ({"kind": s("create-folder")}, [made, elsewhere]),
                             ({"after": t(made)}, [*waiting, elsewhere]), ({"after": t(elsewhere)}, []),
                             ({"ids": GLib.Variant("at", [elsewhere, 1 << 62, made])}, [made, elsewhere]),
                             ({"ids": GLib.Variant("at", [])}, []),
                             ({"kind": s("modify"), "state": s("pending"), "account": of(self.account), "after": t(waiting[0])},
                              waiting[1:]),
                             ({"account": of(self.account), "kind": s("create-folder"), "state": s("pending")}, [])):
            self.assertEqual(self.listed(daemon, **filter), (fits, False), str(filter))

    def test_operations_are_listed_page_by_page(self):
        self.count = 53
        daemon = self.prepare()
        ids = list(self.ids(daemon).values())
        self.enable(daemon, False)
        operations = self.flag_each(daemon, ids)
        folder = self.create(daemon, "Made")[1]

        def page(limit=None, after=0):
            limits = {} if limit is None else {"limit": GLib.Variant("u", limit)}
            return self.listed(daemon, kind=GLib.Variant("s", "modify"), after=GLib.Variant("t", after), **limits)
        self.assertEqual(page(), (operations[:50], True))
        self.assertEqual(page(after=operations[49]), (operations[50:], False))
        self.assertEqual(page(limit=1000), (operations, False))
        self.assertEqual(page(limit=53), (operations, False), "what doesn't fit isn't more")
        found, more = [], True
        while more:
            some, more = page(10, found[-1] if found else 0)
            found += some
        self.assertEqual(found, operations)
        self.assertGreater(folder, found[-1])

    def test_a_list_of_what_is_not_told_is_refused(self):
        daemon = self.start()
        for filter, says in (({"kind": GLib.Variant("s", "nonsense")}, "delete-folder"),
                             ({"state": GLib.Variant("s", "ended")}, "cancelled"),
                             ({"client": GLib.Variant("s", ":1.1")}, "client"),
                             ({"limit": GLib.Variant("u", 0)}, "limit"), ({"limit": GLib.Variant("u", 1001)}, "1000")):
            with self.assertRaises(GLib.Error) as caught:
                self.listed(daemon, **filter)
            self.assertEqual(error_name(caught.exception), "InvalidArgument")
            self.assertIn(says, caught.exception.message)
        self.assertEqual(self.listed(daemon, ids=GLib.Variant("at", range(1, 1001))), ([], False))
        self.assertFails("LimitExceeded", self.listed, daemon, ids=GLib.Variant("at", range(1, 1002)))

    def test_what_another_device_deleted_is_not_moved_nor_copied(self):
        for offline in (True, False):
            daemon = self.prepare()
            ids = self.ids(daemon)
            ids = [ids[f"Message {n}"] for n in range(1, 11)]
            daemon.call(self.account, "Account", "Configure", "(a{sv}a{sv})", {"enabled": GLib.Variant("b", False)}, {})
            moving = self.modify(daemon, ids[:6], {"moveTo": GLib.Variant("o", self.folders["Work"])})[0]
            copying, _, result = self.modify(daemon, ids[6:], {"addFolders": GLib.Variant("ao", [self.folders["Archive"]])})
            self.imap.select("INBOX")
            self.imap.store("1:3,7:8", "+FLAGS", "\\Deleted")
            self.imap.expunge()
            daemon.call(self.account, "Account", "Configure", "(a{sv}a{sv})", {"enabled": GLib.Variant("b", True)}, {})
            for operation, gone in ((moving, ids[:3]), (copying, [copy for _, _, copy in result["copies"]][:2])):
                found = self.ended(daemon, operation)
                self.assertEqual((found["state"], sorted(id for id, _ in found["failures"])), ("partial", sorted(gone)))
                self.assertTrue(found["error"][0].endswith(".NotFound"), found["error"])
            daemon.sync()
            self.assertEqual((len(self.ids(daemon, "Work")), len(self.on_server("Work"))), (3, 3))
            self.assertEqual((len(self.ids(daemon, "Archive")), len(self.on_server("Archive"))), (2, 2))
            self.assertEqual(set(self.ids(daemon)), {f"Message {n}" for n in range(9, self.count + 1)})
            daemon.stop()
            self.data += "2"

    def test_what_another_device_moves_is_followed(self):
        """Whichever folder is listed first: ids stay, what waits is done where the message is, and it is no new mail."""
        for source, target in (("Archive", "Work"), ("Work", "Archive"), ("Work", "INBOX")):
            daemon = self.prepare()
            self.imap.create("Third")
            fill(self.imap, source, 100, 7)
            daemon.sync()
            self.folders = daemon.folders()
            ids = self.ids(daemon, source)
            ids = [ids[f"Message {n}"] for n in range(100, 107)]
            state, store = daemon.get(PATH, "Manager", "State"), daemon.get(PATH, "Manager", "Store")
            self.enable(daemon, False)
            self.modify(daemon, ids[:1], {"addKeywords": strings("$flagged", "mine")})
            self.modify(daemon, ids[1:2], {"moveTo": GLib.Variant("o", self.folders["Third"])})
            self.modify(daemon, ids[2:3], {"moveTo": GLib.Variant("o", self.folders[target])})
            copy = self.modify(daemon, ids[3:4], {"addFolders": GLib.Variant("ao", [self.folders["Third"]])})[2]["copies"][0][2]
            self.modify(daemon, ids[4:5], {"destroy": GLib.Variant("b", True)})
            self.imap.select(source)
            self.imap.store("6", "+FLAGS", "\\Seen")
            self.modify(daemon, ids[5:6], {"addKeywords": strings("$answered")})
            self.imap.uid("MOVE", "1:*", target)
            self.enable(daemon, True)
            self.quiet(daemon)
            daemon.sync()
            there = self.on_server(target)
            self.assertEqual({n: there[n] for n in there if n >= 100},
                             {100: {"\\Flagged", "mine"}, 102: set(), 103: set(), 105: {"\\Seen", "\\Answered"}, 106: set()})
            self.assertEqual((set(self.on_server(source)), set(self.on_server("Third"))), (set(), {101, 103}))
            now = self.ids(daemon, target)
            self.assertEqual({now[f"Message {100 + n}"] for n in (0, 2, 3, 5, 6)}, {ids[n] for n in (0, 2, 3, 5, 6)})
            self.assertEqual(self.ids(daemon, "Third"), {"Message 101": ids[1], "Message 103": copy})
            changes = daemon.call(PATH, "Manager", "Changes", "(sta{sv})", store, state, {})[0]
            self.assertNotIn("newMail", changes)
            daemon.stop()
            self.data += "2"

    def test_what_another_device_moves_is_followed_to_a_renamed_folder(self):
        """The server says OK to a move of what isn't there to what isn't there."""
        for rename_first in (True, False):
            daemon = self.prepare()
            self.imap.create("Aim")
            daemon.sync()
            one = self.ids(daemon)["Message 1"]
            self.enable(daemon, False)
            self.modify(daemon, [one], {"moveTo": GLib.Variant("o", daemon.folders()["Aim"])})
            self.modify(daemon, [one], {"addKeywords": strings("$flagged")})
            self.imap.select("INBOX")
            steps = [lambda: self.imap.rename("Aim", "Other"), lambda: self.imap.uid("MOVE", "1", "Work")]
            for step in steps if rename_first else reversed(steps):
                step()
            self.enable(daemon, True)
            self.quiet(daemon)
            daemon.sync()
            self.folders = daemon.folders()
            self.assertEqual((self.on_server("Other"), self.on_server("Work")), ({1: {"\\Flagged"}}, {}))
            self.assertEqual(self.ids(daemon, "Other"), {"Message 1": one})
            daemon.stop()
            self.data += "2"

    def test_a_folder_is_renamed_while_it_is_open(self):
        for what in ("addKeywords", "destroy", "moveTo", "addFolders"):
            daemon = self.prepare()
            self.imap.create("Was")
            fill(self.imap, "Was", 50, 3)
            daemon.sync()
            self.folders = daemon.folders()
            ids = self.ids(daemon, "Was")
            archive = self.folders["Archive"]
            wanted = {"addKeywords": strings("$flagged"), "destroy": GLib.Variant("b", True),
                      "moveTo": GLib.Variant("o", archive), "addFolders": GLib.Variant("ao", [archive])}[what]
            self.ended(daemon, self.modify(daemon, [ids["Message 50"]], {"addKeywords": strings("$seen")})[0])
            self.imap.rename("Was", "Is")
            operation = self.modify(daemon, [ids["Message 51"]], {what: wanted})[0]
            self.assertEqual(self.ended(daemon, operation)["state"], "done", what)
            there = self.on_server("Is")
            self.assertEqual((there.get(51), set(self.on_server("Archive"))),
                             {"addKeywords": ({"\\Flagged"}, set()), "destroy": (None, set()), "moveTo": (None, {51}),
                              "addFolders": (set(), {51})}[what])
            daemon.stop()
            self.data += "2"

    def test_a_tree_that_another_device_renames_is_deleted(self):
        """Offline: none of it is told to be gone that is there under its new name."""
        daemon = self.prepare()
        for path in ("Tree", "Tree/leaf"):
            self.imap.create(path)
            fill(self.imap, path, 500, 2)
        daemon.sync()
        tree = daemon.folders()["Tree"]
        self.enable(daemon, False)
        self.imap.select("INBOX")
        self.imap.rename("Tree", "Bush")
        options = {"removeMessages": GLib.Variant("b", True), "removeChildren": GLib.Variant("b", True)}
        operation = daemon.call(tree, "Folder", "Delete", "(a{sv})", options)[0]
        self.enable(daemon, True)
        self.assertEqual(self.ended(daemon, operation)["state"], "done")
        for path in ("Bush", "Bush/leaf", "Tree", "Tree/leaf"):
            self.assertNotEqual(self.imap.select(f'"{path}"', readonly=True)[0], "OK", path)
        self.assertFalse([name for name in self.boxes() if "surel-deletes" in name])

    def test_what_is_made_in_a_folder_that_another_device_renames(self):
        daemon = self.prepare()
        self.imap.create("Tree")
        self.imap.create("Tree/leaf")
        daemon.sync()
        folders = daemon.folders()
        self.enable(daemon, False)
        self.imap.select("INBOX")
        self.imap.rename("Tree", "Bush")
        made = self.create(daemon, "new", folders["Tree"])[1]
        subscribed = daemon.call(folders["Tree/leaf"], "Folder", "SetSubscribed", "(ba{sv})", True, {})[0]
        self.enable(daemon, True)
        for operation in (made, subscribed):
            self.assertEqual(self.ended(daemon, operation)["state"], "done")
        for path, expected in (("Bush/new", "OK"), ("Bush/leaf", "OK"), ("Tree", "NO"), ("Tree/new", "NO")):
            self.assertEqual(self.imap.select(f'"{path}"', readonly=True)[0], expected, path)
        self.assertIn('"/" Bush/leaf', str(self.imap.lsub()[1]))

    def test_a_role_is_made_within_what_holds_folders_alone(self):
        daemon = self.prepare()
        self.imap.delete("Archive")
        self.imap.create("Archive/2024")
        daemon.sync()
        self.ended(daemon, self.modify(daemon, [self.ids(daemon)["Message 1"]], {"moveToRole": GLib.Variant("s", "archive")})[0])
        self.assertEqual(daemon.get(daemon.folders()["Archive/Archive"], "Folder", "Role"), "archive")
        self.assertEqual(set(self.on_server("Archive/Archive")), {1})
        self.imap.select("INBOX")
        for path in ("Archive/Archive", "Archive/2024"):
            self.imap.delete(path)

    def test_when_it_waits_no_more_is_told(self):
        """Also where nothing else of the message changes."""
        daemon = self.prepare()
        id = self.ids(daemon)["Message 1"]
        self.enable(daemon, False)
        operation, state, _ = self.modify(daemon, [id], {"addKeywords": strings("$flagged")})
        self.assertTrue(self.row(daemon, id, "pending")["pending"])
        self.enable(daemon, True)
        self.ended(daemon, operation)
        self.assertFalse(self.row(daemon, id, "pending")["pending"])
        self.assertIn(id, daemon.changes(state)["messagesUpdated"])

    def test_deleted_here_and_made_anew_elsewhere(self):
        daemon = self.prepare()
        self.imap.create("Twice")
        fill(self.imap, "Twice", 50, 3)
        daemon.sync()
        folder = daemon.folders()["Twice"]
        daemon.call(self.account, "Account", "Configure", "(a{sv}a{sv})", {"enabled": GLib.Variant("b", False)}, {})
        operation = daemon.call(folder, "Folder", "Delete", "(a{sv})", {"removeMessages": GLib.Variant("b", True)})[0]
        self.assertNotIn("Twice", daemon.folders())
        self.imap.select("INBOX")
        self.imap.delete("Twice")
        self.imap.create("Twice")
        fill(self.imap, "Twice", 60, 2)
        daemon.call(self.account, "Account", "Configure", "(a{sv}a{sv})", {"enabled": GLib.Variant("b", True)}, {})
        wait_for(lambda: daemon.get(self.account, "Account", "PendingOperations") == 0, seconds=60)
        daemon.sync()
        # What came since wasn't meant: it stays, and so does its folder.
        self.assertEqual(set(self.on_server("Twice")), {60, 61})
        self.assertEqual(len(self.ids_of(daemon, daemon.folders()["Twice"])), 2)
        self.assertEqual(self.ended(daemon, operation)["state"], "partial")

    def test_an_end_that_was_told_outlasts_a_power_failure(self):
        daemon = self.prepare()
        one = self.ids(daemon)["Message 1"]
        self.enable(daemon, False)
        operation = self.modify(daemon, [one], {"moveTo": GLib.Variant("o", self.folders["Work"])})[0]
        daemon.stop()
        database = sqlite3.connect(self.data + "/surel.db")  # it waits for its next attempt: a list comes first
        database.execute("UPDATE operation SET next_attempt = ?", (int(time.time()) + 3600,))
        database.commit()
        database.close()
        self.imap.select("INBOX")
        self.imap.store("1", "+FLAGS", "\\Deleted")
        self.imap.expunge()
        power = Power(self.data)
        daemon = self.start(secrets=self.secrets, env=power.env)
        told = []
        daemon.connection.signal_subscribe(NAME, NAME + ".Operations", "Finished", PATH, None, 0,
                                           lambda *signal: told.append(signal[5].unpack()[:2]))
        self.enable(daemon, True)
        wait_for(lambda: (GLib.MainContext.default().iteration(False), told)[1])
        self.assertEqual(told, [(operation, "failed")])
        daemon.kill()
        power.cut()
        daemon = self.start(secrets=self.secrets)
        found = daemon.call(PATH, "Operations", "List", "(a{sv})", {"ids": GLib.Variant("at", [operation])})[0]
        self.assertEqual(found["operations"][0]["state"], "failed")

    def test_what_is_numbered_anew_is_done_soon(self):
        daemon = self.prepare()
        self.put(50, 3)
        daemon.sync()
        some = list(self.ids(daemon, "Work").values())
        self.imap.select("INBOX")
        self.enable(daemon, False)
        daemon.stop()  # else it might see the folder empty
        self.imap.delete("Work")
        self.imap.create("Work")
        self.put(50, 3)
        daemon = self.start(secrets=self.secrets)
        operation = self.modify(daemon, some, {"addKeywords": strings("$flagged")})[0]
        self.enable(daemon, True)
        begin = time.monotonic()
        self.assertEqual(self.ended(daemon, operation)["state"], "done")
        self.assertLess(time.monotonic() - begin, 8)
        self.assertEqual(set(map(frozenset, self.on_server("Work").values())), {frozenset({"\\Flagged"})})

    def put(self, first, count):
        for n in range(first, first + count):
            self.imap.append("Work", None, '"14-Nov-2023 22:13:20 +0000"', message(n))

    def test_moved_on_from_a_folder_that_is_gone(self):
        daemon = self.prepare()
        self.imap.create("Other")
        daemon.sync()
        folder = daemon.folders()["Other"]
        self.enable(daemon, False)
        one, _ = daemon.call(folder, "Folder", "Append", "(va{sv})", GLib.Variant("ay", message(70)), {})
        two, _ = daemon.call(folder, "Folder", "Append", "(va{sv})", GLib.Variant("ay", message(71)), {})
        self.modify(daemon, [one, two], {"addKeywords": strings("$flagged")})
        self.modify(daemon, [one], {"moveTo": GLib.Variant("o", self.folders["Work"])})
        self.imap.delete("Other")
        self.enable(daemon, True)
        wait_for(lambda: daemon.get(self.account, "Account", "PendingOperations") == 0)
        daemon.sync()
        self.assertEqual(self.on_server("Work"), {70: {"\\Flagged"}})
        self.assertEqual(self.ids(daemon, "Work"), {"Message 70": one})
        self.assertEqual(self.on_server("INBOX")[71], {"\\Flagged"})  # it has nowhere else to go
        self.assertEqual(self.ids(daemon)["Message 71"], two)
        self.quiet(daemon)

    def test_a_name_that_is_free_again_is_anothers(self):
        daemon = self.prepare()
        self.imap.create("Other")
        fill(self.imap, "Other", 50, 2)
        fill(self.imap, "Work", 60, 2)
        daemon.sync()
        work, other = self.folders["Work"], daemon.folders()["Other"]
        ids = self.ids(daemon, "Work")
        self.enable(daemon, False)
        remove = {"removeMessages": GLib.Variant("b", True)}
        daemon.call(other, "Folder", "Delete", "(a{sv})", remove)
        daemon.call(work, "Folder", "Rename", "(sa{sv})", "Other", {})
        daemon.call(self.folders["Archive"], "Folder", "Delete", "(a{sv})", remove)
        made = daemon.call(self.account, "Account", "CreateFolder", "(soa{sv})", "Archive", "/", {})[0]
        one, _ = daemon.call(made, "Folder", "Append", "(va{sv})", GLib.Variant("ay", message(70)), {})
        self.enable(daemon, True)
        self.quiet(daemon)
        daemon.sync()
        self.folders = daemon.folders()
        self.assertEqual((self.folders["Other"], self.folders["Archive"]), (work, made))
        self.assertNotIn("Work", self.folders)
        self.assertEqual(self.ids(daemon, "Other"), ids)
        self.assertEqual(self.ids(daemon, "Archive"), {"Message 70": one})
        self.assertEqual((set(self.on_server("Other")), set(self.on_server("Archive"))), ({60, 61}, {70}))

    def test_names_are_swapped_offline(self):
        daemon = self.prepare()
        fill(self.imap, "Work", 50, 1)
        fill(self.imap, "Archive", 60, 1)
        daemon.sync()
        work, archive = self.folders["Work"], self.folders["Archive"]
        self.enable(daemon, False)
        for folder, name in ((work, "Between"), (archive, "Work"), (work, "Archive")):
            daemon.call(folder, "Folder", "Rename", "(sa{sv})", name, {})
        self.enable(daemon, True)
        self.quiet(daemon)
        daemon.sync()
        self.assertEqual((set(self.on_server("Work")), set(self.on_server("Archive"))), ({60}, {50}))
        self.folders = daemon.folders()
        self.assertEqual((self.folders["Work"], self.folders["Archive"]), (archive, work))

    def test_a_list_that_was_killed_at_its_very_end_is_ended(self):
        daemon = self.prepare()
        folder = int(self.folders["INBOX"].rsplit("/", 1)[1])
        daemon.stop()
        # Two were there under an older UIDVALIDITY, and aren't now; all others have been listed.
        database = sqlite3.connect(self.data + "/surel.db")
        database.execute("UPDATE folder SET epoch = epoch + 1, listed = 0 WHERE id = ?", (folder,))
        database.execute("UPDATE placement SET epoch = epoch + 1 WHERE folder = ? AND rid > 2", (folder,))
        database.commit()
        database.close()
        self.imap.select("INBOX")
        self.imap.store("1:2", "+FLAGS", "\\Deleted")
        self.imap.expunge()
        daemon = self.start(secrets=self.secrets)
        wait_for(lambda: daemon.get(self.account, "Account", "Status") == "idle")
        daemon.sync()
        self.assertEqual(set(self.ids(daemon)), {f"Message {n}" for n in range(3, self.count + 1)})

    def test_folders_renamed_elsewhere_meanwhile(self):
        daemon = self.prepare()
        for box in ("From", "To"):
            self.imap.create(box)
        fill(self.imap, "From", 50, 5)
        daemon.sync()
        ids = self.ids(daemon)
        there = sorted(self.ids_of(daemon, daemon.folders()["From"]))
        daemon.call(self.account, "Account", "Configure", "(a{sv}a{sv})", {"enabled": GLib.Variant("b", False)}, {})
        operations = [self.modify(daemon, [ids["Message 1"]], {"moveTo": GLib.Variant("o", daemon.folders()["To"])})[0],
                      self.modify(daemon, there[:2], {"addKeywords": strings("$flagged")})[0],
                      self.modify(daemon, there[2:4], {"moveTo": GLib.Variant("o", self.folders["Work"])})[0],
                      self.append(daemon, "Work", message(900))[1]]
        self.imap.rename("From", "FromThen")
        self.imap.rename("To", "ToThen")
        daemon.call(self.account, "Account", "Configure", "(a{sv}a{sv})", {"enabled": GLib.Variant("b", True)}, {})
        self.assertEqual([self.ended(daemon, operation)["state"] for operation in operations], ["done"] * 4)
        self.assertEqual(set(self.on_server("ToThen")), {1})
        self.assertEqual(self.on_server("FromThen"), {50: {"\\Flagged"}, 51: {"\\Flagged"}, 54: set()})
        self.assertEqual(set(self.on_server("Work")), {52, 53, 900})
        # One that is gone for good ends it.
        daemon.sync()
        daemon.call(self.account, "Account", "Configure", "(a{sv}a{sv})", {"enabled": GLib.Variant("b", False)}, {})
        operation = self.modify(daemon, [ids["Message 2"]], {"moveTo": GLib.Variant("o", daemon.folders()["ToThen"])})[0]
        self.imap.select("INBOX")
        self.imap.delete("ToThen")
        daemon.call(self.account, "Account", "Configure", "(a{sv}a{sv})", {"enabled": GLib.Variant("b", True)}, {})
        self.assertEqual(self.ended(daemon, operation)["state"], "failed")
        self.assertIn("Message 2", self.ids(daemon))

    def test_one_thing_right_after_another(self):
        daemon = self.prepare()
        ids = sorted(self.ids(daemon).items(), key=lambda item: int(item[0].split()[1]))
        work = GLib.Variant("o", self.folders["Work"])
        inbox = GLib.Variant("o", self.folders["INBOX"])
        for delay in (0, 0.001, 0.003, 0.01):
            for _, id in ids[:3]:
                self.modify(daemon, [id], {"addKeywords": strings("mine")})
                time.sleep(delay)
                self.modify(daemon, [id], {"removeKeywords": strings("mine")})
            for _, id in ids[3:6]:
                self.modify(daemon, [id], {"moveTo": work})
                time.sleep(delay)
                self.modify(daemon, [id], {"moveTo": inbox})
            for _, id in ids[6:9]:
                operation = self.modify(daemon, [id], {"addKeywords": strings("gone")})[0]
                time.sleep(delay)
                daemon.call(PATH, "Operations", "Cancel", "(ta{sv})", operation, {})
            for _, id in ids[9:12]:
                copy = self.modify(daemon, [id], {"addFolders": GLib.Variant("ao", [self.folders["Work"]])})[2]["copies"][0][2]
                time.sleep(delay)
                self.modify(daemon, [copy], {"destroy": GLib.Variant("b", True)})
        wait_for(lambda: daemon.get(self.account, "Account", "PendingOperations") == 0)
        daemon.sync()
        self.assertEqual(self.on_server("INBOX"), {n: set() for n in range(1, self.count + 1)})
        self.assertEqual((self.on_server("Work"), self.ids(daemon, "Work")), ({}, {}))
        self.assertEqual(sorted(self.ids(daemon).values()), sorted(id for _, id in ids))

    # --- Folders ---

    def test_folders_are_made_renamed_moved_and_deleted(self):
        daemon = self.prepare()
        ids = self.ids(daemon)
        folder, operation = self.create(daemon, "Proyek")
        below, _ = self.create(daemon, "会議 & more", folder)
        self.assertEqual(daemon.get(below, "Folder", "Path"), "Proyek/会議 & more")
        self.modify(daemon, [ids["Message 1"]], {"moveTo": GLib.Variant("o", below)})
        self.assertEqual(self.ended(daemon, operation)["state"], "done")
        self.assertFails("Exists", self.create, daemon, "Proyek")
        wait_for(lambda: daemon.get(self.account, "Account", "PendingOperations") == 0)
        self.assertEqual(self.boxes(), {"Proyek", "Proyek/&TxqLcA- &- more"})
        operation = daemon.call(folder, "Folder", "Rename", "(sa{sv})", "Projects", {})[0]
        self.assertEqual(daemon.get(below, "Folder", "Path"), "Projects/会議 & more")
        self.assertEqual(self.ended(daemon, operation)["state"], "done")
        self.assertEqual(self.boxes(), {"Projects", "Projects/&TxqLcA- &- more"})
        operation = daemon.call(below, "Folder", "MoveTo", "(oa{sv})", "/", {})[0]
        self.assertEqual(self.ended(daemon, operation)["state"], "done")
        self.assertEqual(self.boxes(), {"Projects", "&TxqLcA- &- more"})
        daemon.sync()
        self.assertEqual(daemon.folders()["会議 & more"], below)
        self.assertEqual(self.row(daemon, ids["Message 1"], "mailboxIds"), {"mailboxIds": [below]})
        self.assertFails("Conflict", daemon.call, below, "Folder", "Delete", "(a{sv})", {})
        options = {"removeMessages": GLib.Variant("b", True), "key": GLib.Variant("s", "away")}
        operation = daemon.call(below, "Folder", "Delete", "(a{sv})", options)[0]
        self.assertNotIn(below, daemon.objects())
        self.assertEqual(daemon.call(below, "Folder", "Delete", "(a{sv})", options)[0], operation)
        self.assertFails("NotFound", daemon.call, below, "Folder", "Delete", "(a{sv})", {})
        for method, signature, arguments in (("Get", "(ss)", (NAME + ".Folder", "Name")), ("GetAll", "(s)", (NAME + ".Folder",))):
            self.assertFails("NotFound", daemon.connection.call_sync, NAME, below, "org.freedesktop.DBus.Properties", method,
                             GLib.Variant(signature, arguments), None, 0, 30000, None)
        self.assertIsNone(self.row(daemon, ids["Message 1"], "id"))
        state = daemon.get(PATH, "Manager", "State")
        self.assertEqual(self.ended(daemon, operation)["state"], "done")
        self.assertEqual(self.boxes(), {"Projects"})
        daemon.sync()
        self.assertNotIn("会議 & more", daemon.folders())
        page = daemon.changes(state)  # it was gone at once, and stayed so
        self.assertNotIn(below, page.get("foldersCreated", []) + page.get("foldersDestroyed", []))

    def test_names_are_names(self):
        daemon = self.prepare()
        names = ['quote " and \\', '"\\{5}*%&🦆'.ljust(200, "x"), "{5}", "*", "%", "a%b*c", "&", "&-", "🦆 emoji", "é" * 60, "x" * 200,
                 "trailing ", "#x"]
        made = {name: self.create(daemon, name) for name in names}
        for name, (folder, operation) in made.items():
            self.assertEqual(self.ended(daemon, operation)["state"], "done", name)
        daemon.sync()
        for name, (folder, _) in made.items():
            self.assertEqual(daemon.get(folder, "Folder", "Name"), name)
            operation = daemon.call(folder, "Folder", "SetSubscribed", "(ba{sv})", False, {})[0]
            if operation:
                self.assertEqual(self.ended(daemon, operation)["state"], "done", name)
        self.assertEqual(len(self.boxes()), len(names))
        for name, error in (("", "InvalidArgument"), ("x" * 256, "InvalidArgument"), ("é" * 256, "InvalidArgument"),
                            ("a\nb", "InvalidArgument"),
                            ("..", "InvalidArgument"), ("inbox", "Exists")):
            self.assertFails(error, self.create, daemon, name)
        before = daemon.folders()
        self.assertFails("InvalidArgument", self.create, daemon, "a/b")  # the server's own sign between folders
        self.assertFails("InvalidArgument", daemon.call, self.folders["Work"], "Folder", "Rename", "(sa{sv})", "a/b", {})
        self.assertEqual(daemon.folders(), before)
        for folder, _ in made.values():
            operation = daemon.call(folder, "Folder", "Delete", "(a{sv})", {})[0]
            self.assertEqual(self.ended(daemon, operation)["state"], "done")
        self.assertEqual(self.boxes(), set())

    def test_a_name_that_is_too_long_for_the_server(self):
        """Dovecot takes 255 octets, of modified UTF-7."""
        daemon = self.prepare()
        before, message = daemon.folders(), self.ids(daemon)["Message 1"]
        self.enable(daemon, False)
        folder, made = self.create(daemon, "é" * 200)
        below, made_below = self.create(daemon, "Below", folder)
        moved = self.modify(daemon, [message], {"moveTo": GLib.Variant("o", below)})[0]
        renamed = daemon.call(self.folders["Work"], "Folder", "Rename", "(sa{sv})", "🦆" * 200, {})[0]
        self.enable(daemon, True)
        for operation in (made, renamed):
            ended = self.ended(daemon, operation)
            self.assertEqual(ended["state"], "failed")
            self.assertIn("Mailbox name too long", ended["error"][1])
        self.assertEqual({self.ended(daemon, operation)["state"] for operation in (made_below, moved)}, {"failed"})
        self.assertEqual(daemon.folders(), before)
        self.assertEqual(self.row(daemon, message, "mailboxIds")["mailboxIds"], [self.folders["INBOX"]])
        daemon.sync()
        self.assertEqual((daemon.folders(), self.boxes()), (before, set()))
        self.assertEqual(self.row(daemon, message, "mailboxIds")["mailboxIds"], [self.folders["INBOX"]])

    def test_a_folder_made_offline_is_filled_offline(self):
        daemon = self.prepare()
        ids = self.ids(daemon)
        daemon.call(self.account, "Account", "Configure", "(a{sv}a{sv})", {"port": GLib.Variant("q", 1)}, {})
        wait_for(lambda: daemon.get(self.account, "Account", "Status") == "offline")
        folder, _ = self.create(daemon, "Later")
        below, _ = self.create(daemon, "Below", folder)
        self.modify(daemon, list(ids.values())[:3], {"moveTo": GLib.Variant("o", below)})
        daemon.call(folder, "Folder", "Rename", "(sa{sv})", "Sooner", {})
        daemon.kill()
        daemon = self.start(secrets=self.secrets)
        self.assertEqual(daemon.get(below, "Folder", "Path"), "Sooner/Below")
        self.assertEqual(daemon.get(below, "Folder", "TotalMessages"), 3)
        daemon.call(self.account, "Account", "Configure", "(a{sv}a{sv})",
                    {"port": GLib.Variant("q", self.server.port + 1)}, {})
        wait_for(lambda: daemon.get(self.account, "Account", "PendingOperations") == 0)
        self.assertEqual(self.boxes(), {"Sooner", "Sooner/Below"})
        self.assertEqual(len(self.on_server("Sooner/Below")), 3)
        daemon.sync()
        self.assertEqual(daemon.folders()["Sooner/Below"], below)

    def test_a_folder_renamed_elsewhere_keeps_its_id(self):
        daemon = self.prepare()
        self.imap.create("Old")
        self.imap.create("Old/In")
        fill(self.imap, "Old", 500, 5)
        daemon.sync()
        folder, inner = daemon.folders()["Old"], daemon.folders()["Old/In"]
        ids = self.ids_of(daemon, folder)
        self.imap.rename("Old", "New")
        daemon.sync()
        self.assertEqual((daemon.folders().get("New"), daemon.folders().get("New/In")), (folder, inner))
        self.assertEqual(self.ids_of(daemon, folder), ids)

    def test_emptied_is_what_was_there_at_the_call(self):
        daemon = self.prepare()
        ids = self.ids(daemon)
        operation, _, _ = self.modify(daemon, list(ids.values())[:5], {"moveToRole": GLib.Variant("s", "trash")})
        self.ended(daemon, operation)
        self.assertFails("InvalidArgument", daemon.call, self.folders["INBOX"], "Folder", "Empty", "(a{sv})", {})
        operation = daemon.call(self.folders["Trash"], "Folder", "Empty", "(a{sv})", {})[0]
        self.assertEqual(daemon.get(self.folders["Trash"], "Folder", "TotalMessages"), 0)
        self.assertEqual(self.ended(daemon, operation)["state"], "done")
        self.assertEqual(self.on_server("Trash"), {})
        self.assertEqual(len(self.on_server("INBOX")), self.count - 5)

    # --- Without the server, and with it lost ---

    def test_offline_all_is_there_at_once_and_sent_later(self):
        daemon = self.prepare()
        ids = self.ids(daemon)
        daemon.call(self.account, "Account", "Configure", "(a{sv}a{sv})", {"port": GLib.Variant("q", 1)}, {})
        wait_for(lambda: daemon.get(self.account, "Account", "Status") == "offline")
        operations = [self.modify(daemon, [ids["Message 1"]], {"addKeywords": strings("$seen")})[0],
                      self.modify(daemon, [ids["Message 2"]], {"moveTo": GLib.Variant("o", self.folders["Work"])})[0],
                      self.modify(daemon, [ids["Message 3"]], {"destroy": GLib.Variant("b", True)})[0]]
        self.assertEqual(daemon.get(self.account, "Account", "PendingOperations"), 3)
        daemon.kill()
        daemon = self.start(secrets=self.secrets)
        self.assertEqual(self.row(daemon, ids["Message 1"], "keywords", "pending"), {"keywords": ["$seen"], "pending": True})
        self.assertEqual(self.row(daemon, ids["Message 4"], "pending"), {"pending": False})
        self.assertEqual(self.row(daemon, ids["Message 2"], "mailboxIds"), {"mailboxIds": [self.folders["Work"]]})
        self.assertIsNone(self.row(daemon, ids["Message 3"], "id"))
        wait_for(lambda: daemon.get(self.account, "Account", "PendingOperations") == 3)
        daemon.call(self.account, "Account", "Configure", "(a{sv}a{sv})",
                    {"port": GLib.Variant("q", self.server.port + 1)}, {})
        for operation in operations:
            self.assertEqual(self.ended(daemon, operation)["state"], "done")
        wait_for(lambda: daemon.get(self.account, "Account", "PendingOperations") == 0)
        self.assertEqual(self.on_server("INBOX")[1], {"\\Seen"})
        self.assertEqual(set(self.on_server("Work")), {2})
        self.assertNotIn(3, self.on_server("INBOX"))

    def test_killed_at_any_moment_each_is_done_once(self):
        seed = int(os.environ.get("SUREL_SEED", random.randrange(1 << 30)))
        print("seed", seed, flush=True)
        dice = random.Random(seed)
        daemon = self.prepare()
        places, copies = {n: "INBOX" for n in range(1, self.count + 1)}, set()
        ids = {int(subject.split()[1]): id for subject, id in self.ids(daemon).items()}
        for _ in range(12):
            for n in dice.sample(sorted(ids), 4):
                target = dice.choice(["INBOX", "Work", "Archive"])
                self.modify(daemon, [ids[n]], {"moveTo": GLib.Variant("o", self.folders[target]),
                                               "addKeywords": strings(f"k{n}")})
                places[n] = target
            n = dice.choice(sorted(ids))
            if ("Trash", n) not in copies:
                self.modify(daemon, [ids[n]], {"addFolders": GLib.Variant("ao", [self.folders["Trash"]])})
                copies.add(("Trash", n))
            time.sleep(dice.random() * 0.05)
            daemon.kill()
            daemon = self.start(secrets=self.secrets)
        wait_for(lambda: daemon.get(self.account, "Account", "PendingOperations") == 0
                 and daemon.get(self.account, "Account", "Status") == "idle")
        daemon.sync()
        there = {path: set(self.on_server(path)) for path in ("INBOX", "Work", "Archive", "Trash")}
        self.assertEqual(there["Trash"], {n for _, n in copies})
        for path in ("INBOX", "Work", "Archive"):
            self.assertEqual(there[path], {n for n, place in places.items() if place == path}, path)
            self.assertEqual({int(s.split()[1]): i for s, i in self.ids(daemon, path).items()},
                             {n: ids[n] for n, place in places.items() if place == path})


class Many(Changing):
    count = 10000

    def test_thousands_in_one_call_reach_the_server_soon(self):
        daemon = self.prepare()
        ids = []
        while len(ids) < self.count:
            ids += [row["id"] for row in daemon.query(limit=1000, position=len(ids), properties=["id"])["messages"]]
        # What was done before doesn't slow down what comes.
        times = []
        for n in range(5):
            begin = time.monotonic()
            operation, _, result = self.modify(daemon, ids, {"removeKeywords" if n % 2 else "addKeywords": strings("$flagged")})
            times.append(time.monotonic() - begin)
            self.assertEqual(result["changed"], self.count)
            self.assertEqual(self.ended(daemon, operation)["state"], "done")
        self.assertLess(times[-1], 3 * times[0] + 1, times)
        self.imap.select("INBOX", readonly=True)
        self.assertEqual(len(self.imap.search(None, "FLAGGED")[1][0].split()), self.count)


class Poor(Operations):
    """No MOVE, no UIDPLUS, no CONDSTORE: the safe old ways."""

    server_extra = "protocol imap {\n  imap_capability = IMAP4rev1 LITERAL+ NAMESPACE\n}\n"

    def test_destroyed_is_gone_and_nothing_else_is(self):
        daemon = self.prepare()
        ids = self.ids(daemon)
        operation, _, _ = self.modify(daemon, [ids["Message 6"]], {"destroy": GLib.Variant("b", True)})
        self.ended(daemon, operation)
        self.assertNotIn(6, self.on_server("INBOX"))
        self.imap.select("INBOX")
        self.imap.store("2", "+FLAGS", "\\Deleted")  # another's: EXPUNGE would take it along
        operation, _, _ = self.modify(daemon, [ids["Message 7"]], {"destroy": GLib.Variant("b", True)})
        self.assertEqual(self.ended(daemon, operation)["state"], "done")
        there = self.on_server("INBOX")
        self.assertEqual((there[2], there[7]), ({"\\Deleted"}, {"\\Deleted"}))
        daemon.sync()
        self.assertNotIn("Message 7", self.ids(daemon))


if __name__ == "__main__":
    main()
