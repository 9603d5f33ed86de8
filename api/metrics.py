"""Prometheus metrics, where its client library is installed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.util import find_spec

from .errors import NotFound


class Metrics:
    """Counts responses and times edits. Without `prometheus_client` it does nothing.

    Args:
        in_flight: gives the number of edits that are being received, waiting or running.
    """

    def __init__(self, in_flight: Callable[[], int]) -> None:
        self._installed = find_spec("prometheus_client") is not None
        if self._installed:
            from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

            registry = self._registry = CollectorRegistry()
            labels = ("route", "status", "model")
            self._requests = Counter("multiedit_requests", "HTTP responses.", labels, registry=registry)
            self._seconds = Histogram(
                "multiedit_request_seconds",
                "Seconds from a request's headers to its response.",
                ("route",),
                registry=registry,
            )
            self._stages = Histogram(
                "multiedit_stage_seconds", "Seconds of each stage of an edit.", ("stage",), registry=registry
            )
            gauge = Gauge(
                "multiedit_edits_in_flight", "Edits being received, waiting or running.", registry=registry
            )
            gauge.set_function(in_flight)

    def count_response(self, route: str, status: int, model: str, seconds: float) -> None:
        """Count a response; `model` is an id of the catalogue or empty."""
        if self._installed:
            self._requests.labels(route, str(status), model).inc()
            self._seconds.labels(route).observe(seconds)

    def count_edit(self, seconds: Mapping[str, float]) -> None:
        """Count a finished edit by its seconds of each stage."""
        if self._installed:
            for stage, amount in seconds.items():
                self._stages.labels(stage).observe(amount)

    def text(self) -> tuple[bytes, str]:
        """Return all metrics in Prometheus' text format, and its content type.

        Raises:
            NotFound: the library is not installed.
        """
        if not self._installed:
            raise NotFound(
                "No metrics: the server lacks the Python package prometheus_client. Install it there."
            )
        from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

        return generate_latest(self._registry), CONTENT_TYPE_LATEST
