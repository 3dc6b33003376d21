"""The command line in this process, as a person calls it."""

import json

from typer.testing import CliRunner

from kumosan.scripts.main import app


def run(*words, **env):
    """What ``kumosan WORDS`` prints, and its exit code."""
    return CliRunner().invoke(app, [str(w) for w in words], env=env)


def answer(*words) -> dict:
    """The JSON of a command that succeeds."""
    done = run(*words, "--json")
    assert done.exit_code == 0, f"kumosan {words}\n{done.output}"
    return json.loads(done.stdout)
