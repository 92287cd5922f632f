"""What an adapter learns of our environment: what is listed, nothing else."""

from pathlib import Path

from evallab.runtimes.local.directories import AttemptDirectories
from evallab.runtimes.local.environment import adapter_environment, allowed

PLACES = AttemptDirectories(
    job_dir=Path("/jobs/j"),
    benchmark_dir=Path("/jobs/j/0/p/b"),
    attempt_dir=Path("/home/jobs/j/0/attempt-1"),
    work_dir=Path("/home/jobs/j/0/work"),
)
CONTRACT = {
    "EVALHUB_MODE": "local",
    "EVALHUB_JOB_SPEC_PATH": "/jobs/j/0/p/b/meta/job.json",
    "EVALLAB_PYTHON": "/bin/python",
    "EVALLAB_WORKDIR": "/home/jobs/j/0/work",
    "EVALLAB_ARTIFACTS_DIR": "/home/jobs/j/0/attempt-1/artifacts",
    "EVALLAB_RESULT_FILE": "/home/jobs/j/0/attempt-1/result.json",
    "PYTHONUNBUFFERED": "1",
    "PYTHONSAFEPATH": "1",
}


def test_everything_an_adapter_gets() -> None:
    kept = {"PATH": "/bin", "LC_TIME": "C", "HF_HOME": "/models", "no_proxy": "localhost"}
    ours = {**kept, "EDITOR": "ed"}
    found = adapter_environment(ours, directories=PLACES, python="/bin/python", provider={"SEED": "1"})
    assert found == {**kept, **CONTRACT, "SEED": "1"}


def test_secrets_stay() -> None:
    secrets = {
        name: "secret"
        for name in (
            "EVALLAB_DATABASE_URL", "DATABASE_URL", "PGPASSWORD", "OPENAI_API_KEY", "HF_TOKEN", "AWS_SECRET_ACCESS_KEY",
            "AWS_SESSION_TOKEN", "GITHUB_TOKEN", "SSH_AUTH_SOCK", "KUBECONFIG", "MLFLOW_TRACKING_TOKEN", "LD_PRELOAD",
            "PYTHONPATH", "PYTHONSTARTUP", "EVALHUB_TOKEN", "path", "HF_HUB_TOKEN", "XLC_ALL",
        )
    }  # fmt: skip
    assert allowed(secrets) == {"PATH": "/usr/local/bin:/usr/bin:/bin"}


def test_a_provider_sets_what_it_likes_except_the_contract() -> None:
    provider = {"PATH": "/opt/bin", "PYTHONSAFEPATH": "", "EVALLAB_RESULT_FILE": "/etc/passwd"}
    found = adapter_environment({"PATH": "/bin"}, directories=PLACES, python="/bin/python", provider=provider)
    assert found == {**CONTRACT, "PATH": "/opt/bin", "PYTHONSAFEPATH": ""}


def test_where_the_token_lies_is_no_providers_to_say() -> None:
    provider = {"EVALHUB_AUTH_TOKEN_PATH": "/etc/passwd"}
    found = adapter_environment(
        {}, directories=PLACES, python="/bin/python", provider=provider, token_file=Path("/home/token")
    )
    assert found["EVALHUB_AUTH_TOKEN_PATH"] == "/home/token"
    without = adapter_environment({}, directories=PLACES, python="/bin/python", provider=provider)
    assert without["EVALHUB_AUTH_TOKEN_PATH"] == "/etc/passwd"
