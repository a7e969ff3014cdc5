from __future__ import annotations

import pytest

from service.catalogue import Catalogue, Device, ModelVersion, Offer, State
from service.errors import NotReadyError, ServiceError, UnknownLabelError, UnknownModelError, UnknownVersionError


def catalogue(*versions: tuple[str, int, State], **labels: int) -> Catalogue:
    made = tuple(ModelVersion(n, v, state, "it is broken" if state == "failed" else None) for n, v, state in versions)
    return Catalogue(
        "r", "e", 1, "2024-01-01T00:00:00+00:00", "2.21.0", Device("cpu", "CPU"), made, {"cnn": Offer(labels)}
    )


MANY = catalogue(
    ("cnn", 1, "available"),
    ("cnn", 10, "available"),
    ("cnn", 9, "available"),
    ("cnn", 11, "failed"),
    ("mlp", 2, "loading"),
    ("mlp", 1, "available"),
    ("new", 1, "loading"),
    ("new", 2, "failed"),
    ("bad", 3, "failed"),
    ("going", 1, "unloading"),
)


@pytest.mark.parametrize(
    ("model", "version", "expected"),
    [
        ("cnn", None, 10),  # the newest that can answer, by number and not by spelling
        ("cnn", 9, 9),
        ("cnn", 1, 1),
        ("mlp", None, 1),  # a newer one is on its way; until then this one answers
        ("mlp", 1, 1),
    ],
)
def test_who_answers(model: str, version: int | None, expected: int) -> None:
    assert MANY.resolve(model, version).version == expected
    assert MANY.resolve(model, version).name == model


@pytest.mark.parametrize(
    ("model", "version", "error", "field", "message"),
    [
        ("fnn", None, UnknownModelError, "model", "there is no model 'fnn'; models here: bad, cnn, going, mlp, new"),
        ("fnn", 1, UnknownModelError, "model", "there is no model 'fnn'"),
        ("cnn", 2, UnknownVersionError, "version", "version 2 of 'cnn' is not loaded; loaded: 11, 10, 9, 1"),
        ("cnn", 11, UnknownVersionError, "version", "it is broken"),
        ("bad", None, UnknownVersionError, "model", "it is broken"),
        ("bad", 3, UnknownVersionError, "version", "it is broken"),
        ("mlp", 2, NotReadyError, None, "is being loaded"),
        ("new", None, NotReadyError, None, "is being loaded"),
        ("new", 2, UnknownVersionError, "version", "it is broken"),
        ("going", None, UnknownModelError, "model", "is being unloaded"),
        ("going", 1, UnknownVersionError, "version", "is being unloaded"),
    ],
)
def test_who_does_not(
    model: str, version: int | None, error: type[ServiceError], field: str | None, message: str
) -> None:
    with pytest.raises(error) as refused:
        MANY.resolve(model, version)
    assert type(refused.value) is error
    assert refused.value.field == field
    assert message in refused.value.message
    assert (refused.value.retry_after_seconds is not None) == (error is NotReadyError)


THREE: tuple[tuple[str, int, State], ...] = (("cnn", 1, "available"), ("cnn", 2, "available"), ("cnn", 3, "available"))


@pytest.mark.parametrize(
    ("versions", "labels", "expected"),
    [
        (THREE, {}, 3),
        (THREE, {"stable": 1}, 1),
        (THREE, {"canary": 3}, 2),
        (THREE, {"canary": 3, "shadow": 2}, 1),
        (THREE, {"canary": 3, "stable": 3}, 3),
        (THREE, {"stable": 9}, 3),  # a label to nowhere
        (THREE, {"blue": 1}, 3),  # one that means nothing here
        ((("cnn", 1, "available"), ("cnn", 2, "failed")), {"stable": 2}, 1),
        ((("cnn", 1, "available"), ("cnn", 2, "unloading")), {}, 1),
        ((("cnn", 3, "available"),), {"canary": 3}, 3),  # better than nobody
    ],
)
def test_who_answers_those_who_name_nobody(
    versions: tuple[tuple[str, int, State], ...], labels: dict[str, int], expected: int
) -> None:
    assert catalogue(*versions, **labels).resolve("cnn").version == expected


def test_labels_lead_to_their_versions_and_to_no_other() -> None:
    found = catalogue(*THREE, stable=2, away=7)
    assert found.resolve("cnn", label="stable").version == 2
    with pytest.raises(UnknownLabelError, match=r"has no label 'blue'; its labels: away, stable") as refused:
        found.resolve("cnn", label="blue")
    assert refused.value.field == "label"
    with pytest.raises(UnknownVersionError, match="version 7") as gone:
        found.resolve("cnn", label="away")
    assert gone.value.field == "label"


def test_an_empty_catalogue() -> None:
    with pytest.raises(UnknownModelError, match="models here: none"):
        catalogue().resolve("cnn")


def test_versions_of_a_model_newest_first() -> None:
    assert [v.version for v in MANY.of("cnn")] == [11, 10, 9, 1]


def test_what_a_card_says() -> None:
    card = {"labels": ["0", "1"], "input": {"shape": [28, 28, 1], "preparation": "mnist"}}
    version = ModelVersion("cnn", 1, "available", None, card)
    assert version.labels == ["0", "1"]
    assert version.input_shape == (28, 28, 1)
    assert version.preparation == "mnist"
    plain = ModelVersion("x", 1, "available", None, {"labels": [], "input": {"shape": [8, 8, 1]}})
    assert plain.preparation == "none"
