"""The doctor finds what only shows when a plugin is used, and says how to mend it."""

from __future__ import annotations

import sys

import pytest

import dataflow_core.operators
from dataflow_core.errors import PluginError
from dataflow_core.operators import Operator
from dataflow_core.plugins import PluginManager, examine
from dataflow_core.plugins.unregistered import OPERATOR_BASES, unregistered
from dataflow_core.prompts.examination import prompt_findings

EMPTY = """
    @hookimpl
    def dataflow_register_commands():
        return [CommandSpec(name="p", target="dataflow_fruit:P", summary="P.")]
"""
SOUND = {"dataflow_fruit/__init__.py": "P = 1\n"}


def operators(*fields: str) -> str:
    specs = "".join(f"OperatorSpec(summary='S.', function='filter', {f})," for f in fields)
    return f"@hookimpl\ndef dataflow_register_operators():\n    return [{specs}]\n"


def findings(site, **options):
    return examine(site.manager(**options), "fruit")


def test_sound_plugin_has_no_findings(site):
    site.add("dataflow-fruit", "fruit", EMPTY, modules=SOUND)
    assert findings(site) == []


def test_core_has_no_findings_but_extras_that_are_not_installed(site):
    found = examine(site.manager())
    assert [one for one in found if one.level != "note"] == []
    assert all("dataflow-llm-core[" in one.cure for one in found)


def test_targets_are_judged_by_their_source_without_import(site):
    modules = {
        "dataflow_fruit/deep/__init__.py": "raise AssertionError('imported')",
        "dataflow_fruit/deep/peel.py": """
            from dataflow_fruit.deep.skin import Skin as Hide
            from .skin import Skin
            try:
                import nothing_at_all
            except ImportError:
                class Peel: ...
            raise AssertionError('imported')
        """,
        "dataflow_fruit/deep/skin.py": "class Skin: ...",
        "dataflow_fruit/deep/bad.py": "class :",
    }
    hooks = operators(
        "name='peel', target='dataflow_fruit.deep.peel:Peel'",
        "name='hide', target='dataflow_fruit.deep.peel:Hide'",
        "name='skin', target='dataflow_fruit.deep.peel:Skin'",
        "name='core', target='dataflow_fruit.deep.peel:Core'",
        "name='seed', target='dataflow_fruit.seed:Seed'",
        "name='bad', target='dataflow_fruit.deep.bad:Bad'",
    )
    site.add("dataflow-fruit", "fruit", hooks, modules=modules)
    found = {finding.subject: finding for finding in findings(site)}
    assert sorted(found) == ["fruit/bad", "fruit/core", "fruit/hide", "fruit/seed", "fruit/skin"]
    assert "dataflow_fruit.deep" not in sys.modules
    assert found["fruit/core"].level == "error"
    assert "peel.py defines no 'Core'" in found["fruit/core"].cause
    assert "no module 'dataflow_fruit.seed'" in found["fruit/seed"].cause
    assert "cannot be read: SyntaxError" in found["fruit/bad"].cause
    bad = site.folder / "dataflow_fruit/deep/bad.py"
    assert found["fruit/bad"].cure == f"Correct the file: {bad}, line 1."
    for name in ("hide", "skin"):
        assert found[f"fruit/{name}"].level == "warning"
        assert found[f"fruit/{name}"].cure == (
            f"Write target=\"dataflow_fruit.deep.skin:Skin\" for '{name}'."
        )


def test_target_that_only_import_can_tell_is_imported(site):
    modules = {
        "dataflow_fruit/__init__.py": """
            def __getattr__(name):
                if name == "Peel":
                    from dataflow_fruit.peel import Peel
                    return Peel
                raise AttributeError(name)
        """,
        "dataflow_fruit/peel.py": "class Peel: ...",
    }
    hooks = operators(
        "name='peel', target='dataflow_fruit:Peel'", "name='skin', target='dataflow_fruit:Skin'"
    )
    site.add("dataflow-fruit", "fruit", hooks, modules=modules)
    error, warning = findings(site)
    assert (error.level, error.subject) == ("error", "fruit/skin")
    assert (warning.level, warning.subject) == ("warning", "fruit/peel")
    assert 'target="dataflow_fruit.peel:Peel"' in warning.cure


