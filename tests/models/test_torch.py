"""Tensors, parameters, layers and optimizers of torch under the policy that is made for them."""

from __future__ import annotations

import io
import os
import pickle
import warnings
from pathlib import Path
from typing import Any

import pytest

import brinery

torch = pytest.importorskip("torch")

from . import tensors  # noqa: E402

POLICY = brinery.Policy("torch")
VALUES = tensors.values()
# Old files name the classes of layers by persistent ids, with their source.
NOT_IN_OLD_FILES = {"module", "recurrent", "attention", "average", "weight norm"}


@pytest.fixture(scope="module", autouse=True)
def quiet() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.mark.parametrize("name", VALUES)
def test_plain_pickles(name: str) -> None:
    for protocol in range(2, 6):
        data = pickle.dumps(VALUES[name], protocol)
        again, stock = brinery.loads(data, policy=POLICY), pickle.loads(data)
        assert tensors.content(again) == tensors.content(stock)


@pytest.mark.parametrize("protocol", range(2, 6))
def test_a_cyclic_schedule(protocol: int) -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=0.1)
    schedule = torch.optim.lr_scheduler.CyclicLR(optimizer, 0.01, 0.1, cycle_momentum=False)
    again = brinery.loads(pickle.dumps(schedule, protocol), policy=POLICY)
    assert again.state_dict() == schedule.state_dict()
    schedule.step()
    again.step()
    assert again.get_last_lr() == schedule.get_last_lr()


@pytest.fixture(scope="module")
def loaded() -> Any:
    """Everything that was saved, loaded under the guard and without it."""
    files = {
        (name, legacy): tensors.saved(value, legacy)
        for name, value in VALUES.items()
        for legacy in (False, True)
        if not (legacy and name in NOT_IN_OLD_FILES)
    }
    stock = {key: torch.load(io.BytesIO(data), weights_only=False) for key, data in files.items()}
    with brinery.guard.installed(POLICY):
        guarded = {key: torch.load(io.BytesIO(data), weights_only=False) for key, data in files.items()}
        strict = {}
        for key, data in files.items():
            try:
                strict[key] = torch.load(io.BytesIO(data), weights_only=True)
            except pickle.UnpicklingError as error:
                strict[key] = error
    return stock, guarded, strict


def test_files(loaded: Any) -> None:
    stock, guarded, _ = loaded
    for key, value in stock.items():
        assert tensors.content(guarded[key]) == tensors.content(value), key


def test_torch_s_own_loader_of_weights_asks_too(loaded: Any) -> None:
    _, _, strict = loaded
    # What it refuses by its own list: everything but tensors and what they are made of.
    refused = {key[0] for key, value in strict.items() if isinstance(value, Exception)}
    assert not refused & {"state", "views", "checkpoint of Adam", "coordinates", "parameters", "float32"}
    # It raises an error of its own, with what the policy says.
    with (
        brinery.guard.installed("stdlib"),
        pytest.raises(pickle.UnpicklingError, match="the policy does not"),
    ):
        torch.load(io.BytesIO(tensors.saved(torch.ones(2))), weights_only=True)
    assert torch.load(io.BytesIO(tensors.saved(torch.ones(2))), weights_only=True).sum() == 2


class Attack:
    """What does something when it is loaded."""

    def __reduce__(self) -> Any:
        return os.mkdir, ("attacked",)


def test_attacks_in_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with brinery.guard.installed(POLICY):
        for legacy in (False, True):
            for weights_only in (False, True):
                file = io.BytesIO(tensors.saved({"w": torch.ones(2), "x": Attack()}, legacy))
                with pytest.raises(pickle.UnpicklingError):
                    torch.load(file, weights_only=weights_only)
    for bytes_of_storage in (pickle.dumps(Attack()), tensors.saved(Attack()), tensors.saved(Attack(), True)):
        data = pickle.dumps(Nested(bytes_of_storage))
        with pytest.raises(brinery.PolicyError, match="no storage of torch"):
            brinery.loads(data, policy=POLICY)
    assert list(tmp_path.iterdir()) == []


