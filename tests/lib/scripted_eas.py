"""An ActiveSync server that does what no real one does on purpose: a mailbox, and for each test what goes wrong."""

import http.server
import ssl
import threading
import urllib.parse

# MS-ASWBXML §2.1.2.1, as far as it is spoken here: page → first token and names from there on; `-` for one that isn't.
TOKENS = {
    0: (5, "Sync Responses Add Change Delete Fetch SyncKey ClientId ServerId Status Collection Class - CollectionId GetChanges "
           "MoreAvailable WindowSize Commands Options FilterType - - Conflict Collections ApplicationData DeletesAsMoves - - "
           "SoftDelete MIMESupport MIMETruncation"),
    2: (15, "DateReceived DisplayName DisplayTo Importance MessageClass Subject Read To Cc From ReplyTo - Categories Category"),
    5: (5, "MoveItems Move SrcMsgId SrcFldId DstFldId Response Status DstMsgId"),
    6: (5, "GetItemEstimate - Collections Collection - CollectionId - Estimate Response Status"),
    7: (7, "DisplayName ServerId ParentId Type - Status - Changes Add Delete Update SyncKey FolderCreate FolderDelete "
           "FolderUpdate FolderSync Count"),
    8: (5, "CalendarId CollectionId MeetingResponse RequestId Request Result Status UserResponse"),
    13: (5, "Ping - Status HeartbeatInterval Folders Folder Id Class MaxFolders"),
    14: (5, "Provision Policies Policy PolicyType PolicyKey Data Status RemoteWipe EASProvisionDoc DevicePasswordEnabled"),
    17: (5, "BodyPreference Type TruncationSize - - Body Data EstimatedDataSize Truncated"),
    18: (5, "Settings Status Get Set Oof OofState StartTime EndTime OofMessage AppliesToInternal AppliesToExternalKnown "
            "AppliesToExternalUnknown Enabled ReplyMessage BodyType - - DeviceInformation Model - - OS - - UserInformation "
            "EmailAddresses SmtpAddress UserAgent - - PrimarySmtpAddress Accounts Account"),
    20: (5, "ItemOperations Fetch Store Options - - Properties Data Status Response - - Part"),
    21: (5, "SendMail SmartForward SmartReply SaveInSentItems ReplaceMime - Source FolderId ItemId - - Mime ClientId Status"),
    22: (11, "LastVerbExecuted"),
}
NAMES = {(page, first + n): f"{page}:{name}" for page, (first, names) in TOKENS.items()
         for n, name in enumerate(names.split()) if name != "-"}
NAMES.update({(8, 0x12): "8:SendResponse", (2, 0x3a): "2:Flag", (2, 0x3b): "2:FlagStatus", (2, 0x3d): "2:FlagType", (22, 0x15): "22:IsDraft"})
BY_NAME = {name: tag for tag, name in NAMES.items()}


def element(name, *inside):
    """name is `PAGE:NAME`; inside are elements, text or octets."""
    return (name, list(inside))


def encode(root):
    out, page = bytearray(b"\x03\x01\x6a\x00"), [0]

    def number(value):
        groups = [value & 0x7f]
        while value := value >> 7:
            groups.append(value & 0x7f | 0x80)
        return bytes(reversed(groups))

    def put(node):
        name, inside = node
        tag_page, token = BY_NAME[name] if isinstance(name, str) else name
        if tag_page != page[0]:
            out.extend((0, tag_page))
            page[0] = tag_page
        out.append(token | (0x40 if inside else 0))
        for one in inside:
            if isinstance(one, tuple):
                put(one)
            elif isinstance(one, bytes):
                out.extend(b"\xc3" + number(len(one)) + one)
            else:
                out.extend(b"\x03" + str(one).encode() + b"\0")
        if inside:
            out.append(1)
    put(root)
    return bytes(out)