def test_core_version_out_of_bounds_is_found(site):
    bounds = ("Requires-Dist: Dataflow_LLM.Core>=99",)
    site.add("dataflow-fruit", "fruit", EMPTY, modules=SOUND, metadata=bounds)
    (finding,) = findings(site)
    assert finding.level == "error"
    assert "requires Dataflow_LLM.Core>=99, found dataflow-llm-core 0." in finding.cause
    assert "pip install --upgrade dataflow-fruit" in finding.cure


def test_bounds_that_hold_or_do_not_apply_are_fine(site):
    bounds = (
        "Requires-Dist: dataflow-llm-core[testing]>=0.0.1",
        "Requires-Dist: dataflow-llm-core>=99; python_version < '3'",
        "Requires-Dist: dataflow-llm-core-extras>=99; extra == 'more'",
        "Requires-Dist: Pluggy>=1",
    )
    site.add("dataflow-fruit", "fruit", EMPTY, modules=SOUND, metadata=bounds)
    assert findings(site) == []


def test_bounds_are_reported_as_unchecked_without_packaging(site, monkeypatch):
    bounds = ("Requires-Dist: dataflow-llm-core>=99",)
    site.add("dataflow-fruit", "fruit", EMPTY, modules=SOUND, metadata=bounds)
    monkeypatch.setitem(sys.modules, "packaging.requirements", None)
    (finding,) = findings(site)
    assert (finding.level, finding.cure) == ("note", "pip install packaging")


@pytest.mark.parametrize(
    ("line", "level", "cause", "cure"),
    [
        ("Requires-Dist: dataflow-llm-core (((", "error", "cannot be read: Expected", "Correct it"),
        ("Requires-Dist: no-peeler[sharp]>=2; python_version > '3'", "error",
         "requires no-peeler[sharp]>=2, not installed", "pip install 'no-peeler[sharp]>=2'"),
        ("Requires-Dist: Pluggy>=99", "error", "requires Pluggy>=99, found pluggy 1.",
         "pip install 'Pluggy>=99'"),
        ("Requires-Python: >=3.99", "error", "it requires Python >=3.99, found 3.", "Use such a"),
    ],
)  # fmt: skip
def test_metadata_that_do_not_fit_are_found(site, line, level, cause, cure):
    site.add("dataflow-fruit", "fruit", EMPTY, modules=SOUND, metadata=(line,))
    (finding,) = findings(site)
    assert finding.level == level
    assert cause in finding.cause
    assert finding.cure.startswith(cure)


def test_two_versions_on_the_path_are_found(site):
    site.add("dataflow-fruit", "fruit", EMPTY, modules=SOUND)
    manager = site.manager()
    assert manager.plugins()
    site.write("dataflow_fruit-0.9.dist-info/METADATA", "Name: dataflow-fruit\nVersion: 0.9\n")
    (finding,) = examine(manager, "fruit")
    assert "the versions 0.9 and 1.0 of it are on the path" in finding.cause


def test_a_scheme_that_two_claim_is_found_and_the_core_keeps_its_own(site):
    for name, schemes in (("fruit", ("bag", "file")), ("other", ("bag",))):
        hooks = f"""
            @hookimpl
            def dataflow_register_storages():
                return [StorageSpec(name="s", target="dataflow_fruit:P", summary="S.",
                                    schemes={schemes})]
        """
        site.add(f"dataflow-{name}", name, hooks, modules=SOUND)
    manager = site.manager()
    found = [(one.level, one.subject, one.cause) for one in examine(manager, "fruit")]
    assert found == [
        ("error", "fruit/s", "the scheme file:// is claimed by core/file (dataflow-llm-core) too"),
        ("error", "fruit/s", "the scheme bag:// is claimed by other/s (dataflow-other) too"),
    ]
    assert manager.resolve_storage("file:///x").full_name == "core/file"


def test_broken_plugin_is_explained_with_its_bounds(site):
    bounds = ("Requires-Dist: dataflow-llm-core>=99",)
    site.add("dataflow-fruit", "fruit", "from json import gone", metadata=bounds)
    broken, outdated = findings(site)
    assert broken.cause.startswith("ImportError: ")
    assert "from json import gone" in broken.detail
    assert "requires dataflow-llm-core>=99" in outdated.cause


