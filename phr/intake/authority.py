"""The installation's certificate authority: its key under data_dir, and what it signs. Keeps no list."""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from phr import private_files
from phr.clock import to_datetime, to_ms
from phr.errors import InputInvalid

FILE = Path("ca") / "ca.pem"  # key and certificate in one file, so that two processes never hold half of each
LONGEST_NAME = 64  # RFC 5280, appendix A: ub-common-name
LARGEST_CSR_BYTES = 16 * 1024
LEAST_RSA_BITS = 2048
CA_LIFE = timedelta(days=20 * 365)
DEVICE_LIFE = timedelta(days=2 * 365)
SERVER_LIFE = timedelta(days=397)
# The list lies beside the broker that reads it, so its age says nothing; but an expired one refuses everybody.
LIST_LIFE = timedelta(days=365)

_SKEW = timedelta(hours=1)  # a device whose clock is a little behind may use its certificate at once
_CURVES = (ec.SECP256R1, ec.SECP384R1)
PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey


class CsrInvalid(InputInvalid):
    """A certificate signing request that can't be signed for this device."""

    code = "csr-invalid"


@dataclass(frozen=True, slots=True)
class Authority:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> str:
        return _pem(self.certificate)


@dataclass(frozen=True, slots=True)
class Issued:
    certificate_pem: str
    key_pem: str | None  # None: the key is the sender's own
    serial: int
    ends_at_ms: int


