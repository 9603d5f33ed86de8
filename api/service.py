"""The service of one API: its limits, models, keys and jobs."""

from __future__ import annotations

import os
from collections.abc import Mapping

from ..pipelines.catalog.lookup import Catalog
from ..pipelines.common.settings import Limits, ServerLimits, read_variable
from ..pipelines.sources.source import SourceLoader
from .access.auth import Guard
from .access.rate_limit import RateLimits
from .backends.base import Backend
from .body.reader import BodyReader
from .job_manager import JobManager
from .metrics import Metrics


class Service:
    """One API: its limits, models, keys, and the backend that runs the edits.

    Args:
        environment: configures the keys and the logging.

    Attributes:
        log_prompts: whether the log has prompts.

    Raises:
        InvalidRequest: a variable of the environment is not valid.
    """

    def __init__(
        self,
        limits: Limits,
        catalog: Catalog,
        loader: SourceLoader,
        backend: Backend,
        server_limits: ServerLimits,
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        self.limits = limits
        self.server_limits = server_limits
        self.catalog = catalog
        self.loader = loader
        self.backend = backend
        self.guard = Guard.from_environment(environment)
        self.rates = RateLimits(server_limits)
        self.bodies = BodyReader(server_limits)
        self.jobs = JobManager(backend, server_limits)
        self.metrics = Metrics(lambda: self.jobs.in_flight)
        self.log_prompts = read_variable("LOG_PROMPTS", False, environment)
