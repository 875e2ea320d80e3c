"""What the network itself costs, in process and without copying: `python -m benchmarks.compute FOLDER SECONDS`."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import tensorflow as tf

from benchmarks.compiled import Compiled
from benchmarks.samples import Sample
from benchmarks.timings import cell, print_cells, timed

WARM_RUNS = 10


def main() -> None:
    """Runs the compiled function for so many seconds, its input being a tensor already."""
    sample, seconds = Sample(Path(sys.argv[1])), float(sys.argv[2])
    function, picture = Compiled(sample).function, tf.constant(sample.picture)
    for _ in range(WARM_RUNS):
        function(picture)
    end, times = time.perf_counter() + seconds, []
    while time.perf_counter() < end:
        times.append(timed(function, picture))
    print_cells({"binary 1": cell(times)})


if __name__ == "__main__":
    main()
