"""What the works of this package cost in Python, with the real greenlet: `pip install greenlet`, then `python3 peers.py [--json]`.

Most of what is measured is the interpreter: a loop around nothing is printed as the row `nothing`.
"""

import json
import statistics
import sys
import time

try:
    import greenlet
except ImportError:
    sys.exit("error: no package greenlet: `pip install greenlet`")

ROUNDS = 21
COUNT = 2000


def lap(operation):
    """Nanoseconds of one operation."""
    start = time.perf_counter_ns()
    for _ in range(COUNT):
        operation()
    return (time.perf_counter_ns() - start) / COUNT


def echo():
    """A greenlet that answers every value with the next one."""
    main = greenlet.getcurrent()

    def body(value):
        while True:
            value = main.switch(value + 1)

    partner = greenlet.greenlet(body)
    partner.switch(0)
    return partner


class Thrown(Exception):
    pass


def catcher(frames):
    """A greenlet that waits so many functions deep and handles what is thrown there."""
    main = greenlet.getcurrent()

    def deep(depth):
        return main.switch(0) if depth == 1 else deep(depth - 1)

    def body(_):
        while True:
            try:
                deep(frames)
            except Thrown:
                pass

    partner = greenlet.greenlet(body)
    partner.switch(0)
    return partner


def run():
    greenlet.greenlet(lambda value: value).switch(7)


def kill():
    main = greenlet.getcurrent()
    greenlet.greenlet(main.switch).switch(7)


def round_trip(partner):
    return lambda: partner.switch(7)


def throw(partner):
    return lambda: partner.throw(Thrown)


def main():
    works = {
        "nothing": lambda: (lambda: None),
        "round-trip": lambda: round_trip(echo()),
        "throw-1": lambda: throw(catcher(1)),
        "throw-5": lambda: throw(catcher(5)),
        "create-run-finish": lambda: run,
        "create-switch-kill": lambda: kill,
    }
    samples = {name: [] for name in works}
    for _ in range(ROUNDS):
        for name, prepare in works.items():
            samples[name].append(lap(prepare()))
    for name, times in samples.items():
        low, median, high = statistics.quantiles(times, n=4)
        if "--json" not in sys.argv[1:]:
            print(f"{name:20} {median:8.0f} ns, spread {(high - low) / median:.2f}")
        elif name != "nothing":
            row = {"operation": name, "peer": "python-greenlet", "median_ns": median, "spread": (high - low) / median}
            print(json.dumps(row | {"vs_raw": None, "vs_corosensei": None}))


main()
