"""Registered things are found by full name, and a wrong name says what to do."""

from __future__ import annotations

import subprocess
import sys

import pytest

from dataflow_core.cli.planning import open_storage
from dataflow_core.errors import ConfigurationError, DataflowDeprecationWarning, PluginError
from dataflow_core.plugins import PluginManager

FRUIT = """
    @hookimpl
    def dataflow_register_operators():
        def spec(name, target, **more):
            more |= {"summary": "Do it.", "function": "refine"}
            return OperatorSpec(name=name, target=target, **more)
        return [
            spec("peel", "dataflow_fruit.peel:Peel", aliases=("skin",)),
            spec("press", "dataflow_fruit.peel:Peel.Press", extra="juice"),
            spec("needy", "dataflow_fruit.needy:Needy", extra="juice"),
            spec("needy_plain", "dataflow_fruit.needy:Needy"),
            spec("lost", "dataflow_fruit.gone.deeper:Lost"),
            spec("misspelt", "dataflow_fruit.peel:Peeler"),
            spec("explosive", "dataflow_fruit.explosive:Any"),
        ]

    @hookimpl
    def dataflow_register_storages():
        return [StorageSpec(name="basket", target="dataflow_fruit.basket:Basket",
                            summary="A basket.", schemes=("basket", "bag"), endings=(".bag",))]

    @hookimpl
    def dataflow_register_templates():
        return [
            TemplateSpec(name="pie", target="dataflow_fruit:templates/pie-1", summary="A pie."),
            TemplateSpec(name="tart", target="dataflow_fruit:templates/tart", summary="A tart."),
        ]
"""
MODULES = {
    "dataflow_fruit/peel.py": """
        class Peel:
            class Press: ...
    """,
    "dataflow_fruit/basket.py": """
        class Basket:
            def __init__(self, url, *, on_bad_row="error"):
                self.url, self.on_bad_row = url, on_bad_row
    """,
    "dataflow_fruit/needy.py": "import juicer_machine.parts",
    "dataflow_fruit/explosive.py": "raise SystemExit('bang')",
    "dataflow_fruit/templates/pie-1/cookiecutter.json": "{}",
}


@pytest.fixture
def manager(site) -> PluginManager:
    site.add("dataflow-fruit", "fruit", FRUIT, modules=MODULES)
    site.add("dataflow-rotten", "rotten", "raise ValueError('mouldy')")
    site.add("dataflow-frozen", "frozen")
    return site.manager(disabled=["frozen"])


def failing(manager, name, kind="operator") -> str:
    with pytest.raises(PluginError) as caught:
        manager.find(kind, name)
    return str(caught.value)


def load_error(manager, name, kind="operator") -> str:
    with pytest.raises(PluginError) as caught:
        manager.load(manager.find(kind, name))
    return str(caught.value)


def test_found_by_full_name_with_its_origin(manager):
    found = manager.find("operator", "fruit/peel")
    assert found.full_name == "fruit/peel"
    assert (found.namespace, found.distribution, found.version) == (
        "fruit",
        "dataflow-fruit",
        "1.0",
    )


def test_each_kind_has_its_own_names(manager):
    assert [item.full_name for item in manager.storages()] == [
        "core/file",
        "core/memory",
        "fruit/basket",
    ]
    assert [item.full_name for item in manager.templates()] == ["fruit/pie", "fruit/tart"]
    assert manager.pipelines() == []
    assert {item.namespace for item in (*manager.prompts(), *manager.servings())} == {"core"}
    assert manager.engines() == manager.commands() == []
    assert "Did you mean" not in failing(manager, "fruit/peel", kind="serving")


def test_listing_is_sorted(manager):
    names = [item.full_name for item in manager.operators()]
    assert names == sorted(names)


def test_former_name_resolves_with_a_warning(manager):
    with pytest.warns(DataflowDeprecationWarning, match=r"'fruit/skin' is now called 'fruit/peel'"):
        found = manager.find("operator", "fruit/skin")
    assert found.full_name == "fruit/peel"


