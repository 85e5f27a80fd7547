"""PREMIS 3.0: the master and its derivative, what happened to them, and who or what did it, as XML."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal
from xml.etree import ElementTree as ET

NAMESPACE = "http://www.loc.gov/premis/v3"
SCHEMA = "http://www.loc.gov/standards/premis/v3/premis.xsd"
VOCABULARY = "http://id.loc.gov/vocabulary/preservation/"
_XSI = "http://www.w3.org/2001/XMLSchema-instance"

EventType = Literal["fix", "mod", "dsg", "dig", "app"]
EVENT_TYPES: dict[EventType, str] = {
    "fix": "fixity check",
    "mod": "modification",
    "dsg": "digital signature generation",
    "dig": "digital signature validation",
    "app": "appraisal",
}
AgentType = Literal["per", "org", "sof"]
AGENT_TYPES: dict[AgentType, str] = {"per": "person", "org": "organization", "sof": "software"}
_DERIVATION = ("derivation", "relationshipType/der"), ("has source", "relationshipSubType/hss")


@dataclass(frozen=True, slots=True)
class Format:
    """A file format as PRONOM knows it; `key` is "" where a look at the file does not tell which entry it is."""

    name: str
    key: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True)
class File:
    """A file: `identifier` is its place in the package, or its name outside. `source` is what it was derived from."""

    identifier: str
    sha256: str
    size: int
    format: Format
    original_name: str = ""
    software: str = ""
    software_version: str = ""
    created: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class Agent:
    """A person, an organization, a program or a trained model (which the vocabulary counts among the programs)."""

    identifier: str
    name: str
    type: AgentType
    version: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened. `agents` and `objects` are pairs of an identifier and its role."""

    type: EventType
    when: str
    detail: str
    outcome: str
    note: str
    agents: tuple[tuple[str, str], ...]
    objects: tuple[tuple[str, str], ...]


def document(files: Iterable[File], events: Iterable[Event], agents: Iterable[Agent]) -> bytes:
    """The XML, UTF-8; objects, events and agents in that order, as the schema wants them."""
    ET.register_namespace("premis", NAMESPACE)
    ET.register_namespace("xsi", _XSI)
    root = ET.Element(_tag("premis"), {"version": "3.0", f"{{{_XSI}}}schemaLocation": f"{NAMESPACE} {SCHEMA}"})
    named = [(event, str(uuid.uuid5(uuid.NAMESPACE_OID, repr(event)))) for event in events]
    for file in files:
        links = [key for event, key in named if any(file.identifier == place for place, _ in event.objects)]
        _file(root, file, links)
    for event, key in named:
        _event(root, event, key)
    for agent in agents:
        _agent(root, agent)
    ET.indent(root)
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode").encode() + b"\n"


def _file(root: ET.Element, file: File, events: Iterable[str]) -> None:
    node = ET.SubElement(root, _tag("object"), {f"{{{_XSI}}}type": "premis:file"})
    _identifier(node, "object", "local", file.identifier)
    facts = _child(node, "objectCharacteristics")
    _child(facts, "compositionLevel", "0")
    fixity = _child(facts, "fixity")
    _term(fixity, "messageDigestAlgorithm", "SHA-256", "cryptographicHashFunctions/sha256")
    _child(fixity, "messageDigest", file.sha256)
    _child(facts, "size", str(file.size))
    _format(_child(facts, "format"), file.format)
    if file.software:
        made = _child(facts, "creatingApplication")
        _child(made, "creatingApplicationName", file.software)
        _child(made, "creatingApplicationVersion", file.software_version)
        _child(made, "dateCreatedByApplication", file.created)
    if file.original_name:
        _child(node, "originalName", file.original_name)
    if file.source:
        relation = _child(node, "relationship")
        for name, (text, place) in zip(("relationshipType", "relationshipSubType"), _DERIVATION, strict=True):
            _term(relation, name, text, place)
        _identifier(relation, "relatedObject", "local", file.source)
    for key in events:
        _identifier(node, "linkingEvent", "UUID", key)


def _format(node: ET.Element, format: Format) -> None:
    designation = _child(node, "formatDesignation")
    _child(designation, "formatName", format.name)
    if format.version:
        _child(designation, "formatVersion", format.version)
    if format.key:
        registry = _child(node, "formatRegistry")
        _child(registry, "formatRegistryName", "PRONOM")
        _child(registry, "formatRegistryKey", format.key)


def _event(root: ET.Element, event: Event, key: str) -> None:
    node = _child(root, "event")
    _identifier(node, "event", "UUID", key)
    _term(node, "eventType", EVENT_TYPES[event.type], f"eventType/{event.type}")
    _child(node, "eventDateTime", event.when)
    _child(_child(node, "eventDetailInformation"), "eventDetail", event.detail)
    outcome = _child(node, "eventOutcomeInformation")
    _child(outcome, "eventOutcome", event.outcome)
    _child(_child(outcome, "eventOutcomeDetail"), "eventOutcomeDetailNote", event.note)
    for identifier, role in event.agents:
        link = _identifier(node, "linkingAgent", "local", identifier)
        _child(link, "linkingAgentRole", role)
    for identifier, role in event.objects:
        link = _identifier(node, "linkingObject", "local", identifier)
        _child(link, "linkingObjectRole", role)


def _agent(root: ET.Element, agent: Agent) -> None:
    node = _child(root, "agent")
    _identifier(node, "agent", "local", agent.identifier)
    _child(node, "agentName", agent.name)
    _term(node, "agentType", AGENT_TYPES[agent.type], f"agentType/{agent.type}")
    if agent.version:
        _child(node, "agentVersion", agent.version)
    for note in agent.notes:
        _child(node, "agentNote", note)


def _identifier(parent: ET.Element, of: str, kind: str, value: str) -> ET.Element:
    node = _child(parent, f"{of}Identifier")
    _child(node, f"{of}IdentifierType", kind)
    _child(node, f"{of}IdentifierValue", value)
    return node


def _term(parent: ET.Element, name: str, text: str, place: str) -> None:
    """A word of the Library of Congress's vocabularies, with the address that defines it."""
    node = _child(parent, name, text)
    authority, _ = place.split("/")
    node.set("authority", authority)
    node.set("authorityURI", f"{VOCABULARY}{authority}")
    node.set("valueURI", f"{VOCABULARY}{place}")


def _child(parent: ET.Element, name: str, text: str = "") -> ET.Element:
    node = ET.SubElement(parent, _tag(name))
    node.text = "".join(c for c in text if c in "\t\n\r" or c >= " ") or None
    return node


def _tag(name: str) -> str:
    return f"{{{NAMESPACE}}}{name}"
