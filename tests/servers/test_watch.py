#!/usr/bin/python3
"""How a daemon hears of what happens elsewhere, and what it costs to ask."""

import base64
import os
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from scripted import Mailbox, Scripted  # noqa: E402
from surel_test import *  # noqa: E402,F403
from writable import Boxes  # noqa: E402


def commands(log):
    """The commands sent, in their order."""
    return [line.split()[-1] if "> S" not in line else " ".join(line.split("> S", 1)[1].split()[1:])
            for line in log.splitlines() if "imap: > " in line]


class Watch(Case):
    def signed_in(self, **more):
        daemon = self.start(env={"G_MESSAGES_DEBUG": "all"})
        self.account, job = daemon.add_account(self.server, **more)
        daemon.wait_job(job)
        daemon.sync()
        return daemon

    def reason(self, daemon):
        return daemon.get(self.account, "Account", "PushReason")

    def test_a_check_with_nothing_new_is_one_command(self):
        daemon = self.signed_in()
        wait_for(lambda: "IDLE" in commands(daemon.read_log()))
        daemon.sync()
        before = len(commands(daemon.read_log()))
        daemon.sync()
        sent = commands(daemon.read_log())[before:]
        self.assertEqual([command.split()[0] for command in sent], ["LIST"])
        self.assertIn("STATUS", sent[0])

    def test_every_folder_is_proven_by_its_first_listing(self):
        fill(self.server.imap("carol"), "INBOX", 1, 20)
        daemon = self.signed_in(user="carol")
        for path in daemon.folders().values():
            self.assertGreater(daemon.get(path, "Folder", "LastProven"), 0, daemon.get(path, "Folder", "Path"))
            self.assertGreater(daemon.get(path, "Folder", "LastSync"), 0)

    def test_a_watch_that_is_cut_is_begun_anew(self):
        daemon = self.signed_in()
        for n in range(2):
            wait_for(lambda: commands(daemon.read_log()).count("IDLE") > n)
            self.server.doveadm("kick", "alice")
        imap = self.server.imap()
        wait_for(lambda: daemon.get(self.account, "Account", "Status") == "idle")
        imap.append("INBOX", "", None, message(1, "Heard"))
        wait_for(lambda: daemon.query(properties=["subject"])["messages"] == [{"subject": "Heard"}])

    def test_few_connections_are_respected(self):
        daemon = self.signed_in(user="bob", settings={"maxConnections": GLib.Variant("u", 2)})
        self.assertNotIn("watched", self.reason(daemon))
        daemon.call(self.account, "Account", "Configure", "(a{sv}a{sv})", {"maxConnections": GLib.Variant("u", 3)}, {})
        wait_for(lambda: "watched" in self.reason(daemon))
        wait_for(lambda: "IDLE" in commands(daemon.read_log()))


class Told(Case):
    server_extra = """
mail_plugins = quota
protocol imap {
  mail_plugins = quota imap_quota
}
plugin {
  quota = count:all
  quota_vsizes = yes
  quota_rule = *:storage=2M:messages=500
}
"""

    def test_how_full_the_account_is(self):
        fill(self.server.imap(), "INBOX", 1, 20)
        daemon = self.start()
        account, job = daemon.add_account(self.server)
        daemon.wait_job(job)
        daemon.sync()
        quota = daemon.get(account, "Account", "Quota")
        self.assertEqual((quota["limit"], quota["messages"], quota["messageLimit"]), (2 << 20, 20, 500))
        self.assertGreater(quota["used"], 1000)
        self.assertIn("quota", daemon.get(account, "Account", "Capabilities"))

    def test_an_alert_while_nothing_is_asked_for(self):
        go = threading.Event()

        def idle(peer, tag, command):
            peer.send(b"+ idling\r\n")
            go.wait()
            peer.send(b"* OK [ALERT] Down on \xe2\x80\xaeSunday\x1b[31m\r\n")
            peer.read()
            peer.send(tag + b" OK done\r\n")
        scripted = Scripted(self.server.dir + "/tls", Mailbox(
            greeting=b"* OK [CAPABILITY IMAP4rev1 LITERAL+ AUTH=PLAIN SASL-IR IDLE] scripted\r\n", IDLE=idle,
            CAPABILITY=lambda peer, tag, command: peer.send(
                b"* CAPABILITY IMAP4rev1 LITERAL+ AUTH=PLAIN SASL-IR IDLE\r\n" + tag + b" OK done\r\n")))
        self.addCleanup(scripted.stop)
        daemon = self.start()
        account, job = daemon.add_account(scripted, port=scripted.port)
        daemon.wait_job(job)
        daemon.sync()
        self.assertEqual(daemon.get(account, "Account", "Alert"), "")
        go.set()
        wait_for(lambda: daemon.get(account, "Account", "Alert") == "Down on Sunday[31m")
        before = len(scripted.said(b"IDLE"))
        time.sleep(1)
        self.assertLess(len(scripted.said(b"IDLE")) - before, 10)  # it has that to tell each time


