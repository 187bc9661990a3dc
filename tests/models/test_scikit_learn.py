"""Models of scikit-learn load under the policy that is made for them; damaged ones are refused before native code indexes."""

from __future__ import annotations

import copyreg
import io
import pickle
import warnings
from typing import Any

import pytest

import brinery

pytest.importorskip("sklearn")

import joblib  # noqa: E402
import numpy as np  # noqa: E402
import scipy.sparse  # noqa: E402
from scipy import stats  # noqa: E402
from sklearn.linear_model import LogisticRegression  # noqa: E402
from sklearn.model_selection import RandomizedSearchCV  # noqa: E402

from . import estimators  # noqa: E402
from .estimators import X  # noqa: E402

POLICY = brinery.Policy("sklearn")


@pytest.fixture(scope="module", autouse=True)
def quiet() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.fixture(scope="module")
def models() -> list[tuple[str, Any, Any]]:
    found = list(estimators.models())
    assert len(found) > 200
    return found


def test_models_load_equal(models: list[tuple[str, Any, Any]]) -> None:
    refused = []
    for name, model, inputs in models:
        for protocol in range(2, 6):
            data = pickle.dumps(model, protocol)
            verdict = POLICY.explain(data)
            if not verdict.clean:
                refused.append((name, protocol, str(verdict.error)))
                continue
            again, stock = brinery.loads(data, policy=POLICY), pickle.loads(data)
            assert pickle.dumps(again, protocol) == pickle.dumps(stock, protocol), name
        if inputs is not None:
            mine, theirs = estimators.answers(again, inputs), estimators.answers(stock, inputs)
            assert pickle.dumps(mine) == pickle.dumps(theirs), name
    assert refused == []


def test_files_of_joblib_load_under_the_guard(models: list[tuple[str, Any, Any]]) -> None:
    saved = []
    for name, model, inputs in models:
        for compress in (0, 3):
            file = io.BytesIO()
            joblib.dump(model, file, compress=compress)
            saved.append((name, inputs, file.getvalue()))
    stock = [joblib.load(io.BytesIO(data)) for *_, data in saved]
    with brinery.guard.installed(POLICY):
        guarded = [joblib.load(io.BytesIO(data)) for *_, data in saved]
    for (name, inputs, _), mine, theirs in zip(saved, guarded, stock):
        assert type(mine) is type(theirs)
        if inputs is not None:
            assert pickle.dumps(estimators.answers(mine, inputs)) == pickle.dumps(
                estimators.answers(theirs, inputs)
            ), name


def test_no_model_is_flagged(models: list[tuple[str, Any, Any]], tmp_path: Any) -> None:
    for index, (_, model, _) in enumerate(models):
        (tmp_path / f"{index}.pkl").write_bytes(pickle.dumps(model))
        joblib.dump(model, tmp_path / f"{index}.joblib", compress=3 * (index % 2))
    flagged = [
        path.name
        for path in sorted(tmp_path.iterdir())
        if str(brinery.scan(path).verdict) not in ("clean", "needs")
    ]
    # Two in a hundred, and no more: memory of arrays can look like a pickle by chance.
    assert len(flagged) * 50 <= len(list(tmp_path.iterdir())), flagged


def test_learnt_from_half_of_them_the_others_load(models: list[tuple[str, Any, Any]]) -> None:
    data = [pickle.dumps(model) for _, model, _ in models]
    learnt = brinery.Policy.learn(data[::2])
    clean = [learnt.explain(sample).clean for sample in data[1::2]]
    assert sum(clean) >= 0.95 * len(clean)


def damaged(model: Any, change: Any) -> bytes:
    """Return the pickle of a model after a change that keeps its kind."""
    again = pickle.loads(pickle.dumps(model))
    change(again)
    return pickle.dumps(again)


