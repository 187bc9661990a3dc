"""joblib and loky: parallel calls of closures, arrays, a cache on disk, dumps, and an error from a worker."""

from __future__ import annotations

import hashlib
import pickle
from pathlib import Path

import joblib
import loky
import numpy as np
from joblib import Memory, Parallel, delayed


class Model:
    def __init__(self, weights: np.ndarray) -> None:
        self.weights = weights
        self.history = [{"step": step, "loss": 1 / (step + 1)} for step in range(100)]

    def predict(self, x: np.ndarray) -> np.ndarray:
        return x @ self.weights


def fail(number: int) -> None:
    raise ValueError(f"cannot work on {number}", {"number": number})


def main() -> None:
    scale = 3
    model = Model(np.arange(12.0).reshape(4, 3))
    batches = [np.full((2, 4), number, dtype=float) for number in range(6)]
    print(Parallel(n_jobs=2)(delayed(lambda number: number * scale)(number) for number in range(8)))
    print(sum(Parallel(n_jobs=2)(delayed(model.predict)(batch) for batch in batches)).tolist())
    large = np.arange(200_000)
    print(
        Parallel(n_jobs=2, max_nbytes=1000)(
            delayed(lambda part: int(part.sum()))(large[n:]) for n in range(3)
        )
    )
    try:
        Parallel(n_jobs=2)(delayed(fail)(number) for number in range(3))
    except ValueError as error:
        print(sorted(map(str, error.args))[-1].startswith("{'number':"), type(error.__cause__).__name__)

    with loky.get_reusable_executor(max_workers=2) as executor:
        local = {"base": 10}
        print(list(executor.map(lambda x: x + local["base"], range(5))))
        print(executor.submit(pickle.dumps, model.history).result() == pickle.dumps(model.history))

    calls = []
    memory = Memory("cache", verbose=0)

    @memory.cache
    def slow(array: np.ndarray, power: int = 2) -> np.ndarray:
        calls.append(power)
        return array**power

    for _ in range(2):
        print(slow(large[:5], power=3).tolist(), calls)
    joblib.dump(model, "model.joblib", compress=3)
    print(joblib.load("model.joblib").predict(batches[1]).tolist(), joblib.hash(model))
    Path("model.pickle").write_bytes(pickle.dumps(model, protocol=5))
    print(hashlib.sha256(Path("model.pickle").read_bytes()).hexdigest())
    print("done")


if __name__ == "__main__":
    main()
