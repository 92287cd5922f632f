"""The facts of a whole job: who ran it, the model, its server, the machine, and how it went. Pure.

Paths are those of the JSON document that the store keeps, which SQL views read too: they are never renamed.
"""

from functools import partial

from evallab.planning.provenance.field import Field

_GIT = "git, in the checkout that evallab runs from"
_NO_GIT = "evallab does not run from a checkout of its repository, or git is not installed"
_NOT_OURS = "the endpoint was there before the job: evallab did not start it, and it does not say"
_NVML = "NVIDIA's management library (NVML)"
_NO_GPU = "no NVIDIA driver answers on the machine that ran the engine"

_evallab = partial(Field, group="evallab")
_job = partial(Field, group="Job")
_model = partial(Field, group="Model")
_server = partial(Field, group="Model server", why=_NOT_OURS)
_host = partial(Field, group="Host", why="the operating system does not say")
_gpu = partial(Field, group="GPU", source=_NVML, why=_NO_GPU)
_course = partial(Field, group="Course", varies=True)

OF_JOBS: tuple[Field, ...] = (
    _evallab(path="evallab.version", label="version", means="Version of evallab.", source="the installed package",
             why="evallab is not installed as a package"),
    _evallab(path="evallab.commit", label="commit", means="Git commit of evallab.", source=_GIT, why=_NO_GIT),
    _evallab(path="evallab.dirty", label="dirty", means="Whether files that git tracks differed from that commit.",
             source=_GIT, kind="yes or no", why=_NO_GIT),
    _evallab(path="packages", label="packages", means="Versions of the packages that can change an answer or a score.",
             source="the environment of the process that ran the engine", kind="mapping"),
    _evallab(path="packages_sha256", label="packages sha256", source="the same environment",
             means="Hash over `name==version` of every installed package, sorted, a line each.",
             why="the installed packages could not be listed"),
    _job(path="spec_sha256", label="spec sha256", means="Hash of everything that was asked for, as canonical JSON.",
         source="the job", varies=True),
    _job(path="manifest.sha256", label="manifest sha256", means="Hash of the file or body that was given.",
         source="the job", varies=True),
    _job(path="manifest.commit", label="manifest commit", means="Git commit of the checkout that the file lies in.",
         source="git, where the file lies", why="the file lies in no checkout, or the job came over REST"),
    _job(path="manifest.dirty", label="manifest dirty", kind="yes or no", source="git, where the file lies",
         means="Whether files that git tracks differed there.", why="the file lies in no checkout"),
    _job(path="executor.runtime", label="runtime", means="Where attempts ran: local or kubernetes.", source="the job"),
    _job(path="executor.tenant", label="tenant", source="the job", means="Whose it is; in a cluster its namespace.",
         none="nobody's: no tenants here"),
    _job(path="executor.owner", label="asked for by", means="Who asked, as REST said.", source="the job",
         none="whoever owns this machine's account"),
    _job(path="sampling.temperature", label="temperature asked for", means="`spec.sampling.temperature`.",
         kind="number", source="the job", none="not said: each benchmark's own"),
    _job(path="sampling.seed", label="seed asked for", means="`spec.sampling.seed`.", source="the job", kind="number",
         none="not said: each benchmark's own"),
    _job(path="sampling.repeats", label="repeats asked for", means="`spec.sampling.repeats`: answers to each question.",
         source="the job", kind="number", none="not said: each benchmark's own"),
    _job(path="not_enforced", label="not enforced", means="Defaults that this runtime cannot enforce.", kind="list",
         source="the job and its runtime"),
    _model(path="model.name", label="name", means="What the scores are filed under.", source="the job", key="setup"),
    _model(path="model.url", label="url", means="The endpoint that was asked; never with a key in it.",
           source="the job", none="evallab started the server", key="setup"),
    _model(path="model.lineage", label="lineage", means="Family, parent, and what was changed.", kind="mapping",
           source="the job", none="not said"),
    _model(path="model.source", label="source", means="Where the weights come from.", kind="mapping", source="the job",
           none="not ours to fetch: the endpoint has them"),
    _model(path="model.revision", label="revision", means="Pinned revision of the weights in their repository.",
           source="the job (`serve.source.hf.revision`)", why="the weights come from no repository with revisions"),
    _model(path="model_server.fingerprint.sha256", label="weights sha256", key="setup",
           means="Hash of the weights file, or over name and hash of every file that decides an answer.",
           source="evallab, which reads the files before the server does",
           why="the weights are not where evallab can read them"),
    _model(path="model_server.fingerprint.files", label="weights files", means="Each of these files: name, size, hash.",
           kind="list", unit="bytes", source="the same", why="the weights are not where evallab can read them"),
    _model(path="model.quantization", label="quantization", means="How the weights are quantised, and their type.",
           source="the header of a GGUF file, or `config.json`", why="the weights do not say, or cannot be read here"),
    _server(path="model_server.runtime", label="runtime", means="Which kind of server evallab started.",
            source="the job", key="setup"),
    _server(path="model_server.server.version", label="version", means="What the server says its version is.",
            source="`GET /version`", why="the server does not say, or was not ours to ask", key="setup"),
    _server(path="model_server.argv", label="arguments", kind="list", key="setup", source="evallab, which made them",
            means="The whole command line, without what differs from start to start (port, where weights lie)."),
    _server(path="model_server.argument_files", label="files in arguments", kind="mapping",
            means="sha256 of the files that the arguments name, such as a chat template.",
            source="evallab, which reads them when the server starts", none="they name none, or files of a pod"),
    _server(path="model_server.server.max_model_len", label="context length", means="How much the model takes in.",
            kind="number", unit="tokens", source="`GET /v1/models`", why="the server does not say"),
    _server(path="model_server.settings", label="settings", kind="mapping", source="vLLM's cache: `GET /metrics`",
            means="What the server says of its settings, defaults included.",
            why="the server does not list its settings; the arguments above are what it was told"),
    _server(path="model_server.env", label="environment", kind="mapping", source="evallab, which made it", key="setup",
            means="Variables that change the arithmetic; others are not kept."),
    _server(path="model_server.packages_sha256", label="packages sha256", source="the server's own environment",
            means="Hash over the packages of the environment that the server ran in.",
            why="the server ran in evallab's own environment, an image, or was not ours"),
    _server(path="model_server.executed.image", label="image", source="the pod", means="The image's name.",
            why="no image: a process of a machine, or not ours"),
    _server(path="model_server.executed.image_id", label="image digest", means="The image that really ran.",
            source="the pod's status (`imageID`)", why="no image: a process of a machine, or not ours", key="setup"),
    _server(path="model_server.executed.node", label="node", means="The node that the server ran on.",
            source="the pod", why="no pod: a process of a machine, or not ours"),
    _server(path="model_server.deaths", label="deaths", means="How often the server died and was started again.",
            kind="number", source="evallab", varies=True),
    _host(path="host.hostname", label="host name", means="The machine that ran the engine.", source="uname"),
    _host(path="host.machine", label="architecture", means="Instruction set.", source="uname", key="setup"),
    _host(path="host.cpu", label="CPU", means="Model name of the processor.", source="/proc/cpuinfo", key="setup"),
    _host(path="host.cpus", label="CPUs", means="How many of them the process may use.", source="the scheduler",
          kind="number", unit="cores"),
    _host(path="host.memory_bytes", label="memory", means="Memory of the machine.", source="sysconf", kind="number",
          unit="bytes"),
    _host(path="host.kernel", label="kernel", means="Release of the kernel.", source="uname"),
    _host(path="host.os", label="system", means="The distribution.", source="/etc/os-release"),
    _host(path="host.python", label="python", means="Version of Python that ran the engine.", source="Python"),
    _gpu(path="host.gpu", label="devices", kind="list", unit="bytes, W", key="setup",
         means="Each GPU: name, UUID, memory, VBIOS, power limit, ECC, MIG, compute capability."),
    _gpu(path="host.driver", label="driver", means="Version of the driver.", key="setup"),
    _gpu(path="host.cuda", label="CUDA", means="Newest CUDA that the driver takes."),
    _course(path="times.created_at", label="asked for", means="When the job was made.", source="the store",
            unit="ISO 8601, UTC"),
    _course(path="times.started_at", label="started", means="When its first attempt began.", source="the store",
            unit="ISO 8601, UTC", why="nothing of it ever started"),
    _course(path="times.ended_at", label="ended", means="When this record was made, at the job's end.",
            source="the clock", unit="ISO 8601, UTC"),
    _course(path="canary", label="canary", kind="mapping", means="What the fixed prompts showed: verdict and reasons.",
            source="the canary", why="no canary ran"),
    _course(path="telemetry", label="telemetry", kind="mapping", source="telemetry", unit="°C, W, samples/min",
            means="Temperatures, throttling, speed: the summary.", why="nothing was measured while it ran"),
)  # fmt: skip
