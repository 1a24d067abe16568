"""What is deprecated is told at the caller's place, and what was renamed works by both names."""

from __future__ import annotations

import copy
import json
import pickle
import shutil
import warnings
from typing import ClassVar

import click
import pytest
from click.testing import CliRunner

import dataflow_core
from dataflow_core import Evaluator, MemoryStorage, Pipeline, Storage
from dataflow_core import deprecations as told
from dataflow_core.cli.deprecated import former_option
from dataflow_core.deprecations import Deprecation, Former, deprecated, renamed_parameters
from dataflow_core.engine.fingerprints import Fingerprints
from dataflow_core.errors import ConfigurationError, DataflowDeprecationWarning
from dataflow_core.pipeline import from_yaml
from dataflow_core.testing import check_surface, surface_of

OLD = Deprecation(what="old()", since="0.2", removed_in="0.4", instead="new()")


def since(name):
    return Former(name, since="0.2", removed_in="0.4")


class Clip(Evaluator):
    """Tell the length of texts, in units of ``width``."""

    former_names: ClassVar = {"width": since("size"), "input_text": since("input_column")}

    width: int = 1

    def run(self, storage: Storage, input_text: str = "text", output_length: str = "n") -> None:
        table = storage.read([input_text])
        table[output_length] = table[input_text].str.len() // self.width
        storage.write(table)


class FinerClip(Clip):
    """A subclass with a former name of its own."""

    former_names: ClassVar = {"offset": (since("shift"), since("start"))}

    offset: int = 0


class Clipping(Pipeline):
    """A pipeline whose parameter was renamed."""

    @renamed_parameters({"width": since("size")})
    def __init__(self, storage: Storage | None = None, width: int = 1) -> None:
        super().__init__(storage)
        self.clip = Clip(width=width)

    def forward(self) -> None:
        self.clip.run(self.storage)


def test_a_deprecated_function_warns_at_the_caller_and_works():
    @deprecated(OLD)
    def old(number):
        return number + 1

    with pytest.warns(DataflowDeprecationWarning) as warned:
        assert old(1) == 2
    assert str(warned[0].message) == OLD.message
    assert warned[0].filename == __file__
    assert OLD.message == (
        "old() is deprecated since dataflow-llm-core 0.2 and goes in 0.4; use new()"
    )


def test_a_deprecated_class_warns_when_one_is_made():
    @deprecated(OLD)
    class Old:
        def __init__(self, number):
            self.number = number

    with pytest.warns(DataflowDeprecationWarning, match=r"use new\(\)"):
        assert Old(3).number == 3


def test_it_is_told_once_for_each_place_whatever_others_do_to_the_filters():
    @deprecated(OLD)
    def old():
        pass

    shown = []
    with warnings.catch_warnings():
        warnings.resetwarnings()
        warnings.simplefilter("default", DataflowDeprecationWarning)
        warnings.showwarning = lambda *told: shown.append(told)
        for _ in range(3):
            old()
            with warnings.catch_warnings():  # This makes Python forget what it has shown.
                warnings.simplefilter("ignore")
        old()
    assert len(shown) == 2


def test_fields_work_by_their_former_names():
    with pytest.warns(DataflowDeprecationWarning) as warned:
        clip = Clip(size=2)
    assert clip == Clip(width=2)
    assert "the field 'size' of Clip is now called 'width'" in str(warned[0].message)
    assert "since 0.2; the former name goes in 0.4" in str(warned[0].message)
    assert warned[0].filename == __file__
    with pytest.warns(DataflowDeprecationWarning):
        assert clip.size == 2
    with pytest.warns(DataflowDeprecationWarning):
        assert Clip.model_validate({"size": 2}) == clip


def test_what_is_made_by_a_former_name_is_copied_and_pickled_in_silence():
    with pytest.warns(DataflowDeprecationWarning):
        clip = Clip(size=2)
    assert pickle.loads(pickle.dumps(clip)) == copy.deepcopy(clip) == clip


