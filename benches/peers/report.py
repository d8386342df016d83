"""Makes one page and one JSON file of what the scripts of this folder measured; `cargo xtask bench --peers` calls it. Needs nothing but Python.

`report.py FOLDER OUT SCRIPT...` reads `FOLDER/results/SCRIPT.json` for every script, `FOLDER/absent.txt` (a package and why it could not be installed, in lines with a
tab between) and `FOLDER/results/SCRIPT.stderr`, and writes `OUT` and `FOLDER/peers.json`.
"""
import importlib.metadata
import json
import os
import pathlib
import platform
import re
import subprocess
import sys

from sides import ROOT, median, number, quality, reached, spread

INTRODUCTION = """\
# Beside other libraries, as last run

Written by `cargo xtask bench --peers`; [performance.md](performance.md) has earlier results with their reasons, and
[the scripts' page](../benches/peers/README.md) says what each task is. Both sides of a row ran in turn, with the same number of threads. Entries are the median over
rounds [least, most]; a ratio is the peer's time over gibbsian's of the same round, or gibbsian's rate over the peer's, so that **above one gibbsian is faster**.
Absolute numbers wander with the machine; the ratios are the result. Quality has the peer's value before gibbsian's, of which less is better: speeds compare only where it is the same.
The limit is the rate that a small C program reached in the same rounds with as many threads, and its entry gibbsian's share of it: `f32` and `f64`, fused multiply-adds on registers; `tiles`, products of bfloat16
tiles from the first-level cache; `memory`, a triad over arrays beyond it. Amounts are those of the algorithm as it is usually counted, which [the scripts' page](../benches/peers/README.md) says.

Names of tasks: `gaussian-d` and `mixture-d` are one normal law and 16 of them in d dimensions, `both` is log-density and score. `dsm`, `ssm`, `ism` and `ncsn` are steps of denoising, sliced, exact and many-level score
matching, `e-` is for an energy network, `cd` a chain of Langevin steps. Errors of means are in standard deviations, those of variances relative; where R-hat is above 1.1, effective draws mean nothing.
"""
# Of the table of ratios.
COLUMNS = ["task", "peer", "unit", "peer's", "gibbsian's", "ratio", "quality", "of the limit"]


def command(*words):
    """The first line that a command prints, or nothing."""
    try:
        lines = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
        return lines[0].strip() if lines else None
    except (OSError, subprocess.CalledProcessError):
        return None


def machine():
    """Processor, processors, memory and system."""
    model = None
    if pathlib.Path("/proc/cpuinfo").exists():
        fields = dict(re.findall(r"^([\w ]+?)\s*: (.*)$", pathlib.Path("/proc/cpuinfo").read_text(), re.M))
        model = fields.get("model name")
        if model and "cpu family" in fields:
            model += f" (family {fields['cpu family']}, model {fields.get('model', '?')})"
        # What decides the kernels that are used.
        extras = [name for name in ("avx2", "avx512f", "amx_int8") if name in fields.get("flags", "").split()]
        if model and extras:
            model += ", " + ", ".join(extras)
    model = model or command("sysctl", "-n", "machdep.cpu.brand_string") or platform.processor() or platform.machine()
    memory = None
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    return {"processor": model, "logical processors": os.cpu_count(), "memory in GiB": memory and round(memory, 1), "system": f"{platform.system()} {platform.machine()}"}


def pinned_packages():
    """Names of the packages in the files of requirements."""
    text = "\n".join(path.read_text() for path in sorted(pathlib.Path(__file__).parent.glob("requirements*.txt")))
    return sorted({name.lower() for name in re.findall(r"^([\w-]+)==", text, re.M)})


def versions():
    # The commit that the programs were built from is known to whoever built them.
    found = {"gibbsian": os.environ.get("GIBBSIAN_VERSION") or "unknown commit", "rustc": command(os.environ.get("RUSTC", "rustc"), "--version"),
             "Python": platform.python_version()}
    nuts = re.search(r'nuts-rs = "=?([\d.]+)"', (pathlib.Path(__file__).parent / "nuts-rs/Cargo.toml").read_text())
    found["nuts-rs"] = nuts and nuts[1]
    for name in pinned_packages():
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = None
    # What they brought along decides speeds too; it is in the JSON only.
    return found, {d.metadata["Name"]: d.version for d in importlib.metadata.distributions()}


def load(folder, scripts):
    """What every script left, a script that left nothing or only a part included."""
    found = []
    for name in scripts:
        path, errors = folder / f"results/{name}.json", folder / f"results/{name}.stderr"
        result = json.loads(path.read_text()) if path.exists() else {"script": name, "finished": False, "rows": [], "details": []}
        if not result["finished"]:
            said = errors.read_text().strip().splitlines() if errors.exists() else []
            result["error"] = said[-1][-400:] if said else "it was interrupted"
        found.append(result)
    return found


