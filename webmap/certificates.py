"""TLS certificates: those of an intranet made here, and any judged before it is served with.

A service worker and a position need a secure context, and an intranet without a name in
the public DNS gets no certificate from a public authority. So an installation can be its
own authority, limited to its own hosts: a phone that trusts it trusts it for them alone.
"""

import datetime as dt
import ipaddress
import os
import re
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from gis.problems import InputError, Problem, Said

AUTHORITY_DAYS = 3650
# Phones refuse certificates that live longer (Apple: 825 days under a private authority).
SERVER_DAYS = 397
CLOCK_SLACK = dt.timedelta(days=1)
_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")
_EVERY_ADDRESS = (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0"))

Key = ec.EllipticCurvePrivateKey


@dataclass(frozen=True)
class Tls:
    """A certificate, with those between it and its authority, and its key: PEM files."""

    certificate: Path
    key: Path


@dataclass(frozen=True)
class Made:
    """What :func:`make_certificates` wrote; ``is_new_authority`` where phones must learn it."""

    authority: Path
    tls: Tls
    hosts: tuple[str, ...]
    until: dt.date
    is_new_authority: bool


def check_tls(tls: Tls) -> None:
    """Raise ``InputError`` where a server could not be trusted with these files."""
    try:
        found = x509.load_pem_x509_certificates(tls.certificate.read_bytes())[0]
    except (OSError, ValueError) as error:
        told = Said(
            "{path} is no certificate that can be read ({error}).",
            path=tls.certificate,
            error=_short(error),
        )
        raise InputError([Problem("tls_certificate", told, _REMEDY, field="tls-cert")]) from error
    until = found.not_valid_after_utc
    if until < dt.datetime.now(dt.UTC):
        told = Said(
            "The certificate {path} ended on {day}.", path=tls.certificate, day=until.date()
        )
        raise InputError([Problem("tls_ended", told, _REMEDY, field="tls-cert")])
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(
            tls.certificate, tls.key, password=_no_password
        )
    except (OSError, ValueError) as error:
        told = Said(
            "{path} is not the key of that certificate, or has a password ({error}).",
            path=tls.key,
            error=_short(error),
        )
        raise InputError([Problem("tls_key", told, _REMEDY, field="tls-key")]) from error


def make_certificates(folder: Path, hosts: Sequence[str]) -> Made:
    """Write a server's certificate for ``hosts`` into ``folder``, and its authority where none is.

    A host is a DNS name or an IP address. An authority that is there signs again, so that
    phones need to learn it once; it is limited to the hosts that it was made for. Raises
    ``InputError`` with every host that is none or that lies outside of that.
    """
    names = [_read_host(host) for host in dict.fromkeys(one.strip().lower() for one in hosts)]
    problems = [one for one in names if isinstance(one, Problem)]
    if not names:
        problems = [Problem("no_host", "No host is named.", _HOSTS, field="host")]
    if problems:
        raise InputError(problems)
    general = [one for one in names if not isinstance(one, Problem)]
    folder.mkdir(parents=True, exist_ok=True)
    authority, key_file = folder / "authority.crt", folder / "authority.key"
    is_new = not authority.exists()
    if is_new:
        _write_authority(authority, key_file, general)
    signer, signing_key = _read_authority(authority, key_file)
    outside = [host for host in general if not _is_permitted(signer, host)]
    if outside:
        raise InputError([_outside(host.value, authority) for host in outside])
    return _write_server(folder, general, signer, signing_key, is_new)


_REMEDY = "Give PEM files that belong together, or make some: 'commongreen certificate FOLDER'."
_HOSTS = "Give the name or address by which phones reach the server: --host green.lan."


def _no_password() -> str:
    raise ValueError("it asks for a password")


def _short(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error).splitlines()[0]


def _read_host(host: str) -> x509.GeneralName | Problem:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        labels = host.split(".")
        if all(map(_LABEL.fullmatch, labels)) and len(host) <= 253 and not labels[-1].isdigit():
            return x509.DNSName(host)
    told = Said("{host!r} is neither a host's name nor an address.", host=host)
    return Problem("host", told, _HOSTS, field="host")


def _outside(host: object, authority: Path) -> Problem:
    told = Said("The authority {path} is not for {host}.", path=authority, host=host)
    remedy = "Make another authority in another folder, and install it on the phones."
    return Problem("host_outside", told, remedy, field="host")


def _write_authority(path: Path, key_file: Path, hosts: Sequence[x509.GeneralName]) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("Common Green authority")
    made = (
        _builder(name, name, key, AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(_limited_to(hosts), critical=True)
        .sign(key, hashes.SHA256())
    )
    _write_key(key_file, key)
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM))


def _read_authority(path: Path, key_file: Path) -> tuple[x509.Certificate, Key]:
    try:
        key = serialization.load_pem_private_key(key_file.read_bytes(), password=None)
        found = x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError, TypeError) as error:
        told = Said(
            "The authority in {folder} cannot be read ({error}).",
            folder=path.parent,
            error=_short(error),
        )
        remedy = "Put authority.crt and authority.key back, or name another folder."
        raise InputError([Problem("authority", told, remedy)]) from error
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return found, key


def _write_server(
    folder: Path, hosts: Sequence[x509.GeneralName], signer: x509.Certificate, by: Key, is_new: bool
) -> Made:
    tls = Tls(folder / "server.crt", folder / "server.key")
    key = ec.generate_private_key(ec.SECP256R1())
    made = (
        _builder(_name("Common Green"), signer.subject, key, SERVER_DAYS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(hosts), critical=False)
        .add_extension(_signed_with(by), critical=False)
        .sign(by, hashes.SHA256())
    )
    _write_key(tls.key, key)
    tls.certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    until = made.not_valid_after_utc.date()
    names = tuple(str(host.value) for host in hosts)
    return Made(folder / "authority.crt", tls, names, until, is_new)


def _builder(subject: x509.Name, issuer: x509.Name, key: Key, days: int) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        # A phone's clock may be behind.
        .not_valid_before(now - CLOCK_SLACK)
        .not_valid_after(now - CLOCK_SLACK + dt.timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _signed_with(key: Key) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common[:64])])


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _limited_to(hosts: Sequence[x509.GeneralName]) -> x509.NameConstraints:
    """Permit these hosts alone: a kind of name that none is of would else be free."""
    permitted = [
        x509.IPAddress(ipaddress.ip_network(host.value))
        if isinstance(host, x509.IPAddress)
        else host
        for host in hosts
    ]
    excluded: list[x509.GeneralName] = []
    if not any(isinstance(host, x509.IPAddress) for host in hosts):
        excluded = [x509.IPAddress(every) for every in _EVERY_ADDRESS]
    if all(isinstance(host, x509.IPAddress) for host in hosts):
        excluded = [x509.DNSName("")]
    return x509.NameConstraints(permitted, excluded or None)


def _is_permitted(authority: x509.Certificate, host: x509.GeneralName) -> bool:
    rule = authority.extensions.get_extension_for_class(x509.NameConstraints).value
    if isinstance(host, x509.IPAddress):
        return x509.IPAddress(ipaddress.ip_network(host.value)) in (rule.permitted_subtrees or ())
    name = f".{host.value}"
    names = (one.value for one in rule.permitted_subtrees or () if isinstance(one, x509.DNSName))
    return any(name.endswith(f".{one}") for one in names)


def _write_key(path: Path, key: Key) -> None:
    """Write a key that nobody but its owner ever reads."""
    content = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