class OneConnection(Case):
    server_extra = "protocol imap {\n  mail_max_userip_connections = 1\n}\n"

    def test_a_server_that_takes_no_second_one_is_asked_now_and_then(self):
        daemon = self.start()
        account, job = daemon.add_account(self.server)
        daemon.wait_job(job)
        daemon.sync()
        wait_for(lambda: "watched" not in daemon.get(account, "Account", "PushReason"))
        self.assertEqual(daemon.get(account, "Account", "Error"), ("", ""))
        daemon.sync()
        self.assertEqual(daemon.get(account, "Account", "Status"), "idle")


OFFERED = "protocol imap {\n  imap_capability = IMAP4rev1 LITERAL+ ENABLE IDLE NAMESPACE LIST-EXTENDED LIST-STATUS %s\n}\n"


class Condstore(Case):
    """Mod-sequences, and nothing that tells what has vanished."""

    server_extra = OFFERED % "CONDSTORE UNSELECT"

    def test_of_what_changed_elsewhere_mod_sequences_tell_where_it_is(self):
        imap = self.server.imap()
        for box in ("Work", "Other"):
            imap.create(box)
            fill(imap, box, 1, 6)
        daemon = self.start(env={"SUREL_DEBUG": "imap"})
        _, job = daemon.add_account(self.server)
        daemon.wait_job(job)
        daemon.sync()
        work = {"inMailbox": GLib.Variant("o", daemon.folders()["Work"])}

        def rows():
            return {row["subject"]: (row["id"], row["keywords"])
                    for row in daemon.query(work, properties=["id", "subject", "keywords"])["messages"]}

        def opened(change):
            before = len(commands(daemon.read_log()))
            change()
            daemon.sync()
            said = commands(daemon.read_log())[before:]
            self.assertNotIn("QRESYNC", str(said))
            self.said = said
            return [command for command in said if command.split()[0] in ("EXAMINE", "SELECT") and "INBOX" not in command]  # which is watched
        ids = {subject: id for subject, (id, _) in rows().items()}
        imap.select("Work")
        self.assertEqual(opened(lambda: None), [])
        for change in (lambda: imap.store("2", "+FLAGS", "\\Flagged"), lambda: fill(imap, "Work", 7, 1),
                       lambda: (imap.store("5", "+FLAGS", "\\Deleted"), imap.expunge()),
                       lambda: (imap.store("1", "+FLAGS", "\\Deleted"), imap.expunge(), fill(imap, "Work", 8, 1))):
            found = opened(change)
            self.assertEqual(len(found), 1, found)
            self.assertRegex(found[0], r"Work.*\(CONDSTORE\)")
            self.assertRegex(str(self.said), r"UID FETCH 1:\d+ \(FLAGS\) \(CHANGEDSINCE \d+\)")
            self.assertNotIn("(UID FLAGS)", str(self.said))  # all of them
        self.assertEqual(set(rows()), {f"Message {n}" for n in (2, 3, 4, 6, 7, 8)})
        self.assertEqual({subject: id for subject, (id, _) in rows().items() if subject in ids},
                         {subject: id for subject, id in ids.items() if subject not in ("Message 1", "Message 5")})
        self.assertEqual([subject for subject, (_, keywords) in rows().items() if "$flagged" in keywords], ["Message 2"])


