"""Published weights: which file of the hub is taken, and what is said without a network."""

import os
import subprocess
import sys
import time

import pytest
from huggingface_hub.errors import EntryNotFoundError, GatedRepoError

from sam2long.errors import CheckpointError
from sam2long.model.checkpoints import hub


@pytest.fixture
def asked(monkeypatch):
    monkeypatch.setattr(hub, "_answers", lambda repository: True)
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda repository, file: None)
    return []


def test_safetensors_come_first(monkeypatch, asked):
    monkeypatch.setattr("huggingface_hub.hf_hub_download", lambda *file: asked.append(file) or "there")
    assert str(hub.download("sam2.1-hiera-tiny")) == "there"
    assert asked == [("facebook/sam2.1-hiera-tiny", "model.safetensors")]


def test_a_large_download_is_announced_and_smaller_ones_named(monkeypatch, asked, recwarn):
    monkeypatch.setattr("huggingface_hub.hf_hub_download", lambda *file: "there")
    with pytest.warns(UserWarning, match=r"sam2.1-hiera-large, 898 MB.*sam2.1-hiera-tiny \(156 MB\)"):
        hub.download("sam2.1-hiera-large")
    recwarn.clear()
    hub.download("sam2.1-hiera-tiny")
    assert not recwarn.list


def test_the_original_file_where_there_are_no_safetensors(monkeypatch, asked):
    def fetch(repository, file):
        asked.append((repository, file))
        if file == "model.safetensors":
            raise EntryNotFoundError.__new__(EntryNotFoundError)
        return "there"

    monkeypatch.setattr("huggingface_hub.hf_hub_download", fetch)
    hub.download("sam2-hiera-base-plus")
    assert [file for _, file in asked] == ["model.safetensors", "sam2_hiera_base_plus.pt"]


def test_what_is_cached_needs_no_network(monkeypatch):
    monkeypatch.setattr(
        "huggingface_hub.try_to_load_from_cache", lambda repository, file: file if file.endswith(".pt") else None
    )
    monkeypatch.setattr(hub, "_answers", lambda repository: pytest.fail("asked the hub"))
    assert str(hub.download("sam2-hiera-tiny")) == "sam2_hiera_tiny.pt"


def test_an_error_of_the_hub_says_what_to_do(monkeypatch, asked):
    def broken(repository, file):
        raise OSError("disk full")

    monkeypatch.setattr("huggingface_hub.hf_hub_download", broken)
    with pytest.raises(CheckpointError, match=r"disk full.*--model nano.*pass the file"):
        hub.download("sam2-hiera-tiny")


def test_a_licence_to_be_accepted(monkeypatch, asked):
    def refused(repository, file):
        raise GatedRepoError.__new__(GatedRepoError)

    monkeypatch.setattr("huggingface_hub.hf_hub_download", refused)
    with (
        pytest.warns(UserWarning, match=r"weights of sam3, 3440 MB.*sam2.1-hiera-tiny \(156 MB\)"),
        pytest.raises(CheckpointError, match=r"facebook/sam3 .* licence.*hf auth login.*model.safetensors"),
    ):
        hub.download("sam3")


def test_without_a_network_one_line_and_soon(tmp_path):
    code = "from sam2long.errors import UserError\nfrom sam2long.model.checkpoints.hub import download\n"
    code += "import time\nbegan = time.monotonic()\n"
    code += "try:\n    download('sam2.1-hiera-tiny')\nexcept UserError as error:\n    print(error)\n"
    code += "assert time.monotonic() - began < 10"
    environment = {**os.environ, "HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": str(tmp_path), "NO_PROXY": "127.0.0.1"}
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and done.stderr == "", f"{done.stderr} after {time.monotonic() - began:.0f} s"
    assert "no connection" in done.stdout and "--model nano" in done.stdout and done.stdout.count("\n") == 1