def decode(octets):
    at, page = 4, 0
    stack = [("", [])]
    while at < len(octets):
        token = octets[at]
        at += 1
        if token == 0:
            page = octets[at]
            at += 1
        elif token == 1:
            stack.pop()
        elif token == 3:
            end = octets.index(b"\0", at)
            stack[-1][1].append(octets[at:end].decode())
            at = end + 1
        elif token == 0xc3:
            length = 0
            while True:
                length = length << 7 | octets[at] & 0x7f
                at += 1
                if not octets[at - 1] & 0x80:
                    break
            stack[-1][1].append(octets[at:at + length])
            at += length
        else:
            node = (NAMES.get((page, token & 0x3f), f"{page}:{token & 0x3f:#x}"), [])
            stack[-1][1].append(node)
            if token & 0x40:
                stack.append(node)
    return stack[0][1][0]


def child(node, name):
    return next((one for one in node[1] if isinstance(one, tuple) and one[0].split(":")[1] == name), None)


def children(node, name):
    return [one for one in node[1] if isinstance(one, tuple) and one[0].split(":")[1] == name] if node else []


def text(node, name):
    found = child(node, name)
    return (found[1][0] if found[1] else "") if found else None


AUDIENCES = ("AppliesToInternal", "AppliesToExternalKnown", "AppliesToExternalUnknown")


class Item:
    def __init__(self, octets):
        self.octets, self.read, self.flagged, self.categories, self.version = octets, False, False, [], 0


class Raw(Exception):
    """An answer as it is."""

    def __init__(self, status=200, body=b"", headers=None, cut=None):
        super().__init__(status)
        self.status, self.body, self.headers, self.cut = status, body, headers or {}, cut


