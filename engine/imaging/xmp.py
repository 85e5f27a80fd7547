"""The XMP packet of a derivative: what the master said, what of that is no longer so, and how the derivative came
about. And the way back: what a derivative says of itself."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final
from xml.etree import ElementTree as ET

_SOURCE_TYPES: Final = "http://cv.iptc.org/newscodes/digitalsourcetype/"
COMPOSITE: Final = f"{_SOURCE_TYPES}compositeWithTrainedAlgorithmicMedia"  # a trained model made part of the pixels
ENHANCED: Final = f"{_SOURCE_TYPES}algorithmicallyEnhanced"  # arithmetic alone: an enlargement, a copy
NAMESPACE: Final = "urn:archivist:provenance:1.0:"

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_DC = "http://purl.org/dc/elements/1.1/"
_XMP = "http://ns.adobe.com/xap/1.0/"
_MM = "http://ns.adobe.com/xap/1.0/mm/"
_REF = "http://ns.adobe.com/xap/1.0/sType/ResourceRef#"
_EVENT = "http://ns.adobe.com/xap/1.0/sType/ResourceEvent#"
_TIFF = "http://ns.adobe.com/tiff/1.0/"
_IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
_EXIF = "http://ns.adobe.com/exif/1.0/"
_META = "adobe:ns:meta/"
_XML = "http://www.w3.org/XML/1998/namespace"
_PREFIXES = {
    "rdf": _RDF,
    "dc": _DC,
    "xmp": _XMP,
    "xmpMM": _MM,
    "stRef": _REF,
    "stEvt": _EVENT,
    "tiff": _TIFF,
    "exif": _EXIF,
    "Iptc4xmpExt": _IPTC,
    "x": _META,
    "archivist": NAMESPACE,
}

# Statements about the master's file that are false of the derivative, or that the derivative makes itself.
_REPLACED = {
    *(f"{{{_DC}}}{name}" for name in ("source", "description", "format", "identifier", "title")),
    *(f"{{{_XMP}}}{name}" for name in ("CreatorTool", "ModifyDate", "MetadataDate", "Thumbnails")),
    *(f"{{{_MM}}}{name}" for name in ("DocumentID", "InstanceID", "OriginalDocumentID", "DerivedFrom", "History")),
    *(f"{{{_TIFF}}}{name}" for name in ("Orientation", "ImageWidth", "ImageLength", "XResolution", "YResolution")),
    *(f"{{{_EXIF}}}{name}" for name in ("PixelXDimension", "PixelYDimension")),
    *(f"{{{_IPTC}}}{name}" for name in ("DigitalSourceType", "AISystemUsed", "AISystemVersionUsed")),
}
_TITLE_END = re.compile(r"( \[(AI-restored )?access copy\])+$")  # of a derivative that serves as a master
_LONGEST = 5_000  # characters of the master's own description that are carried over


@dataclass(frozen=True, slots=True)
class Statement:
    """What a derivative says of itself, besides what its master said.

    `source_type` is COMPOSITE or ENHANCED; `system` and `system_version` name the model, "" where none took part.
    `own` become properties of our namespace: its keys must be XML names. `parameters` stand in the history.
    """

    description: str
    software: str
    when: str  # ISO 8601 with an offset
    source_type: str
    title: str  # the master's name for a person; what the derivative is, is added
    identifier: str
    format: str  # MIME type
    source: str  # name and hash of the master
    master_sha256: str
    parameters: str = ""
    system: str = ""
    system_version: str = ""
    own: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def suffix(self) -> str:
        """What is added to the master's title."""
        return "[AI-restored access copy]" if self.source_type == COMPOSITE else "[access copy]"


@dataclass(frozen=True, slots=True)
class _Before:
    """What the master's packet said of what is replaced."""

    title: str = ""
    description: str = ""
    document: str = ""
    instance: str = ""
    original: str = ""
    history: tuple[ET.Element, ...] = ()


