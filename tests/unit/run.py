#!/usr/bin/python3
"""Runs cmocka programs and writes a junit report of each: run.py FOLDER PROGRAM...

cmocka's own XML is only written by a program that ends in good order, so its lines are read instead: a test that crashed, leaked
or hung counts as failed. A program that failed is shown in full, the others with cmocka's last line.
"""
import pathlib
import re
import subprocess
import sys
import xml.etree.ElementTree as ET

LIMIT = 120  # seconds a program may take
LINE = re.compile(r"^\[ +(RUN|OK|FAILED|SKIPPED|ERROR) +\] (?:\d+ test|)?([A-Za-z_]\w*)", re.M)
OUTCOME = {"OK": None, "FAILED": "failure", "ERROR": "failure", "SKIPPED": "skipped"}


def run(program):
    """(output, failed) of a program, what it wrote until its time was over included."""
    try:
        done = subprocess.run([program], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=LIMIT, check=False)
        return done.stdout.decode(errors="replace"), done.returncode != 0
    except OSError as e:
        return f"did not start: {e}", True
    except subprocess.TimeoutExpired as e:
        return (e.stdout or b"").decode(errors="replace") + f"\nended after {LIMIT} s", True


def results(output, failed):
    """{test: junit element or None}; a test that began and did not end has failed, and so has a program that failed without one."""
    found = {}
    for word, name in LINE.findall(output):
        if word == "RUN":
            found[name] = "failure"
        elif name in found:
            found[name] = OUTCOME[word]
    if not found or (failed and "failure" not in found.values()):
        found["(the program)"] = "failure"
    return found


def report(path, program, output, found):
    suite = ET.Element("testsuite", name=program)
    for name, element in found.items():
        case = ET.SubElement(suite, "testcase", classname=program, name=name)
        if element:
            text = re.sub(r"[^\t\n\x20-\ud7ff]", "?", output) if element == "failure" else ""
            ET.SubElement(case, element, message="see the text").text = text
    ET.ElementTree(suite).write(path, encoding="unicode")


def main(folder, *programs):
    bad = 0
    for program in programs:
        name = pathlib.Path(program).name
        output, failed = run(program)
        found = results(output, failed)
        wrong = [test for test, element in found.items() if element == "failure"]
        report(pathlib.Path(folder) / f"unit-{name}.xml", name, output, found)
        print(output if wrong else f"{name}: {len(found)} tests")
        for test in wrong:
            print(f"[  FAILED  ] {name}: {test}")
        bad += len(wrong)
    return 1 if bad or not programs else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
