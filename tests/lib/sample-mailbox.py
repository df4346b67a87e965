#!/usr/bin/python3
"""sample-mailbox.py PORT: fills alice's mailbox with some hundred varied messages.
sample-mailbox.py PORT --other-device: delivers one and flags another.
sample-mailbox.py PORT --look: prints what is in the folders that are small, and the newest of the inbox."""

import email.header
import email.utils
import imaplib
import sys
import time

NAMES = [("Ayu Lestari", "ayu@surel.test"), ("佐藤 花子", "hanako@surel.test"), ("Jürgen Weiß", "jw@surel.test"),
         ("Bob", "bob@surel.test"), ("Zoë O'Hara", "zoe@surel.test"), ("Berita Harian", "news@list.surel.test")]
TOPICS = ["Rapat hari Senin", "会議のお知らせ", "Quarterly figures", "Foto liburan di Bali", "Grüße aus Köln",
          "お見積書の件", "Build failed", "Undangan makan malam", "Re-reading the contract", "Kabar baik!"]
BODIES = ["Selamat pagi,\r\n\r\nbesok kita bertemu pukul sembilan.\r\n\r\nSalam,\r\nAyu\r\n",
          "お世話になっております。\r\n明日の会議についてご連絡いたします。\r\n",
          "Hello,\r\n\r\nthe figures are attached.\r\n", "Hallo,\r\n\r\nviele Grüße aus Köln!\r\n"]
START = 1700000000


def word(text):
    from email.header import Header
    return str(Header(text, "utf-8")) if not text.isascii() else text


def plain(n, thread, reply):
    name, address = NAMES[n % len(NAMES)]
    head = [f"From: {word(name)} <{address}>", "To: Alice <alice@surel.test>",
            f"Subject: {word(('Re: ' if reply else '') + TOPICS[thread % len(TOPICS)])}",
            "Date: " + email.utils.formatdate(START + n * 7000), f"Message-ID: <{n}@sample.surel.test>"]
    if reply:
        head += [f"In-Reply-To: <{n - 1}@sample.surel.test>", f"References: <{n - 1}@sample.surel.test>"]
    return head


def message(n):
    thread, reply = n // 3, n % 3 != 0
    head, body = plain(n, thread, reply), BODIES[n % len(BODIES)]
    kind = n % 7
    if kind == 1:
        head += ["MIME-Version: 1.0", "Content-Type: text/html; charset=utf-8"]
        body = f"<html><body><p>{body}</p><script>alert(1)</script></body></html>\r\n"
    elif kind == 2:
        head += ["MIME-Version: 1.0", 'Content-Type: multipart/mixed; boundary="b"']
        body = (f"--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{body}\r\n--b\r\nContent-Type: "
                f'application/pdf; name="figures.pdf"\r\nContent-Disposition: attachment; filename="figures.pdf"\r\n'
                f"Content-Transfer-Encoding: base64\r\n\r\nJVBERi0xLjQK\r\n--b--\r\n")
    else:
        head += ["MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit"]
    return ("\r\n".join(head) + "\r\n\r\n" + body).encode()


BROKEN = [b"no header at all\r\n", b"Subject: only a subject\r\n\r\n",
          b"From: \xff\xfe <broken@surel.test>\r\nSubject: raw \xe9\xe8 octets\r\n\r\nx\r\n",
          b"Subject: =?utf-8?B?broken\r\nDate: yesterday\r\nFrom: (\r\n\r\n",
          b"Content-Type: multipart/mixed; boundary=x\r\nSubject: no parts\r\n\r\n",
          b"Subject: \x1b[31mred\x1b[0m and \xe2\x80\xae turned round\r\n\r\nx\r\n"]


def look(client):
    for line in client.list()[1]:
        name = line.decode().rsplit(' "/" ', 1)[1].strip('"')
        count = int(client.select(f'"{name}"', readonly=True)[1][0])
        if count == 0:
            continue
        print(f"{name}: {count} message{'s' if count > 1 else ''}")
        _, (row, *_) = client.fetch(str(count), "(FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
        flags = row[0].split(b"FLAGS (")[1].split(b")")[0].decode()
        subject = email.header.make_header(email.header.decode_header(row[1].decode(errors="replace").partition(":")[2].strip()))
        print("    " + "".join(c if c.isprintable() else "?" for c in str(subject)), f"[{flags}]")
    client.logout()


def main():
    client = imaplib.IMAP4("127.0.0.1", int(sys.argv[1]))
    client.login("alice", "secret")
    if "--other-device" in sys.argv:
        head = plain(999, 3, False)
        client.append("INBOX", "", None, ("\r\n".join(head) + "\r\n\r\nBaru saja tiba.\r\n").encode())
        client.select("INBOX")
        client.store("4", "+FLAGS", "\\Flagged")
        client.logout()
        return
    if "--look" in sys.argv:
        look(client)
        return
    for name in ("Kerja", "Kerja/Proyek", "&W7Zftw-"):
        client.create(f'"{name}"')
        client.subscribe(f'"{name}"')
    for n in range(210):
        box = ("INBOX", "INBOX", "INBOX", "Kerja", "Kerja/Proyek", "Archive")[n % 6]
        flags = ("\\Seen", "", "\\Seen \\Answered", "\\Seen \\Flagged")[n % 4]
        date = imaplib.Time2Internaldate(time.localtime(START + n * 7000))
        client.append(f'"{box}"', f"({flags})", date, message(n))
    for octets in BROKEN:
        client.append("INBOX", "", imaplib.Time2Internaldate(time.localtime(START)), octets)
    client.logout()


if __name__ == "__main__":
    main()
