"""What google-cloud-aiplatform cannot do, which is why the Vertex adapter speaks HTTP itself.

docs/adr/2026-11-22-no-vendor-sdk-in-the-hot-path.md rests on it. The package has 275 MB, so it is
here only in the environment that `make conformance` makes.
"""

import importlib.metadata
import json
import re
import subprocess
import sys

import pytest

PACKAGE = "google-cloud-aiplatform"
# A method, or the end of the REST path that one would have to call. The v1beta1 types hold two
# messages of that name, which nothing sends.
VEO_CALL = re.compile(rb"def predict_long_running|:predictLongRunning")
# What a user would try, as it is said in snippets; its import takes seconds and warns.
TRY_IT = """
import json, warnings
warnings.simplefilter("ignore")
from google.cloud import aiplatform_v1, aiplatform_v1beta1
clients = [
    getattr(version, name)
    for version in (aiplatform_v1, aiplatform_v1beta1)
    for name in ("PredictionServiceClient", "PredictionServiceAsyncClient")
]
print(json.dumps([[name for name in dir(c) if "predict" in name.lower()] for c in clients]))
"""


@pytest.fixture(scope="module")
def version() -> str:
    try:
        return importlib.metadata.version(PACKAGE)
    except importlib.metadata.PackageNotFoundError:
        pytest.skip(f"{PACKAGE} is not installed (run: make conformance)")


def test_no_client_of_it_has_a_call_that_starts_a_veo_job(version: str) -> None:
    tried = subprocess.run(
        [sys.executable, "-c", TRY_IT], check=True, capture_output=True, text=True, timeout=60
    )
    for methods in json.loads(tried.stdout):
        assert {"predict", "raw_predict"} <= set(methods), version
        assert [] == [name for name in methods if "running" in name or "operation" in name]


def test_nowhere_in_its_code_is_such_a_call(version: str) -> None:
    files = importlib.metadata.files(PACKAGE) or []
    sources = {str(path): path.read_binary() for path in files if path.suffix == ".py"}
    assert any(b"def predict(" in source for source in sources.values()), version
    assert any(b":predict" in source for source in sources.values())
    assert [] == [name for name, source in sources.items() if VEO_CALL.search(source)]
