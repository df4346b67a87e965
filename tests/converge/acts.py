"""What is done: a step is a dictionary that names who does what, to which messages by a number that picks among
those that are there. So a script can be repeated, and means something with steps left out."""

import imaplib
import random
import zlib

from record import Intent
from surel_test import *  # noqa: F403
from surel_test import NAME, PATH, error_name, message
from world import ACCOUNT, Failed, heed_signals, keywords_of, pause

FIXED = ("INBOX", "Archive", "Trash", "Junk")
MADE = ("One", "Two", "Three", "Four")
FLAGS = ("\\Seen", "\\Flagged", "\\Answered", "\\Draft", "$Label1", "Urgent")
ROLES = ("trash", "archive", "junk", "inbox")
NEEDS = {"keywords": "Modify", "move": "Modify", "role": "moveToRole", "copy": "Modify", "destroy": "Modify",
         "many": "Modify", "append": "Append", "create": "CreateFolder", "rename": "Rename", "delete": "Delete",
         "cancel": "List", "retry": "List"}


def generate(seed):
    """Steps without end."""
    dice = random.Random(seed)
    number = 0

    def folder():
        return dice.choice(FIXED + MADE)

    def device():
        nonlocal number
        step = {"who": f"dev{dice.randrange(3)}",
                "do": dice.choices(("append", "flag", "move", "copy", "expunge", "create", "rename", "delete"),
                                   (8, 9, 6, 3, 3, 3, 0.7, 0.5))[0], "folder": folder(), "salt": dice.randrange(9999)}
        if step["do"] == "append":
            step["numbers"] = [number + n for n in range(dice.choice((1, 1, 2, 5)))]
            step["flags"] = [flag for flag in FLAGS if dice.random() < 0.15]
            number += len(step["numbers"])
        elif step["do"] == "flag":
            step.update(count=dice.choice((1, 2, 5, 30)), add=dice.random() < 0.6, own=dice.random() < 0.5,
                        flags=dice.sample(FLAGS, dice.choice((1, 1, 2))))
            if dice.random() < 0.06:
                step["flags"] = ["\\Deleted"]
        elif step["do"] in ("move", "copy"):
            step.update(count=dice.choice((1, 1, 2, 8)), to=folder())
        elif step["do"] == "expunge":
            step.update(count=dice.choice((1, 1, 2, 4)), bare=dice.random() < 0.15)
        else:
            step.update(folder=dice.choice(MADE), to=dice.choice(MADE))
        return step

    def client():
        nonlocal number
        step = {"who": f"bus{dice.randrange(2)}{dice.randrange(2)}",
                "do": dice.choices(("look", "keywords", "move", "role", "copy", "destroy", "many", "append", "create",
                                    "rename", "delete"), (6, 9, 6, 2, 3, 3, 2, 3, 1, 0.5, 0.3))[0]}
        if step["do"] == "look":
            return step
        step.update(folder=folder(), salt=dice.randrange(9999), count=dice.choice((1, 1, 2, 6, 25)))
        if step["do"] in ("keywords", "many"):
            words = [keywords_of([flag])[0] for flag in FLAGS]
            step.update(add=[word for word in words if dice.random() < 0.25],
                        remove=[word for word in words if dice.random() < 0.25], own=dice.choice((1, 1, 0, -1)))
            step["remove"] = [word for word in step["remove"] if word not in step["add"]]
        if step["do"] in ("move", "copy", "many"):
            step["to"] = folder()
        elif step["do"] == "role":
            step["role"] = dice.choice(ROLES)
        elif step["do"] == "append":
            step.update(number=number)
            number += 1
        elif step["do"] in ("create", "rename", "delete"):
            step.update(folder=dice.choice(MADE), to=dice.choice(MADE))
        if step["do"] in NEEDS and dice.random() < 0.15:
            step["twice"] = True  # the same call again, with its key
        if step["do"] in NEEDS and dice.random() < 0.04:
            step["dies"] = dice.choice((0, 0, 1, 3, 10))  # ms after the call the daemon is killed
        elif step["do"] in NEEDS and dice.random() < 0.12:
            step["lost"] = True  # the server does it, and its answer doesn't come
        step["stale"] = dice.random() < 0.3  # of what it knew before
        return step

    def nature():
        station = dice.randrange(2)
        what = dice.choices(("pause", "sync", "kill", "power", "renumber", "faults", "calm", "cut"),
                            (8, 8, 1.5, 0.7, 0.4, 2, 1.5, 1.5))[0]
        step = {"who": f"bus{station}", "do": what}
        if what == "pause":
            step["ms"] = dice.choice((1, 5, 20, 80))
        elif what == "sync":
            chance = dice.random()
            step["wait"] = chance < 0.3
            if chance > 0.85:  # what the server says breaks off after so many octets
                step["lose"] = int(2 ** (5 + 40 * (chance - 0.85)))
            elif chance > 0.6:  # it comes late: the list of folders, or what it says of one that has changed
                step["late"] = int(100 + 7000 * (chance - 0.6))
        elif what == "renumber":
            step["folder"] = folder()
        elif what == "faults":
            step["seed"] = dice.randrange(1 << 20)
        return step

    def surround(step):
        """It, and others that make more of it; those that come later are the same without them."""
        chance = random.Random(repr(step))
        which = {"folder": step.get("folder", chance.choice(FIXED)), "salt": chance.randrange(9999), "count": 30}
        change = {"who": f"{step['who']}{chance.randrange(2)}", "do": "keywords", **which, "add": [], "remove": [],
                  "own": chance.choice((1, 1, -1)), "stale": False}
        if "late" in step:  # the answer tells of flags that a client changes meanwhile
            yield {"who": step["who"], "do": "sync", "wait": True}  # what is on its way isn't what comes late
            yield {"who": f"dev{chance.randrange(3)}", "do": "flag", **which, "add": chance.random() < 0.5,
                   "own": False, "flags": chance.sample(FLAGS, 2)}
            change["own"] = 1
            yield step
            yield {"who": step["who"], "do": "pause", "ms": 30}
            yield change
        elif step["do"] == "renumber":  # what is done next has to be done by the new numbers
            yield step
            yield {"who": step["who"], "do": "sync", "wait": True}
            yield change
        else:
            yield step
            if step["do"] in NEEDS and len(step["who"]) == 5 and chance.random() < 0.12:
                yield {"who": f"{step['who'][:4]}{chance.randrange(2)}", "do": chance.choice(("cancel", "cancel", "retry")),
                       "back": chance.choice((1, 1, 3, 20)), "salt": chance.randrange(9999)}

    while True:
        yield from surround(dice.choices((device, client, nature), (4, 4, 3))[0]())


