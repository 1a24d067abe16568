"""`dataflow plugins`: what is installed, what is broken, and how to mend it."""

from __future__ import annotations

import json
import re

import pytest

from dataflow_core.cli.main import main

FRUIT = """
    @hookimpl
    def dataflow_register_prompts():
        target = "dataflow_fruit:prompts/ask.jinja"
        return [PromptSpec(name="ask", target=target, summary="Ask for fruit.")]
"""


@pytest.fixture
def fruit(site, monkeypatch):
    ask = "---\ndescription: Ask for fruit.\n---\nMay I have {{ fruit }}?\n"
    site.add("dataflow-fruit", "fruit", FRUIT, modules={"dataflow_fruit/prompts/ask.jinja": ask})
    site.add("dataflow-rotten", "rotten", "raise ValueError('mouldy')")
    site.add("dataflow-frozen", "frozen", "raise KeyboardInterrupt")
    monkeypatch.setenv("DATAFLOW_DISABLE_PLUGINS", "frozen")
    return site


def test_list_has_loaded_broken_and_disabled_plugins(fruit, capsys):
    assert main(["plugins", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    rows = {line.split()[0]: line.split(maxsplit=4) for line in lines}
    assert rows["core"][3] == "loaded"
    registers = r"\d+ operators, \d+ prompts, 2 storages, \d+ servings"
    assert re.fullmatch(registers, rows["core"][4])
    assert rows["fruit"] == ["fruit", "dataflow-fruit", "1.0", "loaded", "1 prompt"]
    assert rows["rotten"][3:] == ["broken", "ValueError: mouldy"]
    assert rows["frozen"][3:] == ["disabled"]


def test_list_as_json_has_cause_and_cure(fruit, capsys):
    main(["plugins", "list", "--json"])
    found = {plugin["namespace"]: plugin for plugin in json.loads(capsys.readouterr().out)}
    assert found["fruit"]["registers"] == {"prompts": 1}
    assert found["rotten"]["problem"]["cause"] == "ValueError: mouldy"
    assert found["frozen"]["status"] == "disabled"


def test_show_lists_what_a_plugin_registers(fruit, capsys):
    assert main(["plugins", "show", "fruit"]) == 0
    out = capsys.readouterr().out
    assert "distribution  dataflow-fruit\n" in out
    assert "Prompts\n  fruit/ask  Ask for fruit.\n" in out
    main(["plugins", "show", "fruit", "--json"])
    (ask,) = json.loads(capsys.readouterr().out)["specifications"]["prompts"]
    assert ask["name"] == "fruit/ask"


def test_show_explains_a_broken_plugin(fruit, capsys):
    assert main(["plugins", "show", "rotten"]) == 0
    out = capsys.readouterr().out
    assert "cause         ValueError: mouldy\n" in out
    assert "Traceback" in out


def test_show_of_an_unknown_plugin_is_an_error(fruit, capsys):
    assert main(["plugins", "show", "nuts"]) == 2
    err = capsys.readouterr().err
    assert "the plugin 'nuts' is not installed. There are: core, fruit" in err
    assert "pip install" not in err


@pytest.mark.parametrize("command", ["show", "doctor", "check"])
def test_a_misspelt_plugin_is_told_the_nearest(fruit, capsys, command):
    assert main(["plugins", command, "friut"]) == 2
    err = capsys.readouterr().err
    assert "the plugin 'friut' is not installed. Did you mean 'fruit'?" in err
    assert "pip install" not in err


def test_doctor_fails_on_errors_with_cause_and_cure(fruit, capsys):
    assert main(["plugins", "doctor", "rotten"]) == 2
    out = capsys.readouterr().out
    assert out.startswith("error: rotten: dataflow-rotten 1.0: ValueError: mouldy\n  -> Upgrade it")
    assert "raise ValueError('mouldy')" in out
    assert out.endswith("\n1 error\n")


def test_doctor_is_content_with_a_sound_plugin(fruit, capsys):
    assert main(["plugins", "doctor", "fruit"]) == 0
    assert capsys.readouterr() == ("All is well with the plugin 'fruit'.\n", "")


def test_doctor_writes_json(fruit, capsys):
    assert main(["plugins", "doctor", "rotten", "--json"]) == 2
    (finding,) = json.loads(capsys.readouterr().out)
    assert (finding["level"], finding["namespace"]) == ("error", "rotten")
    assert finding["cause"] == "ValueError: mouldy"


def test_doctor_examines_all_plugins(fruit, capsys):
    assert main(["plugins", "doctor"]) == 2
    assert "rotten" in capsys.readouterr().out
