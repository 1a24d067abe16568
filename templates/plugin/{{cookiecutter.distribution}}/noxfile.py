"""Every task of the project: `nox -l` lists them, `nox` runs what a change must pass."""

import nox

nox.options.sessions = ["tests", "lint", "types"]


@nox.session
def tests(session):
    """Run the tests, those of the conformance kit among them."""
    session.install("-e", ".", "pytest")
    session.run("pytest", *session.posargs)


@nox.session
def lint(session):
    """Check format and style."""
    session.install("ruff")
    session.run("ruff", "format", "--check", ".")
    session.run("ruff", "check", ".")


@nox.session
def types(session):
    """Check types, strictly."""
    session.install("-e", ".", "mypy")
    session.run("mypy")


@nox.session
def wheel(session):
    """Build the wheel, install it, and see that the plugin is found and whole."""
    session.install("build")
    session.run("python", "-m", "build", "--outdir", "dist")
    session.install("--find-links", "dist", "{{ cookiecutter.distribution }}")
    session.chdir(session.create_tmp())
    session.run("dataflow", "plugins", "doctor", "{{ cookiecutter.namespace }}")