def setting(path: str, value: Any) -> Any:
    """Return what sets an attribute at the end of a path."""

    def change(model: Any) -> None:
        *owners, name = path.split(".")
        for owner in owners:
            model = model[int(owner)] if owner.isdecimal() else getattr(model, owner)
        if callable(value):
            setattr(model, name, value(getattr(model, name)))
        else:
            setattr(model, name, value)

    return change


def wide(model: Any) -> Any:
    """Return what puts a tree of more features into a model."""
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    cls = DecisionTreeRegressor if estimators.is_regressor(model) else DecisionTreeClassifier
    return cls().fit(np.c_[X, X], estimators.THREE)


def fitted(name: str) -> Any:
    return estimators.COMPOSED[name]()[0]


def first_place(array: Any, value: int) -> Any:
    """Return a copy with another first item."""
    copy = array.copy()
    copy.flat[0] = value
    return copy


DAMAGES: dict[str, tuple[str, Any]] = {
    "a forest asks for a million threads": ("forest", setting("n_jobs", 10**6)),
    "a forest asks for more threads than can be counted": ("forest", setting("n_jobs", 10**30)),
    "a forest says it takes fewer features": ("forest", setting("n_features_in_", 1)),
    "a tree in a forest takes more features": (
        "forest",
        lambda model: model.estimators_.__setitem__(0, wide(model)),
    ),
    "a tree of boosting takes more features": (
        "boosting",
        lambda model: model.estimators_.__setitem__((0, 0), wide(model)),
    ),
    "boosting adds up more columns than there are": ("boosting", setting("n_trees_per_iteration_", 2)),
    "the first guess of boosting has fewer columns": (
        "boosting",
        setting("init_.class_prior_", lambda prior: prior[:2]),
    ),
    "the nodes of histograms lead out of them": (
        "histograms",
        lambda model: model._predictors[0][0].nodes.__setitem__("left", 10**6),
    ),
    "histograms ask for a feature that is not there": (
        "histograms",
        lambda model: model._predictors[0][0].nodes.__setitem__("feature_idx", 10**6),
    ),
    "histograms know fewer categories": (
        "histograms",
        setting("_bin_mapper.is_categorical_", lambda known: known[:1]),
    ),
    "support vectors are fewer than counted": (
        "vectors",
        setting("support_vectors_", lambda table: table[:2]),
    ),
    "support vectors are counted wrong": (
        "vectors",
        setting("_n_support", lambda counts: first_place(counts, 10**6)),
    ),
    "support vectors lack an intercept": ("vectors", setting("_intercept_", lambda values: values[:1])),
    "sparse support vectors lead out of it": (
        "vectors, sparse",
        setting("support_vectors_.indices", lambda places: first_place(places, 10**6)),
    ),
    "neighbours are of no class": (
        "neighbours, brute",
        setting("_y", lambda places: first_place(places, 10**6)),
    ),
    "neighbours are as wide as other inputs": (
        "neighbours, brute",
        setting("_fit_X", lambda table: table[:, :1]),
    ),
    "a vocabulary leads out of its matrix": (
        "counts",
        lambda model: model[0].vocabulary_.__setitem__("fish", 10**6),
    ),
    "a scalar of a vocabulary leads out of its matrix": (
        "the most frequent words",
        lambda model: model[0].vocabulary_.__setitem__("fish", np.int64(4)),
    ),
    "a scalar of a vocabulary comes before its matrix": (
        "the most frequent words",
        lambda model: model[0].vocabulary_.__setitem__("fish", np.int8(-1)),
    ),
    "a one-hot encoder counts other columns": ("rare categories", setting("_n_features_outs", [5])),
    "a sparse matrix leads out of itself": (
        "sparse coefficients",
        setting("coef_.indices", lambda places: first_place(places, 10**6)),
    ),
    "a sparse matrix has no end": (
        "sparse coefficients",
        setting("coef_.indptr", lambda starts: starts * 1000),
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_native_code_would_index_by_is_looked_at(damage: str) -> None:
    name, change = DAMAGES[damage]
    model = fitted(name)
    assert POLICY.explain(pickle.dumps(model)).clean
    with pytest.raises(brinery.PolicyError) as refusal:
        brinery.loads(damaged(model, change), policy=POLICY)
    assert refusal.value.rule == "global.state"


def test_trees_of_neighbours_are_closed() -> None:
    from sklearn.neighbors import KDTree

    state = list(KDTree(X, leaf_size=5).__getstate__())
    tree = KDTree(X[:6], leaf_size=2)
    for place, value in (
        (2, lambda nodes: np.array([(0, 80, 0, 1.0)] * len(nodes), nodes.dtype)),  # no leaves
        (1, lambda index: first_place(index, 10**6)),
        (3, lambda bounds: bounds[:1]),
        (12, lambda _: np.ones(2)),
    ):
        forged = [*state]
        forged[place] = value(state[place])
        data = pickle.dumps(Forged(tree, tuple(forged)))
        with pytest.raises(brinery.PolicyError, match="tree of neighbours"):
            brinery.loads(data, policy=POLICY)


class Forged:
    """What is pickled as a tree of neighbours of another state."""

    def __init__(self, tree: Any, state: tuple[Any, ...]) -> None:
        self.tree, self.state = tree, state

    def __reduce__(self) -> Any:
        function, args, *_ = self.tree.__reduce__()
        return function, args, self.state


@pytest.mark.parametrize("form", ["csr", "csc", "coo", "bsr", "lil", "dia"])
@pytest.mark.parametrize("kind", ["matrix", "array"])
def test_sparse_matrices(form: str, kind: str) -> None:
    cls = getattr(scipy.sparse, f"{form}_{kind}")
    value = cls(scipy.sparse.random(6, 4, density=0.5, random_state=1))
    for protocol in range(2, 6):
        again = brinery.loads(pickle.dumps(value, protocol), policy=POLICY)
        assert (again.toarray() == value.toarray()).all()


def distributions() -> list[Any]:
    return [
        stats.norm(0, 2),
        stats.uniform(0.1, 2),
        stats.loguniform(1e-3, 1),
        stats.beta(1, b=3),
        stats.norm,
        RandomizedSearchCV(LogisticRegression(), {"C": stats.uniform(0.1, 2)}, n_iter=2, random_state=0),
    ]


@pytest.mark.parametrize("protocol", range(6))
def test_distributions(protocol: int) -> None:
    for distribution in distributions():
        data = pickle.dumps(distribution, protocol)
        again = brinery.loads(data, policy=POLICY)
        assert pickle.dumps(again, protocol) == pickle.dumps(pickle.loads(data), protocol)
    assert again.param_distributions["C"].rvs(3, random_state=1).tolist() == pytest.approx(
        stats.uniform(0.1, 2).rvs(3, random_state=1)
    )


@pytest.mark.parametrize(
    "change",
    [
        {"_parse_arg_template": "import os"},
        {"_parse_arg_template": stats.norm._parse_arg_template + "\nimport os\n"},
        {"_parse_arg_template": stats.norm._parse_arg_template.replace("loc=0", "loc=print(1)", 1)},
        {"_parse_arg_template": stats.norm._parse_arg_template.replace("self, ", "self, a=exit(), ")},
        {"_parse_arg_template": stats.beta._parse_arg_template},
        {"numargs": 5},
        {"_attach_methods": print},
        {"_ppf_single": len},
        {0: {}, 1: None},
        {"_parse_arg_template": None},
    ],
    ids=range(10),
)
def test_what_a_distribution_compiles_is_looked_at(change: Any) -> None:
    class Forged:
        def __reduce__(self) -> Any:
            return (
                copyreg._reconstructor,
                (type(stats.norm), object, None),
                {**stats.norm.__getstate__(), **change},
            )  # type: ignore[attr-defined]

    for protocol in (0, 2, 4):
        data = pickle.dumps(Forged(), protocol)
        with pytest.raises(brinery.PolicyError):
            brinery.loads(data, policy=POLICY)
        assert brinery.scan(data).verdict != "clean"
