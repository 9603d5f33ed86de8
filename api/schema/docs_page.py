"""The OpenAPI document as a page of plain HTML that works without the internet."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; }
h2 { margin-top: 2.5rem; border-top: 1px solid #8885; padding-top: 1rem; font-size: 1.15rem; }
code, pre { font: 14px/1.4 ui-monospace, monospace; } pre { overflow: auto; padding: .7rem; }
pre, th { background: #8882; } table { border-collapse: collapse; width: 100%; }
td, th { border: 1px solid #8885; padding: .25rem .5rem; text-align: left; vertical-align: top; }
:root { color-scheme: light dark; }
"""


def docs_page(document: Mapping[str, Any]) -> str:
    """Render an OpenAPI document as HTML."""
    info = document["info"]
    title = f"{info['title']} {info['version']}"
    operations = [
        _operation(method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    schemas = [
        f"<h2 id='{escape(name)}'>{escape(name)}</h2><p>{escape(schema['description'])}</p>{_fields(schema)}"
        for name, schema in document["components"]["schemas"].items()
    ]
    return (
        "<!doctype html><html lang=en><meta charset=utf-8>"
        f"<meta name=viewport content='width=device-width'><title>{escape(title)}</title>"
        f"<style>{_STYLE}</style><h1>{escape(title)}</h1><p>{escape(info['description'])} "
        "Send <code>Authorization: Bearer KEY</code>. <a href='openapi.json'>openapi.json</a></p>"
        f"{''.join(operations)}<h1>Schemas</h1>{''.join(schemas)}</html>"
    )


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> str:
    lock = " (API key)" if operation["security"] else ""
    parts = [
        f"<h2><code>{method.upper()} {escape(path)}</code>{lock}</h2><p>{escape(operation['summary'])}.</p>"
    ]
    for parameter in operation.get("parameters", ()):
        parts.append(f"<p><code>{parameter['name']}</code>: {_schema_cell(parameter['schema'])}</p>")
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        parts.append(f"<h3>{escape(kind)}</h3>{_fields(content['schema'])}")
    rows = ([status, _response(response)] for status, response in sorted(operation["responses"].items()))
    return "".join(parts) + "<h3>Responses</h3>" + _table(("status", "description"), rows)


def _response(response: Mapping[str, Any]) -> str:
    kinds = (
        f"<code>{escape(kind)}</code> {_schema_cell(content['schema'])}"
        for kind, content in response.get("content", {}).items()
    )
    return "<br>".join([escape(response["description"]), *kinds])


def _fields(schema: Mapping[str, Any]) -> str:
    required = schema.get("required", ())
    rows = (
        [f"<code>{escape(name)}</code>{' *' if name in required else ''}", _schema_cell(field)]
        for name, field in schema["properties"].items()
    )
    return _table(("field", "schema"), rows)


def _schema_cell(schema: Mapping[str, Any]) -> str:
    """Render a schema in one cell."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f"<a href='#{name}'>{name}</a>"
    return f"<code>{escape(json.dumps(schema))}</code>" if schema else "anything"


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    cells = "".join(f"<th>{name}</th>" for name in head)
    lines = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{cells}</tr>{lines}</table>"
