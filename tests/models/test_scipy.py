"""Objects of scipy: honest ones load, and none whose arrays do not go together, for its native code does not look."""

from __future__ import annotations

import copyreg
import pickle
import subprocess
import sys
from typing import Any

import pytest

numpy = pytest.importorskip("numpy")
pytest.importorskip("scipy")

from scipy import integrate, interpolate, optimize, signal, stats  # noqa: E402
from scipy.cluster import hierarchy  # noqa: E402
from scipy.spatial import transform  # noqa: E402

import brinery  # noqa: E402

POLICY = "stdlib|numpy|sklearn"
X = numpy.linspace(0, 1, 8)
Y = X**2
TWO = numpy.eye(2)
SAMPLE = numpy.random.RandomState(0).rand(2, 10)
TURN = transform.Rotation.from_rotvec([[0, 0, 1.0], [0, 1.0, 0]])

HONEST: dict[str, Any] = {
    "poisson": stats.poisson(3),
    "binom": stats.binom(5, 0.3),
    "randint": stats.randint(0, 5),
    "a discrete distribution": stats.rv_discrete(values=([1, 2], [0.5, 0.5])),
    "a histogram": stats.rv_histogram(numpy.histogram(SAMPLE[0], 5)),
    "multivariate_normal": stats.multivariate_normal([0, 0], TWO),
    "multivariate_t": stats.multivariate_t([0, 0], TWO, df=3),
    "dirichlet": stats.dirichlet([1, 2, 3]),
    "wishart": stats.wishart(3, TWO),
    "matrix_normal": stats.matrix_normal(numpy.zeros((2, 2))),
    "gaussian_kde": stats.gaussian_kde(SAMPLE),
    "a kde with weights": stats.gaussian_kde(SAMPLE, weights=numpy.arange(1, 11)),
    "linregress": stats.linregress(X, Y),
    "describe": stats.describe(X),
    "bootstrap": stats.bootstrap((X,), numpy.mean, n_resamples=20),
    "bayes_mvs": stats.bayes_mvs(X),
    "theilslopes": stats.theilslopes(X, Y),
    "tukey_hsd": stats.tukey_hsd(X, Y),
    "binomtest": stats.binomtest(3, 10),
    "clusters": hierarchy.to_tree(hierarchy.linkage(SAMPLE.T)),
    "CubicSpline": interpolate.CubicSpline(X, Y),
    "PchipInterpolator": interpolate.PchipInterpolator(X, Y),
    "Akima1DInterpolator": interpolate.Akima1DInterpolator(X, Y),
    "PPoly": interpolate.PPoly(numpy.ones((2, 3)), [0, 1, 2, 3]),
    "BPoly": interpolate.BPoly(numpy.ones((2, 3)), [0, 1, 2, 3]),
    "BSpline": interpolate.make_interp_spline(X, Y),
    "interp1d": interpolate.interp1d(X, Y),
    "interp1d, cubic": interpolate.interp1d(X, Y, kind="cubic"),
    "KroghInterpolator": interpolate.KroghInterpolator(X, Y),
    "BarycentricInterpolator": interpolate.BarycentricInterpolator(X, Y),
    "RegularGridInterpolator": interpolate.RegularGridInterpolator((X, X), numpy.outer(Y, Y)),
    "Rotation": TURN,
    "Slerp": transform.Slerp([0, 1], TURN),
    "RotationSpline": transform.RotationSpline([0, 1], TURN),
    "TransferFunction": signal.TransferFunction([1], [1, 2]),
    "a solution": integrate.solve_ivp(lambda t, y: -y, [0, 1], [1.0], dense_output=True),
    "a minimum": optimize.minimize(lambda v: (v**2).sum(), [1.0], method="L-BFGS-B"),
}


def use(value: Any) -> Any:
    """Ask an object for numbers by which to compare it."""
    if isinstance(value, transform.Rotation):
        return value.as_matrix()
    if isinstance(value, transform.RotationSpline):
        return value([0.3, 0.4]).as_matrix()
    if hasattr(value, "sol"):
        return value.sol(0.5)
    if isinstance(value, stats.gaussian_kde):
        return value([[0.3], [0.4]])
    if callable(value) and not hasattr(value, "mean"):
        return value([[0.3, 0.4]] if isinstance(value, interpolate.RegularGridInterpolator) else [0.3, 0.4])
    mean = getattr(value, "mean", repr(type(value)))
    return mean() if callable(mean) else mean


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("name", HONEST)
def test_honest_objects_load(name: str, protocol: int) -> None:
    data = pickle.dumps(HONEST[name], protocol)
    made = brinery.loads(data, policy=POLICY)
    assert type(made) is type(HONEST[name])
    if not isinstance(made, transform.Slerp):
        numpy.testing.assert_equal(use(made), use(pickle.loads(data)))


