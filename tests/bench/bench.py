"""make bench: ours and theirs side by side on this machine, a line a row:

    name ratio=R (min..max) target=T what was compared (its own figures)

and at the end what the baselines were. BENCH="name name" runs some of the rows, BENCH_RUNS sets how often (7), BENCH_BIG=1 adds what
takes long. Everything lies in labs of its own, in folders, namespaces and servers that are gone afterwards.
"""

import os
import signal
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, f"{HERE}/../it"]

from lab import Lab  # noqa: E402

import backups  # noqa: E402
import cost  # noqa: E402
import install  # noqa: E402
import memory  # noqa: E402
import page  # noqa: E402
import start  # noqa: E402
import static  # noqa: E402
import visit  # noqa: E402

MODULES = (start, install, visit, static, cost, page, backups, memory)


def chosen():
    """Each module with those of its rows that were asked for."""
    wanted = os.environ.get("BENCH", "").split()
    known = [name for module in MODULES for name in module.ROWS]
    unknown = set(wanted) - set(known)
    if unknown:
        sys.exit(f"bench: no row {' '.join(sorted(unknown))}; there are {' '.join(known)}")
    for module in MODULES:
        rows = [row for name, row in module.ROWS.items() if not wanted or name in wanted]
        if rows:
            yield module, dict.fromkeys(rows)


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("bench: ended by a signal"))  # the labs are removed then too
    began, ran = time.monotonic(), []
    try:
        for module, rows in chosen():
            for row in rows:
                row()
            ran.append(module)
    finally:
        Lab.end_session()
    print("\nbaselines")
    for module in ran:
        print(f"  {', '.join(module.ROWS)}: {module.BASELINE}")
    print(f"\nbench: {os.cpu_count()} cores, {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
