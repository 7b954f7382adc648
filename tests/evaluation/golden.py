"""Where the golden DAVIS fixtures lie beside the checkout, for the tests that compare with the official evaluator."""

from pathlib import Path

import pytest

GOLDEN = Path(__file__).resolve().parents[3] / "shared" / "golden" / "davis"

needs_golden = pytest.mark.skipif(
    not GOLDEN.is_dir(), reason="the golden DAVIS fixtures (../shared/golden/davis) are not beside this checkout"
)