class Forged:
    """What is pickled as an object with another state."""

    def __init__(self, original: Any, state: Any) -> None:
        self.original, self.state = original, state

    def __reduce__(self) -> Any:
        return copyreg._reconstructor, (type(self.original), object, None), self.state  # type: ignore[attr-defined]


def forged(original: Any, **changed: Any) -> bytes:
    state = original.__reduce_ex__(4)[2]
    if isinstance(state, tuple):
        slots = {**state[1], **{name: value for name, value in changed.items() if name in state[1]}}
        return pickle.dumps(Forged(original, (state[0], slots)))
    return pickle.dumps(Forged(original, {**state, **changed}))


KDE, PPOLY, GRID = HONEST["gaussian_kde"], HONEST["PPoly"], HONEST["RegularGridInterpolator"]
FORGED = {
    "fewer weights than samples": forged(KDE, _weights=numpy.ones(1)),
    "no weights": forged(KDE, _weights=numpy.ones(0)),
    "weights that are objects": forged(KDE, _weights=numpy.array([None] * 10)),
    "a covariance of other dimensions": forged(KDE, cho_cov=numpy.eye(1), _data_cho_cov=numpy.eye(1)),
    "samples that are texts": forged(KDE, dataset=numpy.array([["a"] * 10] * 2)),
    "fewer coefficients than intervals": forged(PPOLY, _c=numpy.ones((2, 1))),
    "coefficients of no degree": forged(PPOLY, _c=numpy.ones((0, 3))),
    "more knots than coefficients": forged(PPOLY, _x=numpy.arange(400.0)),
    "knots that are a table": forged(PPOLY, _x=numpy.ones((4, 4))),
    "fewer values than places": forged(GRID, _values=numpy.ones((1, 1))),
    "values of fewer dimensions": forged(GRID, _values=numpy.ones(8)),
    "more places than values": forged(GRID, _grid=(numpy.arange(500.0), X)),
    "places that are objects": forged(GRID, _grid=(numpy.array([None] * 8), X)),
    "no places": forged(GRID, _grid=()),
    "turns of three numbers": pickle.dumps(Forged(TURN, (numpy.ones((2, 3)), False))),
    "one turn of none": pickle.dumps(Forged(TURN, (numpy.ones((0, 4)), True))),
    "a turn of objects": pickle.dumps(Forged(TURN, (numpy.array([[None] * 4]), True))),
}


@pytest.mark.parametrize("name", FORGED)
def test_arrays_that_do_not_go_together_are_refused(name: str) -> None:
    with pytest.raises(brinery.PolicyError):
        brinery.loads(FORGED[name], policy=POLICY)


def test_no_text_but_scipys_is_compiled() -> None:
    state = stats.poisson(3).dist.__reduce_ex__(4)[2]
    template = state["_parse_arg_template"].replace("return (mu, )", "return open('effect', 'w')")
    for changed in (
        {"_parse_arg_template": template + "\nimport os\n"},
        {"_pmf": print},
        {"_parse_args": print},
    ):
        with pytest.raises(brinery.PolicyError):
            brinery.loads(pickle.dumps(Forged(stats.poisson(3).dist, {**state, **changed})), policy=POLICY)


def test_a_function_for_many_values_is_one_of_a_distribution() -> None:
    def state(function: Any) -> bytes:
        vector = numpy.vectorize(abs)
        return pickle.dumps(Forged(vector, {**vector.__reduce_ex__(4)[2], "pyfunc": function}))

    for function in (print, exec, "text", stats.poisson(3).rvs):
        with pytest.raises(brinery.PolicyError):
            brinery.loads(state(function), policy=POLICY)


USES = """
import pickle, random, sys, warnings
warnings.simplefilter("ignore")
import brinery
from tests.models.test_scipy import HONEST, POLICY, use

rng = random.Random(int(sys.argv[1]))
pickles = [pickle.dumps(value, protocol) for value in HONEST.values() for protocol in (2, 4, 5)]
for _ in range(1500):
    data = bytearray(rng.choice(pickles))
    for _ in range(rng.randint(1, 2)):
        data[rng.randrange(2, len(data))] = rng.choice([0, 1, 2, 3, 7, 8, 9, rng.randrange(256)])
    try:
        made = brinery.loads(bytes(data), policy=POLICY)
    except brinery.PolicyError:
        continue
    try:
        use(made), repr(made), made == made
    except Exception:
        pass
print("alive")
"""


def test_damaged_objects_can_be_used() -> None:
    done = subprocess.run([sys.executable, "-c", USES, "1"], capture_output=True, timeout=300, check=False)
    assert done.stdout.decode().endswith("alive\n"), done.stderr.decode()[-2000:]