def test_columns_work_by_their_former_names():
    table = MemoryStorage([{"text": "four"}])
    with pytest.warns(DataflowDeprecationWarning, match="the column 'input_column' of Clip"):
        Clip(width=2).run(table, input_column="text")
    assert table.rows() == [{"text": "four", "n": 2}]


def test_a_subclass_knows_the_former_names_of_its_bases():
    with pytest.warns(DataflowDeprecationWarning) as warned:
        assert FinerClip(size=2, start=1) == FinerClip(width=2, offset=1)
    assert len(warned) == 2


def test_both_names_at_once_are_refused():
    with pytest.raises(ConfigurationError, match="'size' is the former name of 'width'"):
        Clip(size=2, width=3)


def test_an_attribute_that_never_was_is_missing_as_before():
    with pytest.raises(AttributeError, match="no attribute 'length'"):
        _ = Clip().length


def recipe(field, column):
    return (
        f"dataflow: 1\nname: r\nsteps:\n- name: clip\n  operator: {__name__}:Clip\n"
        f"  config:\n    {field}: 2\n  columns:\n    {column}: text\n"
    )


@pytest.fixture
def _importable(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, __name__, sys.modules.get(__name__) or _this_module())


def _this_module():
    import types

    module = types.ModuleType(__name__)
    vars(module).update(globals())
    return module


@pytest.mark.usefixtures("_importable")
def test_recipes_with_former_names_work_and_the_warning_names_file_and_line(tmp_path):
    (tmp_path / "in.jsonl").write_text('{"text": "four"}\n')
    source = dataflow_core.FileStorage(str(tmp_path / "in.jsonl"))
    with pytest.warns(DataflowDeprecationWarning) as warned:
        old = from_yaml(recipe("size", "input_column"), path="old.yaml", storage=source)
    assert [(one.filename, one.lineno) for one in warned] == [("old.yaml", 7), ("old.yaml", 9)]
    new = from_yaml(recipe("width", "input_text"), path="new.yaml", storage=source)
    hashes = [Fingerprints.of(plan, limit=None).hashes for plan in (old, new)]
    assert hashes[0] == hashes[1]


def test_a_pipelines_parameter_works_by_its_former_name():
    with pytest.warns(DataflowDeprecationWarning, match="the parameter 'size' of Clipping"):
        assert Clipping(size=3).clip.width == 3
    with pytest.raises(ConfigurationError, match="both are given"):
        Clipping(size=3, width=3)


def test_params_on_a_command_line_work_by_former_names():
    from dataflow_core.cli.parameters import arguments_of, reconfigured

    with pytest.warns(DataflowDeprecationWarning, match="'size' of clipping"):
        assert arguments_of(Clipping, "clipping", {"size": "4"}) == {"width": 4}
    plan = Clipping(MemoryStorage([{"text": "four"}])).compile()
    with pytest.warns(DataflowDeprecationWarning, match="'size' of Clip "):
        changed = reconfigured(plan, ["clip.size=4"])
    assert changed.step("clip").operator == Clip(width=4)


@click.command()
@click.option("--limit", type=int, default=9)
@former_option(since("--rows"), "--limit", type=int)
def limited(limit: int) -> None:
    """Print the limit."""
    click.echo(json.dumps(limit))


@pytest.mark.parametrize(
    ("arguments", "printed"), [([], "9"), (["--limit", "3"], "3"), (["--rows", "3"], "3")]
)
def test_an_option_works_by_its_former_name(arguments, printed):
    done = CliRunner().invoke(limited, arguments)
    assert done.stdout.strip() == printed
    assert ("the option '--rows' is now called '--limit'" in done.stderr) is (
        arguments[:1] == ["--rows"]
    )


def test_an_option_given_by_both_names_is_refused_and_the_former_one_is_not_in_the_help():
    assert CliRunner().invoke(limited, ["--rows", "3", "--limit", "3"]).exit_code == 2
    assert "--rows" not in CliRunner().invoke(limited, ["--help"]).stdout


