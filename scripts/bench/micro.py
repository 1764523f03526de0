#!/usr/bin/env python3
"""Counts the instructions of one round of each micro-benchmark and compares them with Benchmarks/thresholds.txt.

  micro.py PROGRAM     PROGRAM is the release build of qpserver-micro
"""
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path


def instructions(program, name, rounds, folder):
    run = subprocess.run(
        ["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/out", program, name, str(rounds)],
        capture_output=True, text=True, timeout=300, check=True)
    return int(re.search(r"Collected : (\d+)", run.stderr).group(1))


def main():
    thresholds = {}
    for line in (Path(__file__).parents[2] / "Benchmarks/thresholds.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            name, most = line.split()
            thresholds[name] = int(most)
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        program = f"{folder}/micro"
        shutil.copy(sys.argv[1], program)
        subprocess.run(["strip", program], check=True)
        for name, most in thresholds.items():
            rounds = 20 if most > 20000 else 2000
            one = instructions(program, name, rounds, folder)
            two = instructions(program, name, 2 * rounds, folder)
            value = (two - one) / rounds
            verdict = "ok" if value <= most else "FAIL"
            failed = failed or value > most
            print(f"{name:12s} {value:12.0f} instructions a round, at most {most:8d}  {verdict}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
