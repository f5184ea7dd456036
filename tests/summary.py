#!/usr/bin/python3
"""Adds up the junit XML of all suites: summary.py FOLDER [SUITE that failed]...

Names what failed, ends in the line `N passed, N failed, N skipped`, and fails where something did or where nothing ran. A suite
that failed without saying so in a report of its own (it did not build, or it writes none) counts as one failure. What a report
NAME-again says of a test counts instead of what NAME says; a test that passed only then is named as unsteady.
"""
import pathlib
import sys
import xml.etree.ElementTree as ET


def outcome(case):
    if case.find("failure") is not None or case.find("error") is not None:
        return "failed"
    return "skipped" if case.find("skipped") is not None else "passed"


def cases(report):
    """(name, outcome) of each test of a report; one that cannot be read is a failed test."""
    try:
        root = ET.parse(report).getroot()
    except ET.ParseError as e:
        return [(f"{report.name}: {e}", "failed")]
    suite = report.stem.removesuffix("-again")
    return [(f"{suite}: {c.get('classname', '')} {c.get('name')}", outcome(c)) for c in root.iter("testcase")]


def settled(results):
    """The results with each second try in place of its first."""
    again = {name: result for stem, found in results.items() if stem.endswith("-again") for name, result in found}
    for name, result in again.items():
        if result == "passed":
            print(f"unsteady: {name}")
    return {stem: [(name, again.get(name, result)) for name, result in found]
            for stem, found in results.items() if not stem.endswith("-again")}


def main(folder, *broken):
    results = settled({report.stem: cases(report) for report in sorted(pathlib.Path(folder).glob("*.xml"))})
    for suite in broken:
        own = [r for stem, found in results.items() if stem.split("-")[0] == suite for r in found]
        if not any(result == "failed" for _, result in own):
            results[suite + "-suite"] = [(f"{suite}: the suite as a whole", "failed")]
    every = [r for found in results.values() for r in found]
    count = {k: sum(result == k for _, result in every) for k in ("passed", "failed", "skipped")}
    for name, result in every:
        if result != "passed":
            print(f"{result}: {name}")
    print(f"{count['passed']} passed, {count['failed']} failed, {count['skipped']} skipped")
    return 1 if count["failed"] or not count["passed"] else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
