"""What a record of provenance holds, fact by fact, and what it says when a fact cannot be known. Pure.

`job_facts` and `benchmark_facts` are the tables; docs/reference/provenance.md is made of them. `record` completes what
was collected, so that no fact is ever silently missing, and reads it again; `difference` compares two jobs.
"""

from evallab.planning.provenance.benchmark_facts import OF_BENCHMARKS
from evallab.planning.provenance.field import Fact, Field, Unknown
from evallab.planning.provenance.job_facts import OF_JOBS
from evallab.planning.provenance.record import SCHEMA, complete, facts, whole

__all__ = ["OF_BENCHMARKS", "OF_JOBS", "SCHEMA", "Fact", "Field", "Unknown", "complete", "facts", "whole"]
