#!/bin/sh
# api/openapi.yaml as other programs read it: YAML without duplicate keys,
# every reference leads somewhere, every schema is used, every path parameter
# is declared, and the examples have only members that their schemas know.
# Needs python3-yaml; without it there is nothing to read the file with.
set -eu
cd "$(dirname "$0")/../.."
if ! python3 -c 'import yaml' 2>/dev/null; then
	echo "python3-yaml is not installed"
	exit 77
fi
python3 - api/openapi.yaml <<'END'
import re
import sys
import yaml


class Strict(yaml.SafeLoader):
    pass


def mapping(loader, node):
    keys = [loader.construct_object(k) for k, _ in node.value]
    twice = {k for k in keys if keys.count(k) > 1}
    if twice:
        sys.exit(f"line {node.start_mark.line + 1}: twice: {twice}")
    return yaml.SafeLoader.construct_mapping(loader, node, deep=True)


Strict.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG,
                       mapping)
Strict.yaml_implicit_resolvers = {
    k: [r for r in v if r[0] != "tag:yaml.org,2002:timestamp"]
    for k, v in yaml.SafeLoader.yaml_implicit_resolvers.items()}
doc = yaml.load(open(sys.argv[1], encoding="utf-8"), Loader=Strict)
used = set()
bad = []


def resolve(ref):
    node = doc
    for part in ref.removeprefix("#/").split("/"):
        if part not in node:
            sys.exit(f"{ref} leads nowhere")
        node = node[part]
    return node


def walk(node, where):
    if isinstance(node, dict):
        if "$ref" in node:
            used.add(node["$ref"])
            resolve(node["$ref"])
        for k, v in node.items():
            walk(v, f"{where}/{k}")
    elif isinstance(node, list):
        for i, v in enumerate(node):
            walk(v, f"{where}/{i}")


def fits(value, schema, where):
    if "$ref" in schema:
        schema = resolve(schema["$ref"])
    kinds = {"object": dict, "array": list, "string": str, "boolean": bool,
             "integer": int}
    if not isinstance(value, kinds[schema["type"]]):
        bad.append(f"{where}: not of type {schema['type']}")
    elif "enum" in schema and value not in schema["enum"]:
        bad.append(f"{where}: {value} is none of {schema['enum']}")
    elif "pattern" in schema and not re.search(schema["pattern"], value):
        bad.append(f"{where}: {value} is not {schema['pattern']}")
    elif schema["type"] == "array":
        for i, v in enumerate(value):
            fits(v, schema["items"], f"{where}/{i}")
    elif schema["type"] == "object" and "properties" in schema:
        for name in schema.get("required", []):
            if name not in value:
                bad.append(f"{where}: no {name}")
        for k, v in value.items():
            if k not in schema["properties"]:
                bad.append(f"{where}: unknown {k}")
            else:
                fits(v, schema["properties"][k], f"{where}/{k}")


walk(doc, "#")
for kind, things in doc["components"].items():
    for name, thing in things.items():
        ref = f"#/components/{kind}/{name}"
        if kind != "securitySchemes" and ref not in used:
            bad.append(f"{ref} is not used")
        if kind != "schemas":
            continue
        for r in thing.get("required", []):
            if r not in thing["properties"]:
                bad.append(f"{ref}: required {r} is no property")
        if "example" in thing:
            fits(thing["example"], thing, ref)
for name, thing in doc["components"]["responses"].items():
    for media in thing["content"].values():
        fits(media["example"], media["schema"], name)
for path, methods in doc["paths"].items():
    for method, op in methods.items():
        where = f"{method} {path}"
        names = [resolve(p["$ref"]) for p in op.get("parameters", [])]
        inside = {p["name"] for p in names if p["in"] == "path"}
        if inside != set(re.findall(r"{(\w+)}", path)):
            bad.append(f"{where}: parameters are {inside}")
        if "default" not in op["responses"]:
            bad.append(f"{where}: no problem response")
        for media in op.get("requestBody", {}).get("content", {}).values():
            fits(media["example"], media["schema"], where)
for line in bad:
    print(line)
sys.exit(1 if bad else 0)
END
echo "ok openapi.yaml as YAML"
