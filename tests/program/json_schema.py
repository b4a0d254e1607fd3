# SPDX-License-Identifier: Apache-2.0
"""A small part of JSON Schema 2020-12, enough for src/event/schema.json; a word it does not know is an error, not a pass.

Known: type, const, enum, pattern, minimum, maximum, minLength, maxLength, minItems, maxItems, uniqueItems, items, required,
properties, patternProperties, additionalProperties, anyOf, oneOf, allOf, not, if/then/else, $ref to "#/$defs/...", and format
(which, as in the standard, only annotates).
"""
import re

TYPES = {
    "object": lambda v: isinstance(v, dict),
    "array": lambda v: isinstance(v, list),
    "string": lambda v: isinstance(v, str),
    "boolean": lambda v: isinstance(v, bool),
    "null": lambda v: v is None,
    "number": lambda v: isinstance(v, (int, float)) and not isinstance(v, bool),
    "integer": lambda v: isinstance(v, int) and not isinstance(v, bool),
}
SILENT = {"$schema", "$id", "$defs", "$comment", "title", "description", "examples", "default", "format"}


def violations(schema, value, whole=None, path=""):
    """What the value breaks, as texts; empty when it is valid."""
    whole = schema if whole is None else whole
    if isinstance(schema, bool):
        return [] if schema else [f"{path or 'value'} is not allowed"]
    out = []

    def no(text):
        out.append(f"{path or 'value'} {text}: {value!r:.60}")

    def inner(part, element, where=path):
        return violations(part, element, whole, where)

    for word, rule in schema.items():
        if word in SILENT or word in ("then", "else"):
            continue
        if word == "$ref":
            target = whole
            for step in rule.removeprefix("#/").split("/"):
                target = target[step]
            out += inner(target, value)
        elif word == "type":
            if not any(TYPES[one](value) for one in ([rule] if isinstance(rule, str) else rule)):
                no(f"is no {rule}")
        elif word == "const":
            if value != rule or isinstance(value, bool) != isinstance(rule, bool):
                no(f"is not {rule!r}")
        elif word == "enum":
            if value not in rule:
                no("is not in the list")
        elif word in ("pattern", "minLength", "maxLength"):
            if isinstance(value, str) and not (
                re.search(rule, value) if word == "pattern" else len(value) >= rule if word == "minLength" else len(value) <= rule
            ):
                no(f"breaks {word} {rule}")
        elif word in ("minimum", "maximum"):
            if TYPES["number"](value) and (value < rule if word == "minimum" else value > rule):
                no(f"breaks {word} {rule}")
        elif word in ("minItems", "maxItems", "uniqueItems", "items"):
            if isinstance(value, list):
                if word == "items":
                    out += [text for i, one in enumerate(value) for text in inner(rule, one, f"{path}[{i}]")]
                elif word == "uniqueItems":
                    if rule and any(one in value[:i] for i, one in enumerate(value)):
                        no("has doubles")
                elif len(value) < rule if word == "minItems" else len(value) > rule:
                    no(f"breaks {word} {rule}")
        elif word == "required":
            if isinstance(value, dict):
                out += [f"{path or 'value'} lacks {key}" for key in rule if key not in value]
        elif word in ("properties", "patternProperties", "additionalProperties"):
            if isinstance(value, dict):
                for key, one in value.items():
                    named = key in schema.get("properties", {})
                    fits = [p for p in schema.get("patternProperties", {}) if re.search(p, key)]
                    where = f"{path}.{key}" if path else key
                    if word == "properties" and named:
                        out += inner(rule[key], one, where)
                    elif word == "patternProperties":
                        out += [text for p in fits for text in inner(rule[p], one, where)]
                    elif word == "additionalProperties" and not named and not fits:
                        out += inner(rule, one, where)
        elif word == "allOf":
            out += [text for part in rule for text in inner(part, value)]
        elif word in ("anyOf", "oneOf"):
            tries = [inner(part, value) for part in rule]
            good = tries.count([])
            if not good:  # The part that fits best says most.
                out += min(tries, key=len)
            elif word == "oneOf" and good > 1:
                no(f"fits {good} of oneOf")
        elif word == "not":
            if not inner(rule, value):
                no("fits what it must not")
        elif word == "if":
            out += inner(schema.get("else" if inner(rule, value) else "then", True), value)
        else:
            raise ValueError(f"JSON Schema word {word!r} is not known to this validator")
    return out
