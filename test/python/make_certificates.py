"""Writes authority.pem, and key.pem and certificate.pem of a server on loopback that this authority vouches for."""

import datetime
import ipaddress
import os
import sys

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

YEARS = datetime.timedelta(days=3650)


def name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def certificate(subject, key, issuer, issuer_key, extensions):
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + YEARS)
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    return builder.sign(issuer_key, hashes.SHA256())


def write(folder, file, data):
    with open(os.path.join(folder, file), "wb") as out:
        out.write(data)


def main(folder):
    authority_key, server_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority = certificate(
        "an authority of the laboratory's own",
        authority_key,
        "an authority of the laboratory's own",
        authority_key,
        [(x509.BasicConstraints(ca=True, path_length=0), True)],
    )
    loopback = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    server = certificate(
        "shard sets", server_key, "an authority of the laboratory's own", authority_key, [(loopback, False)]
    )
    pem = serialization.Encoding.PEM
    write(folder, "authority.pem", authority.public_bytes(pem))
    write(folder, "certificate.pem", server.public_bytes(pem))
    write(
        folder,
        "key.pem",
        server_key.private_bytes(
            pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
    )


main(*sys.argv[1:])
