"""Content Credentials (C2PA): a signature in the file that says what was done to which master, made and read offline.

A certificate of the archive's own signs where there is one; else a root is made on first use, which certifies one
signing key and is never used again: its own key is thrown away. Nothing here reaches for the network.
"""

from __future__ import annotations

import io
import json
import os
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO, Literal

import c2pa
import tifffile
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from engine.errors import EngineError, WriteError
from engine.export.embedding import sign_in_place
from engine.export.metadata import MIME
from engine.projects.atomic import make_folder_for, replacing

ROOT, SIGNER = "root.pem", "signer.pem"  # the local ones: the second holds the key, its certificate and the root
CHAIN, KEY = "chain.pem", "key.pem"  # an archive’s own
OWN = "own"  # the folder for an archive's own certificate
SIDECAR = ".c2pa"

State = Literal["none", "trusted", "valid", "invalid"]
_ROOT_YEARS, _LEAF_YEARS = 40, 30  # without a time stamp a signature is worth as much as its certificate is valid
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_MEMORY_MB = 16  # of a file that is being signed; beyond that the library works in a temporary file
_CURVES = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}


@dataclass(frozen=True, slots=True)
class Identity:
    """Who signs: certificates from the leaf to the root and the leaf's key, PEM. `notices` are for a person."""

    chain: bytes
    key: bytes = field(repr=False)
    algorithm: str = "es256"
    notices: tuple[str, ...] = ()

    @property
    def root(self) -> bytes:
        """The certificate that a reader has to trust."""
        return _pem(x509.load_pem_x509_certificates(self.chain)[-1])

    @property
    def signer(self) -> str:
        """The organization that the leaf names, else its own name."""
        subject = x509.load_pem_x509_certificates(self.chain)[0].subject
        names = (*subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME), *subject)
        return str(names[0].value) if names else ""


@dataclass(frozen=True, slots=True)
class Claim:
    """What is signed: `parameters` are facts of the edit, `source_type` an IPTC digital source type."""

    title: str
    source_type: str
    description: str
    software: str
    version: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Credential:
    """What the signature of a file says. `words` is a sentence."""

    state: State
    words: str
    signer: str = ""
    sidecar: bool = False


def identity(folder: Path, organization: str = "") -> Identity:
    """The archive's own certificate out of `folder`/own, else the local one in `folder`, made now if it is not there.

    WriteError where it cannot be kept, EngineError where what lies there cannot sign.
    """
    return existing(folder) or _made(folder, organization or "An archive that uses Archivist")


def existing(folder: Path) -> Identity | None:
    """The same, but nothing is made: None where nobody has signed here yet."""
    own = folder / OWN
    if (own / CHAIN).exists() or (own / KEY).exists():
        return _loaded(own / CHAIN, own / KEY)
    return _loaded(folder / SIGNER, folder / SIGNER) if (folder / SIGNER).exists() else None


def anchors(folder: Path) -> tuple[bytes, ...]:
    """The roots that are trusted here: those of the certificates that sign here. Nothing is made."""
    found = []
    for chain in (folder / OWN / CHAIN, folder / SIGNER):
        try:
            found.append(_pem(x509.load_pem_x509_certificates(chain.read_bytes())[-1]))
        except (OSError, ValueError, IndexError):
            continue
    return tuple(found)


def read_root(path: Path) -> bytes:
    """A certificate to trust out of a file. EngineError where it holds none."""
    try:
        return b"".join(map(_pem, x509.load_pem_x509_certificates(path.read_bytes())))
    except OSError as error:
        raise EngineError(f"“{path.name}” cannot be read ({error.strerror}); name a certificate (PEM).") from error
    except ValueError as error:
        raise EngineError(f"“{path.name}” holds no certificate; name one in PEM format.") from error


def sign(path: Path, claim: Claim, master: Path, who: Identity, kind: str = "") -> Path:
    """Signs a finished file, the last thing that is done to it. Returns what carries the signature: the file, or a
    sidecar beside it for kinds that cannot hold one. WriteError where that fails; the file is then as it was.

    `kind` is the file's media type where its name does not tell.
    """
    kind = kind or _kind(path)
    embed = _embeds(path, kind)
    try:
        builder = c2pa.Builder(_manifest(path, kind, claim), _context())
        with builder:
            builder.set_intent(c2pa.C2paBuilderIntent.EDIT)
            if not embed:
                builder.set_no_embed()
            _add_master(builder, master)
            return _sign(builder, path, kind, who, embed)
    except c2pa.C2paError as error:
        what = " ".join(str(error).split())[:150]
        raise WriteError(f"“{claim.title}” could not be signed ({what}); check the certificate.") from error