def build_packet(statement: Statement, master: bytes | None = None) -> bytes:
    """A packet that names the derivative as such, merged into the master's packet where that can be read.

    ValueError where a key of `statement.own` cannot name an XMP property.
    """
    root, rdf, before = _merged(master)
    node = ET.SubElement(rdf, f"{{{_RDF}}}Description", {f"{{{_RDF}}}about": ""})
    _describe(node, statement, before)
    _trace(node, statement, before)
    for key, value in statement.own.items():
        if not re.fullmatch(r"[A-Za-z_][\w.-]*", key, re.ASCII):
            raise ValueError(f"{key!r} cannot name an XMP property")
        _simple(node, f"{{{NAMESPACE}}}{key}", value)
    return _packet(root)


def plain_packet(description: str, software: str) -> bytes:
    """The packet of a picture that is no derivative of a master: what it is, and what wrote it."""
    root, rdf, _ = _merged(None)
    node = ET.SubElement(rdf, f"{{{_RDF}}}Description", {f"{{{_RDF}}}about": ""})
    _simple(node, f"{{{_XMP}}}CreatorTool", software)
    _alternative(node, f"{{{_DC}}}description", description)
    return _packet(root)


def own_properties(packet: bytes | None) -> dict[str, str]:
    """What a packet holds in our namespace, and "source" and "digitalSourceType"; empty where it is none of ours."""
    tree = _tree(packet)
    if tree is None:
        return {}
    found: dict[str, str] = {}
    named = {f"{{{_DC}}}source": "source", f"{{{_IPTC}}}DigitalSourceType": "digitalSourceType"}
    for description in tree.iter(f"{{{_RDF}}}Description"):
        for tag, text in _texts(description):
            if tag.startswith(f"{{{NAMESPACE}}}"):
                found[tag.removeprefix(f"{{{NAMESPACE}}}")] = text
            elif tag in named:
                found[named[tag]] = text
    return found if any(key not in named.values() for key in found) else {}


def _describe(node: ET.Element, statement: Statement, before: _Before) -> None:
    """Dublin Core, the basic schema and the IPTC's: what the picture is."""
    description = statement.description
    if before.description:
        description += f" The original’s own description: {before.description[:_LONGEST]}"
    _simple(node, f"{{{_DC}}}format", statement.format)
    _simple(node, f"{{{_DC}}}identifier", statement.identifier)
    title = _TITLE_END.sub("", before.title) or statement.title
    _alternative(node, f"{{{_DC}}}title", f"{title} {statement.suffix}")
    _alternative(node, f"{{{_DC}}}description", description)
    _simple(node, f"{{{_DC}}}source", statement.source)
    _simple(node, f"{{{_XMP}}}CreatorTool", statement.software)
    _simple(node, f"{{{_XMP}}}ModifyDate", statement.when)
    _simple(node, f"{{{_XMP}}}MetadataDate", statement.when)
    _simple(node, f"{{{_IPTC}}}DigitalSourceType", statement.source_type)
    if statement.system:
        _simple(node, f"{{{_IPTC}}}AISystemUsed", statement.system)
        _simple(node, f"{{{_IPTC}}}AISystemVersionUsed", statement.system_version)


def _trace(node: ET.Element, statement: Statement, before: _Before) -> None:
    """xmpMM: which document this is, which one it comes from, and what happened to both."""
    from_hash = f"xmp.did:{uuid.uuid5(uuid.NAMESPACE_OID, statement.master_sha256)}"
    document = uuid.uuid5(uuid.NAMESPACE_OID, f"{statement.master_sha256} {statement.parameters} {statement.format}")
    instance = f"xmp.iid:{uuid.uuid5(document, statement.when)}"
    _simple(node, f"{{{_MM}}}DocumentID", f"xmp.did:{document}")
    _simple(node, f"{{{_MM}}}InstanceID", instance)
    _simple(node, f"{{{_MM}}}OriginalDocumentID", before.original or before.document or from_hash)
    resource = f"{{{_RDF}}}parseType"
    origin = ET.SubElement(node, f"{{{_MM}}}DerivedFrom", {resource: "Resource"})
    _simple(origin, f"{{{_REF}}}documentID", before.document or from_hash)
    if before.instance:
        _simple(origin, f"{{{_REF}}}instanceID", before.instance)
    if before.original:
        _simple(origin, f"{{{_REF}}}originalDocumentID", before.original)
    history = ET.SubElement(ET.SubElement(node, f"{{{_MM}}}History"), f"{{{_RDF}}}Seq")
    history.extend(before.history)
    event = ET.SubElement(history, f"{{{_RDF}}}li", {resource: "Resource"})
    told = {
        "action": "edited",
        "instanceID": instance,
        "when": statement.when,
        "softwareAgent": statement.software,
        "changed": "/content",
        "parameters": statement.parameters,
    }
    for name, value in told.items():
        _simple(event, f"{{{_EVENT}}}{name}", value)