class Mailbox:
    """Each command is a method, do_NAME(request), which gives the answer; before(name) may raise Raw instead."""

    versions = "12.1,14.0,14.1"
    saves = True  # what is sent
    bearer = None  # what is taken in place of a password

    def __init__(self):
        self.folders = {"inbox/%2F..": ["0", "INBOX", 2], "drafts": ["0", "Drafts", 3], "trash": ["0", "Trash", 4],
                        "sent": ["0", "Sent Items", 5], "arch": ["0", "Archive", 12], "cal": ["0", "Calendar", 8]}
        self.items = {folder: {} for folder in self.folders}
        self.keys = {}  # (folder, key) → what the client knows: id → version
        self.hierarchy = {}  # key → folders
        self.made = 0
        self.said = []  # (command, request)
        self.sent = []
        self.bodies = []  # requests as they came
        self.responses = []  # to invitations: the answer, and whether the server was to tell who invites
        self.addresses = []  # lists of them, one an account: the main one first
        self.oof = {"OofState": "0"}
        self.notices = {audience: ("0", "", "Text") for audience in AUDIENCES}
        self.here = threading.local()  # headers: of the request that is being answered
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)

    inbox = "inbox/%2F.."

    def put(self, octets, folder=None):
        with self.lock:
            self.made += 1
            self.items[folder or self.inbox][str(self.made)] = Item(octets)
            self.changed.notify_all()
            return str(self.made)

    def touch(self, item):
        with self.lock:
            item.version += 1
            self.changed.notify_all()

    def before(self, name, request):
        pass

    def before_options(self, path):
        pass

    def new_key(self):
        self.made += 1
        return f"{{key}}{self.made}"

    def answer(self, name, request):
        with self.lock:
            self.said.append((name, request))
            self.before(name, request)
            return getattr(self, "do_" + name)(request)

    def do_FolderSync(self, request):
        key = text(request, "SyncKey")
        known = {} if key == "0" else self.hierarchy.get(key)
        if known is None:
            return element("7:FolderSync", element("7:Status", 9))
        changes = []
        for id, (parent, name, kind) in self.folders.items():
            if known.get(id) != [parent, name, kind]:
                changes.append(element("7:Update" if id in known else "7:Add", element("7:ServerId", id), element("7:ParentId", parent),
                                       element("7:DisplayName", name), element("7:Type", kind)))
        changes += [element("7:Delete", element("7:ServerId", id)) for id in known if id not in self.folders]
        key = self.new_key()
        self.hierarchy[key] = {id: list(folder) for id, folder in self.folders.items()}
        return element("7:FolderSync", element("7:Status", 1), element("7:SyncKey", key),
                       element("7:Changes", element("7:Count", len(changes)), *changes))

    def described(self, item, change):
        """What a Change tells: with servers other than SOGo what is new alone."""
        flag = element("2:Flag", element("2:FlagStatus", 2)) if item.flagged else element("2:Flag")
        common = [element("2:Read", int(item.read)), flag,
                  element("2:Categories", *(element("2:Category", one) for one in item.categories))]
        return common if change else [
            element("2:DateReceived", "2023-11-14T22:13:20.000Z"), element("2:Subject", "as the server says"), *common,
            element("17:Body", element("17:Type", 4), element("17:EstimatedDataSize", len(item.octets)),
                    element("17:Truncated", 1), element("17:Data", item.octets[:10240]))]

    def do_Sync(self, request):
        return element("0:Sync", element("0:Collections", self.sync_one(children(child(request, "Collections"), "Collection")[0])))

    def sync_one(self, collection):
        folder, key = text(collection, "CollectionId"), text(collection, "SyncKey")
        name = element("0:CollectionId", folder)
        if folder not in self.items:
            return element("0:Collection", name, element("0:Status", 8))
        if key == "0":
            key = self.new_key()
            self.keys[folder, key] = {}
            return element("0:Collection", element("0:SyncKey", key), name, element("0:Status", 1))
        if (folder, key) not in self.keys:
            return element("0:Collection", name, element("0:Status", 3))
        known, items = dict(self.keys[folder, key]), self.items[folder]
        responses = [one for command in (child(collection, "Commands") or ("", []))[1] for one in self.take(command, items, known)]
        commands, window = [], int(text(collection, "WindowSize") or 100)
        if text(collection, "GetChanges") != "0":
            commands = [self.command(id, known, items) for id in {**items, **known}
                        if items.get(id) is None or known.get(id) != items[id].version]
        more = len(commands) > window
        for one in commands[:window]:
            id = text(one, "ServerId")
            if id in items:
                known[id] = items[id].version
            else:
                known.pop(id, None)
        key = self.new_key()
        self.keys[folder, key] = known
        return element("0:Collection", element("0:SyncKey", key), name, element("0:Status", 1),
                       *([element("0:Responses", *responses)] if responses else []), *([element("0:MoreAvailable")] if more else []),
                       *([element("0:Commands", *commands[:window])] if commands else []))

    def command(self, id, known, items):
        if id not in items:
            return element("0:Delete", element("0:ServerId", id))
        return element("0:Change" if id in known else "0:Add", element("0:ServerId", id),
                       element("0:ApplicationData", *self.described(items[id], id in known)))

    def take(self, command, items, known):
        """What the client has done; what is told back are failures alone."""
        kind, id = command[0].split(":")[1], text(command, "ServerId")
        item = items.get(id)
        if item is None:
            return [element("0:" + kind, element("0:ServerId", id), element("0:Status", 8))]
        if kind == "Fetch":
            return [element("0:Fetch", element("0:ServerId", id), element("0:Status", 1),
                            element("0:ApplicationData", *self.described(item, False)))]
        if kind == "Delete":
            del items[id]
            known.pop(id, None)
        else:
            data = child(command, "ApplicationData")
            if text(data, "Read") is not None:
                item.read = text(data, "Read") == "1"
            if child(data, "Flag") is not None:
                item.flagged = text(child(data, "Flag"), "FlagStatus") == "2"
            if child(data, "Categories") is not None:
                item.categories = self.take_categories([one[1][0] for one in children(child(data, "Categories"), "Category")])
            item.version += 1
            if known.get(id) == item.version - 1:  # else another device's change is yet to be told
                known[id] = item.version
        return []

    def take_categories(self, categories):
        return categories

    def do_GetItemEstimate(self, request):
        raise Raw(501)  # not every server has it

    def do_MoveItems(self, request):
        responses = []
        for move in children(request, "Move"):
            id, source, target = (text(move, name) for name in ("SrcMsgId", "SrcFldId", "DstFldId"))
            item = self.items.get(source, {}).pop(id, None)
            if item is None:
                responses.append(element("5:Response", element("5:SrcMsgId", id), element("5:Status", 1)))
                continue
            self.made += 1
            self.items[target][str(self.made)] = item
            responses.append(element("5:Response", element("5:SrcMsgId", id), element("5:Status", 3),
                                     element("5:DstMsgId", self.made)))
        return element("5:MoveItems", *responses)

    def do_ItemOperations(self, request):
        fetch = child(request, "Fetch")
        item = self.items.get(text(fetch, "CollectionId"), {}).get(text(fetch, "ServerId"))
        if item is None:
            return element("20:ItemOperations", element("20:Status", 1), element("20:Response", element(
                "20:Fetch", element("20:Status", 6))))
        return element("20:ItemOperations", element("20:Status", 1), element("20:Response", element(
            "20:Fetch", element("20:Status", 1), element("20:Properties", element(
                "17:Body", element("17:Type", 4), element("17:Data", item.octets))))))

    def do_SendMail(self, request):
        """`sent` is what went out."""
        octets = request if isinstance(request, bytes) else child(request, "Mime")[1][0]
        self.sent.append(octets)
        if self.saves:
            self.put(octets + b"X-Saved: by the server\r\n" if octets.endswith(b"\r\n\r\n") else octets, "sent")
        return None

    do_SmartReply = do_SmartForward = do_SendMail

    def do_MeetingResponse(self, request):
        """Who has answered an invitation has it no more."""
        one = child(request, "Request")
        items = self.items[text(one, "CollectionId")]
        item = items.get(text(one, "RequestId"))
        if item is None or b"METHOD:REQUEST" not in item.octets:
            status = 2
        else:
            self.responses.append((text(one, "UserResponse"), child(one, "SendResponse") is not None))
            del items[text(one, "RequestId")]
            status = 1
        return element("8:MeetingResponse", element("8:Result", element("8:RequestId", text(one, "RequestId")),
                                                    element("8:Status", status)))

    def do_FolderCreate(self, request):
        return self.change_folders("7:FolderCreate", request, self.create_folder)

    def create_folder(self, request):
        self.made += 1
        id = f"made{self.made}"
        self.folders[id], self.items[id] = [text(request, "ParentId"), text(request, "DisplayName"), 12], {}
        return id

    def do_FolderUpdate(self, request):
        return self.change_folders("7:FolderUpdate", request, self.update_folder)

    def update_folder(self, request):
        id = text(request, "ServerId")
        if id in self.folders:
            self.folders[id][:2] = [text(request, "ParentId"), text(request, "DisplayName")]
            return id
        return None

    def do_FolderDelete(self, request):
        return self.change_folders("7:FolderDelete", request, self.delete_folder)

    def delete_folder(self, request):
        id = text(request, "ServerId")
        if self.folders.pop(id, None) is None:
            return None
        del self.items[id]
        return id

    def change_folders(self, name, request, change):
        """What others have changed since the request's key is yet to be told."""
        known = self.hierarchy.get(text(request, "SyncKey"))
        if known is None:
            return element(name, element("7:Status", 9))
        id = change(request)
        if id is None:
            return element(name, element("7:Status", 4))
        key = self.new_key()
        self.hierarchy[key] = {one: known[one] for one in known if one != id}
        if id in self.folders:
            self.hierarchy[key][id] = list(self.folders[id])
        return element(name, element("7:Status", 1), element("7:SyncKey", key),
                       *([element("7:ServerId", id)] if name == "7:FolderCreate" else []))

    def do_Settings(self, request):
        """A text is given in the type that is asked for: the other is made of it."""
        answers = [getattr(self, "set_" + name)(part) for name, part in
                   [(one[0].split(":")[1].lower(), one) for one in request[1]]]
        return element("18:Settings", element("18:Status", 1), *answers)

    def set_userinformation(self, _):
        """From 14.1 on by account."""
        def told(addresses):
            return element("18:EmailAddresses", *[element("18:SmtpAddress", address) for address in reversed(addresses)],
                           element("18:PrimarySmtpAddress", addresses[0]))
        inside = [told(addresses) for addresses in self.addresses]
        if self.here.headers["MS-ASProtocolVersion"] >= "14.1":
            inside = [element("18:Accounts", *[element("18:Account", one) for one in inside])]
        return element("18:UserInformation", element("18:Status", 1), element("18:Get", *inside))

    def set_oof(self, request):
        wanted = child(request, "Set")
        if wanted:
            self.oof = {name: text(wanted, name) for name in ("OofState", "StartTime", "EndTime") if text(wanted, name)}
            for one in children(wanted, "OofMessage"):
                audience = next(name for name in AUDIENCES if child(one, name))
                self.notices[audience] = (text(one, "Enabled"), text(one, "ReplyMessage"), text(one, "BodyType"))
            return element("18:Oof", element("18:Status", 1))
        type = text(child(request, "Get"), "BodyType")
        return element("18:Oof", element("18:Status", 1), element(
            "18:Get", *[element("18:" + name, value) for name, value in self.oof.items()],
            *[element("18:OofMessage", element("18:" + audience), element("18:Enabled", enabled),
                      *([element("18:ReplyMessage", reply if own == type else f"{type}({reply})"), element("18:BodyType", type)]
                        if reply else []))
              for audience, (enabled, reply, own) in self.notices.items()]))

    def do_Ping(self, request):
        before = self.made, sum(item.version for items in self.items.values() for item in items.values())
        self.changed.wait_for(lambda: before != (self.made, sum(item.version for items in self.items.values()
                                                                for item in items.values())), 5)
        return element("13:Ping", element("13:Status", 2))


