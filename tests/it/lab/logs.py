"""The logs of a lab: a line of warning level that a test did not expect fails it."""

import os
import re

# The daemon's events that tell of something wrong, httpd's and PHP-FPM's levels, and what a sanitizer says.
LEVEL = re.compile(
    r"event=\S*\b(fail|fatal|died|kill|stuck|unavailable|unreadable|unknown|put_back|park|malformed)\b|error=\"|why=malformed"
    r"|state=(failed|stuck)|code=INTERNAL|\[\S*:(warn|error|crit|alert|emerg)\]|\b(WARNING|ERROR|ALERT):|Sanitizer|runtime error:")


class Logs:
    def __init__(self, folder):
        self.folder, self.seen, self.expected = folder, {}, []

    def _paths(self):
        for path, _, names in os.walk(self.folder):
            yield from (f"{path}/{name}" for name in names if "access" not in name)

    def skip(self):
        """What was written until now is of no interest any more; nothing more is expected."""
        self.expected = []
        for path in self._paths():
            self.seen[path] = os.path.getsize(path)

    def expect(self, *patterns):
        """Lines that may come from here on, as regular expressions."""
        self.expected += [re.compile(pattern) for pattern in patterns]

    def unexpected(self):
        lines = []
        for path in self._paths():
            with open(path, encoding="utf-8", errors="replace") as f:
                f.seek(self.seen.get(path, 0))
                lines += [f"{os.path.basename(path)}: {line.rstrip()}" for line in f if LEVEL.search(line)]
        return [line for line in lines if not any(pattern.search(line) for pattern in self.expected)]
