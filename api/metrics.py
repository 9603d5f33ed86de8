"""Counters for Prometheus, where its client library is installed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.util import find_spec

from .errors import NotFound


class Metrics:
    """Counts what is answered. Without `prometheus_client` it counts nothing and says so when asked.

    Args:
        in_flight: how many edits are received, wait or run.
    """

    def __init__(self, in_flight: Callable[[], int]) -> None:
        self._installed = find_spec("prometheus_client") is not None
        if self._installed:
            from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

            self._registry = CollectorRegistry()
            labels = ("route", "status", "model")
            self._requests = Counter(
                "multiedit_requests", "Requests answered.", labels, registry=self._registry
            )
            self._seconds = Histogram(
                "multiedit_request_seconds", "From headers to answer.", ("route",), registry=self._registry
            )
            self._stages = Histogram(
                "multiedit_stage_seconds", "Of each stage of an edit.", ("stage",), registry=self._registry
            )
            gauge = Gauge(
                "multiedit_edits_in_flight", "Received, waiting or running.", registry=self._registry
            )
            gauge.set_function(in_flight)

    def answered(self, route: str, status: int, model: str, seconds: float) -> None:
        """One request has been answered; `model` is one of the catalogue or empty."""
        if self._installed:
            self._requests.labels(route, str(status), model).inc()
            self._seconds.labels(route).observe(seconds)

    def edited(self, seconds: Mapping[str, float]) -> None:
        """One edit has been made, in so many seconds by stage."""
        if self._installed:
            for stage, amount in seconds.items():
                self._stages.labels(stage).observe(amount)

    def text(self) -> tuple[bytes, str]:
        """Everything in Prometheus' text format, and its content type.

        Raises:
            NotFound: the library is not there.
        """
        if not self._installed:
            raise NotFound("Metrics need the Python package prometheus_client. Install it on the server.")
        from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

        return generate_latest(self._registry), CONTENT_TYPE_LATEST