def authority(data_dir: Path, now_ms: int) -> Authority:
    """The installation's authority, made on first use; of two processes that start at once both use the first's."""
    path = data_dir / FILE
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        _make(path, to_datetime(now_ms))
    text = path.read_bytes()
    key = serialization.load_pem_private_key(text, None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return Authority(x509.load_pem_x509_certificate(text), key)


def issue(by: Authority, username: str, now_ms: int) -> Issued:
    """A certificate with a new key. Raises InputInvalid for a user name that is too long for one."""
    key = ec.generate_private_key(ec.SECP256R1())
    return _issue(by, username, key.public_key(), now_ms, key)


def sign(by: Authority, csr_pem: bytes, username: str, now_ms: int, *, issued_as: str | None = None) -> Issued:
    """A certificate for the key of a request (PKCS #10, PEM), of which nothing but key and name is looked at.

    ``issued_as``: the common name that it gets, where that is not the one of the request.
    Raises CsrInvalid: too large, not PEM, a signature that is not its key's, a weak key, another common name.
    """
    if len(csr_pem) > LARGEST_CSR_BYTES:
        raise CsrInvalid(f"a request has at most {LARGEST_CSR_BYTES} bytes", "/csr")
    try:
        csr = x509.load_pem_x509_csr(csr_pem)
        key, is_whole, names = csr.public_key(), csr.is_signature_valid, _common_names(csr)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise CsrInvalid("not a certificate signing request in PEM", "/csr") from error
    if not is_whole:
        raise CsrInvalid("the request is not signed with its own key", "/csr")
    if names != [username]:
        raise CsrInvalid(f"the common name must be the MQTT user name, {username}", "/csr")
    return _issue(by, issued_as or username, _strong(key), now_ms)


def server_certificate(by: Authority, names: Sequence[str], now_ms: int) -> Issued:
    """A certificate with a new key for a broker that is reached under these host names and addresses."""
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _builder(by, "phr-broker", key.public_key(), now_ms, SERVER_LIFE)
    builder = builder.add_extension(x509.SubjectAlternativeName([_general_name(one) for one in names]), critical=False)
    return _signed(by, builder.add_extension(_usage(ExtendedKeyUsageOID.SERVER_AUTH), critical=False), key)


def names_of(certificate_pem: bytes) -> tuple[set[str], int]:
    """The host names and addresses of a broker's certificate, and when it ends."""
    found = x509.load_pem_x509_certificate(certificate_pem)
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {str(one.value) for one in names}, to_ms(found.not_valid_after_utc)


def revocation_list(by: Authority, serials: Iterable[int], before: bytes | None, now_ms: int) -> bytes | None:
    """The list as PEM; None where the one before says the same and is not getting old.

    mosquitto adds a list to those that it has, and OpenSSL takes the latest: so each is dated after the one before, at
    least by a second, and an hour back, so that none is of the future.
    """
    wanted, now = set(serials), to_datetime(now_ms).replace(microsecond=0)
    dated = now - _SKEW
    if before is not None:
        old = x509.load_pem_x509_crl(before)
        if {one.serial_number for one in old} == wanted and (old.next_update_utc or now) - now > LIST_LIFE / 2:
            return None
        dated = max(dated, old.last_update_utc + timedelta(seconds=1))
    builder = x509.CertificateRevocationListBuilder().issuer_name(by.certificate.subject)
    builder = builder.last_update(dated).next_update(now + LIST_LIFE)
    for serial in sorted(wanted):
        row = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(dated).build()
        builder = builder.add_revoked_certificate(row)
    return builder.sign(by.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _issue(
    by: Authority, username: str, public: PublicKey, now_ms: int, key: ec.EllipticCurvePrivateKey | None = None
) -> Issued:
    if len(username) > LONGEST_NAME:
        raise InputInvalid(f"{username} has more than the {LONGEST_NAME} characters of a certificate's common name")
    builder = _builder(by, username, public, now_ms, DEVICE_LIFE)
    return _signed(by, builder.add_extension(_usage(ExtendedKeyUsageOID.CLIENT_AUTH), critical=False), key)


def _builder(by: Authority, name: str, public: PublicKey, now_ms: int, life: timedelta) -> x509.CertificateBuilder:
    now = to_datetime(now_ms)
    builder = x509.CertificateBuilder().subject_name(_name(name)).issuer_name(by.certificate.subject)
    builder = builder.public_key(public).serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - _SKEW).not_valid_after(min(now + life, by.certificate.not_valid_after_utc))
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    authority_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(by.key.public_key())
    return builder.add_extension(authority_key, critical=False)


def _signed(by: Authority, builder: x509.CertificateBuilder, key: ec.EllipticCurvePrivateKey | None) -> Issued:
    made = builder.sign(by.key, hashes.SHA256())
    return Issued(_pem(made), _key_pem(key) if key else None, made.serial_number, to_ms(made.not_valid_after_utc))


def _make(path: Path, now: datetime) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    # Installations of one name would have lists of one issuer; a part of chance keeps them apart.
    name = _name(f"phr installation {secrets.token_hex(4)}")
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - _SKEW).not_valid_after(now + CA_LIFE)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    usage = dict.fromkeys(
        (
            "digital_signature",
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    builder = builder.add_extension(x509.KeyUsage(key_cert_sign=True, crl_sign=True, **usage), critical=True)
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    made = builder.add_extension(identifier, critical=False).sign(key, hashes.SHA256())
    private_files.write(path, _key_pem(key) + _pem(made), replaces=False)


def _common_names(csr: x509.CertificateSigningRequest) -> list[str]:
    return [str(one.value) for one in csr.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]


def _strong(key: object) -> PublicKey:
    """Source: NIST SP 800-57 part 1 rev. 5, table 2 and 4: 112 bits of security or more."""
    if isinstance(key, rsa.RSAPublicKey) and key.key_size >= LEAST_RSA_BITS:
        return key
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, _CURVES):
        return key
    if isinstance(key, ed25519.Ed25519PublicKey):
        return key
    raise CsrInvalid(f"the key must be RSA of {LEAST_RSA_BITS} bits or more, EC P-256 or P-384, or Ed25519", "/csr")


def _general_name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def _usage(kind: x509.ObjectIdentifier) -> x509.ExtendedKeyUsage:
    return x509.ExtendedKeyUsage([kind])


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _key_pem(key: ec.EllipticCurvePrivateKey) -> str:
    plain = serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain).decode()
