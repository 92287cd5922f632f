"""Rows of `store.interface` to parameters of a query, and records of a query back to rows. Used by the store's parts.

The queries alias columns to the fields of the rows, so most of this is the few fields that have another type.
"""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import TYPE_CHECKING, Any

from psycopg.types.json import Jsonb

from evallab.api.job import EvalJob
from evallab.store import storable
from evallab.store.interface import SampleRow, ScoreRow

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Record = dict[str, Any]


def parameters(row: "DataclassInstance") -> Record:
    """Return the fields of a row as parameters."""
    return {field.name: _parameter(getattr(row, field.name)) for field in fields(row)}


def recordset(rows: "Sequence[DataclassInstance]") -> Jsonb:
    """Return rows as one parameter, for jsonb_to_recordset: a statement then takes any number of them."""
    return storable.json([{name: _instant(value) for name, value in vars(row).items()} for row in rows])


def score(record: Mapping[str, Any]) -> ScoreRow:
    """Return the score of a record."""
    return ScoreRow(**{**record, "validity_reasons": tuple(record["validity_reasons"])})


def sample(record: Mapping[str, Any]) -> SampleRow:
    """Return the sample of a record; its scores are a list of [metric, filter, value]."""
    scores = {(metric, filter_): value for metric, filter_, value in record["scores"] or ()}
    return SampleRow(**{**record, "scores": scores})


def _instant(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _parameter(value: Any) -> Any:
    match value:
        case EvalJob():
            return storable.json(value.model_dump(mode="json"))
        case str():
            return storable.text(value)
        case dict():
            return storable.json(value)
        case tuple():
            return [_parameter(each) for each in value]
    return value
