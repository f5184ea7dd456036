#!/usr/bin/python3
"""Checks the sources against the house rules: lint.py [--top FOLDER] [--junit FILE] [--test] [RULE...]

Each rule is a function that yields (file, line, what is wrong). With --test every rule is run on the files of bad/RULE instead, a
little tree that breaks it: each file there must be found, or the rule is blind. Flags of the compiler come in LINT_CPPFLAGS.
"""
import argparse
import concurrent.futures
import fnmatch
import os
import pathlib
import re
import shlex
import subprocess
import sys
import xml.etree.ElementTree as ET

HERE = pathlib.Path(__file__).resolve().parent
SKIP = {"build", "bad", "__pycache__", ".git"}
FUNCTION_LINES, FILE_LINES = 60, 700
SOURCES = (".c", ".h", ".def", ".py", ".php", ".sh", ".sql", ".mk")
FORBIDDEN = r"\b(system|popen|execlp|execvp|execvpe|posix_spawnp|wordexp|gets|vsprintf|tmpnam|mktemp)\s*\("
SHELL = r'"(/bin/)?(ba|da)?sh"|\bsh -c\b'
CMS = r"wordpress|drupal|backdrop"
SLEEP = r"\b(u|nano)?sleep\s*\((?!0\.0\d\))|(^|[;&|])\s*sleep\s+[0-9$]"
TAG = r"\bHM[0-9]{4}\b"
UNFINISHED = r"\b(TODO|FIXME|XXX|HACK)\b"

RULES = {}


def rule(why):
    def add(check):
        RULES[check.__name__] = (check, why)
        return check

    return add


def walk(top, *suffixes, below=("provisiond", "mod_hostmaster", "tests", "sql", "conf", "templates")):
    """Files of the tree with one of the suffixes, as paths from its top, sorted."""
    found = []
    for start in below:
        for folder, names, files in os.walk(top / start):
            names[:] = [n for n in names if n not in SKIP]
            found += [pathlib.Path(folder, f).relative_to(top) for f in files if f.endswith(suffixes)]
    return sorted(found)


def lines(top, file):
    return enumerate((top / file).read_text(errors="replace").splitlines(), 1)


def matches(top, files, pattern, what):
    for file in files:
        for number, line in lines(top, file):
            found = re.search(pattern, line, re.I)
            if found:
                yield file, number, what.format(found.group(0).strip())


