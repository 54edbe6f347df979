"""The detectors of river and alibi-detect on the streams of `cargo xtask drift`: tuned to the same measured mean inferences
between false alarms, then the median delay after a change of one of 16 features.

A detector of one feature watches each of the 16; the first that fires is the alarm. Streams are normal and independent, the
reference has 1,000 samples where a detector takes one.
"""

import sys

import numpy as np
from river import drift

FEATURES, REFERENCE, PROMISE = 16, 1000, 10_000
CHANGES = {"+0.5σ": (0.5, 1.0), "+1σ": (1.0, 1.0), "σ x1.5": (0.0, 1.5)}
RUNS = int(sys.argv[1]) if len(sys.argv) > 1 else 24
MOST = 4 * PROMISE


def first_alarm(make, rng, change=None, before=0, most=MOST):
    """Samples until any feature's detector fires; with a change, counted from it, None if one fired before."""
    detectors = [make() for _ in range(FEATURES)]
    for t in range(before + most):
        x = rng.standard_normal(FEATURES)
        if change and t >= before:
            x[0] = x[0] * change[1] + change[0]
        for detector, value in zip(detectors, x):
            detector.update(value)
            if detector.drift_detected:
                return None if t < before else t + 1 - before
    return most


def measured(make, seed):
    """Mean samples between false alarms: all time over all alarms."""
    lengths = [first_alarm(make, np.random.default_rng(seed + i)) for i in range(RUNS)]
    return sum(lengths) / max(1, sum(length < MOST for length in lengths))


def tuned(make, low, high, steps=7):
    """The setting, between two that alarm too often and too seldom, whose measured mean is nearest the promise."""
    best = None
    for _ in range(steps):
        middle = (low * high) ** 0.5
        found = measured(lambda: make(middle), 1)
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


def alibi():
    """alibi-detect's detector for windows of many features, whose thresholds it simulates for the mean run that it is told."""
    from alibi_detect.cd import CVMDriftOnline

    rng = np.random.default_rng(5)
    delays = {name: [] for name in CHANGES}
    lengths = []
    for i in range(6):
        reference = rng.standard_normal((REFERENCE, FEATURES)).astype(np.float32)
        detector = CVMDriftOnline(reference, ert=PROMISE, window_sizes=[20, 60], n_bootstraps=10_000, verbose=False)

        def until(change, before, most):
            detector.reset_state()
            for t in range(before + most):
                x = rng.standard_normal(FEATURES).astype(np.float32)
                if change and t >= before:
                    x[0] = x[0] * change[1] + change[0]
                if detector.predict(x)["data"]["is_drift"]:
                    return None if t < before else t + 1 - before
            return most

        lengths.append(until(None, 0, 2 * PROMISE))
        for name, change in CHANGES.items():
            delays[name] += [until(change, 200, 2000) for _ in range(4)]
    mean = sum(lengths) / max(1, sum(length < 2 * PROMISE for length in lengths))
    return mean, {name: int(np.median([d for d in found if d is not None])) for name, found in delays.items()}


def main():
    print("| detector | setting | measured | " + " | ".join(CHANGES) + " |")
    print("|---|---|---|" + "---|" * len(CHANGES))
    for name, make, low, high in river():
        setting, found = tuned(make, low, high)
        cells = []
        for change in CHANGES.values():
            delays = [
                first_alarm(lambda: make(setting), np.random.default_rng(900 + i), change, before=500, most=3000)
                for i in range(2 * RUNS)
            ]
            delays = [d for d in delays if d is not None]
            cells.append(str(int(np.median(delays))) if delays else "none")
        print(f"| river {name} | {setting:.3g} | {found:.0f} | " + " | ".join(cells) + " |", flush=True)
    try:
        found, delays = alibi()
    except ImportError as error:
        print(f"alibi-detect left out: {error}")
        return
    print(f"| alibi-detect CVMDriftOnline | ert {PROMISE} | {found:.0f} | " + " | ".join(map(str, delays.values())) + " |")


main()
