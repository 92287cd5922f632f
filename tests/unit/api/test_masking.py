"""Which values of variables are shown, and what a masked one means when it comes back."""

import pytest

from evallab.api.evalhub.masking import masked, unmasked
from evallab.api.provider import EnvVar, Provider


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("HF_TOKEN", "hf_x", "***"),
        ("OPENAI_API_KEY", "sk-x", "***"),
        ("apiKey", "x", "***"),
        ("DB_PASSWORD", "x", "***"),
        ("AWS_SECRET_ACCESS_KEY", "x", "***"),
        ("GITHUB_PAT", "x", "***"),
        ("PROXY", "http://me:word@proxy:3128", "***"),
        ("HF_TOKEN", "", ""),
        ("EVALHUB_AUTH_TOKEN_PATH", "/run/token", "/run/token"),
        ("TOKENIZERS_PARALLELISM", "false", "false"),
        ("MAX_TOKENS", "512", "512"),
        ("OCI_INSECURE", "true", "true"),
        ("HF_ENDPOINT", "http://127.0.0.1:8000/a@b", "http://127.0.0.1:8000/a@b"),
    ],
)
def test_values_that_speak_of_a_secret_are_not_shown(name: str, value: str, shown: str) -> None:
    assert masked(EnvVar(name=name, value=value)) == shown


def provider(**env: str) -> Provider:
    listed = [{"name": name, "value": value} for name, value in env.items()]
    return Provider.model_validate(
        {"id": "p", "runtime": {"local": {"command": "c", "env": listed}, "k8s": {"image": "i", "env": listed}}}
    )


def test_a_masked_value_is_what_it_was_and_any_other_is_new() -> None:
    before = provider(A_KEY="old", B="b")
    assert unmasked(provider(A_KEY="***", B="c", C_KEY="***"), before) == provider(A_KEY="old", B="c", C_KEY="***")
    assert unmasked(provider(A_KEY="new"), before) == provider(A_KEY="new")
    bare = Provider.model_validate({"id": "p"})
    assert (unmasked(bare, before), unmasked(before, bare)) == (bare, before)
    only = Provider.model_validate({"id": "p", "runtime": {"k8s": {"image": "i"}}})
    assert unmasked(only, before) == only
