"""`LabelStudioWriter` and a real Label Studio."""

from __future__ import annotations

import pytest
from servers.label_studio import Stage

from spanlabel.testing import check_writer

pytestmark = pytest.mark.integration


class TestContract:
    @pytest.mark.parametrize("kind", ["token", "personal_token"])
    def test_every_line(self, stage: Stage, kind: str) -> None:
        """
        It keeps every line of the writers' contract, with either kind of token.
        """
        key = getattr(stage.server, kind)

        check_writer(lambda: stage.writer(api_key=key), stage.stored, annotate=stage.annotate)