def test_an_alias_tells_until_when_it_works(site):
    site.add(
        "dataflow-fruit",
        "fruit",
        """
        from dataflow_core.deprecations import Former

        @hookimpl
        def dataflow_register_operators():
            return [OperatorSpec(name="peel", target="dataflow_fruit.peel:Peel", summary="Peel.",
                                 function="refine",
                                 aliases=(Former("skin", since="0.2", removed_in="0.4"),))]
        """,
    )
    manager = site.manager()
    with pytest.warns(DataflowDeprecationWarning, match="former name goes in 0.4") as warned:
        assert manager.find("operator", "fruit/skin").full_name == "fruit/peel"
    assert warned[0].filename == __file__
    done = site.run("operators", "list", "--namespace", "fruit", "--json")
    assert '"skin"' in done.stdout


def test_the_program_tells_it_in_one_line_with_the_recipes_place(tmp_path, dataflow):
    (tmp_path / "in.jsonl").write_text('{"text": "four"}\n')
    (tmp_path / "old.yaml").write_text(recipe("size", "input_text").replace(__name__, "clip"))
    source = (
        "from typing import ClassVar\nfrom dataflow_core import Evaluator\n"
        "from dataflow_core.deprecations import Former\n"
        "class Clip(Evaluator):\n"
        "    former_names: ClassVar = "
        "{'width': Former('size', since='0.2', removed_in='0.4')}\n"
        "    width: int = 1\n"
        "    def run(self, storage, input_text: str = 'text') -> None:\n"
        "        storage.write(storage.read([input_text]))\n"
    )
    (tmp_path / "clip.py").write_text(source)
    done = dataflow(tmp_path, "run", "old.yaml", "--input", "in.jsonl", "--output", "out.jsonl")
    assert done.stderr.count("Note: ") == 1
    assert "Note: old.yaml, line 7: the field 'size' of Clip is now called 'width'" in done.stderr


def test_nothing_is_kept_beyond_the_version_that_was_to_remove_it():
    """Former names of what is registered are looked after by `check_surface`."""
    version = dataflow_core.__version__
    kept = (*told.OTHERS, *told.HOOKS.values())
    late = [one.what for one in kept if told.overdue(one.removed_in, version)]
    assert not late, f"remove what goes in {version}: {', '.join(late)}"


FORMERS = """
    from dataflow_core.deprecations import Former

    @hookimpl
    def dataflow_register_operators():
        return [OperatorSpec(name="peel", target="dataflow_fruit.peel:Peel", summary="Peel.",
                             function="refine")]
"""
PEEL = """
    from typing import ClassVar
    from dataflow_core import Refiner
    from dataflow_core.deprecations import Former

    class Peel(Refiner):
        former_names: ClassVar = {"depth": Former("skin", since="0.2", removed_in="0.4")}
        depth: int = 3
        def run(self, storage, input_text: str = "text"):
            pass
"""


def test_a_former_name_fails_the_surface_in_the_version_that_was_to_drop_it(site, tmp_path):
    modules = {"dataflow_fruit/peel.py": PEEL}
    site.add("dataflow-fruit", "fruit", FORMERS, modules=modules, version="0.3.9")
    written = tmp_path / "public_api.txt"
    written.write_text(surface_of("fruit", site.manager()), encoding="utf-8")
    assert "    formerly skin: depth, until 0.4" in written.read_text(encoding="utf-8")
    check_surface("fruit", written, site.manager())
    shutil.rmtree(site.folder / "dataflow_fruit-0.3.9.dist-info")
    site.add("dataflow-fruit", "fruit", FORMERS, modules=modules, version="0.4.0")
    with pytest.raises(AssertionError, match="remove what was to go in this version: skin of"):
        check_surface("fruit", written, site.manager())


def test_a_version_that_has_come_is_overdue():
    assert told.overdue("0.4", "0.4.0")
    assert told.overdue("0.4", "0.10.0")
    assert not told.overdue("0.4", "0.3.9")
