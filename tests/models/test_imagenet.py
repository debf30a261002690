"""The published weights, from a real server into a real cache."""

import hashlib
import re
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgewise.models import _imagenet
from edgewise.models.errors import EdgewiseError
from edgewise.models.spec import Preprocess
from edgewise.models.zoo import architectures, find

Serve = Callable[..., str]
Patch = pytest.MonkeyPatch


@pytest.mark.parametrize("row", architectures(), ids=lambda row: row.name)
def test_the_preprocessing_is_torchvisions(row: Any) -> None:
    preset = _imagenet.default_weights(row).transforms()
    found = _imagenet.preprocess_of(_imagenet.default_weights(row))
    assert ([found.size], [found.resize]) == (preset.crop_size, preset.resize_size)
    assert (list(found.mean), list(found.std)) == (preset.mean, preset.std)
    assert found.interpolation == preset.interpolation.value


def test_mobilenetv2_is_resized_to_232() -> None:
    assert _imagenet.preprocess_of(_imagenet.default_weights(find("mobilenetv2"))) == Preprocess(224, 232)


def test_the_thousand_ids_are_in_the_order_of_the_outputs() -> None:
    labels = _imagenet.labels_of(_imagenet.default_weights(find("mobilenetv2")))
    assert len(labels.ids) == len(set(labels.names)) == 1000
    assert list(labels.ids) == sorted(set(labels.ids))  # the order of ILSVRC 2012
    assert all(re.fullmatch(r"n\d{8}", identity) for identity in labels.ids)
    places = {
        "n01440764": "tench",
        "n02012849": "crane bird",
        "n03126707": "crane",
        "n15075141": "toilet tissue",
    }
    assert {identity: labels.names[labels.ids.index(identity)] for identity in places} == places


def test_ids_and_names_agree_with_the_sample_of_imagenet(realdata: Path) -> None:
    labels = _imagenet.labels_of(_imagenet.default_weights(find("mobilenetv2")))
    lines = (realdata / "data" / "imagenet-sample" / "classes.txt").read_text().splitlines()
    different = {
        (f"{identity} {name}", line)
        for identity, name, line in zip(labels.ids, labels.names, lines, strict=True)
        if f"{identity} {name}" != line
    }
    assert different == {  # torchvision tells the two cranes and the two maillots apart
        ("n02012849 crane bird", "n02012849 crane"),
        ("n03710721 maillot tank suit", "n03710721 maillot"),
    }


def test_the_file_is_downloaded_once(
    published: Any, serve: Serve, asked: list[str], monkeypatch: Patch, tmp_path: Path
) -> None:
    monkeypatch.setattr(published.value, "url", serve(b"weights"))
    path = _imagenet.fetch(published)
    assert path.read_bytes() == b"weights"
    assert path.is_relative_to(tmp_path / "torch")
    assert _imagenet.fetch(published) == _imagenet.cached_file(published) == path
    assert asked == [f"GET /{path.name}"]


def test_whether_it_is_at_hand(published: Any, serve: Serve, asked: list[str], monkeypatch: Patch) -> None:
    assert not _imagenet.is_at_hand(published)
    monkeypatch.setattr(published.value, "url", serve(b"").replace("net", "gone"))
    assert not _imagenet.is_at_hand(published)
    monkeypatch.setattr(published.value, "url", serve(b"weights"))
    assert _imagenet.is_at_hand(published)
    _imagenet.fetch(published)
    assert _imagenet.is_at_hand(published)
    assert [line.split()[0] for line in asked] == ["HEAD", "HEAD", "GET"]  # the cached one needs no server


def test_proxies_are_asked(published: Any, serve: Serve, asked: list[str], monkeypatch: Patch) -> None:
    name = Path(serve(b"weights")).name
    monkeypatch.setenv("http_proxy", serve(b"weights").removesuffix(f"/{name}"))
    monkeypatch.setattr(published.value, "url", f"http://weights.invalid/{name}")  # no such host: RFC 6761
    assert _imagenet.is_at_hand(published)
    assert _imagenet.fetch(published).read_bytes() == b"weights"
    assert asked == [f"HEAD http://weights.invalid/{name}", f"GET http://weights.invalid/{name}"]


def test_a_server_that_never_answers_is_given_up(published: Any, monkeypatch: Patch) -> None:
    monkeypatch.setattr(_imagenet, "PATIENCE_S", 0.2)
    monkeypatch.setattr(_imagenet, "_STALL_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setattr(published.value, "url", f"http://127.0.0.1:{silent.getsockname()[1]}/net-0.pth")
        assert not _imagenet.is_at_hand(published)
        with pytest.raises(EdgewiseError, match=r"cannot be downloaded .*timed out"):
            _imagenet.fetch(published)
    assert socket.getdefaulttimeout() is None


def test_a_name_server_that_never_answers_is_given_up(published: Any, monkeypatch: Patch) -> None:
    monkeypatch.setattr(_imagenet, "PATIENCE_S", 0.2)
    test_is_over = threading.Event()

    def hang(*_: Any, **__: Any) -> Any:
        test_is_over.wait()
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    assert not _imagenet.is_at_hand(published)
    test_is_over.set()


def test_the_patience_is_less_than_five_seconds() -> None:
    assert 1 < _imagenet.PATIENCE_S < 5


def test_without_a_network_the_mend_is_named(published: Any) -> None:
    said = r"MobileNet_V2_Weights\.IMAGENET1K_V2: cannot be downloaded from http.* give it by --weights PATH"
    with pytest.raises(EdgewiseError, match=said):
        _imagenet.fetch(published)


def test_a_file_that_is_not_the_published_one_is_not_kept(
    published: Any, serve: Serve, monkeypatch: Patch
) -> None:
    monkeypatch.setattr(published.value, "url", serve(b"other weights", "net-00000000.pth"))
    with pytest.raises(EdgewiseError, match=r"cannot be downloaded .*invalid hash value"):
        _imagenet.fetch(published)
    assert list(_imagenet.cached_file(published).parent.iterdir()) == []


def test_a_damaged_cache_is_noticed(published: Any) -> None:
    path = _imagenet.cached_file(published)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"damaged")
    assert not hashlib.sha256(b"damaged").hexdigest().startswith("00000000")
    with pytest.raises(EdgewiseError, match=r"net-00000000\.pth: is damaged.*; delete it"):
        _imagenet.fetch(published)