def pick(step, names):
    """The step's choice among names: with others left out it stays much the same."""
    order = sorted(set(names), key=lambda name: (zlib.crc32(f"{step['salt']}/{name}".encode()), name))
    return set(order[:step["count"]])


# --- Devices ---

def act_on_server(world, record, step):
    device = world.device(step["who"])
    device.touched = []
    try:
        if step["do"] == "append":
            append(device, record, step)
        elif step["do"] in ("create", "rename", "delete"):
            change_folder(world, device, record, step)
        else:
            opened = device.select(step["folder"])
            if opened:
                world.seen.update(((opened[0], uid), name) for uid, (name, _) in opened[1].items())
                act_on_messages(device, record, step, *opened)
                device.client().unselect()  # a server ends sessions whose mailbox another one deletes
    except (imaplib.IMAP4.error, OSError) as error:
        # A daemon may have deleted or renamed the mailbox in the middle of it: then nobody knows what was done.
        if not record.folders_changed:
            raise Failed(f"{device.name}: {step}: {error}") from error
        record.unsure(device.touched)
        device.stop()


def append(device, record, step):
    flags = " ".join(step["flags"])
    for number in step["numbers"]:
        device.touched = [str(number)]
        if device.client().append(device.server.wire_name(step["folder"]), f"({flags})", None, message(number))[0] != "OK":
            return
        record.arrived(str(number), step["folder"])
        forget_with_folder(device, record, {str(number)}, step["folder"], "OK")


def change_folder(world, device, record, step):
    imap = device.client()
    name, other = (device.server.wire_name(step[which]) for which in ("folder", "to"))
    opened = device.select(step["folder"])
    if opened:
        world.seen.update(((opened[0], uid), name) for uid, (name, _) in opened[1].items())
        imap.unselect()
    there = {name for name, _ in opened[1].values()} if opened else set()
    if step["do"] == "create":
        if not opened:
            imap.create(name)
    elif step["do"] == "rename" and opened and step["to"] not in device.folders():
        record.folder_changed(step["folder"], there, step["to"])
        imap.rename(name, other)
    elif step["do"] == "delete" and opened:
        record.folder_changed(step["folder"], there, None)
        imap.delete(name)


def forget_with_folder(device, record, names, folder, status):
    """What a server has just put into a folder that another was deleting goes with it: no client can tell in time."""
    if status == "OK" and not device.has(folder):
        record.destroyed(names, "folder")


