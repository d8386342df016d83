"""Two sides of a comparison, run in turn with the same number of threads; what the scripts of this folder share.

A script declares tasks, and `Sides.table` measures them, prints a line for each, and with `--json` writes what `report.py` makes a page of. A row is `measured`,
`absent` (the peer is not installed) or `failed` (a side ended with an error, or the two sides computed different things); none is left out in silence.
"""
import argparse
import datetime
import hashlib
import importlib.util
import json
import math
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from typing import Callable

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
# A measurement that takes longer hangs.
LONGEST_SECONDS = 3600


class Options(argparse.ArgumentParser):
    """The options that all scripts have; `seconds` is the length of one measurement, where a script has such a length."""

    def __init__(self, description, threads=2, rounds=5, seconds=None):
        super().__init__(description=description)
        self.rounds, self.seconds = rounds, seconds
        self.add_argument("--threads", type=int, default=threads)
        self.add_argument("--rounds", type=int, help=f"times that both sides run in turn ({rounds}; 1 with --quick)")
        self.add_argument("--only", nargs="*", help="parts of the names of tasks")
        self.add_argument("--quick", action="store_true", help="one short round: shows that everything runs, measures nothing")
        self.add_argument("--json", type=pathlib.Path, help="also write the results here, after every task")
        self.add_argument("--resume", action="store_true", help="keep the tasks that are measured in the file of --json")
        self.add_argument("--list", action="store_true", help="print the names of the tasks and end")
        if seconds:
            self.add_argument("--seconds", type=float, help=f"length of a measurement ({seconds}; 0.1 with --quick)")
        self.add_argument("--worker", nargs="*", help=argparse.SUPPRESS)

    def parse(self):
        found = self.parse_args()
        found.rounds = found.rounds or (1 if found.quick else self.rounds)
        if self.seconds:
            found.seconds = found.seconds or (0.1 if found.quick else self.seconds)
        return found


class Failure(Exception):
    """A side did not give a result; `missing` names the package that it lacks, if that is why."""

    def __init__(self, text, missing=None):
        super().__init__(text)
        self.missing = missing


@dataclass
class Task:
    """One comparison: both functions give what was measured, one number or many of which the median counts."""

    name: str
    peer: str
    theirs: Callable
    ours: Callable
    scale: float = 1.0
    unit: str = "s"
    more_is_better: bool = False
    # Compares what both sides made, after the last round: a `Quality`.
    quality: Callable | None = None
    # What bounds gibbsian's side: a kind of `probe.c` and the amount of it in one unit of what is measured.
    limit: tuple | None = None

    @property
    def label(self):
        return f"{self.name} / {self.peer}"


@dataclass
class Quality:
    """How good both sides' results are; less is better. `best` is what direct draws from the truth have, where there are such draws."""

    measure: str
    theirs: float
    ours: float
    best: float | None = None

    def checked(self):
        """What the row keeps; a side that is not finite computed something else."""
        if not all(map(math.isfinite, (self.theirs, self.ours))):
            raise Failure(f"{self.measure} is {self.theirs} for the peer and {self.ours} for gibbsian")
        return vars(self)


