"""Why test data could not be had: one class per reason, so that a script can tell a typo from a full disk.

The engine writes `reason` down as the reason of the benchmark; the command line exits with 3 for all of them. No
message holds a credential: URLs are shown without user, password and query.
"""

from typing import ClassVar

from evallab.api.errors import BenchmarkFailed


class DatasetFailed(BenchmarkFailed):
    """The test data could not be had."""

    code = "dataset_unavailable"
    reason: ClassVar[str] = "DatasetUnavailable"


class DatasetNotFound(DatasetFailed):
    """There is no such dataset, revision or file."""

    code = "dataset_not_found"
    reason = "DatasetNotFound"


class DatasetCredentials(DatasetFailed):
    """The source wants credentials, or other ones."""

    code = "dataset_credentials"
    reason = "DatasetCredentials"


class DatasetNoSpace(DatasetFailed):
    """The disk has no room for the data."""

    code = "dataset_no_space"
    reason = "DatasetNoSpace"


class DatasetTimeout(DatasetFailed):
    """The source did not answer in time."""

    code = "dataset_timeout"
    reason = "DatasetTimeout"


class DatasetHashMismatch(DatasetFailed):
    """The data is not what testDataRef.sha256 says."""

    code = "dataset_hash_mismatch"
    reason = "DatasetHashMismatch"


class DatasetChanged(DatasetFailed):
    """A snapshot is not what it was when it was fetched."""

    code = "dataset_changed"
    reason = "DatasetChanged"


class DatasetOffline(DatasetFailed):
    """The data is not here, and EVALLAB_OFFLINE forbids to fetch it."""

    code = "dataset_offline"
    reason = "DatasetOffline"


class FetchStopped(DatasetFailed):
    """Nobody waits for the data any more."""

    code = "dataset_stopped"
    reason = "Cancelled"


ALL: tuple[type[DatasetFailed], ...] = (
    DatasetNotFound,
    DatasetCredentials,
    DatasetNoSpace,
    DatasetTimeout,
    DatasetHashMismatch,
    DatasetChanged,
    DatasetOffline,
    DatasetFailed,
)
