"""Two sides of a comparison, run in turn with the same number of threads; what the scripts of this folder share."""
import json
import os
import statistics
import subprocess
import sys


class Sides:
    """Starts workers of the calling script and programs of gibbsian with thread counts pinned before a library is loaded."""

    def __init__(self, threads, rounds):
        self.threads, self.rounds = threads, rounds
        self.environment = {k: v for k, v in os.environ.items() if k not in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")}
        for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS"):
            self.environment[variable] = str(threads)
        self.pin = []
        if threads == 1:
            self.environment["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
            self.pin = ["taskset", "-c", "0"]

    def run(self, *command):
        """The JSON that a command prints."""
        command = self.pin + [str(part) for part in command]
        return json.loads(subprocess.run(command, env=self.environment, check=True, capture_output=True, text=True).stdout)

    def peer(self, name, folder, *values):
        """What `--worker name` of the calling script prints."""
        return self.run(sys.executable, sys.argv[0], "--worker", name, folder, *[json.dumps(v) for v in values])

    def table(self, tasks, only=None, after=lambda name: None):
        """Prints a line for each `name: (theirs, ours, scale)`; both are functions that give seconds, one or many."""
        print(f"{self.threads} threads, {self.rounds} rounds in turn; seconds: median [least, most] over rounds")
        for name, (theirs, ours, scale) in tasks.items():
            if only and name not in only:
                continue
            try:
                pairs = [(median(theirs()) * scale, median(ours()) * scale) for _ in range(self.rounds)]
            except (ImportError, subprocess.CalledProcessError) as error:
                print(f"{name}: skipped ({getattr(error, 'stderr', error)})")
                continue
            columns = [sorted(side) for side in zip(*pairs)]
            show = [f"{median(c):.3g} [{c[0]:.3g}, {c[-1]:.3g}]" for c in columns]
            ratios = sorted(p / m for p, m in pairs)
            print(f"{name}: peer {show[0]}, gibbsian {show[1]}, ratio {median(ratios):.2f} "
                  f"[{ratios[0]:.2f}, {ratios[-1]:.2f}]", flush=True)
            after(name)


def median(seconds):
    return statistics.median(seconds if isinstance(seconds, (list, tuple)) else [seconds])
