"""The detectors of river and alibi-detect on the streams of `cargo xtask drift`: tuned to the same measured mean inferences
between false alarms, then the median delay after a change of one of 16 features; and on the tables of real streams.

    peers.py [RUNS [FOLDER]]

A detector of one feature watches each; the first that fires is the alarm. Simulated streams are normal and independent, the
reference has 1,000 samples where a detector takes one. On a real stream a detector gets features of mean 0 and deviation 1 over the
reference, and is tuned on samples that are drawn from the reference.
"""

import sys
from pathlib import Path

import numpy as np
from river import drift

FEATURES, REFERENCE, PROMISE = 16, 1000, 10_000
CHANGES = {"+0.5σ": (0.5, 1.0), "+1σ": (1.0, 1.0), "σ x1.5": (0.0, 1.5)}
RUNS = int(sys.argv[1]) if len(sys.argv) > 1 else 24
MOST = 4 * PROMISE


class Each:
    """A detector for each feature."""

    def __init__(self, make, features):
        self.detectors = [make() for _ in range(features)]

    def alarms(self, x):
        for detector, value in zip(self.detectors, x):
            detector.update(value)
            if detector.drift_detected:
                return True
        return False


def normal(rng):
    """A stream without an end."""
    while True:
        yield rng.standard_normal(FEATURES)


def changing(rng, change, before):
    """A stream whose first feature changes."""
    for t, x in enumerate(normal(rng)):
        if t >= before:
            x[0] = x[0] * change[1] + change[0]
        yield x


def first_alarm(detector, stream, most=MOST):
    """The sample, counted from 1, at which the alarm comes; None if it does not in so many."""
    for t, x in zip(range(most), stream):
        if detector.alarms(x):
            return t + 1
    return None


def measured(make, streams):
    """Mean samples between false alarms: all time over all alarms."""
    lengths = [first_alarm(make(), stream) for stream in streams]
    return sum(length or MOST for length in lengths) / max(1, sum(length is not None for length in lengths))


def tuned(make, low, high, streams, steps=7):
    """The setting, between two that alarm too often and too seldom, whose measured mean is nearest the promise."""
    best = None
    for _ in range(steps):
        middle = (low * high) ** 0.5
        found = measured(lambda: make(middle), streams())
        if best is None or abs(np.log(found / PROMISE)) < abs(np.log(best[1] / PROMISE)):
            best = (middle, found)
        low, high = (middle, high) if found < PROMISE else (low, middle)
    return best


class TwoSided:
    """river's Page-Hinkley knows both directions by itself; the squares make it see spread as well."""

    def __init__(self, threshold):
        self.parts = [drift.PageHinkley(threshold=threshold, delta=0.1, alpha=1.0) for _ in range(2)]
        self.drift_detected = False

    def update(self, x):
        self.parts[0].update(x)
        self.parts[1].update(x * x)
        self.drift_detected = any(part.drift_detected for part in self.parts)


def river():
    yield "Page-Hinkley, δ=.1", lambda v: drift.PageHinkley(threshold=v, delta=0.1, alpha=1.0), 10, 200
    yield "Page-Hinkley of x and x²", TwoSided, 10, 400
    yield "ADWIN", lambda v: drift.ADWIN(delta=1 / v), 1e2, 1e12


def alibi(reference):
    """alibi-detect's detector for windows of many features, whose thresholds it simulates for the mean run that it is told.

    It refuses, with a ValueError, to find the threshold of a mean run from too few simulations, of which it keeps all at once.
    """
    from alibi_detect.cd import CVMDriftOnline

    class Online:
        def __init__(self):
            kept = np.asarray(reference, np.float32)
            self.detector = CVMDriftOnline(kept, ert=PROMISE, window_sizes=[20, 60], n_bootstraps=10_000, verbose=False)

        def alarms(self, x):
            return bool(self.detector.predict(np.asarray(x, np.float32))["data"]["is_drift"])

        def anew(self):
            self.detector.reset_state()
            return self

    return Online()


def delay(at, before):
    """Samples after the change; None if the alarm came before it or not at all."""
    return at - before if at and at > before else None


def median(delays):
    found = [d for d in delays if d is not None]
    return str(int(np.median(found))) if found else "none"