def _packet(root: ET.Element) -> bytes:
    body = ET.tostring(root, encoding="unicode").encode()
    begin = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'.encode()
    return begin + body + b'\n<?xpacket end="w"?>'


def _simple(parent: ET.Element, name: str, text: str) -> ET.Element:
    node = ET.SubElement(parent, name)
    node.text = re.sub(r"[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", text)
    return node


def _alternative(parent: ET.Element, name: str, text: str) -> None:
    """A text that could be there in several languages."""
    alternatives = ET.SubElement(ET.SubElement(parent, name), f"{{{_RDF}}}Alt")
    _simple(alternatives, f"{{{_RDF}}}li", text).set(f"{{{_XML}}}lang", "x-default")


def _merged(master: bytes | None) -> tuple[ET.Element, ET.Element, _Before]:
    """The packet's root, its RDF without what is replaced, and what that said."""
    for prefix, uri in _PREFIXES.items():
        ET.register_namespace(prefix, uri)
    tree = _tree(master)
    rdf = None if tree is None else tree if tree.tag == f"{{{_RDF}}}RDF" else tree.find(f"{{{_RDF}}}RDF")
    if tree is None or rdf is None:
        root = ET.Element(f"{{{_META}}}xmpmeta")
        return root, ET.SubElement(root, f"{{{_RDF}}}RDF"), _Before()
    before = _read_before(rdf)
    for description in rdf.iter(f"{{{_RDF}}}Description"):
        for name in [name for name in description.attrib if _is_replaced(name)]:
            del description.attrib[name]
        for child in [child for child in description if _is_replaced(child.tag)]:
            description.remove(child)
    if tree is rdf:
        tree = ET.Element(f"{{{_META}}}xmpmeta")
        tree.append(rdf)
    return tree, rdf, before


def _is_replaced(tag: str) -> bool:
    return tag in _REPLACED or tag.startswith(f"{{{NAMESPACE}}}")


def _read_before(rdf: ET.Element) -> _Before:
    found: dict[str, str] = {}
    for description in rdf.findall(f"{{{_RDF}}}Description"):
        found |= dict(_texts(description))
    events = rdf.findall(f"{{{_RDF}}}Description/{{{_MM}}}History/{{{_RDF}}}Seq/{{{_RDF}}}li")
    return _Before(
        title=found.get(f"{{{_DC}}}title", ""),
        description=found.get(f"{{{_DC}}}description", ""),
        document=found.get(f"{{{_MM}}}DocumentID", ""),
        instance=found.get(f"{{{_MM}}}InstanceID", ""),
        original=found.get(f"{{{_MM}}}OriginalDocumentID", ""),
        history=tuple(events),
    )


def _texts(description: ET.Element) -> Iterator[tuple[str, str]]:
    """Each property with its text, be it an attribute, an element, or the first of several texts."""
    yield from description.attrib.items()
    for child in description:
        text = (child.text or "").strip()
        first = child.find(f".//{{{_RDF}}}li")
        if not text and first is not None:
            text = (first.text or "").strip()
        if text:
            yield child.tag, text


def _tree(packet: bytes | None) -> ET.Element | None:
    """The packet's XML; None where it cannot be used."""
    # A document type is never part of XMP, and the door for entity bombs.
    if packet is None or b"<!DOCTYPE" in packet or b"<!ENTITY" in packet:
        return None
    try:
        tree = ET.fromstring(packet.strip(b"\0 \r\n\t"))
    except (ET.ParseError, ValueError, LookupError):
        return None
    return tree if tree.tag == f"{{{_RDF}}}RDF" or tree.find(f"{{{_RDF}}}RDF") is not None else None
