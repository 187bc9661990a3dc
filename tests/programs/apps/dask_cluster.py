"""A Dask cluster of local processes: graphs, futures, arrays, actors, errors and a bag."""

from __future__ import annotations

import dask
import dask.bag
import numpy as np
from distributed import Client, LocalCluster


class Account:
    """An actor: it lives in one worker."""

    def __init__(self) -> None:
        self.balance = 0

    def deposit(self, amount: int) -> int:
        self.balance += amount
        return self.balance


def fail(number: int) -> None:
    raise LookupError("nothing there", number)


def main() -> None:
    offset = 100
    cluster = LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address=None
    )
    with cluster, Client(cluster) as client:
        print(client.gather(client.map(lambda x: x + offset, range(20))))
        large = client.scatter(np.arange(300_000), broadcast=True)
        print(client.submit(lambda array: int(array.sum()), large).result())
        total = dask.delayed(sum)([dask.delayed(pow)(n, 2) for n in range(10)])
        print(total.compute())
        try:
            client.submit(fail, 3).result()
        except LookupError as error:
            print(repr(error))
        account = client.submit(Account, actor=True).result()
        account.deposit(5).result()
        print(account.deposit(10).result())
        words = dask.bag.from_sequence("a b a c b a".split(), npartitions=3)
        print(sorted(words.frequencies().compute()))
        print(client.submit(lambda: [np.ones((2, 2)), {"x": {1, 2}}, Account()]).result()[:2])
    print("done")


if __name__ == "__main__":
    main()