def test_wrong_name_suggests_the_nearest(manager):
    assert failing(manager, "fruit/peeel").endswith("Did you mean 'fruit/peel'?")


def test_name_of_another_plugin_is_suggested(manager):
    assert failing(manager, "core/peel").endswith("Did you mean 'fruit/peel'?")


def test_hopeless_name_says_where_to_look(manager):
    message = failing(manager, "fruit/xyzzy_q")
    assert message.endswith("`dataflow operators list --namespace fruit` lists them.")


def test_name_without_namespace_suggests_full_names(manager):
    assert failing(manager, "peel").endswith("Did you mean 'fruit/peel'?")
    assert failing(manager, "filter_row").endswith("Did you mean 'core/filter_rows'?")


def test_namespace_that_is_not_installed_says_how_to_install_it(manager):
    message = failing(manager, "knowledge/peel")
    assert "the plugin 'knowledge' is not installed" in message
    assert message.endswith("pip install dataflow-knowledge")


def test_namespace_of_a_stranger_proposes_no_distribution(manager):
    message = failing(manager, "vegetable/xyzzy_q")
    assert "the plugin 'vegetable' is not installed. There are: core, " in message
    assert "pip install" not in message


def test_namespace_of_a_broken_plugin_says_why(manager):
    message = failing(manager, "rotten/peel")
    assert "could not be loaded" in message
    assert "dataflow-rotten 1.0" in message
    assert "ValueError: mouldy" in message


def test_namespace_of_a_disabled_plugin_says_so(manager):
    assert "'frozen' is disabled by name" in failing(manager, "frozen/peel")


def test_load_imports_the_target(manager):
    assert manager.load(manager.find("operator", "fruit/peel")).__name__ == "Peel"
    assert manager.load(manager.find("operator", "fruit/press")).__qualname__ == "Peel.Press"


def test_load_returns_the_folder_of_a_template(manager):
    assert (manager.load(manager.find("template", "fruit/pie")) / "cookiecutter.json").is_file()


def test_load_of_a_missing_folder_is_an_error(manager):
    message = load_error(manager, "fruit/tart", "template")
    assert "no folder 'templates/tart'" in message


def test_load_names_the_extra_that_is_missing(manager):
    message = load_error(manager, "fruit/needy")
    assert "needs the module 'juicer_machine', which is not installed" in message
    assert message.endswith("pip install 'dataflow-fruit[juice]'")


def test_load_without_extra_names_the_missing_package(manager):
    assert load_error(manager, "fruit/needy_plain").endswith("pip install juicer_machine")


def test_load_of_a_missing_module_names_plugin_and_target(manager):
    message = load_error(manager, "fruit/lost")
    assert "fruit/lost of dataflow-fruit 1.0" in message
    assert "'dataflow_fruit.gone.deeper:Lost' does not exist" in message
    assert "no module 'dataflow_fruit.gone'" in message


def test_load_of_a_missing_attribute_suggests_the_nearest(manager):
    message = load_error(manager, "fruit/misspelt")
    assert "'dataflow_fruit.peel' defines no 'Peeler'. Did you mean 'Peel'?" in message


def test_load_survives_a_module_that_exits(manager):
    assert "SystemExit: bang" in load_error(manager, "fruit/explosive")


def test_class_knows_its_full_name(manager):
    peel = manager.load(manager.find("operator", "fruit/peel"))
    assert manager.name_of(peel.Press) == "fruit/press"
    assert manager.name_of(dict) is None


def test_storage_is_found_by_the_scheme_of_a_url(manager):
    for url in ("BAG://my/fruit", "bag:my/fruit", "basket:/my/fruit"):
        assert manager.resolve_storage(url).full_name == "fruit/basket"


@pytest.mark.parametrize(
    "path", ["data/*.jsonl", "/a/b.csv", r"C:\data\x.csv", "a:b", "bags:x", ""]
)
def test_path_has_no_scheme(manager, path):
    assert manager.resolve_storage(path) is None


