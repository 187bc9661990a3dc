"""Values of torch."""

from __future__ import annotations

import collections
import io
import warnings
import zipfile
from typing import Any

import torch
from torch import nn

DTYPES = "float32 float64 float16 bfloat16 int8 int16 int32 int64 uint8 bool complex64 complex128".split()


def values() -> dict[str, Any]:
    """Return values that people save."""
    base = torch.arange(24.0).reshape(4, 6)
    found: dict[str, Any] = {name: torch.zeros(2, 3, dtype=getattr(torch, name)) for name in DTYPES}
    parameter = nn.Parameter(torch.ones(2))
    parameter.tag = "x"  # type: ignore[attr-defined]
    net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.BatchNorm1d(4), nn.Dropout())
    found |= {
        "views": [base, base[1:3, ::2], base.t(), base[0]],
        "odd shapes": [torch.empty(0), torch.tensor(3.5), torch.ones(1).expand(5)],
        "gradients": torch.ones(3, requires_grad=True),
        "parameters": [nn.Parameter(torch.ones(2)), parameter],
        "state": net.state_dict(),
        "sizes": [torch.Size([1, 2]), torch.float32, torch.device("cpu"), torch.strided],
        "conjugate": torch.ones(2, dtype=torch.complex64).conj(),
        "meta": torch.empty(3, device="meta"),
        "random state": torch.get_rng_state(),
        "ordered": collections.OrderedDict(a=torch.ones(2)),
        "arrays": {"a": torch.ones(2).numpy()},
        "module": net,
        "recurrent": nn.LSTM(3, 4, 2),
        "attention": nn.TransformerEncoderLayer(8, 2),
        "packed": nn.utils.rnn.pack_sequence([torch.ones(3), torch.ones(2)]),
        "data": torch.utils.data.TensorDataset(torch.ones(3), torch.zeros(3)),
        "distribution": torch.distributions.Normal(torch.zeros(2), torch.ones(2)),
    }
    found["samplers"] = [
        torch.utils.data.BatchSampler(torch.utils.data.SequentialSampler(found["data"]), 2, False),
        torch.utils.data.RandomSampler(found["data"]),
        torch.utils.data.WeightedRandomSampler([1.0, 2.0], 2),
    ]
    found["results"] = [torch.max(torch.ones(2, 2), 0), torch.linalg.svd(torch.eye(2))]
    found["initialisers"] = [nn.init.xavier_uniform_, nn.init.zeros_]
    found["transforms"] = torch.distributions.LogNormal(0.0, 1.0)
    found["average"] = torch.optim.swa_utils.AveragedModel(nn.Linear(2, 2))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found["coordinates"] = torch.sparse_coo_tensor(
            torch.tensor([[0, 1], [1, 2]]), torch.tensor([3.0, 4.0]), (2, 3)
        ).coalesce()
        found["rows"] = torch.eye(3).to_sparse_csr()
        found["columns"] = torch.eye(3).to_sparse_csc()
        found["blocks"] = torch.eye(4).to_sparse_bsr((2, 2))
        found["weight norm"] = nn.utils.weight_norm(nn.Linear(2, 2))
        found["quantized"] = torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8)
        found["quantized by channels"] = torch.quantize_per_channel(
            torch.ones(3, 2), torch.tensor([0.1, 0.2, 0.3]), torch.tensor([0, 0, 0]), 0, torch.quint8
        )
    for name in ("SGD", "Adam", "AdamW", "RMSprop", "Adagrad"):
        linear = nn.Linear(3, 2)
        optimizer = getattr(torch.optim, name)(linear.parameters(), lr=0.1)
        linear(torch.ones(1, 3)).sum().backward()
        optimizer.step()
        found[f"checkpoint of {name}"] = {
            "model": linear.state_dict(),
            "optimizer": optimizer.state_dict(),
            "epoch": 3,
        }
        found[f"optimizer {name}"] = optimizer
        found[f"schedule of {name}"] = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 3)
    return found


def content(value: Any) -> dict[str, bytes]:
    """Return all that torch would save of a value."""
    with zipfile.ZipFile(io.BytesIO(saved(value))) as archive:
        return {
            name.partition("/")[2]: archive.read(name)
            for name in archive.namelist()
            if "serialization_id" not in name
        }


def saved(value: Any, legacy: bool = False) -> bytes:
    """Return what torch saves a value as."""
    file = io.BytesIO()
    torch.save(value, file, _use_new_zipfile_serialization=not legacy)
    return file.getvalue()