def act_on_messages(device, record, step, mailbox, found):
    imap = device.client()
    names = pick(step, (name for name, _ in found.values()))
    uids = [uid for uid, (name, _) in found.items() if name in names]
    if not uids:
        return
    chosen = ",".join(map(str, uids))
    device.touched = [found[uid][0] for uid in uids]
    if step["do"] == "flag":
        flags = step["flags"] + ([device.name] if step["own"] else [])
        if imap.uid("STORE", chosen, "+FLAGS" if step["add"] else "-FLAGS", f"({' '.join(flags)})")[0] == "OK":
            if step["own"]:
                record.set_own(names, device.name, step["add"])
            if "\\Deleted" in flags and step["add"]:
                record.marked |= names
    elif step["do"] == "move":
        imap.response("COPYUID")  # of what was before
        status = imap.uid("MOVE", chosen, device.server.wire_name(step["to"]))[0]
        told = [text.decode() for text in imap.response("COPYUID")[1] or () if text]
        record.server_moved(device, names, step["to"], status == "OK", told, mailbox)
        forget_with_folder(device, record, names, step["to"], status)
    elif step["do"] == "copy":
        if imap.uid("COPY", chosen, device.server.wire_name(step["to"]))[0] == "OK":
            record.copied([found[uid][0] for uid in uids], step["to"])
    else:
        record.destroyed(names, "server")
        imap.uid("STORE", chosen, "+FLAGS.SILENT", "(\\Deleted)")
        if step["bare"]:
            record.destroyed(record.marked, "server")
            imap.expunge()
        else:
            imap.uid("EXPUNGE", chosen)


# --- D-Bus clients ---

def act_on_bus(world, record, step):
    station = world.station(step["who"])
    if station.daemon is None:
        return
    client = world.client(step["who"])
    try:
        if step["do"] in ("look", "delete") or not step.get("stale"):
            client.look()
            record.looked(client)
        if step["do"] == "look":
            return
        if step["do"] in ("cancel", "retry"):
            go_back(station, client, record, step)
            return
        call = call_of(station, client, record, step)
        if call is not None:
            if step["do"] == "delete":
                add_what_came(world, step, call[-1])
            make_call(station, client, record, step, *call)
    except GLib.Error as error:
        station.look_alive()
        raise Failed(f"{client.name}: {step}: {error.message}", station.log_tail()) from error


def go_back(station, client, record, step):
    """One of the last operations is undone, or tried again."""
    states = {key: row["state"] for key, row in station.list_operations().items()}
    may = sorted(key for name, key in record.operations if name == station.name
                 and (step["do"] == "cancel" or states.get(key) in ("failed", "partial")))
    if not may:
        return
    operation = may[-1 - step["salt"] % min(step["back"], len(may))]
    if step["do"] == "cancel":
        record.cancelled(station, operation)
    else:
        record.retried.add((station.name, operation))
    try:
        client.call(PATH, "Operations", step["do"].capitalize(), GLib.Variant("(ta{sv})", (operation, {})))
    except GLib.Error as error:
        if error_name(error) not in ("NotFound", "Conflict", "NotSupported", "Exists"):
            raise
        record.refused[error_name(error)] += 1


def call_of(station, client, record, step):
    """The call and what it means: (path, interface, method, signature, arguments before the options, intent)."""
    do, folder = step["do"], client.folder(step["folder"])
    if do in ("keywords", "move", "role", "copy", "destroy", "many"):
        known = client.in_folder(step["folder"])
        names = pick(step, known.values())
        ids = sorted(key for key, name in known.items() if name in names)
        patch, intent = patch_of(client, step)
        if not ids or patch is None:
            return None
        intent.ids = {key: known[key] for key in ids}
        return PATH, "Operations", "Modify", "(ata{sv}a{sv})", (ids, patch), intent
    if do == "append" and folder:
        intent = Intent(client, append=str(step["number"]), into=step["folder"])
        text = message(step["number"]).decode()
        return folder, "Folder", "Append", "(va{sv})", (GLib.Variant("s", text),), intent
    if do == "create" and not folder:
        return (station.account, "Account", "CreateFolder", "(soa{sv})", (step["folder"], "/"),
                Intent(client, folder=(None, step["folder"])))
    if do == "rename" and folder and not client.folder(step["to"]):
        return folder, "Folder", "Rename", "(sa{sv})", (step["to"],), Intent(client, folder=(step["folder"], step["to"]))
    if do == "delete" and folder:
        intent = Intent(client, folder=(step["folder"], None))
        intent.ids, intent.destroy = client.in_folder(step["folder"]), True
        return folder, "Folder", "Delete", "(a{sv})", (), intent
    return None


