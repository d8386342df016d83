"""Tests of what the scripts share and of the page; `python3 -m unittest` in this folder, and the tests of xtask where Python is."""
import argparse
import json
import math
import os
import pathlib
import re
import sys
import tempfile
import unittest

import report
import sides
from sides import Failure, Quality, Sides, Task


def arguments(**values):
    return argparse.Namespace(**({"threads": 1, "rounds": 3, "quick": False, "json": None, "resume": False, "list": False, "only": None} | values))


class Rows(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.json = self.folder / "results/densities.json"
        self.printed, sys.stdout = sys.stdout, open(self.folder / "stdout", "w")

    def tearDown(self):
        sys.stdout.close()
        sys.stdout = self.printed

    def table(self, tasks, **values):
        Sides(arguments(json=self.json, **values)).table(tasks)
        return json.loads(self.json.read_text())

    def test_a_ratio_is_above_one_where_gibbsian_is_better_whatever_is_measured(self):
        slow, fast = lambda: [2.0, 4.0, 3.0], lambda: 1.5
        found = self.table([Task("time", "JAX", slow, fast), Task("rate", "nuts-rs", fast, slow, more_is_better=True), Task("scaled", "JAX", slow, fast, 10.0)])
        self.assertEqual([r["ratios"] for r in found["rows"]], [[2.0] * 3] * 3)
        self.assertEqual(found["rows"][2]["theirs"], [30.0] * 3)
        self.assertTrue(found["finished"])

    def test_what_is_missing_and_what_fails_has_a_row_of_its_own(self):
        here = Sides(arguments())
        python = lambda text: lambda: here.run(sys.executable, "-c", text)
        good, absent, broken = python("print(1.0)"), python("import no_such_peer"), python("raise ValueError('too small')")
        rows = self.table([Task("a", "P", absent, good), Task("b", "P", broken, good), Task("c", "P", good, broken), Task("d", "P", good, good),
                           Task("e", "P", python("print('no')"), good), Task("f", "P", good, lambda: here.program("no-such-program"))])["rows"]
        self.assertEqual([(r["status"], r.get("side")) for r in rows],
                         [("absent", "peer"), ("failed", "peer"), ("failed", "gibbsian"), ("measured", None), ("failed", "peer"), ("failed", "gibbsian")])
        self.assertEqual(rows[0]["error"], "no_such_peer is not installed")
        self.assertEqual(rows[1]["error"], "ValueError: too small")

    def test_a_package_that_does_not_fit_is_not_absent(self):
        here = Sides(arguments())
        for text in ("from json import no_such_name", "import json.no_such_part", "import sides"):
            program = lambda: here.run(sys.executable, "-I", "-c", text)
            self.assertEqual(self.table([Task("a", "P", program, lambda: 1.0)])["rows"][0]["status"], "failed", text)

    def test_a_run_that_ends_before_its_first_task_is_not_the_one_before(self):
        self.table([Task("a", "P", lambda: 2.0, lambda: 1.0)])
        Sides(arguments(json=self.json, resume=True))
        found = json.loads(self.json.read_text())
        self.assertEqual((found["finished"], len(found["rows"])), (False, 1))
        # The second is not reached when the first is written.
        self.table([Task("b", "P", lambda: 2.0, lambda: 1.0), Task("c", "P", lambda: 2.0, lambda: 1.0)])
        resumed = Sides(arguments(json=self.json, resume=True))
        resumed.add(resumed.before["c / P"])
        self.assertEqual([r["task"] for r in json.loads(self.json.read_text())["rows"]], ["c", "b"])

    def test_a_run_of_other_programs_is_not_resumed(self):
        self.table([Task("a", "P", lambda: 2.0, lambda: 1.0)])
        os.environ["GIBBSIAN_PROGRAMS"] = str(self.folder)
        try:
            (self.folder / "rbm-peer").write_text("another")
            self.assertEqual(Sides(arguments(json=self.json, resume=True)).before, {})
        finally:
            del os.environ["GIBBSIAN_PROGRAMS"]

    def test_a_run_with_other_options_is_not_resumed(self):
        self.table([Task("a", "P", lambda: 2.0, lambda: 1.0)], draws=50)
        self.assertEqual(Sides(arguments(json=self.json, resume=True, draws=500)).before, {})

    def test_a_resumed_run_keeps_what_was_measured_with_the_same_settings(self):
        def fails():
            raise Failure("once")
        self.table([Task("kept", "P", lambda: 2.0, lambda: 1.0), Task("again", "P", fails, lambda: 1.0)])
        tasks = [Task("kept", "P", fails, fails), Task("again", "P", lambda: 8.0, lambda: 2.0)]
        self.assertEqual([r["ratios"][0] for r in self.table(tasks, resume=True)["rows"]], [2.0, 4.0])
        self.assertEqual([r["status"] for r in self.table(tasks, resume=True, rounds=2)["rows"]], ["failed", "measured"])

    def test_a_detail_that_is_measured_again_replaces_the_one_before(self):
        here = Sides(arguments())
        for side, rate in (("NUTS", 1.0), ("HMC", 2.0), ("NUTS", 3.0)):
            here.detail({"target": "banana", "side": side, "columns": {"draws": [rate]}})
        self.assertEqual([(d["side"], d["columns"]["draws"]) for d in here.details], [("HMC", [2.0]), ("NUTS", [3.0])])

    def test_every_row_reaches_the_page(self):
        result = self.table([Task("mixture | score", "JAX", lambda: 3.0, lambda: 1.5), Task("b", "SciPy", self.lacks, lambda: 1.0),
                             Task("c", "JAX", self.breaks, lambda: 1.0), Task("d", "JAX", lambda: 1.0, self.breaks)])
        (self.folder / "results/rbm.stderr").write_text("Traceback\nOSError: no digits\n")
        results = report.load(self.folder, ["densities", "rbm"])
        text = report.page(results, {"scipy": "no wheel"}, {"processor": "P"}, {"jax": "0.1", "scipy": None})
        self.assertIn("| mixture \\| score | JAX | s | 3.00 [3.00, 3.00] | 1.50 [1.50, 1.50] | **2.00** [2.00, 2.00] |  |  |", text)
        self.assertIn("| b | SciPy | s | absent: scipy is not installed | | | | |", text)
        self.assertIn("did not finish: OSError: no digits", text)
        self.assertIn("- scipy: no wheel", text)
        self.assertIn("| c | JAX | s | failed: it broke | | | | |", text)
        self.assertIn("| d | JAX | s | | failed: it broke | | | |", text)
        self.assertIn("1 measured, 1 absent, 2 failed.", text)
        table = text[text.index("## Ratios"):].splitlines()
        self.assertEqual({len(re.split(r"(?<!\\)\|", line)) for line in table if line.startswith("|")}, {10})
        self.assertEqual(result["threads"], 1)

    def test_quality_and_the_share_of_the_limit_have_columns(self):
        tasks = [Task("a", "P", lambda: 2.0, lambda: 0.5, quality=lambda: Quality("distance", 0.25, 0.5, 0.125), limit=("f64", 3.0)),
                 Task("b", "P", lambda: 2.0, lambda: 0.5, quality=lambda: Quality("distance", math.nan, 0.5))]
        rates = iter([10.0, 8.0, 12.0])
        here = Sides(arguments(json=self.json))
        here.most = lambda kind: (kind, next(rates))
        here.table(tasks)
        first, second = json.loads(self.json.read_text())["rows"]
        self.assertEqual(first["limit"]["reached"], [0.6, 0.75, 0.5])
        self.assertEqual(second["status"], "failed")
        text = report.page(report.load(self.folder, ["densities"]), {}, {}, {})
        self.assertIn("| distance 0.250, 0.500, at best 0.125 | 60 % [50 %, 75 %] of f64 |", text)

    def test_a_limit_that_is_not_known_leaves_its_column_empty(self):
        task = Task("a", "P", lambda: 2.0, lambda: 0.5, limit=("tiles", 3.0))
        here = Sides(arguments(json=self.json))
        here.most = lambda kind: (kind, None)
        here.table([task])
        self.assertIsNone(json.loads(self.json.read_text())["rows"][0]["limit"])

    def test_the_probe_knows_every_kind_or_there_is_no_compiler(self):
        here = Sides(arguments())
        for kind in ("f32", "f64", "tiles", "memory"):
            known, rate = here.most(kind)
            self.assertIn(known, ("f32", kind))
            self.assertEqual(rate is None, here.probe is None)
            # Slower than any processor that has the peers, and faster than all there are.
            self.assertTrue(rate is None or 1e8 < rate < 1e15, f"{kind}: {rate}")

    def test_details_have_the_median_of_an_even_number_of_rounds(self):
        detail = {"target": "banana", "side": "NUTS", "columns": {"draws": [1.0, 9.0]}}
        self.assertIn("| banana | NUTS | 5.00 |", report.details([{"details": [detail]}]))

    def test_a_quick_run_says_so(self):
        result = {"script": "a", "finished": True, "quick": True, "threads": 1, "rounds": 1, "rows": [], "details": []}
        self.assertIn("smoke run", report.page([result], {}, {}, {}))
        self.assertNotIn("smoke run", report.page([result | {"quick": False}], {}, {}, {}))

    @staticmethod
    def breaks():
        raise Failure("it broke")

    @staticmethod
    def lacks():
        raise Failure("ModuleNotFoundError", "scipy")


class Numbers(unittest.TestCase):
    def test_numbers_have_three_digits(self):
        shown = [sides.number(value) for value in (0, 1e-5, 0.0123456, 0.9999, 12.345, 999.9, 1.19e6, -3.14159, 5e9)]
        self.assertEqual(shown, ["0", "1e-05", "0.0123", "1.00", "12.3", "1,000", "1,190,000", "-3.14", "5e+09"])

    def test_the_machine_and_the_versions_are_known(self):
        self.assertTrue(report.machine()["processor"])
        named, _ = report.versions()
        self.assertIn("jax", named)
        self.assertIn("torch", named)
        self.assertRegex(named["nuts-rs"], r"^\d+\.\d+")


if __name__ == "__main__":
    unittest.main()
