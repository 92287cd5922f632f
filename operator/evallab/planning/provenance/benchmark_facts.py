"""The facts of one benchmark's result: harness, questions, data, sampling, what answered, how it went. Pure.

Most are the adapter's to say (`question`, `answered_by`, `provenance` of its result file); a foreign adapter may say
nothing, and then the record says so. Paths are those of the JSON document that the store keeps.
"""

from functools import partial

from evallab.planning.provenance.field import Field

_SILENT = "the adapter does not say"
_HARNESS = "the adapter, from the harness that it runs"
_ENDPOINT = "the adapter, which asked the endpoint before the first question"
_PROCESS = "no pod: a process of the job's host"

_harness = partial(Field, group="Harness", source=_HARNESS, why=_SILENT)
_executed = partial(Field, group="Harness", source="the pod", why=_PROCESS)
_question = partial(Field, group="Questions", source=_HARNESS, why=_SILENT, key="question")
_data = partial(Field, group="Data", source="the adapter", why=_SILENT, key="question")
_given = partial(
    Field, group="Data", source="evallab, which fetched it", why="no testDataRef: the benchmark's own data"
)
_sent = partial(Field, group="Sampling as sent", source=_HARNESS, why=_SILENT, key="question")
_answered = partial(Field, group="What answered", source=_ENDPOINT, why="the endpoint does not say")
_course = partial(Field, group="Course", source="the adapter", why=_SILENT, varies=True)

OF_BENCHMARKS: tuple[Field, ...] = (
    _harness(path="harness.name", label="harness", means="The program that asked and scored.", key="question"),
    _harness(path="harness.version", label="harness version", means="Its version.", key="question"),
    _harness(path="harness.commit", label="harness commit", means="Its commit, where it is no released package.",
             why="a released package of the version above, or not said"),
    _harness(path="adapter", label="adapter", kind="mapping", means="The adapter, with versions of its parts."),
    _executed(path="executed.image", label="image", means="Name of the adapter's image."),
    _executed(path="executed.image_id", label="image digest", means="The image that really ran."),
    _executed(path="executed.node", label="node", means="The node that the adapter ran on.", varies=True),
    _question(path="question_key", label="question key", source="evallab",
              means="Hash of all that makes two scores answers to the same questions.",
              why="the adapter does not say what it asked, so its scores are compared with nothing"),
    _question(path="question.tasks[].version", label="task version", means="Version of each task."),
    _question(path="question.tasks[].task_hash", label="prompts sha256",
              means="Hash over every prompt in order, messages before templating."),
    _question(path="question.tasks[].num_fewshot", label="few-shot examples", means="Examples before each question.",
              kind="number"),
    _question(path="question.tasks[].fewshot_seed", label="few-shot seed", means="Seed by which they were chosen.",
              kind="number", none="none: they are the same for all"),
    _question(path="question.tasks[].output_type", label="kind of question",
              means="Whether the model writes, or likelihoods are compared."),
    _question(path="question.tasks[].scoring_sha256", label="scoring sha256",
              means="Hash of what extracts and scores an answer: filters, metrics, their code."),
    _question(path="primary_metric", label="primary metric", kind="mapping", key="",
              means="Metric, extraction filter, and who chose them."),
    _question(path="question.chat_template", label="as a chat", kind="yes or no",
              means="Whether questions went through a chat template."),
    _question(path="question.fewshot_as_multiturn", label="examples as turns", kind="yes or no", none="not said",
              means="Whether examples are turns of a conversation."),
    _question(path="question.system_instruction_sha256", label="system prompt sha256", none="no system prompt",
              means="Hash of the system prompt."),
    _question(path="parameters", label="parameters", kind="mapping", means="Parameters of the benchmark.", key=""),
    _data(path="question.dataset.name", label="name", means="The data."),
    _data(path="question.dataset.fingerprint", label="sha256", means="Hash of the questions, or of their files."),
    _data(path="question.dataset.revision", label="revision", means="Revision in its repository.", key="",
          why="the data comes from no repository with revisions, or the adapter does not say"),
    _data(path="question.n", label="questions", kind="number", means="How many were to be asked."),
    _data(path="question.limit", label="limit", kind="number", means="`limit`, of each task.", none="all of them"),
    _given(path="test_data.source", label="given: source", means="Where the snapshot that was given comes from."),
    _given(path="test_data.revision", label="given: revision", means="The revision that the source resolved to."),
    _given(path="test_data.sha256", label="given: sha256", means="Hash over the files of the snapshot."),
    _sent(path="question.tasks[].generation", label="generation", kind="mapping", unit="tokens (`max_gen_toks`)",
          means="Temperature, seed, stop texts, length: what each request carried.",
          none="none: likelihoods are not sampled"),
    _answered(path="answered_by.model", label="model", means="The name that was asked for."),
    _answered(path="answered_by.served", label="served as", kind="mapping", means="What the endpoint says it serves."),
    _answered(path="answered_by.server_version", label="server version", kind="mapping",
              means="What the endpoint says its version is."),
    _answered(path="answered_by.endpoint", label="endpoint", means="Completions or chat."),
    _answered(path="answered_by.prompts_as", label="prompts as", means="Texts or token ids."),
    _answered(path="answered_by.max_model_len", label="context length", means="How much a request may hold.",
              kind="number", unit="tokens"),
    _answered(path="answered_by.tokenizer_sha256", label="tokenizer sha256", means="Hash of the tokenizer.",
              why="the endpoint does not show its tokenizer, and no parameter names one"),
    _answered(path="answered_by.chat_template_sha256", label="chat template sha256", means="Hash of the chat template.",
              why="no template was applied by the adapter, and the endpoint does not show its own"),
    _answered(path="answered_by.chat_template_kwargs", label="template arguments", kind="mapping",
              means="What the template was given besides messages."),
    _answered(path="answered_by.add_bos_token", label="begins with BOS", kind="yes or no",
              means="Whether a beginning-of-sequence token was put in front."),
    _course(path="attempt.id", label="attempt", means="The attempt whose result counts.", source="evallab"),
    _course(path="attempt.number", label="attempt number", kind="number", means="1 for the first.", source="evallab"),
    _course(path="attempt.started_at", label="started", means="When it began.", source="the runtime",
            unit="ISO 8601, UTC"),
    _course(path="attempt.recorded_at", label="recorded", means="When its result was kept.", source="the clock",
            unit="ISO 8601, UTC"),
    _course(path="counts", label="questions", kind="mapping", means="Total, answered, errors, truncated.",
            unit="questions"),
    _course(path="resumed_answers", label="resumed", kind="number", unit="questions",
            means="Answers of an earlier attempt that were kept."),
    _course(path="concurrency", label="concurrency", kind="mapping", unit="requests",
            means="Requests at once: at the start, lowest, highest, and how often it backed off."),
    _course(path="preflight", label="preflight", kind="mapping", means="What was proved of the endpoint beforehand."),
    _course(path="warnings", label="warnings", kind="list", means="What the adapter wants to be known."),
)  # fmt: skip