def read(path: Path, trusted: tuple[bytes, ...] = (), kind: str = "") -> Credential:
    """What the signature in a file, or in a sidecar beside it, says; failures are states in words, not exceptions.

    `kind` is the file's media type where its name does not tell.
    """
    sidecar = path.with_name(path.name + SIDECAR)
    outside = None
    try:
        if sidecar.is_file():
            outside = sidecar.read_bytes()
        with path.open("rb") as file, _reading(file, kind or _kind(path), outside, trusted) as reader:
            return _credential(reader, outside is not None)
    except c2pa.C2paError.ManifestNotFound:
        return Credential("none", "It carries no signature.")
    except (c2pa.C2paError, EngineError, ValueError) as error:
        what = " ".join(str(error).split())[:150]
        return Credential("invalid", f"Its signature cannot be read ({what}).", sidecar=outside is not None)
    except OSError as error:
        return Credential("invalid", f"It cannot be read ({error.strerror}).", sidecar=outside is not None)


def _sign(builder: c2pa.Builder, path: Path, kind: str, who: Identity, embed: bool) -> Path:
    with _signer(who) as signer:
        if embed and kind == MIME[".tif"]:
            sign_in_place(builder, signer, path)
            return path
        with path.open("rb") as source:
            if embed:
                with replacing(path) as temporary, temporary.open("w+b") as target:
                    builder.sign(signer, kind, source, target)
                return path
            with tempfile.TemporaryFile() as unwanted:  # the library writes the file again in any case
                manifest = builder.sign(signer, kind, source, unwanted)
    sidecar = path.with_name(path.name + SIDECAR)
    with replacing(sidecar) as temporary:
        temporary.write_bytes(manifest)
    return sidecar


@contextmanager
def _reading(file: BinaryIO, kind: str, outside: bytes | None, trusted: tuple[bytes, ...]) -> Iterator[c2pa.Reader]:
    with _context(trusted) as context:
        made = c2pa.Reader(kind, file, outside, context) if outside else c2pa.Reader(kind, file, context=context)
        with made as reader:
            yield reader


def _credential(reader: c2pa.Reader, sidecar: bool) -> Credential:
    store = json.loads(reader.json())
    state = str(store.get("validation_state"))
    active = store.get("manifests", {}).get(store.get("active_manifest"), {})
    signer = str(active.get("signature_info", {}).get("issuer", ""))
    by = f" by “{signer}”" if signer else ""
    if state == "Trusted":
        return Credential("trusted", f"Signed{by}, and unchanged since; the signer is known here.", signer, sidecar)
    if state == "Valid":
        words = f"Signed{by}, and unchanged since; who signed is not known here."
        return Credential("valid", words, signer, sidecar)
    codes = [str(fault.get("code", "")) for fault in store.get("validation_status", ())]
    if any("dataHash.mismatch" in code for code in codes):
        return Credential("invalid", f"Signed{by}, but changed afterwards.", signer, sidecar)
    told = f" ({', '.join(codes)})" if codes else ""
    return Credential("invalid", f"Its signature{by} does not hold{told}.", signer, sidecar)


def _manifest(path: Path, kind: str, claim: Claim) -> dict[str, Any]:
    edited = {
        "action": "c2pa.edited",
        "when": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "digitalSourceType": claim.source_type,
        "softwareAgent": {"name": claim.software, "version": claim.version},
        "description": claim.description,
        "parameters": {f"org.archivist.{key}": value for key, value in claim.parameters.items()},
    }
    return {
        "claim_generator_info": [{"name": claim.software, "version": claim.version}],
        "title": claim.title,
        "format": kind,
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [edited]}}],
    }


def _context(trusted: tuple[bytes, ...] = ()) -> c2pa.Context:
    settings: dict[str, Any] = {
        "version": 1,
        "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False, "verify_trust": True},
        "builder": {"thumbnail": {"enabled": False}},
        "core": {"backing_store_memory_threshold_in_mb": _MEMORY_MB},
    }
    if trusted:
        settings["trust"] = {"trust_anchors": b"".join(trusted).decode()}
    return c2pa.Context(c2pa.Settings.from_dict(settings))


def _kind(path: Path) -> str:
    return MIME.get(path.suffix.lower(), "application/octet-stream")


def _add_master(builder: c2pa.Builder, master: Path) -> None:
    """Names the master as what was edited. Of a kind that the library cannot read it takes only the name."""
    kind = _kind(master)
    facts = {"title": master.name, "format": kind, "relationship": "parentOf"}
    if kind in c2pa.Builder.get_supported_mime_types():
        with master.open("rb") as file:
            builder.add_ingredient(facts, kind, file)
    else:
        builder.add_ingredient(facts, kind, io.BytesIO())