def row(*cells):
    print("| " + " | ".join(cells) + " |", flush=True)


def simulated(with_alibi):
    print("| detector | setting | measured | " + " | ".join(CHANGES) + " |")
    print("|---|---|---|" + "---|" * len(CHANGES))
    streams = lambda: (normal(np.random.default_rng(1 + i)) for i in range(RUNS))
    for name, make, low, high in river():
        setting, found = tuned(lambda v: Each(lambda: make(v), FEATURES), low, high, streams)
        cells = []
        for change in CHANGES.values():
            runs = (changing(np.random.default_rng(900 + i), change, 500) for i in range(2 * RUNS))
            cells.append(median(delay(first_alarm(Each(lambda: make(setting), FEATURES), s, 3500), 500) for s in runs))
        row(f"river {name}", f"{setting:.3g}", f"{found:.0f}", *cells)
    if with_alibi:
        simulated_alibi()


def simulated_alibi():
    lengths, delays = [], {name: [] for name in CHANGES}
    try:
        for i in range(6):
            rng = np.random.default_rng(5 + i)
            detector = alibi(rng.standard_normal((REFERENCE, FEATURES)))
            lengths.append(first_alarm(detector, normal(rng), 2 * PROMISE))
            for name, change in CHANGES.items():
                runs = [first_alarm(detector.anew(), changing(rng, change, 200), 2200) for _ in range(4)]
                delays[name] += [delay(at, 200) for at in runs]
    except ValueError as error:
        row("alibi-detect CVMDriftOnline", f"ert {PROMISE}", f"refuses: {error}", *[""] * len(CHANGES))
    else:
        found = sum(n or 2 * PROMISE for n in lengths) / max(1, sum(n is not None for n in lengths))
        row("alibi-detect CVMDriftOnline", f"ert {PROMISE}", f"{found:.0f}", *map(median, delays.values()))


def table_of(path):
    """The reference, the stream, and how much of it comes before the change; features that vary, each once."""
    with open(path) as file:
        reference, before = map(int, file.readline().split(","))
        rows = np.loadtxt(file, delimiter=",", ndmin=2)
    _, first = np.unique(rows, axis=1, return_index=True)
    rows = rows[:, [i for i in sorted(first) if rows[:reference, i].std() > 0]]
    rows = (rows - rows[:reference].mean(axis=0)) / rows[:reference].std(axis=0)
    return rows[:reference], rows[reference:], before


def drawn(reference, seed):
    """A stream without an end, of samples of the reference."""
    rng = np.random.default_rng(seed)
    while True:
        yield reference[rng.integers(len(reference))]


def said(at, before):
    """What a real stream's alarm was."""
    return "none" if at is None else f"false alarm at {at}" if at <= before else str(at - before)


def real(folder, with_alibi, runs=6, steps=5):
    names = [f"river {name}" for name, *_ in river()] + ["alibi-detect CVMDriftOnline"] * with_alibi
    print("\nsamples from the change to the alarm on real streams; in brackets the measured mean between false alarms")
    row("stream", *names)
    print("|---|" + "---|" * len(names))
    settings = {}
    for path in sorted(Path(folder).glob("*.csv")):
        reference, stream, before = table_of(path)
        features, cells = reference.shape[1], []
        for name, make, low, high in river():
            # Streams of one kind share what their first one was tuned to.
            kind = (path.stem.split(",")[0], name)
            if kind not in settings:
                streams = lambda: (drawn(reference, i) for i in range(runs))
                settings[kind] = tuned(lambda v: Each(lambda: make(v), features), low, high, streams, steps)
            setting, found = settings[kind]
            at = first_alarm(Each(lambda: make(setting), features), stream, len(stream))
            cells.append(f"{said(at, before)} ({found:.0f})")
        if with_alibi:
            try:
                cells.append(said(first_alarm(alibi(reference), stream, len(stream)), before))
            except ValueError as error:
                cells.append(f"refuses: {error}")
        row(path.stem, *cells)


def main():
    try:
        import alibi_detect  # noqa: F401
    except ImportError as error:
        print(f"alibi-detect left out: {error}")
        with_alibi = False
    else:
        with_alibi = True
    if RUNS:
        simulated(with_alibi)
    if len(sys.argv) > 2:
        real(sys.argv[2], with_alibi)


main()
