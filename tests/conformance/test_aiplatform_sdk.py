"""What google-cloud-aiplatform cannot do, which is why the Vertex adapter speaks HTTP itself.

docs/adr/2026-11-22-no-vendor-sdk-in-the-hot-path.md rests on it. The package has 275 MB, so its
code is searched and never imported.
"""

import importlib.metadata
import re

import pytest

PACKAGE = "google-cloud-aiplatform"
# A method, or the end of the REST path that one would have to call. The v1beta1 types hold two
# messages of that name, which nothing sends.
VEO_CALL = re.compile(rb"def predict_long_running|:predictLongRunning")


def test_google_cloud_aiplatform_has_no_call_that_starts_a_veo_job() -> None:
    try:
        files = importlib.metadata.files(PACKAGE) or []
    except importlib.metadata.PackageNotFoundError:
        pytest.skip(f"{PACKAGE} is not installed (extra: conformance)")
    sources = {str(path): path.read_binary() for path in files if path.suffix == ".py"}
    assert any(b"def predict(" in source for source in sources.values())
    assert any(b":predict" in source for source in sources.values())
    assert [] == [name for name, source in sources.items() if VEO_CALL.search(source)]
