"""Signs an in-toto statement as securesystemslib does, for a fixture; or verifies one of Crossweave's proofs with it.

    python -m venv venv && venv/bin/pip install cryptography==50.0.2 securesystemslib==1.6.0
    venv/bin/python make_proof_envelope.py make > ../audit/proof/fixtures/securesystemslib.json
    venv/bin/python make_proof_envelope.py verify proof.json key.pub
"""

import hashlib
import json
import sys

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.dsse import Envelope
from securesystemslib.signer import CryptoSigner, SSlibKey

PAYLOAD_TYPE = "application/vnd.in-toto+json"
# The secret key of TEST 1 of RFC 8032, section 7.1: nobody should trust it.
SEED = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")


def key_id(public_key):
    """SHA-256 of the key's SubjectPublicKeyInfo in DER."""
    der = public_key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return hashlib.sha256(der).hexdigest()


def make():
    private_key = Ed25519PrivateKey.from_private_bytes(SEED)
    public_key = private_key.public_key()
    key = SSlibKey.from_crypto(public_key, keyid=key_id(public_key))
    payload = '{"_type":"https://in-toto.io/Statement/v1","predicate":{"é":[1,null]},"predicateType":"urn:of:nobody","subject":[]}'
    envelope = Envelope(payload.encode(), PAYLOAD_TYPE, {})
    envelope.sign(CryptoSigner(private_key, key))
    pem = private_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public_pem = public_key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    found = {
        "privateKey": pem.decode(),
        "publicKey": public_pem.decode(),
        "preAuthEncoding": envelope.pae().hex(),
        "envelope": envelope.to_dict(),
    }
    json.dump(found, sys.stdout, indent=2, ensure_ascii=False)
    print()


def verify(proof_file, public_key_file):
    with open(public_key_file, "rb") as file:
        public_key = serialization.load_pem_public_key(file.read())
    with open(proof_file, encoding="utf-8") as file:
        envelope = Envelope.from_dict(json.load(file))
    key = SSlibKey.from_crypto(public_key, keyid=key_id(public_key))
    accepted = envelope.verify([key], 1)
    statement = json.loads(envelope.payload)
    print(list(accepted), statement["predicateType"], len(statement["subject"]), "subjects")


{"make": make, "verify": verify}[sys.argv[1]](*sys.argv[2:])