def cell(text):
    """Text that cannot break a row of a table."""
    return " ".join(str(text).replace("|", "\\|").split())


def bold(ratios):
    """The median of the ratios in bold, with its spread."""
    middle, *rest = spread(ratios).split(" ", 1)
    return " ".join([f"**{middle}**", *rest])


def ratio_rows(result):
    settings = f", {result['threads']} thread{'s' * (result['threads'] != 1)}, {result['rounds']} round{'s' * (result['rounds'] != 1)}" if "threads" in result else ""
    pinned = ", not pinned to processors" if result.get("pinned") is False else ""
    rest = lambda used: " |" * (len(COLUMNS) - used)
    yield f"| **{result['script']}**{settings}{pinned} |{rest(1)}"
    for r in result["rows"]:
        start = f"| {cell(r['task'])} | {cell(r['peer'])} | {cell(r['unit'])} |"
        if r["status"] == "measured":
            yield f"{start} {spread(r['theirs'])} | {spread(r['ours'])} | {bold(r['ratios'])} | {cell(quality(r))} | {cell(reached(r))} |"
        elif r["status"] == "absent":
            yield f"{start} absent: {cell(r['error'])} |{rest(4)}"
        else:
            fault = f"failed: {cell(r['error'])}"
            yield f"{start} {fault} |{rest(4)}" if r["side"] == "peer" else f"{start} | {fault} |{rest(5)}"
    if not result["finished"]:
        yield f"| *did not finish: {cell(result['error'])}* |{rest(1)}"


def remarks(results):
    lines = [f"- {r['task']} / {r['peer']}: {r['remark']}." for result in results for r in result["rows"] if r.get("remark")]
    return ["## Remarks", "", *lines, ""] if lines else []


def details(results):
    """All sides of the chains, where the table of ratios has only what is compared."""
    rows = [detail for result in results for detail in result["details"]]
    if not rows:
        return []
    columns = list(dict.fromkeys(key for detail in rows for key in detail["columns"]))
    lines = ["## Chains, all sides", "", "Medians over rounds. Errors are the largest of any coordinate: of a mean in standard deviations, of a variance relative to the variance.", "",
             f"| target | side | {' | '.join(columns)} |", "|---|---|" + "---|" * len(columns)]
    for detail in rows:
        values = [number(median(v)) if (v := detail["columns"].get(key)) else "" for key in columns]
        lines.append(f"| {detail['target']} | {detail['side']} | {' | '.join(values)} |")
    return [*lines, ""]


def page(results, absent, machine, versions):
    """The page as text."""
    lines = [INTRODUCTION]
    if any(result.get("quick") for result in results):
        lines += ["**This was a smoke run of one short round. Its numbers say that everything runs, and nothing else.**", ""]
    dates = sorted(result["started"][:16].replace("T", " ") for result in results if "started" in result)
    if dates:
        lines += [f"First script begun {dates[0]} UTC" + (f", last one {dates[-1]} UTC" if dates[-1] != dates[0] else "") + ".", ""]
    lines += ["| machine | |", "|---|---|", *(f"| {key} | {cell(value)} |" for key, value in machine.items() if value is not None), ""]
    lines += ["| version of | |", "|---|---|", *(f"| {key} | {cell(value or 'absent')} |" for key, value in versions.items()), ""]
    if absent:
        lines += ["Could not be installed, so its tasks are marked absent:", "", *(f"- {cell(name)}: {cell(reason)}" for name, reason in absent.items()), ""]
    lines += ["## Ratios", "", f"| {' | '.join(COLUMNS)} |", "|" + "---|" * len(COLUMNS)]
    for result in results:
        lines += ratio_rows(result)
    counts = {status: sum(r["status"] == status for result in results for r in result["rows"]) for status in ("measured", "absent", "failed")}
    lines += ["", ", ".join(f"{n} {status}" for status, n in counts.items()) + ".", "", *remarks(results), *details(results)]
    return "\n".join(lines).rstrip() + "\n"


def main(folder, out, *scripts):
    folder, out = pathlib.Path(folder), pathlib.Path(out)
    listed = folder / "absent.txt"
    absent = dict(line.split("\t", 1) for line in listed.read_text().splitlines() if "\t" in line) if listed.exists() else {}
    results, here, (named, all_packages) = load(folder, scripts), machine(), versions()
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(page(results, absent, here, named))
    whole = {"machine": here, "versions": named, "packages": all_packages, "absent": absent, "scripts": results}
    (folder / "peers.json").write_text(json.dumps(whole, indent=1) + "\n")
    # A run that could not be finished, or in which a side failed, ends with an error; a peer that is absent does not.
    failed = [r for result in results for r in result["rows"] if r["status"] == "failed"]
    return 1 if failed or not all(result["finished"] for result in results) else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
