"""What a route may use, kept on the Flask application."""

from __future__ import annotations

from dataclasses import dataclass

from flask import current_app

from service.observation import Recorder
from service.predictor import Predictor
from service.settings import Settings

EXTENSION = "digits"


@dataclass(frozen=True, slots=True)
class Services:
    """Shared by all requests of a worker."""

    settings: Settings
    predictor: Predictor
    recorder: Recorder


def services() -> Services:
    """Those of the application that handles the current request."""
    found: Services = current_app.extensions[EXTENSION]
    return found