class Sides:
    """Starts workers of the calling script and programs of gibbsian with thread counts pinned before a library is loaded."""

    def __init__(self, arguments):
        self.arguments, self.threads, self.rounds = arguments, arguments.threads, arguments.rounds
        self.environment = {k: v for k, v in os.environ.items() if k not in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")}
        for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "RAYON_NUM_THREADS"):
            self.environment[variable] = str(self.threads)
        if self.threads == 1:
            self.environment["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
        # JAX makes as many threads as it may use processors, so the processors are pinned too where that can be done.
        self.pin = []
        if hasattr(os, "sched_getaffinity") and shutil.which("taskset"):
            processors = sorted(os.sched_getaffinity(0))[: self.threads]
            self.pin = ["taskset", "-c", ",".join(map(str, processors))]
        self.rows, self.details = [], []
        # Of what is measured from now on, also where it is built again meanwhile.
        self.sides = fingerprint()
        self.before = self.earlier_rows()
        self.started = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
        if not arguments.list:
            # Where this run ends before its first task, an earlier one must not pass for it.
            self.write(finished=False)

    def run(self, *command):
        """The JSON that a command prints, or a `Failure`."""
        command = self.pin + [str(part) for part in command]
        try:
            done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=LONGEST_SECONDS)
        except FileNotFoundError as error:
            raise Failure(f"{error.filename} does not exist") from error
        except subprocess.TimeoutExpired as error:
            raise Failure(f"no result after {LONGEST_SECONDS} seconds") from error
        if done.returncode:
            text = done.stderr.strip() or f"exit code {done.returncode}"
            found = re.search(r"ModuleNotFoundError: No module named '([\w.]+)'", text)
            # A package that is there and does not fit, or lacks a part, is a failure.
            package = found and found[1].split(".")[0]
            is_there = package and (importlib.util.find_spec(package) or (HERE / f"{package}.py").exists())
            missing = found[1] if found and not is_there else None
            raise Failure(text.splitlines()[-1][-400:], missing)
        try:
            return json.loads(done.stdout)
        except ValueError as error:
            raise Failure(f"printed what is not JSON: {done.stdout[-200:]!r}") from error

    def program(self, name, *values):
        """What a program of `gibbsian-benches` prints."""
        if not (programs() / name).exists():
            raise Failure(f"the program {name} is not built")
        return self.run(programs() / name, *values)

    def most(self, kind):
        """A kind of work and its rate that the machine has now with as many threads, of `f32` where it has no `tiles`; no rate where no compiler makes the probe."""
        if not hasattr(self, "probe"):
            self.probe = build_probe()
        try:
            rate = self.run(self.probe, kind, self.threads) if self.probe else None
        except Failure:
            rate = None
        return self.most("f32") if rate is None and self.probe and kind == "tiles" else (kind, rate)

    def peer(self, name, folder, *values):
        """What `--worker name` of the calling script prints."""
        return self.run(sys.executable, sys.argv[0], "--threads", self.threads, "--worker", name, folder, *[json.dumps(v) for v in values])

    def table(self, tasks, after=lambda task: None):
        """Measures tasks in turn, prints a line for each, and writes all of them. `after` may give a remark on a task that was measured."""
        print(f"{self.threads} threads, {self.rounds} rounds in turn: median [least, most] over rounds")
        for task in self.chosen(tasks):
            if task.label in self.before:
                self.add(self.before[task.label])
                continue
            values, side, fault, more, most = ([], []), "peer", None, {}, []
            try:
                for _ in range(self.rounds):
                    side = "peer"
                    theirs = median(task.theirs()) * task.scale
                    side = "gibbsian"
                    ours = median(task.ours()) * task.scale
                    values[0].append(theirs)
                    values[1].append(ours)
                    if task.limit:
                        most.append(self.most(task.limit[0]))
                more["quality"] = task.quality and task.quality().checked()
                more["remark"] = after(task)
                more["limit"] = limit(task, values[1], most)
            except Failure as failure:
                fault = failure
            self.add(row(task, *values) | more if fault is None else unmeasured(task, side, fault))
        self.finish()

    def chosen(self, tasks):
        """The tasks that `--only` asks for; with `--list` it names them and ends."""
        only = self.arguments.only
        tasks = [task for task in tasks if not only or any(part in task.label for part in only)]
        if self.arguments.list:
            print("\n".join(task.label for task in tasks))
            sys.exit()
        return tasks

    def add(self, new):
        self.rows.append(new)
        print(line(new), flush=True)
        self.write(finished=False)

    def detail(self, new):
        """What a side did on a target, in place of what an interrupted run said of it."""
        self.details = [old for old in self.details if (old["target"], old["side"]) != (new["target"], new["side"])] + [new]

    def finish(self):
        self.write(finished=True)

    def write(self, finished):
        if self.arguments.json:
            self.arguments.json.parent.mkdir(parents=True, exist_ok=True)
            # What is kept and not reached yet survives another interruption.
            reached = [f"{r['task']} / {r['peer']}" for r in self.rows]
            kept = [] if finished else [r for label, r in self.before.items() if label not in reached]
            whole = self.settings() | {"started": self.started, "finished": finished, "rows": self.rows + kept, "details": self.details}
            partial = self.arguments.json.with_suffix(".partial")
            partial.write_text(json.dumps(whole, indent=1) + "\n")
            partial.replace(self.arguments.json)

    def settings(self):
        elsewhere = ("threads", "rounds", "quick", "json", "resume", "list", "only", "worker")
        options = {name: value for name, value in vars(self.arguments).items() if name not in elsewhere}
        return {"script": pathlib.Path(sys.argv[0]).stem, "threads": self.threads, "rounds": self.rounds, "quick": self.arguments.quick, "pinned": bool(self.pin),
                "sides": self.sides, "options": options}

    def earlier_rows(self):
        """Measured rows of a run with the same settings, by their labels."""
        path = self.arguments.json
        if not (self.arguments.resume and path and path.exists()):
            return {}
        found = json.loads(path.read_text())
        if any(found.get(key) != value for key, value in self.settings().items()):
            return {}
        self.details = found["details"]
        return {f"{r['task']} / {r['peer']}": r for r in found["rows"] if r["status"] == "measured"}


