"""How long templates take to render: attache's engine beside airspeed and Velocity.js.

    tests/bench/templates.py --tools FOLDER

gets both engines into the folder, with pip and npm, and prints a table. All engines parse a
template once and render it many times, one after the other in one run. All have to print the same
but for blanks, which the other two do not treat as Apache Velocity does.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import time
import venv

AIRSPEED = "airspeed==0.7.1"
VELOCITY_JS = "velocityjs@2.1.7"

ROUNDS = 9
ROUND = 0.05

HERE = pathlib.Path(__file__).resolve().parent

SMALL = '{"id": "$order.id", "customer": "$order.customer.name", "total": $order.total}'

MEDIUM = """#set($customer = $order.customer)
{
  "customer": "$customer.name",
  "lines": [
#foreach($line in $order.lines)
    {"sku": "$line.sku", "count": $line.count#if($line.count > 5), "bulk": true#end}#if($foreach.hasNext),#end

#end
  ]
}"""

LARGE = """{
#foreach($line in $order.lines)
#set($name = "${order.id}:$line.sku")
#set($price = $line.count * 12)
  "$name": {"sku": "$line.sku", "count": $line.count, "first": $line.tags[0], "price": #if($price > 100)"$price"#else$price#end},
#foreach($tag in $line.tags)
  "$name:$foreach.count": "$tag",
#end
#end
  "lines": "$order.total"
}"""


def order(lines: int) -> dict:
    return {
        "id": "o-1",
        "customer": {"name": "A. Customer", "email": "customer@example.com"},
        "total": 42,
        "lines": [
            {"sku": f"AB-{number}", "count": number % 10 + 1, "tags": [number, number + 1, number + 2]}
            for number in range(lines)
        ],
    }


CASES = [
    ("small", SMALL, {"order": order(1)}),
    ("medium", MEDIUM, {"order": order(10)}),
    ("large", LARGE, {"order": order(200)}),
]


def measure(call) -> float:
    """Nanoseconds of one call: of some rounds the quickest, which a busy machine disturbed least."""
    times = 1

    def round_() -> float:
        start = time.perf_counter()
        for _ in range(times):
            call()
        return time.perf_counter() - start

    while round_() < ROUND:
        times *= 2
    return min(round_() for _ in range(ROUNDS)) / times * 1e9


def airspeed() -> None:
    """The part of this file that runs where airspeed is installed."""
    import airspeed as engine

    for line in sys.stdin:
        case = json.loads(line)
        template = engine.Template(case["template"])
        printed = template.merge(case["variables"])
        nanoseconds = measure(lambda: template.merge(case["variables"]))
        print(json.dumps({"nanoseconds": nanoseconds, "printed": printed}), flush=True)


def ask(command: list, cases: str, **more) -> list:
    run = subprocess.run(command, input=cases, stdout=subprocess.PIPE, text=True, check=True, **more)
    return [json.loads(line) for line in run.stdout.splitlines()]


def engines(tools: pathlib.Path) -> dict:
    """The command of each engine; what is missing is installed."""
    python = tools / "airspeed" / "bin" / "python"
    if not python.exists():
        venv.create(python.parent.parent, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", AIRSPEED], check=True)
    modules = tools / "velocityjs"
    if not (modules / "node_modules" / "velocityjs").is_dir():
        modules.mkdir(parents=True, exist_ok=True)
        command = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", modules, VELOCITY_JS]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    root = HERE.parent.parent
    build = ["cargo", "build", "--quiet", "--release", "-p", "attache-bench-templates"]
    subprocess.run(build, check=True, cwd=root)
    describe = ["cargo", "metadata", "--format-version=1", "--no-deps"]
    metadata = json.loads(subprocess.run(describe, check=True, cwd=root, stdout=subprocess.PIPE).stdout)
    binary = pathlib.Path(metadata["target_directory"]) / "release" / "attache-bench-templates"
    return {
        "attache": ([binary], {}),
        "airspeed": ([python, __file__, "--airspeed"], {}),
        "Velocity.js": (
            ["node", HERE / "templates" / "velocity.js"],
            {"env": {"NODE_PATH": str(modules / "node_modules"), "PATH": "/usr/local/bin:/usr/bin:/bin"}},
        ),
    }


def run(tools: pathlib.Path) -> list:
    """For each template its name, the size of what it prints, and nanoseconds by engine."""
    lines = [json.dumps({"template": template, "variables": variables}) for _, template, variables in CASES]
    cases = "\n".join(lines) + "\n"
    answers = {name: ask(command, cases, **more) for name, (command, more) in engines(tools).items()}
    rows = []
    for place, (name, _, _) in enumerate(CASES):
        printed = {engine: answer[place]["printed"] for engine, answer in answers.items()}
        for engine, text in printed.items():
            if "".join(text.split()) != "".join(printed["attache"].split()):
                raise SystemExit(f"{engine} prints something else for `{name}`:\n{text}\n---\n{printed['attache']}")
        rows.append((name, len(printed["attache"]), {engine: answer[place]["nanoseconds"] for engine, answer in answers.items()}))
    return rows


def table(rows: list) -> str:
    names = list(rows[0][2])
    lines = ["| template | prints | " + " | ".join(names) + " | over airspeed |", "|---|--:|" + "--:|" * (len(names) + 1)]
    for name, size, times in rows:
        figures = " | ".join(f"{times[engine]:,.0f} ns" for engine in names)
        lines.append(f"| {name} | {size:,} bytes | {figures} | {times['airspeed'] / times['attache']:,.0f}× |")
    return "\n".join(lines)


if __name__ == "__main__":
    if sys.argv[1:] == ["--airspeed"]:
        airspeed()
    else:
        parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
        parser.add_argument("--tools", type=pathlib.Path, required=True, help="where the other engines are kept")
        print(table(run(parser.parse_args().tools)))
