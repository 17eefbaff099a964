"""How the scripted provider says no."""

from __future__ import annotations


class Refused(Exception):
    """A request that the provider does not serve.

    Only 4xx statuses that the `openai` SDK does not try again (not 408, 409, 429) are of use here.

    Args:
        status: HTTP status.
        message: What is wrong with the request.
        code: The provider's word for it; None if it has none.
        param: The field of the request that is at fault; None if it is not one field.
    """

    def __init__(self, status: int, message: str, *, code: str | None = None, param: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": {"message": message, "type": "invalid_request_error", "param": param, "code": code}}