class EasServer:
    """Speaks for a mailbox, over TLS."""

    def __init__(self, certificates, mailbox, password="secret", certificate="server"):
        outer = self
        self.mailbox, self.strangers = mailbox, 0
        self.authorization = []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def reply(self, status, body=b"", headers=None, cut=None):
                self.send_response(status)
                for key, value in {"Content-Type": "application/vnd.ms-sync.wbxml", "Content-Length": str(len(body)),
                                   **(headers or {})}.items():
                    self.send_header(key, value)
                self.end_headers()
                self.wfile.write(body if cut is None else body[:cut])
                if cut is not None:
                    self.wfile.flush()
                    self.close_connection = True

            def allowed(self):
                import base64
                given = self.headers.get("Authorization", "")
                outer.authorization.append(given)
                right = base64.b64encode(f"alice:{password}".encode()).decode()
                return given in ("Basic " + right, mailbox.bearer)

            def do_OPTIONS(self):
                try:
                    if not self.allowed():
                        raise Raw(401)
                    mailbox.before_options(self.path)
                    self.reply(200, headers={"MS-ASProtocolVersions": mailbox.versions})
                except Raw as raw:
                    self.reply(raw.status, raw.body, raw.headers, raw.cut)

            def do_POST(self):
                if "Content-Length" not in self.headers:
                    self.reply(411)
                    return
                body = self.rfile.read(int(self.headers["Content-Length"]))
                mailbox.bodies.append(body)
                query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
                try:
                    if not self.allowed():
                        raise Raw(401)
                    mailbox.here.headers, mailbox.here.path = self.headers, self.path
                    is_mime = self.headers.get("Content-Type") == "message/rfc822"
                    answer = mailbox.answer(query["Cmd"][0], body if is_mime else decode(body))
                    self.reply(200, encode(answer) if answer is not None else b"")
                except Raw as raw:
                    self.reply(raw.status, raw.body, raw.headers, raw.cut)

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, *_):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(f"{certificates}/{certificate}.pem", f"{certificates}/{certificate}.key")
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def url(self, host="localhost"):
        return f"https://{host}:{self.port}/Microsoft-Server-ActiveSync"

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
