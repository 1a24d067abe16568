"""``dataflow new-plugin``: ask what a plugin is to be, and write it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from dataflow_core.cli.completion import words
from dataflow_core.errors import ConfigurationError
from dataflow_core.scaffold.answers import (
    FUNCTIONS,
    LICENSES,
    PluginAnswers,
    author_of_git,
    check_author,
    check_choice,
    check_email,
    check_line,
)
from dataflow_core.scaffold.forms import form_of
from dataflow_core.scaffold.names import check_class, check_namespace, distribution_name

if TYPE_CHECKING:
    from dataflow_core.plugins import PluginManager
    from dataflow_core.plugins.specs import Function

Check = Callable[[str], str]


@click.command("new-plugin")
@click.argument("name", required=False)
@click.option("--description", metavar="TEXT", help="What it is for, in one line.")
@click.option("--author", metavar="NAME", help="Who writes it. Default: as Git knows you.")
@click.option("--email", metavar="ADDRESS", help="The author's e-mail address; '' for none.")
@click.option(
    "--license", "license_name", metavar="NAME", shell_complete=words.choices(LICENSES),
    help=f"The licence: {', '.join(LICENSES)}.",
)  # fmt: skip
@click.option("--operator", metavar="NAME", help="The name of its first operator.")
@click.option(
    "--function", metavar="FUNCTION", shell_complete=words.choices(FUNCTIONS),
    help=f"What that does to rows: {', '.join(FUNCTIONS)}.",
)  # fmt: skip
@click.option("--llm/--no-llm", default=None, help="Whether it asks a model.")
@click.option("--pipeline/--no-pipeline", default=None, help="Whether to add a pipeline.")
@click.option(
    "--serving/--no-serving", default=None, help="Whether to add a serving, for a server of yours."
)
@click.option(
    "--storage/--no-storage", default=None, help="Whether to add a storage, with a URL scheme."
)
@click.option("--ci/--no-ci", default=None, help="Whether to add workflows for GitHub Actions.")
@click.option(
    "--output-dir", metavar="DIR", type=click.Path(path_type=Path), default=Path(),
    help="Where its folder goes; default: here.",
)  # fmt: skip
@click.option(
    "--template", metavar="NAME|DIR", shell_complete=words.templates,
    help="Another template: one that a plugin registered, or a folder for cookiecutter.",
)  # fmt: skip
@click.option("--no-input", is_flag=True, help="Ask nothing: take defaults for what is not given.")
@click.pass_obj
def command(
    manager: PluginManager,
    /,
    name: str | None,
    output_dir: Path,
    template: str | None,
    *,
    no_input: bool,
    **given: Any,
) -> None:
    """Write the plugin dataflow-NAME: an operator, tests, and all that a release needs.

    NAME is its namespace, in snake case, such as product_reviews. What no option says is asked.
    """
    from dataflow_core.scaffold.baking import find_template
    from dataflow_core.scaffold.plugin import check_folder, check_prefixes, new_plugin

    folder = None if template is None else find_template(manager, template)
    asking = Asking(no_input=no_input)

    def check_new(told: str) -> str:
        check_folder(check_namespace(told), output_dir)
        return told

    namespace = asking.text("Namespace, in snake case", name, None, check_new, "NAME")
    answers = _answers(asking, namespace, given)
    check_prefixes(manager, answers)
    made = new_plugin(answers, output_dir, folder)
    click.echo(_told(made, own=template is None))


def _answers(asking: Asking, namespace: str, given: dict[str, Any]) -> PluginAnswers:
    """Ask for what is not given."""
    author, email = author_of_git()
    topic = namespace.replace("_", " ")
    license_of = partial(check_choice, "the licence", choices=LICENSES)
    function_of = partial(check_choice, "the function", choices=FUNCTIONS)
    describing = partial(check_line, "the description")
    about = asking.text(
        "What it is for, in one line", given["description"], f"Operators for {topic}", describing
    )
    name = author or f"The authors of {distribution_name(namespace)}"
    name = asking.text("Author", given["author"], name, check_author)
    email = asking.text("E-mail (empty for none)", given["email"], email, check_email)
    license_name = asking.text(
        f"Licence ({', '.join(LICENSES)})", given["license_name"], LICENSES[0], license_of
    )
    function = cast(
        "Function",
        asking.text(
            f"What the first operator does to rows ({', '.join(FUNCTIONS)})",
            given["function"], "evaluate", function_of,
        ),
    )  # fmt: skip
    llm = asking.yes("Does it ask a model?", given["llm"], default=False)
    usual = form_of(function, "row", llm=llm).operator
    return PluginAnswers(
        namespace=namespace,
        description=about,
        author=name,
        email=email,
        license=license_name,
        operator=asking.text(
            "Its name, in snake case",
            given["operator"],
            usual,
            partial(check_class, "the operator"),
        ),
        function=function,
        llm=llm,
        pipeline=asking.yes("With a pipeline?", given["pipeline"], default=True),
        serving=asking.yes(
            "With a serving, for a server of yours?", given["serving"], default=False
        ),
        storage=asking.yes("With a storage, by URL scheme?", given["storage"], default=False),
        ci=asking.yes("With workflows for GitHub Actions?", given["ci"], default=True),
    )


class Asking:
    """Asks for what was not given, until the answer can be used.

    Args:
        no_input: Whether to take the defaults instead.
    """

    def __init__(self, *, no_input: bool) -> None:
        self._no_input = no_input

    def text(
        self, question: str, given: str | None, default: str | None, check: Check, name: str = ""
    ) -> str:
        """Return what was given, checked, or the answer to the question.

        Args:
            question: The question.
            given: What was given; None for nothing.
            default: The answer where there is none; None if there has to be one.
            check: Returns the answer as it is used, or raises `ConfigurationError`.
            name: What is missing, where there has to be an answer.
        """
        if given is not None:
            return check(given)
        if self._no_input:
            if default is None:
                raise click.UsageError(f"Missing {name}: with --no-input it has to be given.")
            return check(default)
        return str(self._answer(click.prompt, question, default=default, value_proc=_again(check)))

    def yes(self, question: str, given: bool | None, *, default: bool) -> bool:
        """Return what was given, or the answer to a question of yes or no."""
        if given is not None:
            return given
        if self._no_input:
            return default
        return bool(self._answer(click.confirm, question, default=default))

    @staticmethod
    def _answer(ask: Callable[..., Any], question: str, **how: Any) -> Any:
        try:
            return ask(question, **how)
        except click.Abort as error:
            if isinstance(error.__context__, KeyboardInterrupt):
                raise KeyboardInterrupt from error
            raise click.UsageError(
                f"The input ended at the question {question!r}. Answer with options "
                "(dataflow new-plugin --help), or take the defaults with --no-input."
            ) from error


def _again(check: Check) -> Check:
    """Return a check after which click asks again."""

    def checked(told: str) -> str:
        try:
            return check(told)
        except ConfigurationError as error:
            raise click.UsageError(str(error)) from error

    return checked


def _told(made: Path, *, own: bool) -> str:
    files = sum(path.is_file() for path in made.rglob("*"))
    lines = [f"{made}: {files} files. Next:", f"  cd {made}"]
    if own:
        lines += ["  pip install -e . pytest", "  pytest", "  dataflow new-operator NAME"]
    return "\n".join(lines)