def _embeds(path: Path, kind: str) -> bool:
    """Whether the file can hold its signature. In a TIFF of several pages it would appear as one more."""
    if kind in (MIME[".jp2"], MIME[".j2k"]):
        return False
    if kind != MIME[".tif"]:
        return True
    with tifffile.TiffFile(path) as file:
        return len(file.pages) == 1


def _loaded(chain: Path, key: Path) -> Identity:
    """A certificate and its key out of files. EngineError where they cannot sign."""
    cure = f"put a certificate chain (PEM) at “{chain}” and its key at “{key}”."
    try:
        chained, secret = chain.read_bytes(), key.read_bytes()
        certificates = x509.load_pem_x509_certificates(chained)
        leaf = certificates[0]
        private = serialization.load_pem_private_key(secret, None)
    except OSError as error:
        name = Path(str(error.filename)).name
        raise EngineError(f"“{name}” cannot be read ({error.strerror}), so nothing can be signed; {cure}") from error
    except (ValueError, TypeError, IndexError, UnsupportedAlgorithm) as error:
        raise EngineError(f"The signing certificate or its key cannot be used; {cure}") from error
    if private.public_key() != leaf.public_key():
        raise EngineError(f"The signing key is not that of the certificate; {cure}")
    if not leaf.not_valid_before_utc <= datetime.now(UTC) <= leaf.not_valid_after_utc:
        raise EngineError(f"The signing certificate is not valid today; {cure}")
    loaded = Identity(b"".join(map(_pem, certificates)), _plain(private), _algorithm(private), _warnings(key))
    try:
        _signer(loaded).close()  # here, not after the work
    except c2pa.C2paError as error:
        what = " ".join(str(error).split())[:150]
        raise EngineError(f"The signing certificate cannot be used ({what}); {cure}") from error
    return loaded


def _signer(who: Identity) -> c2pa.Signer:
    return c2pa.Signer.from_info(c2pa.C2paSignerInfo(who.algorithm.encode(), who.chain, who.key, None))


def _plain(key: PrivateKeyTypes) -> bytes:
    """A key as PEM and nothing else."""
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(encoding, form, serialization.NoEncryption())


def _algorithm(key: object) -> str:
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in _CURVES:
        return _CURVES[key.curve.name]
    if isinstance(key, rsa.RSAPrivateKey):
        return "ps256"
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return "ed25519"
    raise EngineError("The signing key is of a kind that C2PA does not know; use ECDSA P-256, RSA or Ed25519.")


def _warnings(key: Path) -> tuple[str, ...]:
    if os.name == "posix" and key.stat().st_mode & _OTHERS:
        return (f"Others on this computer may read the signing key “{key}” and sign as you; take that right away.",)
    return ()


def _made(folder: Path, organization: str) -> Identity:
    """A root, and a key that it certifies, kept in `folder`. The root's own key is not kept."""
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)
    root_key, leaf_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root_name = _name(organization, "Archivist local root")
    root = (
        _certificate(root_name, root_name, root_key.public_key(), start, _ROOT_YEARS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage("key_cert_sign", "crl_sign"), critical=True)
        .sign(root_key, hashes.SHA256())
    )
    leaf = (
        _certificate(_name(organization, "Archivist signer"), root_name, leaf_key.public_key(), start, _LEAF_YEARS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage("digital_signature"), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), critical=False)
        .sign(root_key, hashes.SHA256())
    )
    secret = _plain(leaf_key)
    chain = _pem(leaf) + _pem(root)
    make_folder_for(folder / SIGNER)
    with replacing(folder / SIGNER) as temporary:  # key and certificates in one: they never belong to different ones
        temporary.chmod(stat.S_IRUSR | stat.S_IWUSR)  # before there is anything to read in it
        temporary.write_bytes(secret + chain)
    with replacing(folder / ROOT) as temporary:
        temporary.write_bytes(_pem(root))
    notice = (
        f"A signing key was made for “{organization}”: “{folder / SIGNER}”. Whoever has that file can sign as you: let "
        f"nobody read it, keep a copy in a safe place, and give “{folder / ROOT}” to those who check your files."
    )
    return Identity(chain, secret, notices=(notice,))


def _name(organization: str, what: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, " ".join(organization.split())[:64]),
            x509.NameAttribute(NameOID.COMMON_NAME, what),
        ]
    )


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, start: datetime, years: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=365 * years))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _usage(*names: str) -> x509.KeyUsage:
    every = (
        "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
        "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
    )  # fmt: skip
    return x509.KeyUsage(**{name: name in names for name in every})


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
