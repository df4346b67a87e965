#!/usr/bin/python3
"""converge.py [--server dovecot|condstore|cyrus] [--seed N] [--seconds N | --steps N] [--replay FILE] [--mutation NAME --seeds N]

Other devices on a real server and D-Bus clients of two daemons with the same account do what chance has them do,
while links are harmed and daemons killed. Then all is quiet, and all have to agree: the server, the daemons, the
mirror of each client, a daemon that was restarted and one that starts afresh; and what is there has to fit what was
done. A script that fails is made shorter and written to a file, which --replay runs.

With --mutation the daemons have a fault on purpose (src/base/mutation.h), which one of the seeds has to find."""

import argparse
import json
import os
import random
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from acts import generate, is_built, perform  # noqa: E402
from record import Record, differences, judge  # noqa: E402
from surel_test import *  # noqa: E402,F403
from surel_test import Condstore, Cyrus, Dovecot  # noqa: E402
from world import ENDED, Failed, Station, World, heed_signals, pause  # noqa: E402


SERVERS = {server.name: server for server in (Dovecot, Condstore, Cyrus)}
STUCK = 4  # seconds in which nothing gets nearer to agreement


class Outcome:
    def __init__(self, script, failure, figures):
        self.script, self.failure, self.figures = script, failure, figures


# --- The end ---

def look_at_all(world):
    """What the server has, and how each other one differs from it."""
    server = world.devices[0].view()
    bad = []
    for station in world.stations:
        for client in station.clients:
            client.look()
            bad += differences(f"mirror of {client.name}", server, client.view())
        bad += differences(f"daemon of {station.name}", server, station.view())
        bad += check_counts(station, server)
    return server, bad


def check_counts(station, server):
    bad = []
    for folder, counts in station.counts().items():
        rows = {key: count for key, count in server.items() if key[0] == folder}
        unread = sum(count for (_, _, words), count in rows.items() if not {"$seen", "$draft"} & set(words))
        if counts != (sum(rows.values()), unread):
            bad.append(f"{station.name}: {folder} says {counts}, and has {sum(rows.values()), unread}")
    return bad


def open_operations(world):
    lines = []
    for station in world.stations if "List" in world.built else ():
        for key, row in station.list_operations().items():
            if row["state"] not in ENDED:
                lines.append(f"{station.name}: operation {key} {row['kind']} is {row['state']}, "
                             f"{row['attempts']} attempts, {row.get('error')}")
    return lines


def is_put_off(world):
    now = time.time()
    return any(row["state"] not in ENDED and row["nextAttempt"] > now
               for station in (world.stations if "List" in world.built else ())
               for row in station.list_operations().values())


def let_go_of_failed(world):
    """What a person wrote stays here when a server won't take it, and holds up what was to be done with it, until
    someone acts."""
    for station in world.stations if "List" in world.built else ():
        for key, row in station.list_operations().items():
            if row["kind"] == "append" and row["state"] == "failed":
                station.daemon.call(PATH, "Operations", "Cancel", "(ta{sv})", key, {})


def settle(world, seconds):
    """Syncs until all agree, or nothing moves any more. Returns how often, and what the server has."""
    begin = moved = time.monotonic()
    rounds, lines = 0, []
    while time.monotonic() < begin + seconds and time.monotonic() < moved + STUCK:
        rounds, before = rounds + 1, lines
        let_go_of_failed(world)
        errors = [f"{station.name}: {error}" for station in world.stations if (error := station.sync(True))]
        world.look_alive()
        server, lines = look_at_all(world)
        lines = errors + open_operations(world) + lines
        if not lines:
            return rounds, server
        if lines != before or is_put_off(world):
            moved = time.monotonic()
        pause(20)
    tails = [line for station in world.stations for line in
             (f"log of {station.name}:", station.log_tail(), "wire:", station.proxy.tail())]
    raise Failed(f"they don't agree after {time.monotonic() - begin:.0f} s and {rounds} rounds", *lines, *tails)


def end_quietly(world, record, seconds):
    for station in world.stations:
        station.proxy.say("calm")
        station.start()
    rounds, server = settle(world, seconds)
    for client in world.stations[0].clients:
        client.look()
    numbers = world.devices[0].numbers
    world.stations[0].kill()
    world.stations[0].start()
    restarted = look_at_all(world)[1]
    # Under load Dovecot may number a maildir's messages anew, by itself: the daemon is one list behind then.
    if restarted and world.devices[0].numbers == numbers:
        raise Failed("a restart has changed what is there", *restarted)
    settle(world, seconds)
    check_afresh(world, server)
    heed_signals()
    listed = {station.name: station.list_operations() if "List" in world.built else {} for station in world.stations}
    judge(world, record, listed, world.devices[0].every(), world.devices[0].view())
    return rounds, sum(server.values())


def check_afresh(world, server):
    fresh = Station(world.server, world.directory, f"fresh{world.stations[0].starts}", world.options, 1, proxied=False)
    try:
        fresh.sync(True)
        bad = differences("a daemon started afresh", server, fresh.view()) + check_counts(fresh, server)
        fresh.clients[0].look()
        bad += differences("its client", server, fresh.clients[0].view())
    finally:
        fresh.stop()
    if bad:
        raise Failed(*bad)


# --- Runs ---

