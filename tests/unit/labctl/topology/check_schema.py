#!/usr/bin/python3
"""Judges documents by a JSON Schema with an implementation that is not ours.

Reads {"schema": SCHEMA, "documents": [DOCUMENT…]} from standard input and writes one JSON list: for each document null
where the schema accepts it, or why it does not. The schema itself must be valid (draft 2020-12).
"""
import json
import sys

import jsonschema

work = json.load(sys.stdin)
jsonschema.Draft202012Validator.check_schema(work["schema"])
validator = jsonschema.Draft202012Validator(work["schema"])


def verdict(document):
    error = jsonschema.exceptions.best_match(validator.iter_errors(document))
    return None if error is None else f"{error.json_path}: {error.message[:300]}"


json.dump([verdict(document) for document in work["documents"]], sys.stdout)