def test_extras_are_compared_with_the_metadata(site):
    metadata = (
        "Provides-Extra: juice",
        "Requires-Dist: click",
        "Requires-Dist: juicer-machine>=2; extra == 'juice'",
        "Requires-Dist: pluggy; extra == 'juice'",
    )
    modules = {"dataflow_fruit/__init__.py": "class Peel: ..."}
    hooks = operators(
        "name='a', target='dataflow_fruit:Peel', extra='juice'",
        "name='b', target='dataflow_fruit:Peel', extra='cider'",
    )
    site.add("dataflow-fruit", "fruit", hooks, modules=modules, metadata=metadata)
    wrong, lacking = findings(site)
    assert (wrong.level, wrong.subject) == ("error", "fruit/b")
    assert "the extra 'cider', which dataflow-fruit does not have (it has: juice)" in wrong.cause
    assert (lacking.level, lacking.subject) == ("note", "fruit/a")
    assert lacking.cause == "it needs juicer-machine, not installed"
    assert lacking.cure == "pip install 'dataflow-fruit[juice]'"


def test_hook_module_that_is_slow_heavy_or_talkative_is_found(site):
    hooks = """
    import time, pyarrow
    end = time.process_time() + 0.06
    while time.process_time() < end: pass
    print("hello")
    """
    site.add("dataflow-fruit", "fruit", EMPTY + hooks, modules=SOUND)
    causes = [finding.cause for finding in findings(site)]
    assert any("pyarrow" in cause and cause.startswith("importing it imports") for cause in causes)
    assert any("ms, wanted at most 50 ms" in cause for cause in causes)
    assert "importing it prints" in causes
    assert {finding.level for finding in findings(site)} == {"warning"}


def test_plugin_that_registers_nothing_is_found(site):
    site.add("dataflow-fruit", "fruit")
    (finding,) = findings(site)
    assert finding.cause == "it registers nothing"


def test_disabling_what_is_not_there_is_found(site):
    site.add("dataflow-fruit", "fruit")
    found = examine(site.manager(disabled=["fruit", "friut"]))
    told = [(finding.namespace, finding.level) for finding in found if finding.level != "note"]
    assert told == [("friut", "warning")]


def test_unknown_plugin_is_an_error(site):
    with pytest.raises(PluginError, match="the plugin 'fruit' is not installed"):
        examine(site.manager(), "fruit")


PROMPTS = """
    @hookimpl
    def dataflow_register_prompts():
        return [
            PromptSpec(name=name, target=f"dataflow_fruit:prompts/{name}.jinja", summary=summary)
            for name, summary in (
                ("sound", "Peel it."), ("other", "Peel it."), ("broken", "Peel it."),
                ("bare", "Peel it."), ("missing", "Peel it."),
            )
        ]
"""
FILES = {
    "dataflow_fruit/prompts/sound.jinja": "---\ndescription: Peel it.\n---\n{{ fruit }}\n",
    "dataflow_fruit/prompts/other.jinja": "---\ndescription: Peel it\n---\n{{ fruit }}\n",
    "dataflow_fruit/prompts/broken.jinja": "---\nanswer: scroe\n---\n{{ fruit }}\n",
    "dataflow_fruit/prompts/bare.jinja": "{{ fruit }}\n",
}


def test_prompts_are_read_and_compared_with_their_summaries(site):
    site.add("dataflow-fruit", "fruit", PROMPTS, modules=FILES)
    found = {one.subject: one for one in examine(site.manager(), "fruit", [prompt_findings])}
    assert {name: one.level for name, one in found.items()} == {
        "fruit/missing": "error",
        "fruit/broken": "error",
        "fruit/other": "warning",
        "fruit/bare": "warning",
    }
    assert "fruit/broken, line 2: answer: 'scroe' is no form" in found["fruit/broken"].cause
    assert "has the description 'Peel it'" in found["fruit/other"].cause
    assert "no file 'prompts/missing.jinja'" in found["fruit/missing"].cause


def test_the_program_examines_prompts_too(site):
    site.add("dataflow-fruit", "fruit", PROMPTS, modules=FILES)
    done = site.run("plugins", "doctor", "fruit")
    assert done.returncode == 2
    assert "error: fruit/broken: fruit/broken, line 2: answer: 'scroe'" in done.stdout


