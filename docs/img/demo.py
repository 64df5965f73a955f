#!/usr/bin/env python3
"""Draws docs/img/demo.svg: a real run of `sanmon demo`, with curl beside it.

    go build -o bin/sanmon ./cmd/sanmon && python3 docs/img/demo.py bin/sanmon

Every line of output is what the programs printed; secrets are masked, long lines are cut.
"""

import html
import json
import pathlib
import re
import shlex
import subprocess
import sys
import time

COLUMNS, CHAR, LINE, PAD = 104, 7.83, 19, 22
COLOUR = {"plain": "#d7dae0", "dim": "#7f8796", "good": "#8fce8b", "bad": "#ff8b8b", "why": "#f2c879", "prompt": "#86b6ff"}

STEPS = [  # (remark, curl arguments; $KEY and BASE are filled in)
    ("a key with the role reader reads", "BASE/api/notes -H \"Authorization: Bearer $KEY\""),
    ("and does not write", "BASE/api/notes -H \"Authorization: Bearer $KEY\" --json '{\"title\":\"hi\"}'"),
    ("without a credential", "BASE/api/notes"),
    ("a path with two meanings", "--path-as-is BASE/static/../notes"),
    ("a form of another site", "-X POST BASE/notes -H 'Origin: https://evil.example' -H 'Cookie: sanmon=x'"),
    ("a key in an address", "\"BASE/api/notes?key=$KEY\""),
]


def mask(text, key, password):
    text = text.replace(password, "•" * 8).replace(key, key[:22] + "…")
    return re.sub(r"(sanmon=)[\w-]{20,}", r"\1…", text)


def cut(text):
    return text if len(text) <= COLUMNS else text[: COLUMNS - 1] + "…"


def indent(text):  # SVG drops leading blanks
    rest = text.lstrip(" ")
    return "\u00a0" * (len(text) - len(rest)) + rest


def session(binary):
    gate = subprocess.Popen([binary, "demo"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    out = []
    while not out or "Ctrl-C" not in out[-1]:
        out.append(gate.stdout.readline())
    base = re.search(r"Open\s+http://(\S+)", "".join(out)).group(1)
    key = re.search(r"smk_live_\w+", "".join(out)).group(0)
    password = re.search(r"password\s+(\S+)", "".join(out)).group(1)
    hide = lambda s: cut(mask(s.rstrip("\n"), key, password))
    lines = [("prompt", "$ sanmon demo")] + [("plain", hide(l)) for l in out[1:5]]
    lines += [("plain", ""), ("prompt", hide("$ KEY=" + key)), ("plain", "")]
    answers = []
    for remark, args in STEPS:
        shown = "curl -s " + args.replace("BASE", base)
        real = subprocess.run(
            ["curl", "-s", "-w", "\n%{http_code} %header{x-request-id}"] + shlex.split(args.replace("BASE", base).replace("$KEY", key)),
            capture_output=True, text=True).stdout
        body, _, tail = real.strip().rpartition("\n")
        status, request = tail.split()
        answers.append((remark, hide(shown), body, status, request))
    time.sleep(0.5)
    gate.terminate()
    log = {r["request_id"]: r for r in map(json.loads, gate.stderr.read().splitlines()) if "request_id" in r}
    for remark, shown, body, status, request in answers:
        lines += [("dim", "# " + remark), ("prompt", "$ " + shown)]
        if status == "200":
            lines.append(("good", hide(body)))
        else:
            problem = json.loads(body)
            lines.append(("bad", f'{status} {problem["code"]}: {problem["title"]}'))
            lines.append(("why", cut("  log: " + log[request]["reason"])))
        lines.append(("plain", ""))
    return lines[:-1]


def svg(lines):
    width, height = round(COLUMNS * CHAR + 2 * PAD), len(lines) * LINE + 2 * PAD + 24
    rows = []
    for n, (kind, text) in enumerate(lines):
        if text:
            rows.append(f'<text x="{PAD}" y="{PAD + 36 + n * LINE}" fill="{COLOUR[kind]}">{html.escape(indent(text))}</text>')
    dots = "".join(f'<circle cx="{PAD + 4 + i * 18}" cy="20" r="5" fill="#4a5160"/>' for i in range(3))
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
            'aria-label="A terminal: sanmon demo, and curl getting one answer and five refusals">'
            f'<rect width="{width}" height="{height}" rx="10" fill="#1b1e25"/>{dots}'
            '<g font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,DejaVu Sans Mono,monospace" font-size="13">\n'
            + "\n".join(rows) + "\n</g></svg>\n")


pathlib.Path(__file__).with_name("demo.svg").write_text(svg(session(sys.argv[1])), encoding="utf-8")
