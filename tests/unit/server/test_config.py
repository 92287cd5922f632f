"""The server's settings: EvalHub's file loads, what wins over what, and clear sentences for what is broken."""

import os
from pathlib import Path
from typing import Any

import pytest

from evallab.api.errors import InvalidManifest, UsageError
from evallab.server.config import ServerConfig, load
from evallab.server.config_blocks import AdapterLimits, Evallab, Jobs, Rest, Service
from evallab.server.flags import Flags

SAMPLES = Path(os.environ.get("EVALLAB_EVALHUB_SAMPLES", Path(__file__).parents[4] / "shared" / "evalhub" / "samples"))
LOCAL = Flags(local=True)
EVALHUB = pytest.mark.skipif(not SAMPLES.is_dir(), reason="EvalHub's data is not here")


def loaded(folder: Path, text: str, environ: dict[str, str] | None = None, flags: Flags = LOCAL) -> ServerConfig:
    (folder / "config.yaml").write_text(text)
    return load(folder, environ or {}, flags=flags)[0]


def refused(folder: Path, text: str, environ: dict[str, str] | None = None, flags: Flags = LOCAL) -> str:
    with pytest.raises(InvalidManifest) as error:
        loaded(folder, text, environ, flags)
    return str(error.value).replace(f"{folder}/", "")


def test_without_a_directory_every_setting_has_its_default() -> None:
    assert load(None, {}, flags=LOCAL) == (ServerConfig(), ())


@EVALHUB
def test_evalhubs_own_configuration_loads() -> None:
    folder = SAMPLES.parent / "config"
    config, notes = load(folder, {}, flags=LOCAL)
    assert config.model_dump(exclude={"database", "prometheus", "config_dir"}) == ServerConfig().model_dump(
        exclude={"database", "prometheus", "config_dir"}
    )
    assert config.prometheus.enabled
    assert notes == (
        "settings of EvalHub that have no effect here: otel, prometheus.host, prometheus.port, "
        "service.termination_file, sidecar",
        "database.driver sqlite means the embedded Postgres here, which keeps everything; nothing is read from or "
        "written to file::eval_hub:?mode=memory&cache=shared",
    )


@EVALHUB
def test_strictly_what_has_no_effect_is_refused() -> None:
    with pytest.raises(InvalidManifest, match=r"no effect here: otel, .*leave out --strict"):
        load(SAMPLES.parent / "config", {}, flags=Flags(local=True, strict=True))


def test_our_block(tmp_path: Path) -> None:
    config = loaded(
        tmp_path,
        """
        evallab:
          parallel: 3
          builtin: false
          jobs: {timeout_seconds: 60, retries: 0, pending_deadline_seconds: 5, max_queued: 7}
          rest: {local_commands: true, roots: [/data/, /srv/sets], secret_roots: [/etc/keys], task_code: true}
          hosts: [GPU-Box.Example, "[2001:DB8::1]"]
          origins: ["https://Pages.example:443/", "http://10.0.0.2:3000"]
          callbacks: {require_token: true}
          adapter_limits: {core: null, as: 1073741824, nofile: 1024, nproc: 64}
        """,
    )
    assert config.evallab == Evallab(
        parallel=3,
        builtin=False,
        jobs=Jobs(timeout_seconds=60, retries=0, pending_deadline_seconds=5, max_queued=7),
        rest=Rest(local_commands=True, roots=("/data", "/srv/sets"), secret_roots=("/etc/keys",), task_code=True),
        hosts=("gpu-box.example", "2001:db8::1"),
        origins=("https://pages.example", "http://10.0.0.2:3000"),
        callbacks=config.evallab.callbacks,
        adapter_limits=AdapterLimits.model_validate({"as": 1073741824, "nofile": 1024, "nproc": 64}),
    )
    assert config.evallab.callbacks.require_token
    assert config.evallab.adapter_limits.rlimits() == {"core": 0, "as": 1073741824, "nofile": 1024, "nproc": 64}


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ("15s", 15.0),
        ("5m", 300.0),
        ("1h30m", 5400.0),
        ("1.5h", 5400.0),
        ("250ms", 0.25),
        (0, 15.0),
        ("", 15.0),
        (-1, None),
    ],
)
def test_durations(said: Any, value: float | None, tmp_path: Path) -> None:
    assert loaded(tmp_path, f"service: {{read_timeout: {said}}}").service.read_timeout == value


