#!/usr/bin/env python3
"""Checks alert rules and boards against the list of metrics.

contrib.py METRICS.md RULES.yml TESTS.yml BOARD.json...: prints what is wrong; exit status 1 if anything is.
"""

import json
import re
import sys

PROBLEMS = []
OTHERS = {"up": set()}  # metrics that Prometheus makes itself
FROM_SCRAPE = {"job", "instance", "le"}
# Where labels of metrics are named in an expression, beside its selectors.
GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")
SELECTOR = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)\s*\{((?:[^{}"]|"(?:[^"\\]|\\.)*")*)\}')
NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
WORDS = {"and", "or", "unless", "bool", "offset", "by", "without", "on", "ignoring", "group_left", "group_right"}


def problem(text):
    PROBLEMS.append(text)


def read_metrics(path):
    """Metrics with their labels."""
    metrics = dict(OTHERS)
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            row = re.match(r"\| `([a-z0-9_]+)` \| (\w+) \| ([^|]*) \|", line)
            if not row:
                continue
            name, kind, labels = row.groups()
            known = set(re.findall(r"`(\w+)`", labels))
            suffixes = ("_bucket", "_sum", "_count") if kind == "histogram" else ("",)
            metrics.update({name + suffix: known for suffix in suffixes})
    if len(metrics) < 20:
        problem(f"{path} has no table of metrics")
    return metrics


def check(expression, metrics, where):
    """All metrics and labels of a PromQL expression."""
    known = set(FROM_SCRAPE)
    used = set()
    for name, matchers in SELECTOR.findall(expression):
        labels = {label for label in re.findall(r'(\w+)\s*(?:=~|!~|!=|=)\s*"', matchers)}
        for label in labels - FROM_SCRAPE - metrics.get(name, labels):
            problem(f"{where}: {name} has no label {label}")
    rest = SELECTOR.sub(lambda match: match[1] + " ", expression)
    labels = [label.strip() for group in GROUPING.findall(rest) for label in group.split(",") if label.strip()]
    rest = re.sub(r'"[^"]*"|\[[^\]]*\]|\$\w+|\b[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+|[smhdwy])?\b', " ", GROUPING.sub(" ", rest))
    for match in NAME.finditer(rest):
        name = match[0]
        if name in WORDS or rest[match.end():].lstrip().startswith("("):
            continue
        used.add(name)
        if name not in metrics:
            problem(f"{where}: there is no metric {name}")
        known |= metrics.get(name, set())
    for label in labels:
        if label not in known:
            problem(f"{where}: no metric of it has a label {label}")
    if not used:
        problem(f"{where}: no metric in {expression!r}")
    return used


def check_rules(path, tests, metrics):
    """Each alert: its expression, that it tells what to do, that its tests let it fire and keep quiet."""
    with open(path, encoding="utf-8") as file:
        alerts = re.split(r"(?m)^ +- alert: ", file.read())[1:]
    with open(tests, encoding="utf-8") as file:
        cases = re.split(r"(?m)^ +- alertname: ", file.read())[1:]
    if not alerts:
        problem(f"{path} has no alerts")
    for alert in alerts:
        name = alert.split("\n", 1)[0].strip()
        found = re.search(r"(?m)^( +)expr: (.*(?:\n\1 +.*)*)", alert)
        if found:
            text = re.sub(r"^\|-?\n", "", found[2])
            check(text.strip().strip("'"), metrics, name)
        else:
            problem(f"{name} has no expression")
        for field in ("severity", "summary", "description", "runbook"):
            if not re.search(rf"(?m)^ +{field}: .", alert):
                problem(f"{name} has no {field}")
        own = [case for case in cases if case.split("\n", 1)[0].strip() == name]
        if not any("exp_labels" in case for case in own):
            problem(f"no test lets {name} fire")
        if not any("exp_alerts: []" in case for case in own):
            problem(f"no test keeps {name} quiet")


def check_board(path, metrics):
    """A board for Grafana: its form, its panels, its queries. Returns the metrics that it shows."""
    with open(path, encoding="utf-8") as file:
        board = json.load(file)
    for field in ("uid", "title", "schemaVersion", "templating", "panels", "time"):
        if field not in board:
            problem(f"{path}: no {field}")
    variables = {variable["name"]: variable for variable in board["templating"]["list"]}
    if variables.get("datasource", {}).get("type") != "datasource":
        problem(f"{path}: no variable for the data source")
    used = set()
    for variable in variables.values():
        if variable["type"] == "query":
            asked = re.fullmatch(r"label_values\((.*), *(\w+)\)", variable["definition"])
            used |= check(asked[1], metrics, f"variable {variable['name']}") if asked else set()
            if not asked or variable["query"]["query"] != variable["definition"]:
                problem(f"{path}: what does the variable {variable['name']} ask for?")
    for annotation in board["annotations"]["list"]:
        if "expr" in annotation:
            used |= check(annotation["expr"], metrics, f"annotation {annotation['name']}")
    numbers, places = set(), []
    for panel in board["panels"]:
        title, place = panel["title"], panel["gridPos"]
        if panel["id"] in numbers:
            problem(f"{title}: its id is taken")
        numbers.add(panel["id"])
        if place["x"] + place["w"] > 24 or any(overlap(place, other) for other in places):
            problem(f"{title}: it has no place of its own")
        places.append(place)
        if panel["type"] == "row":
            continue
        if not panel["targets"] or panel["datasource"].get("uid") != "${datasource}":
            problem(f"{title}: no query, or a data source of its own")
        for target in panel["targets"]:
            used |= check(target["expr"], metrics, title)
            for name in re.findall(r"\$(\w+)", target["expr"]):
                if name not in variables and not name.startswith("__"):
                    problem(f"{title}: there is no variable {name}")
    return used


def overlap(one, other):
    return (one["x"] < other["x"] + other["w"] and other["x"] < one["x"] + one["w"]
            and one["y"] < other["y"] + other["h"] and other["y"] < one["y"] + one["h"])


def main():
    metrics = read_metrics(sys.argv[1])
    check_rules(sys.argv[2], sys.argv[3], metrics)
    for path in sys.argv[4:]:
        used = check_board(path, metrics)
        print(f"contrib: {path.rsplit('/', 1)[-1]} shows {len(used)} of {len(metrics) - len(OTHERS)} metrics")
    for text in PROBLEMS:
        print(f"contrib: {text}")
    sys.exit(1 if PROBLEMS else 0)


main()
