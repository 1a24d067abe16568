"""Whatever is wrong with one plugin, it is reported, and everything else keeps working."""

from __future__ import annotations

import json
import textwrap

import pytest

from dataflow_core.errors import PluginError
from dataflow_core.plugins import PluginManager, PluginProblem

GOOD = """
    @hookimpl
    def dataflow_register_operators():
        return [OperatorSpec(name="peel", target="dataflow_good.peel:Peel", summary="Peel.",
                             function="refine")]
"""


def problem_of(site, hooks, **options) -> PluginProblem:
    """Load a broken plugin beside a good one; return its problem, checking that all else works."""
    site.add("dataflow-good", "good", GOOD)
    site.add("dataflow-bad", "bad", hooks, **options)
    manager = site.manager()
    names = [item.full_name for item in manager.operators()]
    assert "good/peel" in names
    assert "core/filter_rows" in names
    assert not [name for name in names if name.startswith("bad/")]
    assert [plugin.claim.namespace for plugin in manager.plugins()] == ["core", "good"]
    (problem,) = manager.problems
    assert problem.namespace == "bad"
    assert (problem.distribution, problem.version) == ("dataflow-bad", "1.0")
    assert problem.cure
    assert "\n" not in problem.line
    return problem


def registering(*specs: str, kind: str = "operators") -> str:
    """Return the source of a hook that returns the given specifications."""
    return f"""
    @hookimpl
    def dataflow_register_{kind}():
        return [{", ".join(specs)}]
    """


def operator(name="peel", target="dataflow_bad.peel:Peel", **changes) -> str:
    """Return the source of an operator's specification."""
    fields = {"name": name, "target": target, "summary": "Peel.", "function": "refine"} | changes
    return f"OperatorSpec({', '.join(f'{name}={value!r}' for name, value in fields.items())})"


def test_import_of_a_missing_module_is_reported_with_what_to_install(site):
    problem = problem_of(site, "import no_such_thing.inner")
    assert problem.cause == "ModuleNotFoundError: No module named 'no_such_thing'"
    assert problem.cure == "Install what it misses: pip install no_such_thing"
    assert "import no_such_thing" in problem.detail
    assert "importlib" not in problem.detail


def test_import_of_a_missing_name_is_reported(site):
    problem = problem_of(site, "from json import no_such_name")
    assert problem.cause.startswith("ImportError: cannot import name 'no_such_name'")
    assert "pip install --upgrade dataflow-bad" in problem.cure
    assert "DATAFLOW_DISABLE_PLUGINS=bad" in problem.cure


def test_entry_point_of_a_missing_module_is_reported(site):
    problem = problem_of(site, "", module="dataflow_bad.gone")
    assert problem.cause == (
        "its entry point names the module 'dataflow_bad.gone', which does not exist"
    )
    assert "pip install --force-reinstall dataflow-bad" in problem.cure


def test_syntax_error_is_reported(site):
    assert problem_of(site, "def broken(:").cause.startswith("SyntaxError: ")


def test_exit_at_import_is_reported(site):
    assert problem_of(site, "import sys; sys.exit(3)").cause == "SystemExit: 3"


def test_exception_outside_the_usual_tree_is_reported(site):
    """Panics of extension modules derive from BaseException."""
    source = """
    class Panic(BaseException): pass
    raise Panic("called `Option::unwrap()`\\nmore")
    """
    assert problem_of(site, source).cause == "Panic: called `Option::unwrap()`"


def test_an_exception_that_cannot_say_what_it_is_is_reported(site):
    source = """
    class Mute(Exception):
        def __str__(self): raise RuntimeError
    raise Mute
    """
    assert problem_of(site, source).cause == "Mute"


def test_what_a_plugin_prints_at_import_is_no_output_of_a_command(site):
    hooks = textwrap.dedent(GOOD) + 'import sys\nprint("hello")\nsys.stdout = None\n'
    site.add("dataflow-good", "good", hooks)
    done = site.run("operators", "list", "--json")
    assert "good/peel" in {one["name"] for one in json.loads(done.stdout)}
    assert done.stderr == "hello\n"


