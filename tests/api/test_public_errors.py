"""What a caller reads of errors that say something of the owner's account."""

from __future__ import annotations

import pytest
from multiedit.api.access.auth import LOCAL_CALLER
from multiedit.api.public_errors import public_error
from multiedit.pipelines.common.errors import (
    EditFailed,
    MultiEditError,
    OutputError,
    PaymentNeeded,
    ProviderAuthError,
    ProviderContentRefused,
    SpendingLimit,
)

PRIVATE = "the balance is 4.23 USD; MULTIEDIT_MAX_USD_PER_DAY allows 10"


@pytest.mark.parametrize("kind", [PaymentNeeded, ProviderAuthError, SpendingLimit, OutputError])
def test_the_owners_business_stays_in_the_log(
    kind: type[MultiEditError], caplog: pytest.LogCaptureFixture
) -> None:
    error = kind(PRIVATE, field="modelId")
    shown = public_error(error, "a-key")
    assert (type(shown), shown.status, shown.field) == (kind, kind.status, "modelId")
    assert not any(word in shown.message for word in ("4.23", "10", "MULTIEDIT"))
    assert "wner" in shown.message
    assert PRIVATE in caplog.text
    assert public_error(error, LOCAL_CALLER) is error


@pytest.mark.parametrize("kind", [ProviderContentRefused, EditFailed])
def test_what_the_caller_can_mend_is_said(kind: type[MultiEditError]) -> None:
    error = kind("Change the prompt.")
    assert public_error(error, "a-key") is error
