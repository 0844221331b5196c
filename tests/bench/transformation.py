"""What it costs to validate, to map and to answer without a back end."""

import json
import pathlib

# What LocalStack's own documents give for a MOCK integration on one machine.
LOCALSTACK_REQUESTS_PER_SECOND = 630

REQUEST = """#set($order = $input.path('$'))
{
  "statusCode": 200,
  "customer": "$util.escapeJavaScript($order.customer.name)",
  "lines": [
#foreach($line in $order.lines)
    {"sku": "$line.sku", "count": $line.count}#if($foreach.hasNext),#end

#end
  ]
}"""

RESPONSE = """#set($context.responseOverride.header.x-stage = $context.stage)
{
  "id": "$context.requestId",
  "path": "$context.resourcePath",
  "agent": "$input.params('user-agent')",
  "page": #if($input.params('page') == "")1#else$input.params('page')#end
}"""

SCHEMA = {
    "type": "object",
    "required": ["customer", "lines"],
    "additionalProperties": False,
    "properties": {
        "customer": {
            "type": "object",
            "required": ["name", "email"],
            "properties": {
                "name": {"type": "string", "minLength": 1, "maxLength": 100},
                "email": {"type": "string", "pattern": "^[^@ ]+@[^@ ]+$"},
            },
        },
        "lines": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["sku", "count"],
                "properties": {
                    "sku": {"type": "string", "pattern": "^[A-Z]{2}-[0-9]+$"},
                    "count": {"type": "integer", "minimum": 1, "maximum": 1000},
                    "note": {"type": "string"},
                },
            },
        },
    },
}


def order(size: int) -> str:
    """An order of about as many bytes."""
    made = {"customer": {"name": "A. Customer", "email": "customer@example.com"}, "lines": []}
    while len(json.dumps(made)) < size:
        number = len(made["lines"])
        made["lines"].append({"sku": f"AB-{number}", "count": number % 1000 + 1, "note": "as before"})
    return json.dumps(made)


def definition(port: int) -> dict:
    def operation(integration, **more):
        return {
            "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Order"}}}},
            "responses": {"200": {"description": "ok"}},
            "x-amazon-apigateway-integration": integration,
            **more,
        }

    proxy = {"type": "http_proxy", "httpMethod": "POST", "uri": f"http://127.0.0.1:{port}/"}
    mapped = {
        "requestTemplates": {"application/json": REQUEST},
        "responses": {"default": {"statusCode": "200", "responseTemplates": {"application/json": RESPONSE}}},
    }
    return {
        "openapi": "3.0.1",
        "info": {"title": "benchmark", "version": "1"},
        "x-amazon-apigateway-request-validators": {"body": {"validateRequestBody": True,
                                                            "validateRequestParameters": False}},
        "paths": {
            "/mock": {"post": operation({"type": "mock", **mapped})},
            "/mapped": {"post": operation({**proxy, **mapped, "type": "http"})},
            "/plain": {"post": operation(proxy)},
            "/validated": {"post": operation(proxy, **{"x-amazon-apigateway-request-validator": "body"})},
        },
        "components": {"schemas": {"Order": SCHEMA}},
    }


def script(path: str, body: str) -> str:
    return f"""
    local headers = {{
      ["user-agent"] = "wrk", ["accept"] = "application/json", ["Host"] = "benchmark.localhost",
      ["content-type"] = "application/json",
    }}
    request = function() return wrk.format("POST", "/prod/{path}", headers, [==[{body}]==]) end
    """


def loads(start, compiled, folder: pathlib.Path, port: int):
    """Each row: its name, the Envoy that serves it, the script of its requests."""
    where = folder / "project-transformation"
    where.mkdir()
    (where / "openapi.json").write_text(json.dumps(definition(port)))
    (where / "attache.yaml").write_text(json.dumps({
        "accessLog": "off",
        "apis": {"benchmark": {"definition": "openapi.json", "stages": {"prod": {}}}},
    }))
    gateway = start("transformation", compiled(where))
    small, large = order(1_000), order(100_000)
    return [
        ("POST 1 KB", gateway, script("plain", small)),
        ("POST 1 KB, validated", gateway, script("validated", small)),
        ("POST 1 KB, mapped both ways", gateway, script("mapped", small)),
        ("POST 1 KB, MOCK with templates", gateway, script("mock", small)),
        ("POST 100 KB", gateway, script("plain", large)),
        ("POST 100 KB, validated", gateway, script("validated", large)),
    ]


def aims(loads, row) -> None:
    """Holds the rows against what was asked for."""
    mock = loads["POST 1 KB, MOCK with templates"].microseconds
    rate = 1_000_000 / mock
    row("MOCK with templates serves at least 20 times LocalStack's published 630 requests a second",
        rate >= 20 * LOCALSTACK_REQUESTS_PER_SECOND,
        f"{rate:,.0f} a second on one core ({rate / LOCALSTACK_REQUESTS_PER_SECOND:.0f} times)")