def run(top, *argv):
    done = subprocess.run(argv, cwd=top, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        raise SystemExit(f"lint: {argv[0]} failed: {done.stderr}")
    return done.stdout + done.stderr


def diagnostics(output, top):
    """The lines FILE:LINE:COLUMN: error: TEXT of a clang tool, once each."""
    for name, line, text in sorted(set(re.findall(r"^(\S+?):(\d+):\d+: (?:error|warning): (.*)$", output, re.M))):
        yield pathlib.Path(os.path.relpath(top / name, top)), int(line), text


@rule("C is formatted as .clang-format says: clang-format -i FILE")
def style(top):
    files = walk(top, ".c", ".h")
    yield from diagnostics(run(top, "clang-format", f"--style=file:{HERE.parents[1]}/.clang-format", "--dry-run",
                               "-Werror", *map(str, files)), top)  # fmt: skip


@rule("clang-tidy finds nothing (tests/lint/clang-tidy.yaml)")
def tidy(top):
    flags = shlex.split(os.environ.get("LINT_CPPFLAGS", ""))

    def one(file):
        return run(top, "clang-tidy", "--quiet", f"--config-file={HERE}/clang-tidy.yaml", str(file), "--", "-std=gnu11", *flags)

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for output in pool.map(one, walk(top, ".c", below=("provisiond", "mod_hostmaster"))):
            yield from diagnostics(output, top)


def arrow_table():
    """({folder: patterns it may include}, [(pattern of a library's header, patterns of who may)])"""
    folders, libraries = {}, []
    for line in (HERE / "arrows").read_text().splitlines():
        left, colon, right = line.partition(":")
        if not colon or line.startswith("#"):
            continue
        if left.startswith("<"):
            libraries.append((left, right.split()))
        else:
            folders[left] = right.split()
    return folders, libraries


def allowed(name, patterns):
    """Like a shell, `*` stops at a slash unless a slash or nothing is before it."""
    return any(fnmatch.fnmatchcase(name, p) and (p == "*" or name.count("/") == p.count("/") or p.endswith("/*")) for p in patterns)


@rule("the folders include each other only along the arrows of tests/lint/arrows")
def arrows(top):
    folders, libraries = arrow_table()
    for file in walk(top, ".c", ".h", ".def"):
        row = next((str(p) for p in file.parents if str(p) in folders), None)
        for number, line in lines(top, file):
            name = re.match(r'\s*#\s*include\s+(?:"(.*)"|(<.*>))', line)
            if not name:
                continue
            if name[1] and (row is None or not allowed(name[1], folders[row])):
                yield file, number, f"{row or file.parent} must not include {name[1]}"
            for header, users in libraries if name[2] else ():
                if fnmatch.fnmatchcase(name[2], header) and not allowed(str(file), users):
                    yield file, number, f"only {' '.join(users)} may include {name[2]}"


@rule(f"a function has at most {FUNCTION_LINES} lines, a file {FILE_LINES}")
def size(top):
    files = walk(top, *SOURCES)
    for file in files:
        count = len((top / file).read_text(errors="replace").splitlines())
        if count > FILE_LINES:
            yield file, count, f"{count} lines"
    output = run(top, "ctags", "--languages=C,Python,PHP", "--map-C=+.h", "--kinds-C=f", "--kinds-Python=fm", "--kinds-PHP=f",
                 "--fields=+ne", "-f", "-", *map(str, files))  # fmt: skip
    for name, file, first, last in re.findall(r'^(\S+)\t(\S+)\t.*;"\t.*line:(\d+).*end:(\d+)', output, re.M):
        count = int(last) - int(first) + 1
        if count > FUNCTION_LINES:
            yield pathlib.Path(file), int(first), f"{name} has {count} lines"


@rule("no shell, no search in PATH")
def calls(top):
    files = walk(top, ".c", ".h", below=("provisiond", "mod_hostmaster"))
    yield from matches(top, files, FORBIDDEN, "{} is not used here")
    yield from matches(top, files, SHELL, "{} starts a shell")


@rule("C and the tables know no CMS: all of it is in the drivers")
def cms(top):
    yield from matches(top, walk(top, ".c", ".h", ".def", below=("provisiond", "mod_hostmaster")), CMS, "{}: that belongs into a driver")


@rule("a test waits for an event, never for a time; the steps of a poll are below 0.1 s, as a number")
def sleep(top):
    files = [f for f in walk(top, ".c", ".h", ".py", ".sh", below=("tests",)) if f.parts[:2] != ("tests", "lint")]
    yield from matches(top, files, SLEEP, "{} waits for a time; poll for the event with a deadline")


@rule("a log tag stands in one place")
def tags(top):
    first = {}
    for file in walk(top, ".c", ".h", ".def", below=("mod_hostmaster",)):
        for number, line in lines(top, file):
            for tag in re.findall(TAG, line):
                if first.setdefault(tag, (file, number)) != (file, number):
                    yield file, number, f"{tag} is used at {first[tag][0]}:{first[tag][1]} too"


@rule("a file begins with what it owns")
def heads(top):
    c = r"/\*\*?(\n \*)? \S"
    begins = {".c": c, ".h": c, ".def": c, ".php": rf"<\?php\n{c}", ".py": r'(#!.*\n)?"""\S', ".sh": r"#!.*\n# \S",
              ".sql": r"-- \S", ".mk": r"# \S"}  # fmt: skip
    for file in walk(top, *begins):
        text = (top / file).read_text(errors="replace")
        if text and not re.match(begins[file.suffix], text):
            yield file, 1, "does not begin with a comment that says what it owns"


@rule("nothing is unfinished")
def finished(top):
    files = [f for f in walk(top, *SOURCES) if f.parts[:2] != ("tests", "lint")]
    yield from matches(top, files, rf"(?-i:{UNFINISHED})", "{}")


def check(name, top):
    """What the rule says of the tree, a text a finding."""
    return [f"{file}:{number}: {name}: {text}" for file, number, text in RULES[name][0](top)]


def blind(name, top):
    """The files of bad/NAME that the rule does not see, a text each."""
    bad = HERE / "bad" / name
    files = {str(f.relative_to(bad)) for f in bad.rglob("*") if f.is_file()}
    seen = {str(file) for file, _, _ in RULES[name][0](bad)}
    return [f"bad/{name}/{f}: {name} does not see it" for f in sorted(files - seen)] or ([] if files else [f"bad/{name} is empty"])


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--top", type=pathlib.Path, default=HERE.parents[1])
    args.add_argument("--junit")
    args.add_argument("--test", action="store_true")
    args.add_argument("rules", nargs="*", choices=[[], *RULES])
    args = args.parse_args()
    suite = ET.Element("testsuite", name="lint-test" if args.test else "lint")
    failed = False
    for name in args.rules or RULES:
        found = (blind if args.test else check)(name, args.top.resolve())
        case = ET.SubElement(suite, "testcase", classname=suite.get("name"), name=name)
        if found:
            failed = True
            print(*found, f"{name}: {RULES[name][1]}", sep="\n")
            ET.SubElement(case, "failure", message=RULES[name][1]).text = "\n".join(found)
    if args.junit:
        ET.ElementTree(suite).write(args.junit)
    sys.exit(failed)


if __name__ == "__main__":
    main()