def add_what_came(world, step, intent):
    """What a folder has that is to be deleted may have come to the daemon since the client looked."""
    opened = world.devices[0].select(step["folder"])
    if opened:
        intent.ids = {**intent.ids, **{-uid: name for uid, (name, _) in opened[1].items()}}
        world.devices[0].client().unselect()


def patch_of(client, step):
    patch, intent = {}, Intent(client)
    if step["do"] in ("keywords", "many"):
        add = step["add"] + [client.name] * (step["own"] > 0)
        remove = step["remove"] + [client.name] * (step["own"] < 0)
        if add:
            patch["addKeywords"] = GLib.Variant("as", add)
        if remove:
            patch["removeKeywords"] = GLib.Variant("as", remove)
        intent.own = step["own"]
    if step["do"] in ("move", "copy", "many"):
        to = client.folder(step["to"])
        if to is None:
            return None, None
        if step["do"] == "copy":
            patch["addFolders"], intent.copy = GLib.Variant("ao", [to]), step["to"]
        else:
            patch["moveTo"], intent.move = GLib.Variant("o", to), step["to"]
    elif step["do"] == "role":
        patch["moveToRole"] = GLib.Variant("s", step["role"])
        intent.move = {"inbox": "INBOX"}.get(step["role"], step["role"].capitalize())
    elif step["do"] == "destroy":
        patch["destroy"], intent.destroy = GLib.Variant("b", True), True
    return (patch or None), intent


def make_call(station, client, record, step, path, interface, method, signature, arguments, intent):
    keyed = "twice" in step or "dies" in step
    options = {"key": GLib.Variant("s", f"{client.name}/{record.next_key()}")} if keyed else {}
    parameters = GLib.Variant(signature, (*arguments, options))
    record.tried.append((station.name, intent))
    if method == "Delete":
        parameters = GLib.Variant(signature, ({**options, "removeMessages": GLib.Variant("b", True)},))
        record.folder_changed(step["folder"], set(intent.ids.values()), None)
    elif method == "Rename":
        record.folder_changed(step["folder"], set(client.in_folder(step["folder"]).values()), step["to"])
    if "lost" in step:
        station.proxy.say("lose 0")
    if "dies" in step:
        client.connection.call(NAME, path, f"{NAME}.{interface}", method, parameters, None, 0, 20000, None,
                               lambda source, result: None)
        client.connection.flush_sync(None)
        pause(step["dies"])
        station.kill()
        station.start()
    try:
        answer = client.call(path, interface, method, parameters)
    except GLib.Error as error:
        if error_name(error) in ("NotFound", "Conflict", "Exists", "InvalidArgument", "UnknownMethod"):
            record.refused[error_name(error)] += 1
            return
        raise
    if "twice" in step and method != "Delete" and client.call(path, interface, method, parameters) != answer:
        raise Failed(f"{client.name}: the same call with the same key was answered otherwise")
    record.accepted(station, intent, method, answer)


# --- What happens to all of them ---

def renumber(world, folder):
    """The server has lost count, and says so by a new UIDVALIDITY."""
    device = world.devices[0]
    opened = device.select(folder)
    if opened:
        device.client().unselect()
        world.renumbered += 1
        validity = 2000000000 + world.renumbered
        if world.server.renumber(ACCOUNT, folder, validity):
            world.seen.update(((validity, uid), name) for uid, (name, _) in opened[1].items())


def happen(world, _, step):
    station = world.station(step["who"])
    if step["do"] == "pause":
        pause(step["ms"])
    elif step["do"] == "sync" and station.daemon is not None:
        for harm in {"lose", "late"} & step.keys():
            station.proxy.say(f"{harm} {step[harm]}")
        station.sync(step["wait"])
    elif step["do"] == "kill":
        station.kill()
        station.start()
    elif step["do"] == "renumber":
        renumber(world, step["folder"])
    elif step["do"] == "power":
        station.cut_power()
        station.start()
    elif step["do"] == "faults":
        station.proxy.say(f"faults {step['seed']}")
    elif step["do"] in ("calm", "cut"):
        station.proxy.say(step["do"])


def is_built(world, step):
    """Devices can do all; clients what the daemon can and they aren't to leave alone."""
    do = step["do"]
    return len(step["who"]) != 5 or do == "look" or (do not in world.without and NEEDS[do] in world.built)


def perform(world, record, step):
    world.look_alive()
    if step["who"].startswith("dev"):
        act_on_server(world, record, step)
    elif len(step["who"]) == 5:
        act_on_bus(world, record, step)
    else:
        happen(world, record, step)
    heed_signals()
