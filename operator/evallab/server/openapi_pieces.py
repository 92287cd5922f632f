"""JSON schemas in few words: what `openapi_shapes` is written with."""

from typing import Any

Json = dict[str, Any]
_REF = "#/components/schemas/"


def ref(name: str) -> Json:
    """Return a reference to a shape."""
    return {"$ref": _REF + name}


def text(meaning: str = "", *values: str) -> Json:
    """Return a text, or one of some."""
    said: Json = {"type": "string"} | ({"description": meaning} if meaning else {})
    return said | ({"enum": list(values)} if values else {})


def moment(meaning: str) -> Json:
    """Return a time."""
    return {"type": "string", "format": "date-time", "description": meaning}


def number(meaning: str = "", *, null: bool = False) -> Json:
    """Return a number."""
    return {"type": ["number", "null"] if null else "number"} | ({"description": meaning} if meaning else {})


def whole(meaning: str = "", *, null: bool = False) -> Json:
    """Return a whole number."""
    return {"type": ["integer", "null"] if null else "integer"} | ({"description": meaning} if meaning else {})


def flag(meaning: str = "") -> Json:
    """Return true or false."""
    return {"type": "boolean"} | ({"description": meaning} if meaning else {})


def text_or_null(meaning: str) -> Json:
    """Return a text or null."""
    return {"type": ["string", "null"], "description": meaning}


def list_of(items: Json, meaning: str = "") -> Json:
    """Return a list."""
    return {"type": "array", "items": items} | ({"description": meaning} if meaning else {})


def anything(meaning: str) -> Json:
    """Return an object with any fields."""
    return {"type": "object", "description": meaning, "additionalProperties": True}


def fields(meaning: str, needed: str = "", **parts: Json) -> Json:
    """Return an object; `needed` names the fields that are always there."""
    found = {"type": "object", "description": meaning, "properties": parts}
    return found | ({"required": needed.split()} if needed else {})


def page_of(of: str) -> Json:
    """Return a page of things."""
    return {"allOf": [ref("Page"), {"type": "object", "properties": {"items": list_of(ref(of))}}]}