def run(server, steps, seconds=None, count=None, mutation=None, limit=40, without=()):
    """Does steps until there are no more, or for some time; says how it ended."""
    done, figures = [], {}
    directory = tempfile.mkdtemp(prefix="surel-converge-")
    os.chmod(directory, 0o755)
    begin = time.monotonic()
    world = None
    try:
        world = World(directory, server, mutation)
        world.without = set(without)
        record = Record()
        figures["without"] = sorted({"Modify", "moveToRole", "List", "Append", "CreateFolder", "Rename", "Delete"} - world.built)
        end = time.monotonic() + (seconds or 1e9)
        for step in steps:
            if time.monotonic() > end or (count is not None and len(done) >= count):
                break
            if is_built(world, step):
                done.append(step)
                perform(world, record, step)
        figures["rounds"], figures["messages"] = end_quietly(world, record, limit)
        figures["operations"] = len(record.operations)
        failure = None
    except Failed as failed:
        failure = list(failed.args)
    except GLib.Error as error:
        failure = [f"D-Bus: {error.message}"]
        if world is not None:
            failure += [station.log_tail(5000) for station in world.stations]
    finally:
        if world is not None:
            world.stop()
        keep = os.environ.get("SUREL_CONVERGE_KEEP")
        if keep:
            shutil.copytree(directory, keep, dirs_exist_ok=True)
        shutil.rmtree(directory, ignore_errors=True)
    figures["seconds"] = round(time.monotonic() - begin, 1)
    return Outcome(done, failure, figures)


def shrink(server, script, seconds, mutation, limit=25):
    """Leaves out what the failure can do without: halves, quarters, …, single steps, as long as there is time."""
    end, pieces, failure = time.monotonic() + seconds, 2, None

    def fails(steps):
        nonlocal failure
        for _ in range(2):  # time isn't in the script: what failed once may need another try
            outcome = run(server, iter(steps), mutation=mutation, limit=limit)
            if outcome.failure:
                failure = outcome.failure
                return True
            if time.monotonic() > end:
                break
        return False

    while len(script) > 1 and time.monotonic() < end:
        size = -(-len(script) // pieces)
        for start in range(0, len(script), size):
            rest = script[:start] + script[start + size:]
            if time.monotonic() > end:
                break
            if fails(rest):
                script, pieces = rest, max(pieces - 1, 2)
                break
        else:
            if size == 1:
                break
            pieces = min(pieces * 2, len(script))
    return script, failure


def tell(outcome):
    figures = " ".join(f"{key} {value}" for key, value in outcome.figures.items() if value != [])
    print(f"  {len(outcome.script)} steps, {figures}", flush=True)


def report(outcome, arguments, name):
    """Prints the failure, makes the script shorter and writes it down."""
    print("\n".join(outcome.failure), flush=True)
    script, failure = outcome.script, None
    if arguments.shrink_seconds > 0 and not arguments.mutation:
        script, failure = shrink(SERVERS[arguments.server], script, arguments.shrink_seconds, arguments.mutation)
    path = os.path.join(arguments.scripts or tempfile.gettempdir(), name + ".json")
    write_script(path, script, outcome.failure[0])
    print(f"the script of {len(script)} steps is in {path}:")
    print(open(path, encoding="utf-8").read())
    if failure:
        print("it fails so:", *failure, sep="\n")


def is_found(outcome):
    """A daemon with a fault has to have done something wrong; that it crashed says nothing of this test."""
    return bool(outcome.failure) and not re.match(r"D-Bus: |bus\d: sureld ended by itself", outcome.failure[0])


def write_script(path, script, why):
    with open(path, "w", encoding="utf-8") as file:
        lines = ",\n".join(json.dumps(step) for step in script)
        file.write(f'{{"why": {json.dumps(why)},\n"steps": [\n{lines}]}}\n')


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--server", choices=SERVERS, default="dovecot")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--replay")
    parser.add_argument("--mutation", help="the fault that the daemons are to have: it has to be found")
    parser.add_argument("--without", help="what clients leave alone (keywords, move, role …), with commas")
    parser.add_argument("--seeds", type=int, default=1, help="how many, from --seed on")
    parser.add_argument("--shrink-seconds", type=float, default=120)
    parser.add_argument("--scripts", help="the folder for scripts that fail")
    arguments = parser.parse_args()
    server = SERVERS[arguments.server]
    if not server.is_there():
        required = os.environ.get("SUREL_TEST_REQUIRE_SERVERS") == "1"
        print(f"{server.name} isn't there", "not ok 1" if required else "ok 1 # SKIP", sep="\n")
        return int(required)
    seed = arguments.seed if arguments.seed is not None else random.SystemRandom().randrange(1 << 30)
    if arguments.seconds is None and arguments.steps is None:
        arguments.seconds = 20
    for n in range(arguments.seeds):
        if arguments.replay:
            with open(arguments.replay, encoding="utf-8") as file:
                steps, name = iter(json.load(file)["steps"]), "again-" + os.path.basename(arguments.replay)[:-5]
            print("replay", arguments.replay, flush=True)
            outcome = run(server, steps, mutation=arguments.mutation)
        else:
            print("seed", seed + n, flush=True)
            steps, name = generate(seed + n), f"seed-{seed + n}"
            outcome = run(server, steps, arguments.seconds, arguments.steps, arguments.mutation,
                          without=(arguments.without or "").split(","))
        tell(outcome)
        if arguments.mutation and is_found(outcome):
            print("found:", "; ".join(line.strip()[:200] for line in outcome.failure[:3]))
            print("ok 1")
            return 0
        if outcome.failure:
            report(outcome, arguments, name)
            print("not ok 1")
            return 1
    if arguments.mutation:
        print(f"{arguments.mutation} was not found in {arguments.seeds} seeds\nnot ok 1")
        return 1
    print("ok 1")
    return 0


if __name__ == "__main__":
    sys.exit(main())