def editable(site):
    told = '{"url": "file:///home/fruit", "dir_info": {"editable": true}}'
    site.write("dataflow_fruit-1.0.dist-info/direct_url.json", told)


def test_the_author_of_an_editable_plugin_is_told_where_a_target_fails(site):
    hooks = operators(
        "name='peel', target='dataflow_fruit.peel:Peel'",
        'name="skin", target="dataflow_fruit.skin:Skin"',
    )
    modules = {
        "dataflow_fruit/peel.py": "import json\n\njson.loads('[')\n",
        "dataflow_fruit/skin.py": "class Hide: ...\n",
    }
    site.add("dataflow-fruit", "fruit", hooks, modules=modules)
    manager = site.manager()
    peel, skin = (manager.find("operator", f"fruit/{name}") for name in ("peel", "skin"))
    with pytest.raises(PluginError, match="pip install --upgrade dataflow-fruit"):
        manager.load(peel)
    editable(site)
    folder = site.folder / "dataflow_fruit"
    with pytest.raises(PluginError) as failed:
        manager.load(peel)
    assert str(failed.value).endswith(f"Correct it: {folder / 'peel.py'}, line 3.")
    with pytest.raises(PluginError) as failed:
        manager.load(skin)
    assert str(failed.value).endswith(f"Correct it: {folder / '_plugin.py'}, line 5.")


@pytest.mark.parametrize(
    ("hooks", "line"), [("import json\njson.loads('[')", ", line 4"), ("x = (", ", line 3")]
)
def test_the_author_of_an_editable_plugin_is_told_where_its_hook_module_fails(site, hooks, line):
    site.add("dataflow-fruit", "fruit", hooks)
    assert "pip install --upgrade dataflow-fruit" in findings(site)[0].cure
    editable(site)
    (broken,) = findings(site)
    assert broken.cure.startswith(f"Correct it: {site.folder / 'dataflow_fruit/_plugin.py'}{line},")
    assert "pip install" not in broken.cure


def test_operators_and_pipelines_that_nothing_registers_are_noted(site):
    modules = {
        "dataflow_fruit/peel.py": """
            from abc import ABC
            from logging import Filter as LogFilter
            import dataflow_core
            from dataflow_core import Filter, Pipeline
            from .base import Base
            if True:
                class Peel(Base): ...
            class Core(Base): ...
            class Seed(dataflow_core.Refiner): ...
            class Salad(Pipeline): ...
            class _Hidden(Filter): ...
            class Abstract(Filter, ABC): ...
            class Logged(LogFilter): ...
            class Plain: ...
            raise AssertionError('imported')
        """,
        "dataflow_fruit/base.py": """
            from dataflow_core.operators import BoundsFilter
            class Base(BoundsFilter): ...
        """,
        "dataflow_fruit/tests/test_peel.py": """
            from dataflow_core import Filter
            class Fake(Filter): ...
        """,
        "dataflow_fruit/broken.py": "class :",
    }
    hooks = operators("name='peel', target='dataflow_fruit.peel:Peel'")
    site.add("dataflow-fruit", "fruit", hooks, modules=modules)
    found = {one.subject: one for one in findings(site)}
    assert list(found) == ["Core", "Seed", "Salad"]
    assert {one.level for one in found.values()} == {"note"}
    path = site.folder / "dataflow_fruit/peel.py"
    assert found["Core"].cause == (
        f"{path} defines Core, an operator by its bases, and no specification names it"
    )
    assert 'OperatorSpec with target="dataflow_fruit.peel:Core" in ' in found["Core"].cure
    assert "`dataflow new-pipeline`" in found["Salad"].cure


def test_our_own_plugins_register_all_that_they_define():
    for plugin in PluginManager().plugins():
        assert list(unregistered(plugin)) == []


def test_all_public_bases_of_operators_are_known():
    public = (getattr(dataflow_core.operators, name) for name in dataflow_core.operators.__all__)
    bases = {one.__name__ for one in public if isinstance(one, type) and issubclass(one, Operator)}
    assert bases <= OPERATOR_BASES
    assert "Prompted" in bases