class Nested:
    """What is pickled as a storage with these bytes."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def __reduce__(self) -> Any:
        return torch.storage._load_from_bytes, (self.data,)


class Call:
    """What is pickled as a call."""

    def __init__(self, function: Any, *args: Any) -> None:
        self.call = function, args

    def __reduce__(self) -> Any:
        return self.call


def hooks() -> Any:
    import collections

    return collections.OrderedDict()


def storage() -> Any:
    return torch.arange(6.0).storage()


def long() -> Any:
    return torch.tensor([[0, 1], [0, 9]])


REBUILD = torch._utils._rebuild_tensor_v2
FORGED: dict[str, Any] = {
    "beyond the end": lambda: Call(REBUILD, storage(), 0, (7,), (1,), False, hooks()),
    "by its strides": lambda: Call(REBUILD, storage(), 0, (2, 2), (5, 1), False, hooks()),
    "by its offset": lambda: Call(REBUILD, storage(), 6, (1,), (1,), False, hooks()),
    "by numbers that overflow": lambda: Call(REBUILD, storage(), 1 << 62, (2,), (1 << 62,), False, hooks()),
    "many items of one": lambda: Call(REBUILD, storage(), 0, (1 << 40,), (0,), False, hooks()),
    "more strides than sizes": lambda: Call(REBUILD, storage(), 0, (2,), (1, 1), False, hooks()),
    "wider items": lambda: Call(
        torch._utils._rebuild_tensor_v3,
        torch.zeros(8, dtype=torch.uint8).untyped_storage(),
        0,
        (2,),
        (1,),
        False,
        hooks(),
        torch.complex128,
    ),
    "within another": lambda: Call(
        torch._tensor._rebuild_from_type_v2,
        REBUILD,
        torch.nn.Parameter,
        (storage(), 0, (7,), (1,), False, hooks()),
        {},
    ),
    "sparse, out of its size": lambda: Call(
        torch._utils._rebuild_sparse_tensor,
        torch.sparse_coo,
        (long(), torch.ones(2), torch.Size([2, 3]), True),
    ),
    "rows, out of its size": lambda: Call(
        torch._utils._rebuild_sparse_tensor,
        torch.sparse_csr,
        (torch.tensor([0, 1, 2]), torch.tensor([0, 9]), torch.ones(2), torch.Size([2, 3])),
    ),
    "rows that go back": lambda: Call(
        torch._utils._rebuild_sparse_tensor,
        torch.sparse_csr,
        (torch.tensor([0, 9, 2]), torch.tensor([0, 1]), torch.ones(2), torch.Size([2, 3])),
    ),
    "quantized, of a channel that is not there": lambda: Call(
        torch._utils._rebuild_qtensor,
        torch.quantize_per_tensor(torch.ones(4), 0.1, 0, torch.qint8).storage(),
        0,
        (2, 2),
        (2, 1),
        (torch.per_channel_affine, torch.ones(2), torch.zeros(2), 7),
        False,
        hooks(),
    ),
    "quantized, larger than it is": lambda: Call(
        torch._utils._rebuild_qtensor,
        torch.quantize_per_tensor(torch.ones(4), 0.1, 0, torch.qint8).storage(),
        0,
        (1 << 30,),
        (0,),
        (torch.per_tensor_affine, 0.1, 0),
        False,
        hooks(),
    ),
    "with special attributes": lambda: Call(
        torch._utils._rebuild_parameter_with_state, torch.ones(2), False, hooks(), {"__class__": 1}
    ),
}


@pytest.mark.parametrize("name", FORGED)
def test_tensors_do_not_reach_out_of_their_storages(name: str) -> None:
    with pytest.raises(brinery.PolicyError):
        brinery.loads(pickle.dumps(FORGED[name]()), policy=POLICY)


def test_layers_of_a_program_s_own() -> None:
    data = tensors.saved(Net())
    with brinery.guard.installed(POLICY), pytest.raises(brinery.PolicyError, match="Net"):
        torch.load(io.BytesIO(data), weights_only=False)
    with brinery.guard.installed(POLICY | brinery.Policy.allow(Net)):
        again = torch.load(io.BytesIO(data), weights_only=False)
    assert isinstance(again, Net)


class Net(torch.nn.Module):  # type: ignore[misc, name-defined]
    """A program's own."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = torch.nn.Linear(2, 3)


def test_no_file_is_flagged(tmp_path: Path) -> None:
    for index, (name, value) in enumerate(VALUES.items()):
        (tmp_path / f"{index}.pt").write_bytes(tensors.saved(value))
        (tmp_path / f"{index}.pkl").write_bytes(pickle.dumps(value))
        if name not in NOT_IN_OLD_FILES:
            (tmp_path / f"{index}.old").write_bytes(tensors.saved(value, legacy=True))
    flagged = [
        path.name
        for path in sorted(tmp_path.iterdir())
        if str(brinery.scan(path).verdict) not in ("clean", "needs")
    ]
    assert flagged == []


def test_attacks_are_found(tmp_path: Path) -> None:
    path = tmp_path / "x"
    for data in (
        tensors.saved({"w": torch.ones(2), "x": Attack()}),
        tensors.saved({"w": torch.ones(2), "x": Attack()}, legacy=True),
        pickle.dumps([torch.ones(2), Attack()]),
        pickle.dumps(Nested(pickle.dumps(Attack()))),
        pickle.dumps(Nested(tensors.saved(Attack()))),
    ):
        path.write_bytes(data)
        assert str(brinery.scan(path).verdict) == "dangerous"


def test_generators_are_given_states_that_torch_looks_at() -> None:
    generator = torch.Generator()
    generator.manual_seed(5)
    torch.rand(3, generator=generator)
    for protocol in range(2, 6):
        again = brinery.loads(pickle.dumps(generator, protocol), policy=POLICY)
        expected = pickle.loads(pickle.dumps(generator, protocol))
        assert torch.equal(torch.rand(9, generator=again), torch.rand(9, generator=expected))
    kind, args, (seed, offset, state) = generator.__reduce__()

    class Forged:
        def __init__(self, state: Any) -> None:
            self.state = state

        def __reduce__(self) -> Any:
            return kind, args, (seed, offset, self.state)

    for wrong in (
        state[:-1],
        torch.zeros(0, dtype=torch.uint8),
        state.to(torch.float32),
        state | 0xFF,
        "text",
    ):
        with pytest.raises((brinery.PolicyError, RuntimeError, TypeError)):
            brinery.loads(pickle.dumps(Forged(wrong)), policy=POLICY)
