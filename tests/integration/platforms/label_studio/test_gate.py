"""Label Studio behind a gate that wants a header of its own."""

from __future__ import annotations

import pytest
from servers.gate import gate
from servers.label_studio import Stage

from spanlabel.platforms.label_studio.reader import read_answers
from spanlabel.testing import make_record

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("kind", ["token", "personal_token"])
def test_a_proxy_that_wants_a_header(stage: Stage, kind: str) -> None:
    """
    Further headers are on every request, also on those that renew the access of a personal token.
    """
    with gate(stage.server.url, {"X-Gate": "open"}) as guard:
        given = {
            "url": f"http://127.0.0.1:{guard.port}",
            "api_key": getattr(stage.server, kind),
            "headers": {"X-Gate": "open"},
        }
        stage.open(**given).write([make_record(1)], timeout_s=60)
        stage.annotate(make_record(1).id)
        [answer] = read_answers(stage.settings(**given))

    assert guard.refused == []
    assert answer.values == {"rating": 4}
