"""The text of GET /metrics, in Prometheus' format."""

from evallab.modelserver.reference.worker import Load


def metrics(load: Load, model: str) -> str:
    """Return every counter and gauge of the server."""
    label = model.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    rows = (
        ("num_requests_running", "gauge", "Requests that compute.", load.running),
        ("num_requests_waiting", "gauge", "Requests that wait for their turn.", load.waiting),
        ("request_success_total", "counter", "Requests that were answered.", load.answered),
        ("prompt_tokens_total", "counter", "Prompt tokens of answered requests.", load.prompt_tokens),
        ("generation_tokens_total", "counter", "Generated tokens of answered requests.", load.generated_tokens),
        ("inference_seconds_total", "counter", "Time spent computing.", round(load.busy_seconds, 6)),
    )
    return "".join(
        f'# HELP evallab:{name} {text}\n# TYPE evallab:{name} {kind}\nevallab:{name}{{model_name="{label}"}} {value}\n'
        for name, kind, text, value in rows
    )
