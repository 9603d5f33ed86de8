"""What safe mode asks of a request before its edit: the owner's rule, and the images that came with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..images.input_image import ImageFile
from ..planning.plan import EditPlan
from ..planning.request import EditRequest
from ..safety.classifiers.classifier import ClassifierLoader
from ..safety.policy import Policy

_OVERRULED = "safe_mode false is overruled: MULTIEDIT_SAFE_MODE is always."


def with_required_safe_mode(request: EditRequest, policy: Policy) -> EditRequest:
    """The request, with safe mode on where the owner of this machine requires it."""
    return replace(request, safe_mode=True) if policy.always else request


def note_required_safe_mode(plan: EditPlan, asked: EditRequest) -> EditPlan:
    """The plan, with a note where the request as it was asked has safe mode off and the plan on."""
    if asked.safe_mode or not plan.safe_mode:
        return plan
    return replace(plan, notes=(*plan.notes, _OVERRULED))


def require_safe_inputs(images: Sequence[ImageFile], classifier: ClassifierLoader, policy: Policy) -> None:
    """Refuse before the edit what safe mode would refuse after it.

    Raises:
        SafetyError: the classifier is not available.
        ContentRefused: the policy has the inputs checked, and an image does not pass.
    """
    from ..safety.screening import require_classifier, require_safe

    require_classifier(classifier, policy)
    if policy.inputs:
        for image in images:
            require_safe(image.image(), classifier, policy, image.name)