@pytest.mark.parametrize(
    ("said", "value"),
    [(1024, 1024), ("10MiB", 10485760), ("1 kB", 1000), ("2GiB", 2 * 2**30), (0, 10485760), (-1, None)],
)
def test_sizes(said: Any, value: int | None, tmp_path: Path) -> None:
    assert loaded(tmp_path, f"service: {{max_request_body_bytes: {said}}}").service.max_request_body_bytes == value


def test_what_wins_over_what(tmp_path: Path) -> None:
    secret = tmp_path / "secrets" / "port"
    secret.parent.mkdir()
    secret.write_text("4\n")
    overlay = tmp_path / "more.yaml"
    overlay.write_text("service: {port: 3}\nunheard: {}\n")
    file = "service: {port: 2, host: 0.0.0.0}\n"
    mapped = f"secrets: {{dir: {secret.parent}, mappings: {{port: service.port, none:optional: service.host}}}}\n"
    over = Flags(local=True, config_path=overlay)
    found = [
        loaded(tmp_path, file).service,
        loaded(tmp_path, file, flags=over).service,
        loaded(tmp_path, file + mapped, flags=over).service,
        loaded(tmp_path, file + mapped, {"PORT": "5"}, flags=over).service,
        loaded(tmp_path, file + "env_mappings: {MY_PORT: service.port}", {"PORT": "5", "MY_PORT": "6"}).service,
        loaded(tmp_path, file, {"PORT": "5"}, flags=Flags(local=True, port=0, host="::1")).service,
    ]
    assert found == [
        Service(port=2, host="0.0.0.0"),
        Service(port=3),
        Service(port=4),
        Service(port=5),
        Service(port=6, host="0.0.0.0"),
        Service(port=0, host="::1"),
    ]


def test_a_variable_can_be_mapped_elsewhere_and_an_empty_one_says_nothing(tmp_path: Path) -> None:
    text = "env_mappings: {PORT: evallab.parallel}"
    config = loaded(tmp_path, text, {"PORT": "9", "API_HOST": ""})
    assert (config.service, config.evallab.parallel) == (Service(), 9)


