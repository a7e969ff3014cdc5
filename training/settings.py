"""What the environment may say about training, read here and nowhere else.

A command-line argument of the same meaning goes before the environment.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """The settings of training; each can be given as the environment variable `DIGITS_<NAME>`."""

    model_config = SettingsConfigDict(env_prefix="DIGITS_", env_ignore_empty=True, extra="ignore", frozen=True)

    data_dir: Path | None = Field(
        default=None,
        description="Directory that holds the data set (IDX, IDX.gz or npz). When given, no other source is tried.",
    )
    models_dir: Path = Field(default=Path("models"), description="Directory in which versions are published.")
    cache_dir: Path = Field(
        default=Path("~/.cache/digits"), description="Directory in which downloaded data sets are kept."
    )
    runs_dir: Path = Field(
        default=Path("runs"), description="Directory in which a run keeps what it needs to go on after an interruption."
    )
    keras_home: Path = Field(
        default=Path("~/.keras"),
        validation_alias="KERAS_HOME",
        description="Where Keras keeps its downloads. Keras' own variable, hence without the prefix.",
    )
    git_commit: str | None = Field(
        default=None,
        description="The commit of the code where there is no repository to ask, as in a container.",
    )


def read_settings() -> Settings:
    """The settings as the environment states them now. Any text is a path or a commit's name, so none can be invalid."""
    return Settings()


def prepare_libraries(backend: Literal["tensorflow", "jax"] = "tensorflow") -> None:
    """To be called before the first import of Keras or TensorFlow: Keras shall run on `backend`, whatever the user's
    own default is, and TensorFlow shall say warnings and errors only, unless the user asked otherwise.
    """
    os.environ["KERAS_BACKEND"] = backend
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
