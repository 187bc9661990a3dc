"""Models of scikit-learn: every estimator that it lists, and compositions of them."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse
from sklearn.base import clone, is_regressor
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.ensemble import (
    BaggingClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, WhiteKernel
from sklearn.impute import IterativeImputer, SimpleImputer
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV, Ridge, SGDClassifier
from sklearn.metrics import fbeta_score, make_scorer
from sklearn.model_selection import GridSearchCV, KFold, RandomizedSearchCV
from sklearn.naive_bayes import MultinomialNB
from sklearn.neighbors import BallTree, KDTree, KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.svm import SVC, SVR, OneClassSVM
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils import all_estimators

RANDOM = np.random.RandomState(0)
LEN = 80
X = np.abs(RANDOM.normal(size=(LEN, 4)))
TWO = (X[:, 0] > 0.6).astype(int)
THREE = np.digitize(X[:, 0], [0.4, 0.9])
REAL = X @ np.array([1.0, 2.0, 3.0, 4.0]) + RANDOM.normal(size=LEN) + 5
WORDS = np.where(TWO, "yes", "no")
SPARSE = scipy.sparse.csr_matrix(X * (X > 0.5))
TEXTS = ["red fish blue", "one fish two fish", "red blue dog", "cat and dog"] * (LEN // 4)
FRAME = pd.DataFrame(X.copy(), columns=list("abcd"))
FRAME["k"] = np.where(X[:, 0] > 0.5, "u", "v")
FRAME["z"] = pd.Categorical(np.where(X[:, 1] > 0.5, "p", "q"))
FRAME.loc[3, "a"] = np.nan
NUMBERS = FRAME[list("abcd")]

# Data to try one after the other: what an estimator takes is found out by asking it.
TRIES: list[tuple[Any, ...]] = [
    (X, THREE),
    (X, REAL),
    (X, TWO),
    (X, np.c_[TWO, 1 - TWO]),
    (X, np.c_[REAL, 2 * REAL]),
    (X,),
    (X[:, 0], REAL),
    (TEXTS,),
    (THREE,),
    ([["a", "b"], ["b"]],),
    ([{"a": 1, "b": "x"}, {"a": 2, "b": "y"}],),
    (X.reshape(LEN, 2, 2),),
]
INNER: dict[str, Any] = {
    "estimator": LogisticRegression(),
    "estimators": [("a", LogisticRegression()), ("b", DecisionTreeClassifier())],
    "transformers": [("a", StandardScaler(), [0, 1])],
    "transformer_list": [("a", StandardScaler())],
    "steps": [("a", StandardScaler()), ("b", LogisticRegression())],
    "param_grid": {"C": [1, 2]},
    "param_distributions": {"C": [1, 2]},
    "dictionary": np.eye(4),
}


def singles() -> Iterator[tuple[str, Any, tuple[Any, ...]]]:
    """Yield every estimator that could be fitted, and what it was fitted to."""
    for name, cls in all_estimators():
        needed = getattr(cls, "_required_parameters", None)
        taken = inspect.signature(cls).parameters
        options = {
            key: value
            for key, value in INNER.items()
            if key in taken and (needed is None or key in needed or key in ("estimators", "transformers"))
        }
        for inner in (INNER["estimator"], Ridge()):
            if "estimator" in options:
                options["estimator"] = inner
            if "param_grid" in options or "param_distributions" in options:
                grid = {"C": [1, 2]} if isinstance(inner, LogisticRegression) else {"alpha": [1, 2]}
                options.update({key: grid for key in options if key.startswith("param_")})
            fitted = fit(cls, options)
            if fitted is not None:
                yield name, *fitted
                break


def fit(cls: type, options: dict[str, Any]) -> tuple[Any, tuple[Any, ...]] | None:
    """Return an estimator that is fitted to the first data that it takes."""
    for args in TRIES:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return clone(cls(**options)).fit(*args), args
        except Exception:
            continue
    return None


def columns(**options: Any) -> ColumnTransformer:
    """Return a transformer of the columns of the frame."""
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    return ColumnTransformer([("n", numbers, list("abcd")), ("c", OneHotEncoder(**options), ["k", "z"])])


def of_tree(model: Any) -> Callable[[], tuple[Any, Any]]:
    """Return what fits a model of trees."""
    return lambda: (model.fit(X, REAL if is_regressor(model) else THREE), X)


COMPOSED: dict[str, Callable[[], tuple[Any, Any]]] = {
    "columns": lambda: (make_pipeline(columns(), LogisticRegression()).fit(FRAME, WORDS), FRAME),
    "frames out": lambda: (
        make_pipeline(
            columns(sparse_output=False).set_output(transform="pandas"), RandomForestClassifier(3)
        ).fit(FRAME, WORDS),
        FRAME,
    ),
    "rare categories": lambda: (
        OneHotEncoder(max_categories=2, drop="first", handle_unknown="infrequent_if_exist").fit(
            np.array([["a"], ["a"], ["b"], ["c"], ["d"], ["d"]])
        ),
        np.array([["a"], ["c"]]),
    ),
    "words": lambda: (
        make_pipeline(TfidfVectorizer(ngram_range=(1, 2)), TruncatedSVD(2), LogisticRegression()).fit(
            TEXTS, TWO
        ),
        TEXTS,
    ),
    "counts": lambda: (make_pipeline(CountVectorizer(), MultinomialNB()).fit(TEXTS, TWO), TEXTS),
    "the most frequent words": lambda: (
        make_pipeline(TfidfVectorizer(max_features=4), LogisticRegression()).fit(TEXTS, TWO),
        TEXTS,
    ),
    "grid": lambda: (
        GridSearchCV(SVC(), {"C": [1, 2]}, cv=KFold(2), scoring=make_scorer(fbeta_score, beta=2)).fit(X, TWO),
        X,
    ),
    "random search": lambda: (
        RandomizedSearchCV(
            Ridge(), {"alpha": [1, 2, 3]}, n_iter=2, cv=2, random_state=np.random.RandomState(3)
        ).fit(X, REAL),
        X,
    ),
    "functions": lambda: (make_pipeline(FunctionTransformer(np.log1p), Ridge()).fit(X, REAL), X),
    "target": lambda: (
        TransformedTargetRegressor(Ridge(), func=np.log1p, inverse_func=np.expm1).fit(X, REAL),
        X,
    ),
    "forest": of_tree(RandomForestRegressor(4)),
    "extra trees": of_tree(ExtraTreesClassifier(4)),
    "forest of several outputs": lambda: (RandomForestClassifier(3).fit(X, np.c_[TWO, THREE]), X),
    "forest with gaps": lambda: (RandomForestClassifier(3).fit(NUMBERS, TWO), NUMBERS),
    "isolation": of_tree(IsolationForest(n_estimators=4)),
    "isolation by parts": of_tree(IsolationForest(n_estimators=4, max_features=0.5)),
    "boosting": of_tree(GradientBoostingClassifier(n_estimators=3)),
    "boosting of numbers": of_tree(GradientBoostingRegressor(n_estimators=3, loss="huber")),
    "boosting from zero": of_tree(GradientBoostingRegressor(n_estimators=3, init="zero")),
    "histograms": of_tree(HistGradientBoostingRegressor(max_iter=3)),
    "histograms of categories": lambda: (
        HistGradientBoostingClassifier(max_iter=3, categorical_features=[0], min_samples_leaf=3).fit(
            np.c_[THREE, X], RANDOM.randint(0, 3, LEN)
        ),
        np.c_[THREE, X],
    ),
    "bags": of_tree(BaggingClassifier(n_estimators=3, max_features=0.5)),
    "stack": lambda: (
        StackingClassifier([("a", DecisionTreeClassifier()), ("b", KNeighborsClassifier())]).fit(X, TWO),
        X,
    ),
    "votes": lambda: (
        VotingClassifier([("a", LogisticRegression()), ("b", DecisionTreeClassifier())]).fit(X, WORDS),
        X,
    ),
    "calibrated": lambda: (CalibratedClassifierCV(SVC(), cv=2).fit(X, TWO), X),
    "neighbours": lambda: (KNeighborsClassifier(3, algorithm="kd_tree").fit(X, WORDS), X),
    "neighbours, brute": lambda: (KNeighborsClassifier(3, algorithm="brute").fit(X, WORDS), X),
    "neighbours, sparse": lambda: (KNeighborsClassifier(3).fit(SPARSE, TWO), SPARSE),
    "neighbours of several outputs": lambda: (KNeighborsClassifier(3).fit(X, np.c_[TWO, THREE]), X),
    "neighbours on a sphere": lambda: (
        KNeighborsClassifier(3, algorithm="ball_tree", metric="haversine").fit(X[:, :2], TWO),
        X[:, :2],
    ),
    "neighbours by covariance": lambda: (
        KNeighborsClassifier(
            3, algorithm="ball_tree", metric="mahalanobis", metric_params={"VI": np.eye(4)}
        ).fit(X, TWO),
        X,
    ),
    "vectors": lambda: (SVC().fit(X, THREE), X),
    "vectors, sparse": lambda: (SVC().fit(SPARSE, THREE), SPARSE),
    "vectors, precomputed": lambda: (SVC(kernel="precomputed").fit(X @ X.T, THREE), X @ X.T),
    "vectors of numbers": lambda: (SVR().fit(X, REAL), X),
    "vectors of one class": lambda: (OneClassSVM().fit(X), X),
    "sparse coefficients": lambda: (SGDClassifier(penalty="l1").fit(SPARSE, THREE).sparsify(), SPARSE),
    "paths": lambda: (LogisticRegressionCV(cv=2).fit(X, THREE), X),
    "network": lambda: (MLPClassifier((5,), max_iter=5, early_stopping=True).fit(X, THREE), X),
    "process": lambda: (GaussianProcessRegressor(RBF() + WhiteKernel()).fit(X, REAL), X),
    "imputer": lambda: (IterativeImputer(max_iter=2).fit(NUMBERS), NUMBERS),
    "model and data": lambda: (
        {
            "model": PCA(2).fit(X),
            "data": FRAME,
            "rng": np.random.default_rng(1),
            "iris": load_iris(as_frame=True),
        },
        None,
    ),
    "trees alone": lambda: ([KDTree(X), BallTree(X, metric="manhattan")], None),
}


def models() -> Iterator[tuple[str, Any, Any]]:
    """Yield the names of models, the models and what they can be asked about."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, model, args in singles():
            yield name, model, args[0]
        for name, make in COMPOSED.items():
            yield name, *make()


# What is asked of a model, where it has it.
QUESTIONS = ("predict", "transform", "predict_proba", "decision_function", "kneighbors", "apply")


def answers(model: Any, inputs: Any) -> dict[str, Any]:
    """Return what a model says of inputs."""
    said: dict[str, Any] = {}
    for name in QUESTIONS:
        ask = getattr(model, name, None)
        if ask is not None:
            try:
                said[name] = ask(inputs)
            except Exception as error:
                said[name] = type(error).__name__
    return said