def programs():
    """Where the programs of `gibbsian-benches` are."""
    return pathlib.Path(os.environ.get("GIBBSIAN_PROGRAMS", ROOT / "target/release"))


def fingerprint():
    """A digest of both sides: the programs, Python, the script and what it shares with others, and the versions that the peers are pinned to."""
    digest = hashlib.sha256(sys.version.encode())
    nuts_rs = pathlib.Path(os.environ.get("NUTS_RS_PEER", HERE / "nuts-rs/target/release/nuts-rs-peer"))
    built = [nuts_rs] + [programs() / source.stem for source in sorted((ROOT / "benches/src/bin").glob("*.rs"))]
    for path in [*built, pathlib.Path(sys.argv[0]), HERE / "sides.py", HERE / "probe.c", *sorted(HERE.glob("requirements*.txt"))]:
        digest.update(path.name.encode() + hashlib.sha256(path.read_bytes() if path.exists() else b"").digest())
    return digest.hexdigest()


def row(task, theirs, ours):
    """A measured row: values in the order of rounds, and their ratio, which is above one where gibbsian is better."""
    ratios = [m / p if task.more_is_better else p / m for p, m in zip(theirs, ours)]
    return {"task": task.name, "peer": task.peer, "unit": task.unit, "status": "measured", "theirs": theirs, "ours": ours, "ratios": ratios}


def limit(task, ours, most):
    """The share of the machine's rate of the same round that gibbsian reached, where both are known."""
    kinds, rates = {kind for kind, _ in most}, [rate for _, rate in most]
    if len(kinds) != 1 or None in rates:
        return None
    amount = task.limit[1]
    return {"kind": kinds.pop(), "amount": amount, "most": rates, "reached": [amount / (seconds * rate) for seconds, rate in zip(ours, rates)]}


def build_probe():
    """The program of `probe.c`, or nothing where no compiler makes it."""
    compiler = shutil.which(os.environ.get("CC", "cc")) or shutil.which("gcc")
    if not compiler:
        return None
    program = pathlib.Path(tempfile.mkdtemp()) / "probe"
    command = [compiler, "-O3", "-march=native", "-ffp-contract=fast", "-pthread", str(HERE / "probe.c"), "-o", str(program)]
    try:
        return program if subprocess.run(command, capture_output=True, timeout=120).returncode == 0 else None
    except (OSError, subprocess.TimeoutExpired):
        return None


def unmeasured(task, side, failure):
    status = "absent" if failure.missing and side == "peer" else "failed"
    text = f"{failure.missing} is not installed" if status == "absent" else str(failure)
    return {"task": task.name, "peer": task.peer, "unit": task.unit, "status": status, "side": side, "missing": failure.missing, "error": text}


def line(r):
    """A row as a line of text."""
    label = f"{r['task']} / {r['peer']}"
    if r["status"] != "measured":
        return f"{label}: {r['status']} ({r['side']}): {r['error']}"
    more = "".join(f"; {text}" for text in (quality(r), reached(r), r.get("remark")) if text)
    return f"{label}: peer {spread(r['theirs'])} {r['unit']}, gibbsian {spread(r['ours'])} {r['unit']}, ratio {spread(r['ratios'])}{more}"


def quality(r):
    """The quality of a measured row as text: the peer's, gibbsian's and the best that can be."""
    if not (found := r.get("quality")):
        return ""
    best = f", at best {number(found['best'])}" if found["best"] is not None else ""
    return f"{found['measure']} {number(found['theirs'])}, {number(found['ours'])}{best}"


def reached(r):
    """The share of its limit that gibbsian reached in a measured row, as text."""
    if not (found := r.get("limit")):
        return ""
    middle, *others = [f"{100 * share:.0f} %" for share in (median(found["reached"]), min(found["reached"]), max(found["reached"]))]
    between = f" [{others[0]}, {others[1]}]" if len(found["reached"]) > 1 else ""
    return f"{middle}{between} of {found['kind']}"


def spread(values):
    """Median with the least and the most, where there are several."""
    if len(values) == 1:
        return number(values[0])
    return f"{number(median(values))} [{number(min(values))}, {number(max(values))}]"


def number(value):
    """Three digits, with thousands separated and without an exponent where the number is no longer than one."""
    if value == 0 or not 1e-4 <= abs(value) < 1e9:
        return f"{value:.3g}"
    rounded = float(f"{value:.3g}")
    digits = max(0, 2 - int(f"{rounded:e}".split("e")[1]))
    return f"{rounded:,.{digits}f}"


def median(values):
    return statistics.median(values if isinstance(values, (list, tuple)) else [values])
