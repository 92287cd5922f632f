"""What the server answers when it refuses: one exception, one body, in the shape OpenAI and vLLM use."""


class Refused(Exception):
    """A request that is answered with an error body."""

    def __init__(self, message: str, *, param: str | None = None, status: int = 400) -> None:
        """Keep the sentence for the client, the field it is about, and the HTTP status."""
        super().__init__(message)
        self.message, self.param, self.status = message, param, status

    def body(self) -> dict[str, object]:
        """Return the error body."""
        kind = _KINDS.get(self.status, "InternalServerError")
        return {"error": {"message": self.message, "type": kind, "param": self.param, "code": self.status}}


_KINDS = {
    400: "BadRequestError",
    404: "NotFoundError",
    405: "MethodNotAllowedError",
    413: "RequestTooLargeError",
    503: "ServiceUnavailableError",
    504: "TimeoutError",
}
