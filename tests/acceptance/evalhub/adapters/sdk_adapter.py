"""An adapter written with EvalHub's SDK, as adapter authors write theirs; it runs in the SDK's own environment.

Parameters: `acc` is what it finds (0.7 unless given), `sleep` seconds go by before it does, `fail` makes it fail.
"""

# mypy: ignore-errors
# ruff: noqa: ARG002
import json
import logging
import sys
import time

from evalhub.adapter import (
    DefaultCallbacks,
    EvaluationResult,
    FrameworkAdapter,
    JobPhase,
    JobResults,
    JobStatus,
    JobStatusUpdate,
    MessageInfo,
)

FAILED = MessageInfo(message="adapter said no", message_code="tiny_failed")
WARNING = MessageInfo(message="just a warning", message_code="tiny_warning")


class SdkAdapter(FrameworkAdapter):
    def run_benchmark_job(self, config, callbacks):
        print("JOBSPEC", json.dumps(json.loads(self.settings.resolved_job_spec_path.read_text())), flush=True)
        print("BASE", self.local_jobs_base_path, flush=True)
        callbacks.report_status(JobStatusUpdate(status=JobStatus.RUNNING, phase=JobPhase.INITIALIZING))
        if config.parameters.get("fail"):
            callbacks.report_status(JobStatusUpdate(status=JobStatus.FAILED, error_message=FAILED))
            sys.exit(1)
        going = JobStatusUpdate(status=JobStatus.RUNNING, phase=JobPhase.RUNNING_EVALUATION, warning_message=WARNING)
        callbacks.report_status(going)
        time.sleep(config.parameters.get("sleep", 0))
        return JobResults(
            id=config.id,
            benchmark_id=config.benchmark_id,
            benchmark_index=config.benchmark_index,
            model_name=config.model.name,
            results=[
                EvaluationResult(metric_name="acc", metric_value=config.parameters.get("acc", 0.7)),
                EvaluationResult(metric_name="note", metric_value="text-metric"),
            ],
            overall_score=0.7,
            num_examples_evaluated=30,
            duration_seconds=1.0,
        )

    def generate_additional_info(self, results):
        return {"zero_shot": True}


logging.basicConfig(level=logging.INFO)
adapter = SdkAdapter()
callbacks = DefaultCallbacks.from_adapter(adapter)
callbacks.report_results(adapter.run_benchmark_job(adapter.job_spec, callbacks))
print("EVALUATION COMPLETE", flush=True)