def test_the_database(tmp_path: Path) -> None:
    postgres = "database: {driver: pgx, url: 'postgres://me@db/hub'}\n"
    (tmp_path / "word").write_text("s3cret\n")
    secret = f"secrets: {{dir: {tmp_path}, mappings: {{word: database.password}}}}\n"
    assert [
        loaded(tmp_path, "").database_url,
        loaded(tmp_path, "", {"DB_URL": "postgres://env/hub", "DB_DRIVER": "pgx"}).database_url,
        loaded(tmp_path, postgres + secret).database_url,
        loaded(tmp_path, postgres, {"EVALLAB_DATABASE_URL": "postgresql://mine/db"}).database_url,
    ] == [None, "postgres://env/hub", "postgres://me:s3cret@db/hub", "postgresql://mine/db"]
    assert "s3cret" not in repr(loaded(tmp_path, postgres + secret))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("service:\n  port: eighty\n", 'config.yaml:2: service.port: must be a whole number, found "eighty"'),
        ("service: {port: 70000}", "config.yaml:1: service.port: must be at most 65,535; found 70000"),
        ("a: [", "config.yaml:2: not valid YAML: did not find expected node content"),
        ("- 1", "config.yaml: must be a mapping of blocks, such as `service: {port: 8080}`"),
        ("service: 3", "config.yaml:1: service: must be a mapping of fields, found 3"),
        (
            "\nevallab:\n  rest:\n    local_comands: true\n",
            'config.yaml:4: evallab.rest.local_comands: unknown field; did you mean "local_commands"?',
        ),
        (
            "service: {read_timeout: 15}",
            "config.yaml:1: service.read_timeout: must be a duration with its unit, such as "
            '"15s", "5m" or "1h30m", or -1; found 15',
        ),
        (
            "service: {max_header_bytes: lots}",
            "config.yaml:1: service.max_header_bytes: must be a number of bytes, such as 1048576 or "
            "\"10MiB\", or -1; found 'lots'",
        ),
        (
            "service: {tls_cert_file: /c.pem}",
            "config.yaml:1: service: tls_cert_file and tls_key_file belong together; give both or none",
        ),
        (
            "service: {tls_cert_file: /no/c.pem, tls_key_file: /no/k.pem}",
            'service.tls_cert_file: there is no file "/no/c.pem"\nservice.tls_key_file: there is no file "/no/k.pem"',
        ),
        (
            "evallab: {origins: ['*']}",
            "config.yaml:1: evallab.origins[0]: must be one origin, such as https://pages.example:8443; found '*'",
        ),
        (
            "evallab: {hosts: ['http://x']}",
            "config.yaml:1: evallab.hosts[0]: must be the name or address of a host, without scheme and port; "
            "found 'http://x'",
        ),
        (
            "evallab: {rest: {roots: [data]}}",
            "config.yaml:1: evallab.rest.roots[0]: must be an absolute path without ..; found 'data'",
        ),
        ("database: {driver: pgx}", "database: url is required for the driver pgx: postgresql://user@host/db"),
        ("env_mappings: [PORT]", "config.yaml: env_mappings: must map names to settings, such as PORT: service.port"),
        (
            "secrets: {dir: /no/where, mappings: {word: database.password}}",
            "/no/where/word: cannot be read: No such file or directory",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_line(text: str, sentence: str, tmp_path: Path) -> None:
    found = refused(tmp_path, text)
    assert found == (sentence if "database: {driver" not in text else f"config.yaml:1: {sentence}")


def test_a_variable_that_makes_no_sense_is_named(tmp_path: Path) -> None:
    assert refused(tmp_path, "", {"PORT": "http"}) == (
        'environment variable PORT: service.port: must be a whole number, found "http"'
    )
    assert refused(tmp_path, "service: 3", {"PORT": "8080"}) == (
        "environment variable PORT is mapped to a setting inside service, which is no block"
    )


def test_names_that_nobody_knows_are_reported(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("service: {prot: 1}\nfuture: {a: 1}\nmlflow:\n  tracking_uri: http://m\n")
    assert load(tmp_path, {"MLFLOW_X": "1"}, flags=LOCAL)[1] == (
        "settings of EvalHub that have no effect here: mlflow",
        "unknown settings, ignored: future, service.prot",
    )


def test_what_is_not_there(tmp_path: Path) -> None:
    assert load(tmp_path, {}, flags=LOCAL)[1] == (
        f"there is no config.yaml in {tmp_path}: every setting has its default",
    )
    with pytest.raises(UsageError, match=r"The configuration directory /no/where does not exist\."):
        load(Path("/no/where"), {}, flags=LOCAL)
    with pytest.raises(InvalidManifest, match=r"/no/more\.yaml: cannot be read"):
        load(None, {}, flags=Flags(local=True, config_path=Path("/no/more.yaml")))


def test_in_a_cluster_it_listens_everywhere_unless_somebody_says_where(tmp_path: Path) -> None:
    cluster = Flags()
    assert load(None, {}, flags=cluster)[0].service.host == "0.0.0.0"
    assert loaded(tmp_path, "service: {host: 10.0.0.1}", flags=cluster).service.host == "10.0.0.1"
    assert load(None, {"API_HOST": "10.0.0.2"}, flags=cluster)[0].service.host == "10.0.0.2"
    assert load(None, {}, flags=Flags(host="10.0.0.3"))[0].service.host == "10.0.0.3"


def test_settings_of_the_other_mode_are_reported(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("evallab: {parallel: 2, auth: {mode: none}}")
    assert load(tmp_path, {}, flags=LOCAL)[1] == ("settings that have no effect with --local: evallab.auth",)
    assert load(tmp_path, {}, flags=Flags())[1] == ("settings that have no effect without --local: evallab.parallel",)
