"""The program as a whole: its help, lazy imports, plugins' commands, errors and exit codes."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from dataflow_core.cli.main import BUILT_INS, main

HEAVY = {"numpy", "pandas", "pyarrow", "pydantic", "rich", "sqlglot", "cookiecutter"}
COMMANDS = """
    @hookimpl
    def dataflow_register_commands():
        def spec(name, target, **more):
            return CommandSpec(name=name, target=target, summary=f"About {name}.", **more)
        return [
            spec("peel_it", "dataflow_fruit.commands:peel", aliases=("skin_it",)),
            spec("run", "dataflow_fruit.commands:peel"),
            spec("lost", "dataflow_fruit.gone:command"),
            spec("needy", "dataflow_fruit.needy:command", extra="juice"),
            spec("wrong", "dataflow_fruit.commands:number"),
            spec("fails", "dataflow_fruit.commands:fails"),
            spec("stops", "dataflow_fruit.commands:stops"),
            spec("asks", "dataflow_fruit.commands:asks"),
            spec("colours", "dataflow_fruit.commands:colours"),
        ]
"""
MODULES = {
    "dataflow_fruit/commands.py": """
        import click
        from dataflow_core.errors import RunError

        number = 7

        @click.command()
        def peel():
            click.echo("peeled")
            return 5

        @click.command()
        def fails():
            raise RunError("cannot peel.\\nUse a knife.")

        @click.command()
        def stops():
            raise KeyboardInterrupt

        @click.command()
        def asks():
            click.confirm("Really?")

        @click.command()
        def colours():
            click.secho("green", fg="green")
    """,
    "dataflow_fruit/needy.py": "import juicer_machine",
}


@pytest.fixture
def fruit(site):
    site.add("dataflow-fruit", "fruit", COMMANDS, modules=MODULES)
    return site


def imports_of(site, *arguments):
    """Return the modules that a command line imports."""
    program = (
        "import sys\n"
        "from dataflow_core.cli.main import main\n"
        "main(sys.argv[1:])\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env=site.environment(DATAFLOW_DISABLE_PLUGINS="text"),
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stderr.splitlines()[-1].split()), done.stdout


def test_help_imports_neither_commands_nor_heavy_libraries(fruit):
    imported, out = imports_of(fruit, "--help")
    assert "peel-it" in out
    assert "dataflow_fruit._plugin" in imported
    assert "dataflow_fruit.commands" not in imported
    targets = [target for section in BUILT_INS.values() for target, _ in section.values()]
    assert not {target.partition(":")[0] for target in targets} & imported
    assert not HEAVY & imported


def test_listing_operators_imports_no_operator_and_no_heavy_library(fruit):
    imported, out = imports_of(fruit, "operators", "list")
    assert "core/filter_rows" in out
    assert not [name for name in imported if name.startswith("dataflow_core.operators")]
    assert not HEAVY & imported


def test_listing_prompts_imports_no_template_and_no_heavy_library(fruit):
    imported, out = imports_of(fruit, "prompts", "list")
    assert "core/prompted_generator" in out
    assert not [name for name in imported if name.startswith("dataflow_core.prompts")]
    assert not (HEAVY | {"jinja2", "yaml"}) & imported


def test_version_looks_for_no_plugin(fruit):
    imported, out = imports_of(fruit, "--version")
    assert out.startswith("dataflow 0.")
    assert "dataflow_fruit" not in imported


def test_program_runs_as_a_module(fruit):
    done = fruit.run("-h")
    assert done.returncode == 0
    assert done.stdout.startswith("Usage: dataflow [OPTIONS]")
    assert done.stderr == ""


def test_help_shows_every_built_in_and_plugin_command(fruit, capsys):
    assert main([]) == 0
    out = capsys.readouterr().out
    for name in ("run", "check", "plan", "preview", "runs", "demo", "operators", "plugins"):
        assert f"\n  {name} " in out
    assert "Commands of plugins:\n" in out
    assert "About peel_it. [fruit]" in out


def test_command_of_a_plugin_is_called(fruit, capsys):
    assert main(["peel-it"]) == 0
    assert capsys.readouterr() == ("peeled\n", "")


def test_command_is_called_by_its_full_name(fruit, capsys):
    assert main(["fruit/peel-it"]) == 0
    assert capsys.readouterr().out == "peeled\n"


def test_former_name_of_a_command_still_works(fruit, capsys):
    assert main(["skin-it"]) == 0
    assert capsys.readouterr() == (
        "peeled\n",
        "'skin-it' is now called 'fruit/peel-it'; use the new name.\n",
    )


def test_plugin_cannot_take_the_name_of_a_built_in(fruit, capsys):
    assert main(["run", "--help"]) == 0
    assert "PIPELINE" in capsys.readouterr().out
    assert main(["fruit/run"]) == 0
    assert capsys.readouterr().out == "peeled\n"
    main(["--help"])
    assert "fruit/run" in capsys.readouterr().out


def test_name_that_two_plugins_claim_needs_the_namespace(fruit, capsys):
    fruit.add("dataflow-garden", "garden", COMMANDS)
    assert main(["peel-it"]) == 2
    assert main(["fruit/peel-it"]) == 0
    assert capsys.readouterr().out == "peeled\n"


@pytest.mark.parametrize(
    ("name", "explanation"),
    [
        ("lost", "fruit/lost of dataflow-fruit 1.0: its target 'dataflow_fruit.gone:command'"),
        ("needy", "pip install 'dataflow-fruit[juice]'"),
        ("wrong", "is of type int, wanted a click command"),
    ],
)
def test_broken_command_stays_listed_and_explains_itself(fruit, capsys, name, explanation):
    main(["--help"])
    assert f"\n  {name} " in capsys.readouterr().out
    assert main([name]) == 1
    err = capsys.readouterr().err
    assert err.startswith("Error: ")
    assert explanation in err


def test_broken_plugin_is_reported_in_one_line_after_help_and_listings(fruit, capsys):
    fruit.add("dataflow-rotten", "rotten", "from json import mould")
    for arguments in (["--help"], ["operators", "list"], ["storages", "list"], ["plugins", "list"]):
        assert main(arguments) == 0
        line = capsys.readouterr().err.splitlines()[-1]
        assert line.startswith(
            "1 plugin could not be loaded: rotten (ImportError: cannot import name 'mould'"
        )
        assert line.endswith("; see `dataflow plugins doctor`")


def test_unknown_command_suggests_the_nearest_and_mentions_broken_plugins(fruit, capsys):
    fruit.add("dataflow-rotten", "rotten", "raise ValueError('mouldy')")
    assert main(["peel-them"]) == 2
    err = capsys.readouterr().err
    assert "No such command 'peel-them'. Did you mean 'peel-it'?" in err
    assert "1 plugin could not be loaded: rotten (ValueError: mouldy)" in err


def test_built_in_command_works_beside_a_broken_plugin(fruit, capsys):
    fruit.add("dataflow-rotten", "rotten", "import sys; sys.exit(9)")
    assert main(["operators", "show", "core/sort"]) == 0
    assert "core/sort" in capsys.readouterr().out


def test_error_is_one_message_without_traceback(fruit, capsys):
    assert main(["fails"]) == 1
    assert capsys.readouterr() == ("", "Error: cannot peel.\nUse a knife.\n")


def test_debug_shows_the_traceback_too(fruit, capsys, monkeypatch):
    assert main(["--debug", "fails"]) == 1
    err = capsys.readouterr().err
    assert "Traceback" in err
    assert err.endswith("Error: cannot peel.\nUse a knife.\n")
    monkeypatch.setenv("DATAFLOW_DEBUG", "1")
    assert main(["fails"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_wrong_option_is_a_usage_error(fruit, capsys):
    assert main(["operators", "list", "--funktion", "x"]) == 2
    assert "--function" in capsys.readouterr().err
    assert main(["--nonsense"]) == 2


def test_interrupt_exits_with_3(fruit, capsys):
    assert main(["stops"]) == 3
    assert capsys.readouterr().err.endswith("Interrupted.\n")


def test_question_without_an_answer_is_a_failure_not_an_interrupt(fruit):
    done = subprocess.run(
        [sys.executable, "-m", "dataflow_core", "asks"],
        env=fruit.environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.endswith("Aborted.\n")


def test_closed_pipe_is_no_traceback(fruit):
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "dataflow_core", "operators", "list"],
        env=fruit.environment(),
        stdout=write,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(write)
    assert done.returncode == 1
    assert done.stderr == ""


def test_strict_mode_fails_with_the_reason(fruit, capsys, monkeypatch):
    fruit.add("dataflow-rotten", "rotten", "raise ValueError('mouldy')")
    monkeypatch.setenv("DATAFLOW_STRICT_PLUGINS", "1")
    for arguments in (["--help"], ["operators", "list"]):
        assert main(arguments) == 1
        assert "Error: 1 plugin could not be loaded: rotten" in capsys.readouterr().err
    assert main(["plugins", "doctor", "rotten"]) == 2
    assert "ValueError: mouldy" in capsys.readouterr().out


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs a pseudo-terminal")
@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, b"\x1b[32mgreen"),
        ({"NO_COLOR": "1"}, b"green\r\n"),
        ({"TERM": "dumb"}, b"green\r\n"),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, b"green\r\n"),
    ],
)
def test_colours_on_a_terminal_unless_unwanted(fruit, variables, expected):
    master, slave = os.openpty()
    done = subprocess.run(
        [sys.executable, "-m", "dataflow_core", "colours"],
        env=fruit.environment(**{"NO_COLOR": "", "TERM": "xterm"} | variables),
        stdout=slave,
        check=False,
    )
    os.close(slave)
    written = os.read(master, 1000)
    os.close(master)
    assert done.returncode == 0
    assert written.startswith(expected)


@pytest.mark.parametrize(("force", "expected"), [("", "green\n"), ("1", "\x1b[32mgreen\x1b[0m\n")])
def test_no_colours_in_a_pipe_unless_wanted(fruit, force, expected):
    done = fruit.run("colours", FORCE_COLOR=force, NO_COLOR="")
    assert done.stdout == expected


@pytest.mark.parametrize(("given", "found"), [(None, "1"), ("7", "7")])
def test_linear_algebra_gets_one_thread_unless_told_otherwise(given, found):
    environment = {k: v for k, v in os.environ.items() if k != "OPENBLAS_NUM_THREADS"}
    if given is not None:
        environment["OPENBLAS_NUM_THREADS"] = given
    code = (
        "import os; from dataflow_core.cli.main import main; main(['--version']); "
        "print(os.environ['OPENBLAS_NUM_THREADS'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split()[-1] == found
