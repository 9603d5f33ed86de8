"""What every route works with."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from ..pipelines.catalog.lookup import Catalog
from ..pipelines.common.settings import Limits, ServerLimits, read_variable
from ..pipelines.sources.source import SourceLoader
from .access.auth import Guard
from .access.rate_limit import RateLimits
from .backends.base import Backend
from .body.reader import BodyReader
from .job_manager import JobManager
from .metrics import Metrics


@dataclass(frozen=True)
class Service:
    """One API: its limits, models, keys, and the backend that runs the edits.

    Attributes:
        log_prompts: whether the log has prompts.
    """

    limits: Limits
    server_limits: ServerLimits
    catalog: Catalog
    loader: SourceLoader
    backend: Backend
    guard: Guard
    rates: RateLimits
    bodies: BodyReader
    jobs: JobManager
    metrics: Metrics
    log_prompts: bool = False


def make_service(
    limits: Limits,
    catalog: Catalog,
    loader: SourceLoader,
    backend: Backend,
    server_limits: ServerLimits,
    environment: Mapping[str, str] = os.environ,
) -> Service:
    """Make a service with the keys and the logging that the environment configures.

    Raises:
        InvalidRequest: a variable is not valid.
    """
    jobs = JobManager(backend, server_limits)
    return Service(
        limits=limits,
        server_limits=server_limits,
        catalog=catalog,
        loader=loader,
        backend=backend,
        guard=Guard.from_environment(environment),
        rates=RateLimits(server_limits),
        bodies=BodyReader(server_limits),
        jobs=jobs,
        metrics=Metrics(lambda: jobs.in_flight),
        log_prompts=read_variable("LOG_PROMPTS", False, environment),
    )
