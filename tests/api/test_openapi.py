"""The server against its own schema and the contract's, by schemathesis."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import schemathesis
from multiedit.api.routes.multi_edit import request_schema
from multiedit.api.routes.table import ROUTES
from multiedit.api.schema import openapi as made
from multiedit.api.schema.json_schema import Components
from multiedit.pipelines.catalog.lookup import load_catalog
from multiedit.pipelines.common.errors import InvalidRequest
from multiedit.pipelines.common.settings import RequestLimits
from multiedit.pipelines.planning.request import parse_request
from multiedit.tests.support.api_server import KEY, QUICK, ApiServer, base64_png
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

CONTRACT = json.loads((Path(__file__).parent / "contract_openapi.json").read_text())
OWN = made.openapi(ROUTES, RequestLimits(), load_catalog())
CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance, response_headers_conformance,
    response_schema_conformance,
]  # fmt: skip
# Statuses that the contract's service sends besides those of its schema.
LIVE = {404, 413, 422}
OFFLINE = 503  # a model that does not run here; both schemas have it
SETTINGS = hypothesis.settings(
    max_examples=15,
    deadline=None,
    database=None,
    phases=[hypothesis.Phase.generate],
    suppress_health_check=list(hypothesis.HealthCheck),
)
FORM, JSON = "multipart/form-data", "application/json"


def schema_of(document: dict[str, Any], kind: str, *modes: GenerationMode) -> Any:
    """The document with request bodies of one kind; schemathesis cannot make wrong files for a form."""
    document = copy.deepcopy(document)
    for path in document["paths"].values():
        for operation in path.values():
            content = operation.get("requestBody", {}).get("content", {})
            for other in set(content) - {kind}:
                del content[other]
    paths = document["paths"].items()
    with_bodies = {path: methods for path, methods in paths if methods.get("post", {}).get("requestBody")}
    document["paths"] = with_bodies if kind == FORM else document["paths"]
    schema = schemathesis.openapi.from_dict(document)
    schema.config.generation.update(modes=list(modes))
    return schema


own_json = schema_of(OWN, JSON, *GenerationMode)
own_forms = schema_of(OWN, FORM, GenerationMode.POSITIVE)
contract_json = schema_of(CONTRACT, JSON, GenerationMode.POSITIVE)
contract_forms = schema_of(CONTRACT, FORM, GenerationMode.POSITIVE)


def send(case: Any, server: ApiServer, prefix: str) -> Any:
    return case.call(base_url=server.url + prefix, headers={"Authorization": f"Bearer {KEY}"})


def checks_for(status: int) -> list[Any]:
    return [check for check in CHECKS if check is not not_a_server_error or status != OFFLINE]


def check_own(case: Any, api: ApiServer) -> None:
    response = send(case, api, "")
    case.validate_response(response, checks=checks_for(response.status_code))


def check_contract(case: Any, api: ApiServer) -> None:
    response = send(case, api, "/api/v1")
    live = response.status_code in LIVE
    checks = [not_a_server_error] if live else checks_for(response.status_code)
    case.validate_response(response, checks=checks)


@own_json.parametrize()
@SETTINGS
def test_no_response_to_json_is_outside_our_own_schema(case: Any, api: ApiServer) -> None:
    check_own(case, api)


@own_forms.parametrize()
@SETTINGS
def test_no_response_to_a_form_is_outside_our_own_schema(case: Any, api: ApiServer) -> None:
    check_own(case, api)


@contract_json.parametrize()
@SETTINGS
def test_no_response_to_json_is_outside_the_contracts_schema(case: Any, api: ApiServer) -> None:
    check_contract(case, api)


@contract_forms.parametrize()
@SETTINGS
def test_no_response_to_a_form_is_outside_the_contracts_schema(case: Any, api: ApiServer) -> None:
    check_contract(case, api)


def test_the_document_is_valid_openapi() -> None:
    validator = pytest.importorskip("openapi_spec_validator")
    validator.validate(OWN)


def test_every_route_is_in_it() -> None:
    there = {(method.upper(), path) for path, methods in OWN["paths"].items() for method in methods}
    assert there == {(route.method, route.path) for route in ROUTES}


def test_the_request_has_the_contracts_fields_and_our_extras() -> None:
    own = OWN["paths"]["/v1/image/multi-edit"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    contract = CONTRACT["components"]["schemas"]["MultiEditImageRequest"]
    assert set(own["properties"]) == set(contract["properties"]) | {"multiedit"}
    assert set(own["required"]) == set(contract["required"])
    assert own["additionalProperties"] is contract["additionalProperties"] is False
    for name in ("prompt", "quality", "resolution"):
        shared = {key: own["properties"][name][key] for key in own["properties"][name]}
        assert shared.items() <= contract["properties"][name].items()
    assert set(contract["properties"]["output_format"]["enum"]) < set(
        own["properties"]["output_format"]["enum"]
    )


def _examples() -> Any:
    from hypothesis import strategies as st

    words = st.sampled_from(
        ["", "x", "png", "jpg", "low", "1K", "overlay", "center", "multiply", "p" * 33_000]
    )
    values = st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**70), 2**70),
        st.floats(),
        words,
        st.lists(words, max_size=4),
    )
    names = st.sampled_from(
        ["seed", "roles", "placement", "keep_size", "mask_grow", "mask_fill", "mask_align", "x"]
    )
    extras = st.dictionaries(names, st.one_of(values, st.dictionaries(st.sampled_from("1289"), values)))
    fields = st.sampled_from(
        ["prompt", "images", "modelId", "aspect_ratio", "resolution", "output_format", "quality", "safe_mode"]
    )
    return st.tuples(st.dictionaries(fields, values, max_size=2), extras)


@hypothesis.given(_examples())
@hypothesis.settings(max_examples=300, deadline=None)
def test_the_schema_accepts_what_the_reader_accepts(example: tuple[dict[str, Any], dict[str, Any]]) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    changes, extras = example
    fields = {**QUICK, "images": ["a", "b", "c"], **changes, "multiedit": extras}
    schema = request_schema(RequestLimits(), load_catalog())
    schema["properties"]["modelId"] = {"type": "string", "maxLength": 100}
    # JSON Schema takes 1.0 for a whole number and NaN for a number; JSON has neither.
    hypothesis.assume("nan" not in repr(fields) and "inf" not in repr(fields) and ".0" not in repr(fields))
    try:
        parse_request(fields, RequestLimits())
        accepted = True
    except InvalidRequest:
        accepted = False
    assert jsonschema.Draft202012Validator(schema).is_valid(fields) is accepted


def test_a_type_that_has_no_schema_is_an_error() -> None:
    with pytest.raises(TypeError, match="no JSON schema"):
        Components().of_type(set)


def test_the_schema_of_the_running_server(api: ApiServer) -> None:
    with api.client() as client:
        assert client.get("/openapi.json").json() == json.loads(json.dumps(OWN))


def test_a_successful_edit_passes_the_checks_too(api: ApiServer) -> None:
    operation = own_json["/v1/image/multi-edit"]["POST"]
    body = {**QUICK, "images": [base64_png()]}
    case = operation.Case(body=body, media_type="application/json")
    response = send(case, api, "")
    assert response.status_code == 200
    case.validate_response(response, checks=CHECKS)
