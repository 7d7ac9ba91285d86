"""Requests that are bound to a tool or a schema, as the fake model reads them: what is wrong, and what is wanted."""

import json
import re
from typing import Any

import fastjsonschema

Body = dict[str, Any]  # JSON as it came

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


def is_call(body: Body) -> bool:
    """Whether no other answer will do than one in a given form, and that in one piece."""
    choice = body.get("tool_choice")
    bound = isinstance(choice, dict) or choice == "required" or _format(body) in {"json_schema", "json_object"}
    return bound and not body.get("stream")


def has_schema(body: Body) -> bool:
    return _format(body) == "json_schema"


def forced(body: Body) -> str:
    """The name of the tool that must be called; empty when none must."""
    choice = body.get("tool_choice")
    if choice == "required":
        return str(body["tools"][0]["function"]["name"])
    return str(choice["function"]["name"]) if isinstance(choice, dict) else ""


def least_for(body: Body) -> object:
    """The least that answers a call."""
    if has_schema(body):
        return least(body["response_format"]["json_schema"]["schema"])
    for tool in body.get("tools", ()):
        if tool["function"]["name"] == forced(body):
            return least(tool["function"].get("parameters", {"type": "object"}))
    # An answer that must be JSON of any kind: the schema is what the last line says, if it says one.
    content = body["messages"][-1]["content"]
    text = content if isinstance(content, str) else content[0]["text"]
    try:
        return least(json.loads(text.strip().rpartition("\n")[2]))
    except ValueError:
        return {}


def least(schema: Body, root: Body | None = None) -> Any:
    """The smallest value that is valid for a schema; not one for a `pattern` or `allOf`."""
    root = schema if root is None else root
    if "$ref" in schema:
        found: Any = root
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        return least(found, root)
    if choices := schema.get("anyOf") or schema.get("oneOf"):
        return least(choices[0], root)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type", "object" if "properties" in schema else "null")
    kind = kind[0] if isinstance(kind, list) else kind
    match kind:
        case "object":
            properties = schema.get("properties", {})
            return {name: least(properties.get(name, {}), root) for name in schema.get("required", ())}
        case "array":
            return [least(schema.get("items", {}), root)] * schema.get("minItems", 0)
        case "string":
            return _TIMES.get(schema.get("format", ""), "x" * schema.get("minLength", 0))
        case "integer" | "number":
            return _number(schema)
    return False if kind == "boolean" else None


def complaint(body: Body) -> str:
    """What OpenAI would refuse in the tools and the form that a request brings; empty when all is well."""
    return _tools_complaint(body) or _choice_complaint(body) or _format_complaint(body)


_TIMES = {"date-time": "1970-01-01T00:00:00Z", "date": "1970-01-01", "time": "00:00:00Z"}


def _number(schema: Body) -> float:
    """Nothing, where that is allowed."""
    smallest: float = schema.get("minimum", schema.get("exclusiveMinimum", -1) + 1)
    largest: float = schema.get("maximum", smallest)
    return min(smallest, largest)


def _format(body: Body) -> str:
    form = body.get("response_format")
    return str(form.get("type", "")) if isinstance(form, dict) else ""


def _tools_complaint(body: Body) -> str:
    if "tools" not in body:
        return ""
    tools = body["tools"]
    if not (isinstance(tools, list) and tools):
        return "[] is too short - 'tools'"
    for place, tool in enumerate(tools):
        if not isinstance(tool, dict) or set(tool) != {"type", "function"} or tool["type"] != "function":
            return f"tools[{place}] has not just the type function and a function"
        function = tool["function"]
        if not isinstance(function, dict) or not set(function) <= {"name", "description", "parameters", "strict"}:
            return f"tools[{place}].function holds what is unknown"
        if wrong := _named_complaint(function, "parameters"):
            return f"tools[{place}].function: {wrong}"
    return ""


def _choice_complaint(body: Body) -> str:
    if "tool_choice" not in body:
        return ""
    if "tools" not in body:
        return "'tool_choice' is only allowed when 'tools' are specified."
    choice = body["tool_choice"]
    if choice in ("none", "auto", "required"):
        return ""
    names = [tool["function"]["name"] for tool in body["tools"]]
    if choice not in [{"type": "function", "function": {"name": name}} for name in names]:
        return "Tool choice not found in 'tools' parameter."
    return ""


def _format_complaint(body: Body) -> str:
    form = body.get("response_format")
    if form is None or form == {"type": "text"}:
        return ""
    if form == {"type": "json_object"}:
        if "json" not in json.dumps(body["messages"]).lower():
            return (
                "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'."
            )
        return ""
    if not isinstance(form, dict) or set(form) != {"type", "json_schema"} or form["type"] != "json_schema":
        return "Invalid value: 'response_format'"
    bound = form["json_schema"]
    if not isinstance(bound, dict) or not set(bound) <= {"name", "description", "schema", "strict"}:
        return "response_format.json_schema holds what is unknown"
    if "schema" not in bound:
        return "Missing required parameter: 'response_format.json_schema.schema'."
    return _named_complaint(bound, "schema")


def _named_complaint(named: Body, schema: str) -> str:
    """What is wrong with a function, or with a form that is named like one."""
    if not (isinstance(named.get("name"), str) and _NAME.fullmatch(named["name"])):
        return "the name does not match '^[a-zA-Z0-9_-]+$', or is longer than 64"
    description = named.get("description", "")
    if not isinstance(description, str) or len(description) > 1024:
        return "string too long. Expected a string with maximum length 1024 as description"
    if named.get("strict") not in (None, True, False):
        return "strict is no boolean"
    return _schema_complaint(named[schema], bool(named.get("strict"))) if schema in named else ""


def _schema_complaint(schema: object, strict: bool) -> str:
    if not isinstance(schema, dict) or schema.get("type") != "object":
        return "Invalid schema: schema must be a JSON Schema of 'type: \"object\"'"
    if strict and not (
        schema.get("additionalProperties") is False
        and set(schema.get("required", ())) == set(schema.get("properties", ()))
    ):
        return "Invalid schema: strict, so 'additionalProperties' must be false and 'required' name every property"
    try:
        fastjsonschema.compile(schema, use_default=False)
    except fastjsonschema.JsonSchemaException as error:
        return f"Invalid schema: {error}"
    return ""
