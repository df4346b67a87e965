#!/usr/bin/python3
"""ActiveSync servers that forget, lie, break off and attack: nothing is lost or doubled, and each fault is told as what it
is."""

import contextlib
import gzip
import os
import sqlite3
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from eas_case import *  # noqa: E402,F403
from scripted_eas import EasServer, Item, Mailbox, Raw, child, children, element, encode, text  # noqa: E402


class Eas(EasCase):
    # --- What servers other than SOGo do ---

    def test_a_server_that_takes_back_what_it_says_is_left_alone(self):
        """Each answer says that the message is gone, and there again."""
        class Fickle(Mailbox):
            fickle = False

            def sync_one(self, collection):
                if self.fickle and text(collection, "CollectionId") == self.inbox and text(collection, "SyncKey") != "0":
                    key = self.new_key()
                    self.keys[self.inbox, key] = {}
                    commands = [one for id, item in self.items[self.inbox].items() for one in (
                        element("0:Delete", element("0:ServerId", id)),
                        element("0:Add", element("0:ServerId", id), element("0:ApplicationData", *self.described(item, False))))]
                    return element("0:Collection", element("0:SyncKey", key), element("0:CollectionId", self.inbox),
                                   element("0:Status", 1), element("0:Commands", *commands))
                return super().sync_one(collection)
        self.begin(Fickle(), 1)
        (id,) = self.settled(1).values()
        self.mailbox.fickle = True
        self.modify([id], addKeywords=strings("$flagged"))
        wait_for(lambda: self.daemon.get(self.account, "Account", "Status") == "error", 40)
        self.assertTrue(self.daemon.get(self.account, "Account", "Error")[0].endswith(".ServerMisbehaved"))
        before = len(self.mailbox.said)
        time.sleep(2)
        self.assertLess(len(self.mailbox.said) - before, 5)

    def test_only_what_changed_is_told(self):
        """A Change without a subject, a Flag alone, an empty answer, failures alone among the responses."""
        class Terse(Mailbox):
            def described(self, item, change):
                return [element("2:Read", int(item.read))] if change else super().described(item, change)
        self.begin(Terse())
        ids = self.settled()
        item = self.mailbox.items[Mailbox.inbox]["1"]
        self.ended(self.modify([ids["Message 1"]], addKeywords=strings("$flagged")))
        self.assertTrue(item.flagged)
        item.read = True
        self.mailbox.touch(item)
        self.daemon.sync()
        self.assertEqual(self.keywords(ids["Message 1"]), {"$seen", "$flagged"})

    def test_messages_beside_the_document(self):
        """As they are, NULs and all; and what is no such answer is an error."""
        octets = message(1)[:-2] + bytes(range(256)) * 1000

        def document(*inside, type=4):
            return encode(element("20:ItemOperations", element("20:Status", 1), element("20:Response", element(
                "20:Fetch", element("20:Status", 1), element("20:Properties", element("17:Body", element("17:Type", type), *inside))))))

        def parts(*pieces, gap=0, count=None, table=None):
            first, entries = 4 + 8 * len(pieces) + gap, b""
            for piece in pieces:
                entries += struct.pack("<II", first, len(piece))
                first += len(piece) + gap
            return struct.pack("<I", len(pieces) if count is None else count) + (table or entries) + b"".join(
                bytes(gap) + piece for piece in pieces)
        part = document(element("20:Part", 1))
        both = document(element("20:Part", 1), element("17:Data", "the message"))
        cases = [(parts(part, octets), octets), (parts(part, octets, b"more"), octets), (parts(part, octets, gap=7), octets),
                 (parts(both, octets), b"the message"), (parts(document(element("17:Data", "the message"))), b"the message"),
                 *((wrong, None) for wrong in (
                     b"", b"\1", parts(part), parts(part, b""), parts(document(element("20:Part", 2)), octets),
                     parts(document(element("20:Part", 1), type=1), octets), parts(part, octets)[:-1], parts(part, octets)[:40],
                     parts(part, octets, count=0), parts(part, octets, count=17), parts(part, octets, count=0xffffffff),
                     parts(part, octets, table=struct.pack("<IIII", 0, len(part), 20 + len(part), 9)),
                     parts(part, octets, table=struct.pack("<IIII", 20, 0xffffffff, 20 + len(part), 9)),
                     parts(part, octets, table=struct.pack("<IIII", 20, len(part), 20, 9)),
                     parts(part, octets, table=struct.pack("<IIII", 20, len(part), 0xfffffff0, 0xffffffff)),
                     parts(octets, part), parts(b"\3\1\x6a\0" + b"\x45" * 2000000, octets)))]

        class Parts(Mailbox):
            body = None

            def do_ItemOperations(self, request):
                outer.assertEqual(self.here.headers["MS-ASAcceptMultiPart"], "T")
                raise Raw(body=self.body, headers={"Content-Type": "application/vnd.ms-sync.multipart"})
        outer = self
        self.begin(Parts(), count=len(cases))
        ids = self.settled(len(cases))
        for n, (body, expected) in enumerate(cases, 1):
            self.mailbox.body = body
            arguments = (PATH, "Messages", "Read", "(tstua{sv})", ids[f"Message {n}"], "", 0, 1 << 20, {})
            if expected is None:
                with self.assertRaises(GLib.Error, msg=str((n, body[:60]))):
                    self.daemon.call(*arguments)
            else:
                self.assertEqual(bytes(self.daemon.call(*arguments)[0]), expected, n)

    def test_what_is_in_drafts_is_a_draft(self):
        """Before 16.0 a server has no word for it."""
        self.begin(count=0)
        id = self.mailbox.put(message(7), "drafts")
        drafts = self.settled(1)
        self.assertEqual(self.keywords(drafts["Message 7"]), {"$draft"})
        self.assertEqual(self.daemon.get(self.daemon.folders()["Drafts"], "Folder", "UnreadMessages"), 0)
        item = self.mailbox.items["drafts"][id]
        item.flagged = True
        self.mailbox.touch(item)
        self.daemon.sync()
        self.assertEqual(self.keywords(drafts["Message 7"]), {"$draft", "$flagged"})
        self.mailbox.items["arch"][id] = self.mailbox.items["drafts"].pop(id)
        self.mailbox.touch(item)
        self.daemon.sync()
        self.assertEqual(self.keywords(self.ids("Archive")["Message 7"]), {"$flagged"})

    def test_categories_are_keywords(self):
        self.begin(count=1)
        self.settled(1)
        item = next(iter(self.mailbox.items[Mailbox.inbox].values()))
        item.categories = ["Red Category", "Grün=x", "$seen"]
        self.mailbox.touch(item)
        self.daemon.sync()
        self.assertEqual(self.keywords(self.ids()["Message 1"]), {"red=20category", "gr=c3=bcn=3dx", "=24seen"})
        self.assertEqual(self.daemon.get(self.account, "Account", "KeywordNames"),
                         {"red=20category": "Red Category", "gr=c3=bcn=3dx": "Grün=x", "=24seen": "$seen"})

    def categorised(self, mailbox=None):
        """A message with two categories: its id, and as the server has it."""
        self.begin(mailbox, count=1)
        id = self.settled(1)["Message 1"]
        item = next(iter(self.mailbox.items[Mailbox.inbox].values()))
        item.categories = ["Büro", "Red Category"]
        self.mailbox.touch(item)
        self.daemon.sync()
        self.assertEqual(self.keywords(id), {"b=c3=bcro", "red=20category"})
        return id, item

    def test_categories_are_written_as_they_are_spelled(self):
        id, item = self.categorised()
        self.ended(self.modify([id], addKeywords=strings("Urgent", "new=20one"), removeKeywords=strings("red=20category")))
        self.assertEqual(item.categories, ["Büro", "new one", "urgent"])
        self.daemon.kill()  # the names are kept
        self.daemon = self.start(secrets=self.secrets)
        wait_for(self.is_idle)
        self.ended(self.modify([id], removeKeywords=strings("urgent", "new=20one")))
        self.assertEqual(item.categories, ["Büro"])
        self.daemon.sync()
        self.assertEqual(self.keywords(id), {"b=c3=bcro"})
        self.ended(self.modify([id], removeKeywords=strings("b=c3=bcro"), addKeywords=strings("$seen")))
        self.assertEqual((item.categories, item.read), ([], True))

    def test_categories_that_the_server_drops_are_kept_here(self):
        """SOGo drops those that a person has not set up, and says that all was well."""
        class Dropping(Mailbox):
            def take_categories(self, categories):
                return [one for one in categories if one in ("Büro", "Red Category")]
        id, item = self.categorised(Dropping())
        self.assertEqual(self.ended(self.modify([id], addKeywords=strings("urgent")))["state"], "done")
        item.categories = ["Red Category"]
        self.mailbox.touch(item)
        self.daemon.sync()
        self.assertEqual(self.keywords(id), {"red=20category", "urgent"})
        self.modify([id], removeKeywords=strings("urgent"))
        self.assertEqual(self.keywords(id), {"red=20category"})

    def test_categories_that_can_not_be_written_again_are_not_lost(self):
        """All of a message's are written at once: long ones as they are; and none where one can't be, or there would be too many."""
        long = "\u30ab\u30c6\u30b4\u30ea\u30fc" * 20
        for there, expected in (([long, "Red"], [long, "Red", "urgent"]), (["with\ta tab", "Red"], ["with\ta tab", "Red"]),
                                ([f"c{n}" for n in range(300)], [f"c{n}" for n in range(300)]),
                                ([f"{n:04}" + "x" * 240 for n in range(100)], [f"{n:04}" + "x" * 240 for n in range(100)])):
            self.begin(count=1)
            id = self.settled(1)["Message 1"]
            item = next(iter(self.mailbox.items[Mailbox.inbox].values()))
            item.categories = list(there)
            self.mailbox.touch(item)
            self.daemon.sync()
            operation = self.modify([id], addKeywords=strings("urgent", "$seen"))
            self.assertEqual(self.ended(operation)["state"], "done")
            self.daemon.sync()
            self.assertEqual((sorted(item.categories), item.read), (sorted(expected), True))
            self.assertLessEqual({"urgent", "$seen"}, self.keywords(id))
            self.daemon.stop()
            self.data += "x"

    def test_keywords_that_are_no_category_are_kept_here(self):
        id, item = self.categorised()
        before = len(self.said("Sync"))
        self.ended(self.modify([id], addKeywords=strings("$label1", "=41", "=ff")))
        self.assertEqual(item.categories, ["Büro", "Red Category"])
        self.assertFalse([one for one in self.said("Sync")[before:]
                          if child(children(child(one, "Collections"), "Collection")[0], "Commands")])
        self.assertEqual(self.keywords(id), {"b=c3=bcro", "red=20category", "$label1", "=41", "=ff"})

    def test_a_change_that_another_device_was_before_is_made_again(self):
        """Status 7: what it did counts, and what was to be done is done on top of it."""
        class First(Mailbox):
            conflicts = 1

            def take(self, command, items, known):
                if command[0] == "0:Change" and self.conflicts > 0:
                    self.conflicts -= 1
                    item = items[text(command, "ServerId")]
                    item.categories = [*item.categories, "Theirs"]
                    item.version += 1
                    return [element("0:Change", element("0:ServerId", text(command, "ServerId")), element("0:Status", 7))]
                return super().take(command, items, known)
        mailbox = First()
        id, item = self.categorised(mailbox)
        self.assertEqual(self.ended(self.modify([id], addKeywords=strings("mine")))["state"], "done")
        self.assertEqual(item.categories, ["Büro", "mine", "Red Category", "Theirs"])

    def test_any_number_of_categories(self):
        self.begin(count=0)
        self.settled(0)
        for n in range(60):
            self.mailbox.items[Mailbox.inbox][self.mailbox.put(message(n))].categories = [f"C {n} {k}" for k in range(20)]
        self.daemon.sync()
        self.assertEqual(len(self.ids()), 60)
        self.assertEqual(len(self.daemon.get(self.account, "Account", "KeywordNames")), 500)
        id = self.ids()["Message 59"]
        self.ended(self.modify([id], addKeywords=strings("one")))
        item = list(self.mailbox.items[Mailbox.inbox].values())[59]
        self.assertEqual({one.lower() for one in item.categories}, {"one", *(f"c 59 {k}" for k in range(20))})

    def test_headers_that_are_cut_off(self):
        self.begin(count=0)
        self.settled(0)
        self.mailbox.put(b"Message-ID: <early@x>\r\n" + b"".join(b"Received: %s\r\n" % (b"r" * 900) for _ in range(20))
                         + message(1))
        self.mailbox.put(b"")  # a server that gives none
        self.daemon.sync()
        rows = self.daemon.query(properties=["subject", "messageId"], limit=10)["messages"]
        self.assertEqual([row["subject"] for row in rows], ["as the server says"] * 2)
        self.assertIn(["early@x"], [row.get("messageId") for row in rows])

    def test_requests_as_another_implementation_reads_them(self):
        """libwbxml's tools make XML of each, and of that the same octets again."""
        self.begin()
        ids = self.settled()
        folders = self.daemon.folders()
        read = self.daemon.call(PATH, "Messages", "Read", "(tstua{sv})", ids["Message 5"], "", 0, 10000, {})
        self.assertTrue(read)
        made, operation = self.daemon.call(self.account, "Account", "CreateFolder", "(soa{sv})", "Büro & <Co>", "/", {})
        self.ended(operation)
        words = strings("$seen", "$flagged", "b=c3=bcro")
        for n, patch in enumerate(({"addKeywords": words}, {"removeKeywords": words}, {"moveTo": GLib.Variant("o", folders["Archive"])},
                                   {"destroy": GLib.Variant("b", True)})):
            self.ended(self.modify([ids[f"Message {max(n, 1)}"]], **patch))
        self.daemon.sync()
        wait_for(lambda: self.said("Ping"))
        bodies = set(self.mailbox.bodies)
        self.assertGreater(len(bodies), 15)
        names = [self.dir + "/" + name for name in ("request", "xml", "again")]
        for body in bodies:
            with open(names[0], "wb") as file:
                file.write(body)
            subprocess.run(["wbxml2xml", "-l", "ACTIVESYNC", "-o", names[1], names[0]], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            subprocess.run(["xml2wbxml", "-n", "-a", "-v", "1.3", "-o", names[2], names[1]], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            with open(names[1], encoding="utf-8") as xml, open(names[2], "rb") as again:
                self.assertEqual(again.read(), body, xml.read())

    def test_a_draft_that_is_on_the_server_stays_as_it_is(self):
        """Its server, as 14.1 has it, takes no new version: what is saved is saved as another one."""
        class Drafting(Mailbox):
            def described(self, item, change):
                return [*super().described(item, change), element("22:IsDraft", 1)]
        self.begin(Drafting(), count=1)
        theirs = self.settled(1)["Message 1"]
        self.assertIn("$draft", self.keywords(theirs))

        def save(octets, replaces):
            return self.daemon.call(PATH, "Submission", "SaveDraft", "(otva{sv})", self.account, replaces, GLib.Variant("ay", octets), {})
        self.assertFails("NotSupported", save, message(2), theirs)
        mine, _ = save(message(2), 0)
        self.daemon.sync()
        self.assertEqual(self.ids(), {"Message 1": theirs, "Message 2": mine})

    def test_drafts_do_not_go_with_their_folder(self):
        """Another device deletes it: what lives here alone goes to the inbox."""
        self.begin(count=1)
        self.settled(1)
        draft, _ = self.daemon.call(PATH, "Submission", "SaveDraft", "(otva{sv})", self.account, 0, GLib.Variant("ay", message(2)), {})
        self.assertEqual(self.ids("Drafts"), {"Message 2": draft})
        with self.mailbox.lock:
            del self.mailbox.folders["drafts"], self.mailbox.items["drafts"]
        self.daemon.sync()
        self.daemon.sync()
        self.assertEqual(self.ids("INBOX")["Message 2"], draft)
        again, _ = self.daemon.call(PATH, "Submission", "SaveDraft", "(otva{sv})", self.account, draft, GLib.Variant("ay", message(3)), {})
        self.assertEqual((again, self.ids("INBOX")["Message 3"]), (draft, draft))

    def test_drafts_outlive_a_damaged_database(self):
        self.begin(count=1)
        self.settled(1)
        draft, _ = self.daemon.call(PATH, "Submission", "SaveDraft", "(otva{sv})", self.account, 0, GLib.Variant("ay", message(2)), {})
        wait_for(lambda: os.path.exists(self.data + "/queue"))
        time.sleep(2)
        self.daemon.kill()
        for name in ("surel.db-wal", "surel.db-shm"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.data + "/" + name)
        with open(self.data + "/surel.db", "r+b") as file:
            file.write(b"\0" * 8192)
        self.daemon = self.start(secrets=self.secrets)
        wait_for(lambda: set(self.ids()) >= {"Message 1", "Message 2"}, say=lambda: self.daemon.read_log()[-2000:])
        self.assertEqual(self.ids()["Message 2"], draft)
        self.modify([draft], destroy=GLib.Variant("b", True))
        self.assertNotIn("Message 2", self.ids())
        self.ended(self.modify([self.ids()["Message 1"]], addKeywords=strings("$seen")))
        wait_for(lambda: not os.path.exists(self.data + "/queue"), say="the copy stays with nothing in it")

    # --- Keys ---

    def test_keys_that_are_forgotten(self):
        self.begin()
        before = self.settled()
        for n in (2, 3):
            with self.mailbox.lock:
                self.mailbox.keys.clear()
                self.mailbox.hierarchy.clear()
                self.mailbox.items[Mailbox.inbox].pop("1", None)
            operation = self.modify([before[f"Message {n}"]], addKeywords=strings("$flagged"))
            self.daemon.sync()
            self.assertEqual(self.ended(operation)["state"], "done")
        self.assertEqual(self.ids(), {f"Message {n}": before[f"Message {n}"] for n in range(2, 6)})
        self.assertEqual([id for id, item in self.mailbox.items[Mailbox.inbox].items() if item.flagged], ["2", "3"])

    def test_folders_where_what_was_done_is_refused_and_never_told(self):
        """As SOGo does it: an answer is lost, what the device itself did isn't told, and done again it is refused by HTTP alone."""
        class Deaf(Mailbox):
            lost = ()

            def change_folders(self, name, request, change):
                if (text(request, "DisplayName") in [name for _, name, _ in self.folders.values()]
                        or text(request, "ServerId") not in (*self.folders, None)):
                    raise Raw(500)
                before = {id: list(folder) for id, folder in self.folders.items()}
                answer = super().change_folders(name, request, change)
                for known in self.hierarchy.values():
                    known.update({id: list(folder) for id, folder in self.folders.items() if folder != before.get(id)})
                    for id in before.keys() - self.folders.keys():
                        known.pop(id, None)
                if name not in self.lost:
                    self.lost = (*self.lost, name)
                    raise Raw(body=encode(answer), cut=0)
                return answer

        def do(folder, method, signature, *arguments):
            reply = self.daemon.call(folder, "Account" if method == "CreateFolder" else "Folder", method, signature, *arguments)
            self.assertEqual(self.ended(reply[-1])["state"], "done", method)
        self.begin(mailbox := Deaf())
        do(self.account, "CreateFolder", "(soa{sv})", "Made", "/", {})
        do(self.daemon.folders()["Made"], "Rename", "(sa{sv})", "Renamed", {})
        self.assertEqual([name for _, name, kind in mailbox.folders.values() if kind == 12], ["Archive", "Renamed"])
        do(self.daemon.folders()["Renamed"], "Delete", "(a{sv})", {})
        self.assertEqual(mailbox.lost, ("7:FolderCreate", "7:FolderUpdate", "7:FolderDelete"))
        self.assertEqual([name for _, name, kind in mailbox.folders.values() if kind == 12], ["Archive"])
        self.daemon.sync()
        self.assertNotIn("Renamed", self.daemon.folders())

    def test_what_came_and_went_while_a_change_was_sent(self):
        """A pull goes on where the push before it ended: from where the pass began what came and went isn't told."""
        class Busy(Mailbox):
            step = 0

            def sync_one(self, collection):
                answer = super().sync_one(collection)
                folder, commands = text(collection, "CollectionId"), child(collection, "Commands")
                if self.step == 1 and folder == self.inbox:
                    self.step = 2
                    self.put(message(70), "arch")
                    act()
                elif self.step == 2 and folder == "arch" and commands:
                    self.step = 3
                    self.items["arch"] = {id: item for id, item in self.items["arch"].items() if b"Message 70\r" not in item.octets}
                return answer
        self.begin(mailbox := Busy())
        mailbox.put(message(60), "arch")
        self.daemon.sync()
        ids = self.ids("Archive")
        bus = self.daemon  # the call is made in the server's thread

        def act():
            bus.call(PATH, "Operations", "Modify", "(ata{sv}a{sv})", [ids["Message 60"]], {"addKeywords": strings("$seen")}, {})
        mailbox.step = 1
        self.daemon.sync()
        wait_for(lambda: mailbox.step == 3)
        self.daemon.sync()
        self.assertEqual(self.ids("Archive"), ids)

    def test_a_folder_is_made_with_a_key_that_is_forgotten(self):
        class Forgets(Mailbox):
            forgets = True

            def before(self, name, request):
                if name == "FolderCreate" and self.forgets:
                    self.forgets = False
                    self.hierarchy.clear()
        self.begin(Forgets())
        _, operation = self.daemon.call(self.account, "Account", "CreateFolder", "(soa{sv})", "Made", "/", {})
        self.assertEqual(self.ended(operation)["state"], "done")
        self.assertEqual([name for _, name, _ in self.mailbox.folders.values()].count("Made"), 1)

    def take_away_untold(self):
        """As if all that had been told."""
        there = self.mailbox.items[Mailbox.inbox]
        with self.mailbox.lock:
            del there["2"]
            there["3"].flagged = True
            there["77"] = Item(message(77))
            for (folder, _), known in self.mailbox.keys.items():
                if folder == Mailbox.inbox:
                    known.clear()
                    known.update({id: item.version for id, item in there.items()})

    def test_what_a_server_never_tells_and_refuses_all_for(self):
        class Strict(Mailbox):
            def take(self, command, items, known):
                if text(command, "ServerId") not in items:
                    raise Raw(501)
                return super().take(command, items, known)
        self.begin(Strict())
        before = self.settled()
        self.take_away_untold()
        operation = self.modify([before[f"Message {n}"] for n in (2, 4)], addKeywords=strings("$seen"))
        self.ended(operation)
        self.assertTrue(self.mailbox.items[Mailbox.inbox]["4"].read)
        self.assertEqual(set(self.ids()), {"Message 1", "Message 3", "Message 4", "Message 5", "Message 77"})

    def test_what_a_server_never_tells_is_found_once_a_week(self):
        self.begin()
        before = self.settled()
        there = self.mailbox.items[Mailbox.inbox]
        self.take_away_untold()
        self.daemon.sync()
        self.assertEqual(self.ids(), before)
        self.daemon.stop()
        week_ago = int(time.time()) - 8 * 86400
        with contextlib.closing(sqlite3.connect(self.data + "/surel.db")) as database:
            database.execute("UPDATE folder SET last_proven = ?", (week_ago,))
            database.commit()
        self.daemon = self.start(secrets=self.secrets)
        inbox = self.daemon.folders()["INBOX"]
        wait_for(lambda: self.is_idle() and self.daemon.sync() is not None and self.daemon.get(inbox, "Folder", "LastProven") > week_ago)
        self.assertEqual({subject: id for subject, id in self.ids().items() if subject != "Message 77"},
                         {subject: id for subject, id in before.items() if subject != "Message 2"})
        self.assertIn("Message 77", self.ids())
        self.assertEqual(self.keywords(before["Message 3"]), {"$flagged"})

    def test_the_same_message_twice_in_a_folder_keeps_both_ids(self):
        self.begin(count=0)
        self.settled(0)
        for _ in range(2):
            self.mailbox.put(message(1))
        self.daemon.sync()
        before = {row["id"] for row in self.daemon.query(limit=10)["messages"]}
        self.mailbox.keys.clear()
        self.daemon.sync()
        self.assertEqual({row["id"] for row in self.daemon.query(limit=10)["messages"]}, before)
        self.assertEqual(len(before), 2)

    def test_more_and_more_without_end(self):
        class Endless(Mailbox):
            def sync_one(self, collection):
                name, inside = super().sync_one(collection)
                return (name, inside + [element("0:MoreAvailable")]) if text(collection, "SyncKey") != "0" else (name, inside)
        self.begin(Endless())
        self.daemon.wait_job(self.job)
        wait_for(lambda: self.daemon.get(self.account, "Account", "Error")[0].endswith("ServerMisbehaved"), 20)
        self.assertLess(len(self.said("Sync")), 200)
        self.assertEqual(len(self.ids()), 5)

    def test_what_comes_with_the_answer_to_a_change_is_not_lost(self):
        """It is stored with what was done, and with its key: it is told once."""
        self.begin()
        ids = self.settled()
        self.enable(False)
        operation = self.modify([ids["Message 1"]], addKeywords=strings("$seen"))
        there = self.mailbox.items[Mailbox.inbox]
        with self.mailbox.lock:
            there["77"] = Item(message(77))
            del there["2"]
            there["3"].flagged = True
            there["3"].version += 1
        begin = len(self.mailbox.said)
        self.enable(True)
        self.assertEqual(self.ended(operation)["state"], "done")
        self.daemon.sync()
        self.assertEqual(set(self.ids()), {f"Message {n}" for n in (1, 3, 4, 5, 77)})
        self.assertEqual((self.keywords(ids["Message 1"]), self.keywords(ids["Message 3"])), ({"$seen"}, {"$flagged"}))
        self.assertTrue(there["1"].read)
        commands = [child(children(child(request, "Collections"), "Collection")[0], "Commands")
                    for name, request in self.mailbox.said[begin:] if name == "Sync"]
        self.assertEqual(len([one for one in commands if one]), 1)

    def test_what_is_gone_is_not_asked_for(self):
        """SOGo refuses all of a request in which one of the messages isn't there any more; and none may be without commands."""
        class Strict(Mailbox):
            def sync_one(self, collection):
                commands = child(collection, "Commands")
                if commands is not None and (not commands[1] or any(text(one, "ServerId") not in self.items[text(collection, "CollectionId")]
                                                                    for one in commands[1])):
                    raise Raw(501)
                return super().sync_one(collection)
        self.begin(Strict())
        ids = self.settled()
        there = self.mailbox.items[Mailbox.inbox]
        for word, gone in (("$seen", ("1", "2")), ("$flagged", ("3", "4"))):
            self.enable(False)
            operation = self.modify([ids[f"Message {n}"] for n in range(1, 5) if f"Message {n}" in self.ids()], addKeywords=strings(word))
            with self.mailbox.lock:
                for id in gone:
                    del there[id]
            self.enable(True)
            self.assertEqual(self.ended(operation)["state"], "done")
            self.daemon.sync()
        self.assertEqual((set(self.ids()), self.daemon.get(self.account, "Account", "Error")), ({"Message 5"}, ("", "")))

    def test_what_another_device_did_to_the_same_message(self):
        """Right before; SOGo doesn't tell that of a message which is changed from here: so it is asked for what it has."""
        class Forgetful(Mailbox):
            def take(self, command, items, known):
                if command[0] == "0:Change":
                    item = items[text(command, "ServerId")]
                    item.read, item.categories = True, ["Theirs"]
                answer = super().take(command, items, known)
                if command[0] == "0:Change" and text(command, "ServerId") in items:
                    known[text(command, "ServerId")] = items[text(command, "ServerId")].version
                return answer
        self.begin(Forgetful())
        ids = self.settled()
        self.enable(False)
        operation = self.modify([ids["Message 1"]], addKeywords=strings("$flagged"))
        item = self.mailbox.items[Mailbox.inbox]["1"]
        self.enable(True)
        self.assertEqual(self.ended(operation)["state"], "done")
        self.daemon.sync()
        self.assertEqual(self.keywords(ids["Message 1"]), {"$flagged", "$seen", "theirs"})
        self.assertEqual((item.read, item.flagged, item.categories), (True, True, ["Theirs"]))

    def test_the_window_is_not_heeded(self):
        class Wide(Mailbox):
            def sync_one(self, collection):
                return super().sync_one((collection[0], [one for one in collection[1] if one[0] != "0:WindowSize"]
                                         + [element("0:WindowSize", 2000)]))
        self.begin(Wide(), count=1200)
        self.daemon.wait_job(self.job)
        inbox = wait_for(lambda: self.daemon.folders().get("INBOX"))
        wait_for(lambda: self.daemon.get(inbox, "Folder", "TotalMessages") == 1200, 20)

    def test_what_is_told_later_in_an_answer_counts(self):
        class Twofold(Mailbox):
            twofold = False

            def sync_one(self, collection):
                name, inside = super().sync_one(collection)
                if not self.twofold or text(collection, "CollectionId") != Mailbox.inbox:
                    return name, inside
                self.twofold = False
                gone = element("0:Delete", element("0:ServerId", "1"))
                came = element("0:Add", element("0:ServerId", "1"), element(
                    "0:ApplicationData", *self.described(self.items[Mailbox.inbox]["1"], False)))
                new = element("0:Add", element("0:ServerId", "88"), element("0:ApplicationData", *self.described(Item(message(88)), False)))
                return name, [one for one in inside if one[0] != "0:Commands"] + [element(
                    "0:Commands", gone, came, new, element("0:Delete", element("0:ServerId", "88")))]
        self.begin(Twofold())
        before = self.settled()
        self.mailbox.twofold = True
        self.daemon.sync()
        self.assertEqual(self.ids(), before)

    def test_folders_in_a_circle(self):
        mailbox = Mailbox()
        for id, parent in (("fa", "fb"), ("fb", "fa"), ("self", "self"), ("low", "fa")):
            mailbox.folders[id], mailbox.items[id] = [parent, id, 12], {}
        self.begin(mailbox)
        self.settled()
        parents = {path: values[NAME + ".Folder"]["Parent"] for path, values in self.daemon.objects().items() if NAME + ".Folder" in values}
        for path in parents:
            for _ in range(10):
                path = parents.get(path, "/")
            self.assertEqual(path, "/")

    def test_no_folder_can_be_read(self):
        class Blind(Mailbox):
            status = None

            def sync_one(self, collection):
                if self.status is None:
                    return super().sync_one(collection)
                return element("0:Collection", element("0:CollectionId", text(collection, "CollectionId")), element("0:Status", self.status))
        self.begin(Blind())
        self.settled()
        for status in (8, 12):
            self.mailbox.status = status
            self.assertFails("NotFound", self.daemon.sync)
            self.assertEqual(len(self.ids()), 5)
        self.mailbox.status = None
        wait_for(lambda: self.recovers(), 30)

    def recovers(self):
        try:
            return self.daemon.sync() is not None
        except GLib.Error:
            return False

    def test_moves_that_are_not_made(self):
        class Stubborn(Mailbox):
            def do_MoveItems(self, request):
                return element("5:MoveItems", *(element("5:Response", element("5:SrcMsgId", text(move, "SrcMsgId")), element("5:Status", 4),
                                                        element("5:DstMsgId", "7")) for move in request[1]))
        self.begin(Stubborn())
        ids = self.settled()
        operation = self.modify(list(ids.values())[:3], moveTo=GLib.Variant("o", self.daemon.folders()["Archive"]))
        self.assertEqual(self.ended(operation)["state"], "failed")
        self.daemon.sync()
        self.assertEqual(self.ids("INBOX"), ids)

    def test_a_change_of_which_nothing_is_said(self):
        class Silent(Mailbox):
            silent = 0

            def do_Sync(self, request):
                if self.silent > 0 and "Commands" in repr(request):
                    self.silent -= 1
                    return None
                return super().do_Sync(request)
        self.begin(Silent())
        ids = self.settled()
        for silent, state in ((2, "done"), (100, "failed")):
            self.mailbox.silent = silent
            operation = self.modify(list(ids.values())[:1], **{"addKeywords" if silent == 2 else "removeKeywords": strings("$seen")})
            self.assertEqual(self.ended(operation)["state"], state)
        self.assertEqual(self.keywords(list(ids.values())[0]), {"$seen"})

    def test_a_ping_that_is_answered_at_once(self):
        for status in (1, 2, 7):
            class Restless(Mailbox):
                def do_Ping(self, request):
                    return element("13:Ping", element("13:Status", status))
            self.begin(Restless())
            self.settled()
            time.sleep(6)
            self.assertLess(len(self.said("Ping")), 9)
            self.daemon.stop()
            self.data += "2"

    # --- Cut and killed ---

    def test_cut_off_at_each_step(self):
        """Each command's answer is lost once, and then comes but in part: all is done once in the end."""
        class Lossy(Mailbox):
            lose = {}

            def answer(self, name, request):
                answer = super().answer(name, request)
                self.lose[name] = self.lose.get(name, 0) + 1
                from scripted_eas import encode
                if self.lose[name] in (2, 4):
                    octets = encode(answer)
                    raise Raw(body=octets, cut=0 if self.lose[name] == 2 else len(octets) // 2)
                return answer
        self.begin(Lossy(), count=30)

        def sync():
            try:
                self.daemon.sync()
            except GLib.Error:
                pass
            return len(self.ids()) == 30 and self.is_idle()
        wait_for(sync, 60)
        ids = self.ids()
        operations = [self.modify([ids[f"Message {n}"] for n in range(1, 11)], addKeywords=strings("$seen")),
                      self.modify([ids[f"Message {n}"] for n in range(5, 16)],
                                  moveTo=GLib.Variant("o", self.daemon.folders()["Archive"])),
                      self.modify([ids[f"Message {n}"] for n in range(20, 26)], destroy=GLib.Variant("b", True))]
        made, operation = self.daemon.call(self.account, "Account", "CreateFolder", "(soa{sv})", "Made", "/", {})
        wait_for(lambda: sync() or self.daemon.get(self.account, "Account", "PendingOperations") == 0, 90)
        for one in (*operations, operation):
            self.assertEqual(self.ended(one)["state"], "done")
        self.daemon.sync()
        here = {path: set(self.ids(path)) for path in ("INBOX", "Archive")}
        there = {path: {re.search(rb"Subject: (.*)\r", item.octets)[1].decode() for item in self.mailbox.items[folder].values()}
                 for path, folder in (("INBOX", Mailbox.inbox), ("Archive", "arch"))}
        self.assertEqual(here, there)
        self.assertEqual(there["Archive"], {f"Message {n}" for n in range(5, 16)})
        self.assertEqual(self.ids("Archive"), {f"Message {n}": ids[f"Message {n}"] for n in range(5, 16)})
        self.assertEqual(len([1 for parent, name, kind in self.mailbox.folders.values() if name == "Made"]), 1)

    def test_killed_at_each_step(self):
        for name in ("Sync", "MoveItems", "FolderCreate"):
            for after in (False, True):
                class Killing(Mailbox):
                    armed = None

                    def answer(self, command, request):
                        if self.armed == command and (command != "Sync" or b"Commands" in repr(request).encode()):
                            self.armed = None
                            answer = super().answer(command, request) if after else None
                            outer.daemon.kill()
                            if answer is None:
                                raise Raw(500)
                            return answer
                        return super().answer(command, request)
                outer = self
                self.begin(Killing())
                ids = self.settled()
                self.enable(False)
                self.modify([ids["Message 1"], ids["Message 2"]], addKeywords=strings("$seen"))
                self.modify([ids["Message 3"]], moveTo=GLib.Variant("o", self.daemon.folders()["Archive"]))
                self.modify([ids["Message 4"]], destroy=GLib.Variant("b", True))
                self.daemon.call(self.account, "Account", "CreateFolder", "(soa{sv})", "Made", "/", {})
                self.mailbox.armed = name
                try:
                    self.enable(True)
                except GLib.Error:
                    pass  # it was killed before it answered
                wait_for(lambda: self.daemon.process.poll() is not None)
                self.daemon = self.start(secrets=self.secrets)
                wait_for(lambda: self.daemon.get(self.account, "Account", "PendingOperations") == 0, 30)
                self.daemon.sync()
                self.assertEqual(self.ids("INBOX"), {f"Message {n}": ids[f"Message {n}"] for n in (1, 2, 5)}, (name, after))
                self.assertEqual(self.ids("Archive"), {"Message 3": ids["Message 3"]})
                there = self.mailbox.items[Mailbox.inbox]
                self.assertEqual({id: item.read for id, item in there.items()}, {"1": True, "2": True, "5": False})
                self.assertEqual([name for _, name, _ in self.mailbox.folders.values()].count("Made"), 1)
                self.daemon.stop()
                self.data += "2"

    # --- Refused ---

    def test_errors_are_told_as_what_they_are(self):
        cases = [(Raw(401), "AuthenticationFailed"), (Raw(403), "AuthenticationFailed"), (Raw(404), "ServerMisbehaved"),
                 (Raw(503, headers={"Retry-After": "7"}), "RateLimited"), (Raw(500), "ServerRejected"), (Raw(502), "Offline"),
                 (Raw(302, headers={"Location": "https://127.0.0.1:1/"}), "ServerRejected"),
                 (Raw(451, headers={"X-MS-Location": "https://127.0.0.1:1/"}), "ServerRejected"),
                 (Raw(body=b"<html>", headers={"Content-Type": "text/html"}), "ServerMisbehaved"),
                 (Raw(body=b"\x03\x01\x6a\x00" + b"\x45" * 100000), "ServerMisbehaved"),
                 (Raw(body=gzip.compress(bytes(1 << 20)), headers={"Content-Encoding": "gzip"}), "ServerMisbehaved"),
                 *((element("7:FolderSync", element("7:Status", status)), error) for status, error in (
                     (6, "Offline"), (110, "Offline"), (111, "RateLimited"), (126, "AuthenticationFailed"), (139, "PermissionDenied"),
                     (141, "PermissionDenied"), (177, "LimitExceeded"), (10, "ServerMisbehaved"), (9, "ServerRejected"), (4242, "ServerRejected")))]
        self.begin(count=0)
        self.settled(0)
        for what, error in cases:
            class Refusing(Mailbox):
                def do_FolderSync(self, request):
                    if isinstance(what, Raw):
                        raise what
                    return what
            eas = EasServer(self.server.dir, Refusing())
            self.addCleanup(eas.stop)
            account, job = self.add(url=eas.url())
            wait_for(lambda: self.daemon.get(account, "Account", "Error")[0].endswith("." + error), 10,
                     say=lambda: str((what, error, self.daemon.get(account, "Account", "Error"))))
            self.daemon.call(account, "Account", "Remove", "(a{sv})", {"force": GLib.Variant("b", True)})

    def test_a_server_that_wants_to_be_left_alone(self):
        """Retry-After is kept to, wherever it comes; a person who asks gets an answer at once."""
        for command in ("OPTIONS", "FolderSync", "Sync"):
            class Busy(Mailbox):
                busy, calls = True, []

                def before(self, name, request):
                    self.calls.append(time.monotonic())
                    if name == command and self.busy:
                        raise Raw(503, headers={"Retry-After": "40"})

                def before_options(self, path):
                    self.before("OPTIONS", None)
            mailbox = Busy()
            mailbox.calls = []
            begin = time.time()
            self.begin(mailbox, count=1)
            wait_for(lambda: self.daemon.get(self.account, "Account", "Status") == "throttled")
            self.assertIn(self.daemon.get(self.account, "Account", "NextAttempt") - int(begin), range(40, 60))
            asked = len(mailbox.calls)
            time.sleep(3)
            self.assertEqual(len(mailbox.calls), asked)
            mailbox.busy = False
            self.daemon.sync()
            self.assertEqual(len(self.ids()), 1)
            self.daemon.stop()
            self.data += "x"

    def test_sent_to_another_path_of_the_same_server(self):
        """Followed for as long as it is that server, and not in a circle."""
        class Moving(Mailbox):
            where, status, told = "/new/path", 451, 0

            def before(self, name, request):
                self.before_options(self.here.path)

            def before_options(self, path):
                if not path.startswith(self.where):
                    self.told += 1
                    raise Raw(self.status, headers={"X-MS-Location" if self.status == 451 else "Location": self.where + "?Cmd=Other"})
        for status in (451, 307, 308):
            mailbox = Moving()
            mailbox.status = status
            self.begin(mailbox, count=3)
            self.settled(3)
            self.assertLess(mailbox.told, 4)
            mailbox.where = "/newer"
            self.daemon.sync()
            self.daemon.stop()
            self.data += "x"

        class Circling(Mailbox):
            count = 0

            def before_options(self, path):
                self.count += 1
                raise Raw(451, headers={"X-MS-Location": f"/{self.count}"})
        mailbox = Circling()
        self.begin(mailbox, count=0)
        wait_for(lambda: self.daemon.get(self.account, "Account", "Error")[0].endswith(".ServerRejected"))
        self.assertLess(mailbox.count, 10)

    def test_an_access_token(self):
        class Bearer(Mailbox):
            bearer = "Bearer abc.def-123=="
        self.begin(Bearer(), count=2)
        self.eas.authorization.clear()
        self.daemon.call(self.account, "Account", "Remove", "(a{sv})", {"force": GLib.Variant("b", True)})

        def add(token):
            return self.daemon.call(PATH, "Manager", "AddAccount", "(a{sv}a{sv}a{sv})", {
                "protocol": GLib.Variant("s", "eas"), "address": GLib.Variant("s", "alice@surel.test"), "user": GLib.Variant("s", "alice"),
                "url": GLib.Variant("s", self.eas.url()), "auth": GLib.Variant("s", "bearer")}, {"accessToken": GLib.Variant("s", token)}, {})
        self.account, self.job = add("abc.def-123==")
        self.settled(2)
        for token in ("run-out", "with\r\nX-Other: header", "caf\u00e9"):
            self.daemon.call(self.account, "Account", "SetSecrets", "(a{sv}a{sv})", {"accessToken": GLib.Variant("s", token)}, {})
            wait_for(lambda: self.daemon.get(self.account, "Account", "Status") == "auth-required", say=lambda: token)
            self.assertIn("token", self.daemon.get(self.account, "Account", "Error")[1])
            self.daemon.call(self.account, "Account", "SetSecrets", "(a{sv}a{sv})", {"accessToken": GLib.Variant("s", "abc.def-123==")}, {})
            wait_for(self.is_idle)
        self.assertEqual({one for one in self.eas.authorization if one.startswith("Bearer")}, {"Bearer abc.def-123==", "Bearer run-out"})
        self.assertFails("NotSupported", self.daemon.call, PATH, "Manager", "AddAccount", "(a{sv}a{sv}a{sv})", {
            "address": GLib.Variant("s", "a@surel.test"), "auth": GLib.Variant("s", "bearer"), "host": GLib.Variant("s", "localhost")}, {}, {})

    # --- Other servers ---

    def test_the_password_goes_nowhere_else(self):
        other = EasServer(self.server.dir, Mailbox())
        self.addCleanup(other.stop)

        class Sending(Mailbox):
            def do_FolderSync(self, request):
                raise Raw(self.status, headers={"Location": other.url(), "X-MS-Location": other.url()})
        for status in (301, 302, 307, 308, 451):
            Sending.status = status
            eas = EasServer(self.server.dir, Sending())
            self.addCleanup(eas.stop)
            self.eas, self.daemon = eas, self.daemons[0] if self.daemons else self.start()
            account, job = self.add()
            wait_for(lambda: self.daemon.get(account, "Account", "Error")[0].endswith(".ServerRejected"))
        self.assertEqual(other.authorization, [])

    def test_certificates(self):
        self.begin()
        for certificate in ("wrong", "expired", "self"):
            eas = EasServer(self.server.dir, Mailbox(), certificate=certificate)
            self.addCleanup(eas.stop)
            account, job = self.add(url=eas.url())
            wait_for(lambda: self.daemon.get(account, "Account", "Error")[0].endswith(".CertificateRejected"))
            self.assertEqual(eas.authorization, [])
            # A person may pin just that one.
            pin = self.daemon.get(account, "Account", "Certificate")["sha256"]
            self.daemon.call(account, "Account", "Configure", "(a{sv}a{sv})", {"pin": GLib.Variant("s", pin)}, {})
            wait_for(lambda: self.daemon.get(account, "Account", "Status") == "idle")
            self.assertNotEqual(eas.authorization, [])

    def test_ids_of_every_kind(self):
        self.begin(count=0)
        ids = ["../../etc", "a%2Fb", "a/b", "x" * 1000, "1", "01", "ü", "'", "\""]
        for n, id in enumerate(ids):
            self.mailbox.items[Mailbox.inbox][id] = Item(message(n))
        self.mailbox.items[Mailbox.inbox]["y" * 5000] = Item(message(99))  # can't be kept: passed over
        found = self.settled(len(ids))
        self.ended(self.modify(list(found.values()), addKeywords=strings("$seen")))
        self.assertEqual({id for id, item in self.mailbox.items[Mailbox.inbox].items() if item.read}, set(ids))
        for n in range(len(ids)):
            octets = bytes(self.daemon.call(PATH, "Messages", "Read", "(tstua{sv})", found[f"Message {n}"], "", 0, 65536, {})[0])
            self.assertEqual(octets, message(n))


if __name__ == "__main__":
    main()