def test_interrupt_at_import_is_not_swallowed(site):
    site.add("dataflow-bad", "bad", "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        site.manager().operators()


def test_exception_in_a_hook_leaves_nothing_of_the_plugin_behind(site):
    hooks = (
        registering(operator())
        + """
    @hookimpl
    def dataflow_before_step(step):
        raise AssertionError("must not be called")

    @hookimpl
    def dataflow_register_pipelines():
        raise ValueError("no pipelines today")
    """
    )
    assert problem_of(site, hooks).cause == "ValueError: no pipelines today"
    manager = site.manager(strict=False)
    manager.notify("before_step", step=None)
    assert len(manager.problems) == 1


def test_exception_midway_through_a_generator_leaves_nothing_behind(site):
    hooks = f"""
    @hookimpl
    def dataflow_register_operators():
        yield {operator()}
        raise OSError("disk on fire")
    """
    assert problem_of(site, hooks).cause == "OSError: disk on fire"


def test_hook_with_a_wrong_signature_is_reported(site):
    hooks = """
    @hookimpl
    def dataflow_register_operators(config):
        return []
    """
    problem = problem_of(site, hooks)
    assert problem.cause == "dataflow_register_operators has no argument 'config'. It has: none"
    assert "hookspecs" in problem.cure


def test_argument_of_a_hook_that_is_misspelt_is_reported_with_the_nearest(site):
    hooks = """
    @hookimpl
    def dataflow_after_step(steps, outcome):
        pass
    """
    assert "no argument 'steps'. Did you mean 'step'?" in problem_of(site, hooks).cause


def test_async_hook_is_reported(site):
    hooks = """
    @hookimpl
    async def dataflow_register_operators():
        return []
    """
    cause = "dataflow_register_operators is async, and no hook is awaited"
    assert problem_of(site, hooks).cause == cause


def test_hook_with_an_unknown_name_is_reported(site):
    hooks = """
    @hookimpl
    def dataflow_register_operator():
        return []
    """
    assert problem_of(site, hooks).cause == (
        "unknown hook 'dataflow_register_operator'. Did you mean 'dataflow_register_operators'?"
    )


def test_function_named_almost_like_a_hook_is_reported_though_it_is_not_marked(site):
    problem = problem_of(site, "def dataflow_register_operator(): return []")
    assert "Did you mean 'dataflow_register_operators'?" in problem.cause
    assert "@hookimpl" in problem.cure


def test_hook_without_its_marker_is_reported(site):
    problem = problem_of(site, "def dataflow_register_operators(): return []")
    assert problem.cause == "dataflow_register_operators is not marked as a hook"
    assert "@hookimpl" in problem.cure


def test_wrapper_hook_is_reported(site):
    hooks = """
    @hookimpl(wrapper=True)
    def dataflow_before_step(step):
        return (yield)
    """
    assert problem_of(site, hooks).cause == "dataflow_before_step is a wrapper"


@pytest.mark.parametrize(
    ("returned", "cause"),
    [
        ("None", "returned None, wanted a list of OperatorSpec"),
        ("42", "returned 42, wanted a list of OperatorSpec"),
        ("'peel'", "returned 'peel', wanted a list of OperatorSpec"),
        ("{'peel': 1}", "returned {'peel': 1}, wanted a list of OperatorSpec"),
        ("['peel']", "returned 'peel' in its list, wanted OperatorSpec"),
        (
            "[PipelineSpec(name='a', target='a:A', summary='A.')]",
            "in its list, wanted OperatorSpec",
        ),
        ("[OperatorSpec]", "in its list, wanted OperatorSpec"),
    ],
)
def test_hook_that_returns_no_specifications_is_reported(site, returned, cause):
    hooks = f"""
    @hookimpl
    def dataflow_register_operators():
        return {returned}
    """
    problem = problem_of(site, hooks)
    assert problem.cause.startswith("dataflow_register_operators returned ")
    assert problem.cause.endswith(cause)


def test_name_that_comes_twice_is_reported(site):
    problem = problem_of(site, registering(operator(), operator(target="other:Peel")))
    assert problem.cause == "dataflow_register_operators registers the name 'peel' twice"


def test_alias_that_is_another_name_is_reported(site):
    problem = problem_of(site, registering(operator(), operator("core_it", aliases=("peel",))))
    assert problem.cause == "dataflow_register_operators registers the name 'peel' twice"


@pytest.mark.parametrize("name", ["Peel", "peel-it", "bad/peel", "", "2peel", "peel__it", "_peel"])
def test_name_that_is_not_snake_case_is_reported(site, name):
    problem = problem_of(site, registering(operator(name)))
    assert problem.cause == f"dataflow_register_operators: the name {name!r} is not in snake case"


@pytest.mark.parametrize("target", ["a.b.C", "a.b:", ":C", "a b:C", "a/b:C", "a:C()", "a:b:C", ""])
def test_target_of_the_wrong_form_is_reported(site, target):
    problem = problem_of(site, registering(operator(target=target)))
    assert problem.cause == (
        f"dataflow_register_operators: the target {target!r} of 'peel' is not of the form "
        "'package.module:Name'"
    )


@pytest.mark.parametrize(
    ("field", "value", "wanted"),
    [
        ("function", "filters", "generate, evaluate, filter, refine"),
        ("scope", "column", "row, dataset"),
        ("modality", "sound", "text, image, document, any"),
    ],
)
def test_choice_that_does_not_exist_is_reported(site, field, value, wanted):
    problem = problem_of(site, registering(operator(**{field: value})))
    assert problem.cause == (
        f"dataflow_register_operators: {field} of 'peel' is {value!r}, wanted one of {wanted}"
    )


def test_string_for_a_tuple_of_schemes_is_reported(site):
    spec = "StorageSpec(name='s', target='a:A', summary='S.', schemes='s3')"
    problem = problem_of(site, registering(spec, kind="storages"))
    assert problem.cause == (
        "dataflow_register_storages: schemes of 's' is 's3', wanted a tuple of strings"
    )


@pytest.mark.parametrize("summary", ["", "Two\nlines."])
def test_summary_that_is_not_one_line_is_reported(site, summary):
    problem = problem_of(site, registering(operator(summary=summary)))
    assert f"the summary of 'peel' is {summary!r}" in problem.cause


def test_entry_point_that_names_no_module_is_reported(site):
    problem = problem_of(site, "", module="dataflow_bad._plugin:plugin")
    assert problem.cause == (
        "its entry point is 'dataflow_bad._plugin:plugin', wanted the name of a module"
    )


def test_namespace_that_is_not_snake_case_is_reported(site):
    site.add("dataflow-good", "good", GOOD)
    site.add("dataflow-bad", "Bad-One")
    (problem,) = site.manager().problems
    assert problem.line == "Bad-One (the namespace 'Bad-One' is not in snake case)"


def test_namespace_core_is_reserved(site):
    site.add("dataflow-bad", "core", registering(operator()))
    manager = site.manager()
    assert manager.find("operator", "core/filter_rows").distribution == "dataflow-llm-core"
    assert "core/peel" not in [item.full_name for item in manager.operators()]
    (problem,) = manager.problems
    assert problem.line == "core (the namespace 'core' is reserved for the core itself)"
    assert "dataflow-bad" in problem.cure


def test_namespace_claimed_by_two_distributions_loads_from_neither(site):
    site.add("dataflow-good", "good", GOOD)
    site.add("dataflow-bad", "fruit", registering(operator()))
    site.add("fruit-fork", "fruit", registering(operator()), version="2.1")
    manager = site.manager()
    assert [plugin.claim.namespace for plugin in manager.plugins()] == ["core", "good"]
    (problem,) = manager.problems
    assert problem.cause == (
        "the namespace is claimed by dataflow-bad 1.0 and fruit-fork 2.1, so neither is loaded"
    )
    assert "pip uninstall dataflow-bad, or pip uninstall fruit-fork" in problem.cure
    assert "DATAFLOW_DISABLE_PLUGINS=fruit-fork" in problem.cure


def test_leaving_out_one_of_two_claimants_as_the_message_says_loads_the_other(site):
    site.add("dataflow-bad", "fruit", registering(operator()))
    site.add("fruit-fork", "fruit", "raise AssertionError")
    manager = site.manager(disabled=["fruit-fork"])
    assert not manager.problems
    assert manager.find("operator", "fruit/peel").distribution == "dataflow-bad"


def test_namespace_claimed_twice_by_one_distribution_is_reported(site):
    text = "[dataflow.plugins]\nfruit = dataflow_bad._plugin\nfruit = dataflow_bad.other\n"
    site.add("dataflow-bad", "fruit", entry_points=text)
    (problem,) = site.manager().problems
    assert "dataflow_bad._plugin and dataflow_bad.other" in problem.cure


def test_entry_points_that_cannot_be_parsed_do_not_hide_other_plugins(site):
    site.add("dataflow-good", "good", GOOD)
    site.add("dataflow-bad", "bad", entry_points="[dataflow.plugins]\nnothing but words\n")
    manager = PluginManager()
    assert manager.find("operator", "good/peel")
    (problem,) = [problem for problem in manager.problems if problem.namespace == "?"]
    assert problem.distribution == "dataflow_bad-1.0.dist-info"
    assert "its entry points cannot be read" in problem.cause


def test_entry_points_that_cannot_be_parsed_stop_no_command(site, tmp_path):
    site.add("dataflow-bad", "bad", entry_points="[dataflow.plugins]\nnothing but words\n")
    (tmp_path / "few.yaml").write_text(
        "dataflow: 1\nsteps: [{operator: core/filter_rows, config: {where: n > 1}}]\n"
    )
    (tmp_path / "rows.jsonl").write_text('{"n": 1}\n')
    recipe, rows = str(tmp_path / "few.yaml"), str(tmp_path / "rows.jsonl")
    assert site.run("check", recipe, "--input", rows).returncode == 0
    for words in (["plugins", "doctor"], ["doctor"]):
        done = site.run(*words)
        assert (done.returncode, done.stderr) == (2, "")
        assert "its entry points cannot be read" in done.stdout


def test_distribution_without_metadata_still_loads(site):
    site.add("dataflow-good", "good", GOOD)
    (site.folder / "dataflow_good-1.0.dist-info" / "METADATA").unlink()
    found = site.manager().find("operator", "good/peel")
    assert (found.distribution, found.version) == ("unknown", "unknown")


def test_distribution_twice_on_the_path_counts_once(site, tmp_path, monkeypatch):
    site.add("dataflow-good", "good", GOOD)
    other = type(site)(tmp_path / "other")
    other.add("dataflow-good", "good", "raise AssertionError", version="0.9")
    monkeypatch.syspath_prepend(str(other.folder))
    monkeypatch.syspath_prepend(str(site.folder))
    manager = PluginManager()
    assert manager.find("operator", "good/peel").version == "1.0"
    assert "good" not in [problem.namespace for problem in manager.problems]


def test_strict_manager_raises_and_names_cause_and_cure(site, monkeypatch):
    site.add("dataflow-bad", "bad", "raise ValueError('rotten')")
    monkeypatch.setenv("DATAFLOW_STRICT_PLUGINS", "1")
    with pytest.raises(PluginError, match="rotten") as caught:
        site.manager().operators()
    assert "DATAFLOW_STRICT_PLUGINS is set" in str(caught.value)
    assert "pip install --upgrade dataflow-bad" in str(caught.value)


def test_strict_manager_is_content_with_sound_plugins(site, monkeypatch):
    site.add("dataflow-good", "good", GOOD)
    monkeypatch.setenv("DATAFLOW_STRICT_PLUGINS", "1")
    assert site.manager().find("operator", "good/peel")


def test_disabled_plugin_is_not_imported(site, monkeypatch):
    site.add("dataflow-good", "good", GOOD)
    site.add("dataflow-bad", "bad", "raise KeyboardInterrupt")
    monkeypatch.setenv("DATAFLOW_DISABLE_PLUGINS", "other, bad")
    manager = site.manager()
    assert not manager.problems
    assert [claim.namespace for claim in manager.disabled()] == ["bad"]
    assert manager.find("operator", "good/peel")


def test_star_disables_all_plugins_but_the_core(site, monkeypatch):
    site.add("dataflow-bad", "bad", "raise KeyboardInterrupt")
    monkeypatch.setenv("DATAFLOW_DISABLE_PLUGINS", "*")
    manager = PluginManager()
    assert [plugin.claim.namespace for plugin in manager.plugins()] == ["core"]
    assert manager.find("operator", "core/sort")