def test_a_storage_gets_the_options_that_it_takes_and_refuses_others(manager):
    opened = open_storage(manager, "bag:x", "quarantine", {})
    assert (opened.url, opened.on_bad_row) == ("bag:x", "quarantine")
    assert open_storage(manager, "bag://x", "error", {}).on_bad_row == "error"
    with pytest.raises(ConfigurationError, match=r"bag:x: Basket does not take --column-type"):
        open_storage(manager, "bag:x", "error", {"n": "int64"})


def test_unknown_scheme_lists_the_known_and_mentions_broken_plugins(manager):
    with pytest.raises(PluginError) as caught:
        manager.resolve_storage("bags://x")
    message = str(caught.value)
    assert "no plugin opens the scheme bags://. Did you mean 'bag'?" in message
    assert "There are: bag://, basket://, file://." in message
    assert "1 plugin could not be loaded: rotten (ValueError: mouldy)" in message


def test_storages_are_found_by_the_ending_of_a_file(manager):
    assert [found.full_name for found in manager.storages_reading("a/b.BAG")] == ["fruit/basket"]
    assert manager.storages_reading("bag") == []


def test_scheme_claimed_twice_names_both(site):
    storage = """
    @hookimpl
    def dataflow_register_storages():
        return [StorageSpec(name="s", target="a:A", summary="S.", schemes=("bag",))]
    """
    site.add("dataflow-one", "one", storage)
    site.add("dataflow-two", "two", storage)
    with pytest.raises(PluginError, match=r"one/s \(dataflow-one\) and two/s \(dataflow-two\)"):
        site.manager().resolve_storage("bag://x")


def test_managers_share_nothing(site):
    site.add("dataflow-fruit", "fruit", FRUIT)
    first, second = site.manager(), site.manager(disabled=["fruit"])
    assert first.find("operator", "fruit/peel")
    assert second.operators() == PluginManager(discover=False).operators()


def test_making_a_manager_discovers_nothing(site):
    site.add("dataflow-fruit", "fruit", "raise KeyboardInterrupt")
    manager = site.manager()
    with pytest.raises(KeyboardInterrupt):
        manager.operators()


def test_core_targets_name_the_classes_that_they_promise():
    manager = PluginManager(discover=False)
    for registered in manager.operators():
        operator, spec = manager.load(registered), registered.spec
        assert manager.name_of(operator) == registered.full_name
        assert (operator.function, operator.modality) == (spec.function, spec.modality)
        if isinstance(operator.scope, str):  # That of `apply` depends on its configuration.
            assert operator.scope == spec.scope


def test_what_a_hook_module_imports_is_light():
    program = (
        "import sys\n"
        "from dataflow_core.plugins import PluginManager, OperatorSpec, hookimpl\n"
        "PluginManager(discover=False).operators()\n"
        "print(*sys.modules)"
    )
    imported = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "dataflow_core._plugin" in imported
    assert not {"pandas", "pyarrow", "numpy", "pydantic", "click"} & set(imported)


def test_importing_the_package_imports_no_part_of_it():
    program = "import sys, dataflow_core.plugins; print(*sys.modules)"
    imported = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "pluggy" not in imported
    assert "importlib.metadata" not in imported


def test_fifty_plugins_of_twenty_operators_are_found(site):
    specs = [
        f'OperatorSpec(name="op{n}", target="m{n}:Op", summary="S.", function="filter"),'
        for n in range(20)
    ]
    hooks = "@hookimpl\ndef dataflow_register_operators():\n    return [" + "\n".join(specs) + "]\n"
    for n in range(50):
        site.add(f"dataflow-p{n}", f"p{n}", hooks)
    manager = site.manager()
    assert len([item for item in manager.operators() if item.namespace != "core"]) == 1000
    assert manager.find("operator", "p49/op19").spec.target == "m19:Op"
    assert "m19" not in sys.modules
