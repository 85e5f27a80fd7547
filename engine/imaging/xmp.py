"""The XMP packet of a derivative: what the master said, and that a model changed it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from xml.etree import ElementTree as ET

COMPOSITE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
NAMESPACE = "urn:archivist:provenance:1.0:"

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_DC = "http://purl.org/dc/elements/1.1/"
_XMP = "http://ns.adobe.com/xap/1.0/"
_TIFF = "http://ns.adobe.com/tiff/1.0/"
_IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
_EXIF = "http://ns.adobe.com/exif/1.0/"
_META = "adobe:ns:meta/"
_XML = "http://www.w3.org/XML/1998/namespace"
_PREFIXES = {
    "rdf": _RDF,
    "dc": _DC,
    "xmp": _XMP,
    "tiff": _TIFF,
    "Iptc4xmpExt": _IPTC,
    "x": _META,
    "archivist": NAMESPACE,
}

# Statements about the master's file that are false of the derivative.
_REPLACED = {
    f"{{{_DC}}}source", f"{{{_DC}}}description", f"{{{_DC}}}format", f"{{{_XMP}}}CreatorTool",
    f"{{{_XMP}}}Thumbnails", f"{{{_TIFF}}}Orientation", f"{{{_IPTC}}}DigitalSourceType",
    *(f"{{{_TIFF}}}{name}" for name in ("ImageWidth", "ImageLength", "XResolution", "YResolution")),
    *(f"{{{_EXIF}}}{name}" for name in ("PixelXDimension", "PixelYDimension")),
}  # fmt: skip


def build_packet(description: str, software: str, provenance: Mapping[str, str], master: bytes | None = None) -> bytes:
    """A packet that names the derivative as such, merged into the master's packet where that can be read.

    `provenance` becomes properties: "source" is dc:source, every other key (as "recipe", a JSON text) a property of
    that name in our own namespace. Keys must be XML names; ValueError where one is not.
    """
    for prefix, uri in _PREFIXES.items():
        ET.register_namespace(prefix, uri)
    root, rdf = _parsed(master) or _empty()
    node = ET.SubElement(rdf, f"{{{_RDF}}}Description", {f"{{{_RDF}}}about": ""})
    _simple(node, f"{{{_IPTC}}}DigitalSourceType", COMPOSITE)
    _simple(node, f"{{{_XMP}}}CreatorTool", software)
    alternatives = ET.SubElement(ET.SubElement(node, f"{{{_DC}}}description"), f"{{{_RDF}}}Alt")
    _simple(alternatives, f"{{{_RDF}}}li", description).set(f"{{{_XML}}}lang", "x-default")
    for key, value in provenance.items():
        if not re.fullmatch(r"[A-Za-z_][\w.-]*", key, re.ASCII):
            raise ValueError(f"{key!r} cannot name an XMP property")
        _simple(node, f"{{{_DC}}}source" if key == "source" else f"{{{NAMESPACE}}}{key}", value)
    body = ET.tostring(root, encoding="unicode").encode()
    begin = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'.encode()
    return begin + body + b'\n<?xpacket end="w"?>'


def _simple(parent: ET.Element, name: str, text: str) -> ET.Element:
    node = ET.SubElement(parent, name)
    node.text = re.sub(r"[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", text)
    return node


def _empty() -> tuple[ET.Element, ET.Element]:
    root = ET.Element(f"{{{_META}}}xmpmeta")
    return root, ET.SubElement(root, f"{{{_RDF}}}RDF")


def _parsed(packet: bytes | None) -> tuple[ET.Element, ET.Element] | None:
    """The master's packet without the statements that are replaced; None where it cannot be used."""
    # A document type is never part of XMP, and the door for entity bombs.
    if packet is None or b"<!DOCTYPE" in packet or b"<!ENTITY" in packet:
        return None
    try:
        tree = ET.fromstring(packet.strip(b"\0 \r\n\t"))
    except (ET.ParseError, ValueError, LookupError):
        return None
    rdf = tree if tree.tag == f"{{{_RDF}}}RDF" else tree.find(f"{{{_RDF}}}RDF")
    if rdf is None:
        return None
    for description in rdf.iter(f"{{{_RDF}}}Description"):
        for name in _REPLACED & set(description.attrib):
            del description.attrib[name]
        for child in [child for child in description if child.tag in _REPLACED]:
            description.remove(child)
    return (tree, rdf) if tree is not rdf else _wrapped(rdf)


def _wrapped(rdf: ET.Element) -> tuple[ET.Element, ET.Element]:
    root = ET.Element(f"{{{_META}}}xmpmeta")
    root.append(rdf)
    return root, rdf
