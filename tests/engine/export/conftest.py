"""A network that makes everything a little brighter, for tests of what is written about a result."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import imagecodecs
import pytest
import skimage.data
import tifffile
import torch

from engine.models import catalog
from engine.models.weights import save_restorer
from engine.service import EngineService
from engine.training.run import Networks
from engine.types import SHIPPED_MODEL


@pytest.fixture
def brightening(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The weight file of that network, in place of the shipped one."""
    monkeypatch.setenv("ARCHIVIST_THREADS", "1")
    torch.manual_seed(0)
    path = tmp_path / "tiny.safetensors"
    state = dict(Networks().state_dict())
    state["backbone.out.bias"] = torch.tensor([0.0317] * 12 + [-5.0] * 4)  # residuals, and no damage anywhere
    save_restorer(path, state, {"id": SHIPPED_MODEL, "title": "Tiny", "scales": {"content": 0.03, "style": 0.3}})
    monkeypatch.setattr(catalog, "shipped", lambda: (path,))
    return path


@pytest.fixture
def archivist(brightening: Path) -> Iterator[EngineService]:
    """The engine with that network."""
    made = EngineService(device="cpu", cache_bytes=1 << 27)
    made.start()
    yield made
    made.close()


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    """A master with everything an archive's scanner writes: 8 bits, a profile, a resolution, XMP and IPTC."""
    path = tmp_path / "Fräulein 12.tif"
    pixels = getattr(skimage.data, "chelsea")()[:64, :80]  # noqa: B009 (it has no annotations)
    packet = """<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">
    <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""
      xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmpMM="http://ns.adobe.com/xap/1.0/mm/"
      xmlns:stEvt="http://ns.adobe.com/xap/1.0/sType/ResourceEvent#" xmpMM:DocumentID="xmp.did:1234"
      xmpMM:InstanceID="xmp.iid:5678"><dc:title><rdf:Alt><rdf:li xml:lang="x-default">Fräulein am See</rdf:li></rdf:Alt>
      </dc:title><dc:description><rdf:Alt><rdf:li xml:lang="x-default">Glasnegativ</rdf:li></rdf:Alt></dc:description>
      <dc:creator><rdf:Seq><rdf:li>Inge Muster</rdf:li></rdf:Seq></dc:creator><xmpMM:History><rdf:Seq><rdf:li
      rdf:parseType="Resource"><stEvt:action>created</stEvt:action><stEvt:when>2019-05-04T10:00:00+02:00</stEvt:when>
      </rdf:li></rdf:Seq></xmpMM:History></rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>""".encode()
    iptc = b"\x1c\x01\x5a\x00\x03\x1b%G" + b"\x1c\x02\x78\x00\x0bGlasnegativ"
    tifffile.imwrite(
        path,
        pixels,
        compression="lzw",
        photometric="rgb",
        resolution=(600, 600),
        resolutionunit="inch",
        iccprofile=bytes(imagecodecs.cms_profile("adobergb")),
        metadata=None,
        extratags=[(700, 1, len(packet), packet, True), (33723, 7, len(iptc), iptc, True)],
    )
    return path