class Leaving(Case):
    """How a mailbox is left, for its counts to be told as they are: nothing that another device has marked goes."""

    server_extra = OFFERED % "UNSELECT UIDPLUS"
    way, other = "UNSELECT", "NOOP"

    def test_a_mailbox_is_left_and_nothing_is_expunged(self):
        imap = self.server.imap()
        imap.create("Work")
        fill(imap, "Work", 1, 6)
        daemon = self.start(env={"SUREL_DEBUG": "imap"})
        _, job = daemon.add_account(self.server)
        daemon.wait_job(job)
        daemon.sync()
        imap.select("Work")
        imap.store("2:3", "+FLAGS", "\\Deleted")
        ids = [row["id"] for row in daemon.query(properties=["id", "subject"])["messages"] if row["subject"] == "Message 5"]
        daemon.call(PATH, "Operations", "Modify", "(ata{sv}a{sv})", ids, {"addKeywords": GLib.Variant("as", ["$flagged"])}, {})
        wait_for(lambda: "\\Flagged" in str(imap.fetch("5", "(FLAGS)")))  # it was open for writing
        daemon.sync()
        fill(imap, "Work", 7, 1)
        daemon.sync()
        daemon.call(daemon.folders()["Work"], "Folder", "Rename", "(sa{sv})", "Werk", {})
        wait_for(lambda: "Werk" in str(imap.list()[1]))
        said = [command.split()[0] for command in commands(daemon.read_log())]
        self.assertIn(self.way, said)
        self.assertNotIn(self.other, said)
        self.assertFalse({"CLOSE", "EXPUNGE"} & set(said))
        daemon.stop()
        imap.select("Werk", readonly=True)
        self.assertEqual((imap.search(None, "ALL")[1], imap.search(None, "DELETED")[1]), ([b"1 2 3 4 5 6 7"], [b"2 3"]))


class LeavingWithout(Leaving):
    """No UNSELECT: CLOSE would expunge."""

    server_extra = OFFERED % "UIDPLUS"
    way, other = "NOOP", "UNSELECT"


class Roles(Case):
    """A server that doesn't say which folder is which."""

    def roles(self, user, *names):
        scripted = Scripted(self.server.dir + "/tls", Boxes(0, *(wire(name) for name in names)))
        self.addCleanup(scripted.stop)
        account, job = self.daemon.add_account(scripted, user=user, port=scripted.port)
        self.daemon.wait_job(job)
        wait_for(lambda: self.daemon.get(account, "Account", "Status") == "idle")
        self.daemon.sync()
        return {folder[NAME + ".Folder"]["Name"]: folder[NAME + ".Folder"]["Role"] for folder in self.daemon.objects().values()
                if NAME + ".Folder" in folder and folder[NAME + ".Folder"]["Account"] == account}

    def test_folders_have_roles_by_their_names_in_many_languages(self):
        self.daemon = self.start()
        for n, (sent, drafts, trash, junk, archive) in enumerate((
                ("Gesendet", "Entwürfe", "Papierkorb", "Spamverdacht", "Archiv"),
                ("Envoyés", "Brouillons", "Corbeille", "Courrier indésirable", "Archives"),
                ("Terkirim", "Draf", "Sampah", "Spam", "Arsip"), ("Отправленные", "Черновики", "Корзина", "Спам", "Архив"),
                ("送信済み", "下書き", "ゴミ箱", "迷惑メール", "アーカイブ"), ("已发送", "草稿箱", "已删除", "垃圾邮件", "归档"),
                ("SENT ITEMS", "drafts", "ΚΆΔΟΣ", "JUNK E-mail", "ARCHIVE"))):
            with self.subTest(sent):
                self.assertEqual(self.roles(f"user{n}", sent, drafts, trash, junk, archive), {
                    "INBOX": "inbox", sent: "sent", drafts: "drafts", trash: "trash", junk: "junk", archive: "archive"})

    def test_what_is_named_alike_has_no_role(self):
        self.daemon = self.start()
        alike = ("Sent 2024", "Old Sent", "Trash.bak", "Papierkörbe", "Junkyard", "Archive/2023", "My Drafts", "Корзина 2")
        found = self.roles("alice", "Sent", "Sent Items", *alike)
        self.assertEqual(sorted((found.pop("Sent"), found.pop("Sent Items"))), ["", "sent"], "one folder a role")
        found.pop("INBOX")
        self.assertEqual(found.pop("Archive"), "")  # holds folders alone
        self.assertEqual(set(found.values()), {""}, found)


def wire(name):
    """In modified UTF-7 (RFC 3501 section 5.1.3)."""
    return re.sub(r"[^ -~]+", lambda part: "&" + base64.b64encode(part[0].encode("utf-16-be")).decode().rstrip("=").replace("/", ",") + "-",
                  name.replace("&", "&-")).encode()


if __name__ == "__main__":
    main()
