"""Schemathesis against the OpenAPI document of a running server."""

import re
import subprocess
import sys
from pathlib import Path

from servers import ServerError

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
EXAMPLES = 30
SEED = 5321

# What follows the log never ends; 503 is what /readyz is for. Names of things that are there lead further than made-up
# ones.
SETTINGS = """\
[[operations]]
include-path-regex = "^/api/v1/(logs|events)$"
parameters = {{ follow = "false" }}

[[operations]]
include-path = "/api/v1/plugins/{{name}}"
parameters = {{ name = "badmailfrom" }}

[[operations]]
include-path = "/api/v1/sessions/{{id}}"
parameters = {{ id = "{session}" }}

[[operations]]
include-path = "/readyz"
checks.not_a_server_error.expected-statuses = ["2xx", "3xx", "4xx", "503"]
"""


def run(folder, server, role, session):
    """All operations in a role (`None`: without a token); gives a sentence."""
    settings = Path(folder) / "schemathesis.toml"
    settings.write_text(SETTINGS.format(session=session))
    words = [str(Path(sys.executable).with_name("st")), "--config-file", str(settings), "--no-color", "run",
             f"{server.base}/api/v1/openapi.json", "--phases", "examples,coverage,fuzzing", "--checks", CHECKS,
             "--max-examples", str(EXAMPLES), "--seed", str(SEED), "--request-timeout", "10",
             "--continue-on-failure", "--generation-database", "none", "--warnings", "off"]
    if role:
        words += ["--header", f"Authorization: Bearer {server.tokens[role]}"]
    result = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=240, check=False)
    cases = re.search(r"(\d+) generated", result.stdout)
    if result.returncode != 0 or not cases:
        raise ServerError(f"as {role or 'anonymous'}:\n{result.stdout[-6000:]}{result.stderr[-2000:]}")
    return f"{role or 'anonymous'}: {cases.group(1)} cases"
