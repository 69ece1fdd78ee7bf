"""The seed of a run derived anew from its plan and its nonce, by code that shares nothing with the engine.

That the order follows from the seed shows nothing where the seed was free. It must follow from the digest of
all that was fixed before, and from a number that came later; ``docs/methods/gate.md`` has both under "Draw
order".
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from safecase_verify.errors import CheckFailed
from safecase_verify.reading.records import RegistrarProof, RunManifest

_NONCE = re.compile("[0-9a-f]{64}")


def check_seed(manifest: RunManifest, place: str) -> str:
    """Who gave the number that the order follows from, in words.

    Raises CheckFailed where the seed does not follow from it, where a run that may decide has none, and where
    a registrar's signature does not hold.
    """
    if not manifest.nonce:
        if manifest.purpose != "exploratory":
            raise CheckFailed(
                "the order of this run was chosen, and the manifest does not say so", where=place
            )
        return "an order that somebody chose: the run is exploratory"
    if not _NONCE.fullmatch(manifest.nonce):
        raise CheckFailed("the nonce is not 64 hex digits", where=place)
    lines = ("safecase seed 1", manifest.draft_digest, manifest.nonce, "")
    state = hashlib.sha256("\n".join(lines).encode())
    if int(state.hexdigest()[:16], 16) >> 11 != manifest.seed:
        raise CheckFailed("the seed does not follow from the plan and the nonce", where=place)
    if manifest.nonce_source == "own":
        if manifest.registrar_proof is not None:
            raise CheckFailed("a nonce of one's own has no registrar", where=place)
        return "the nonce is the team's own: that it was drawn once is their word"
    return _registrar(manifest, manifest.registrar_proof, place)


def _registrar(manifest: RunManifest, proof: RegistrarProof | None, place: str) -> str:
    if proof is None:
        raise CheckFailed("the nonce is said to come from a registrar, and none is named", where=place)
    if not (proof.public_key or proof.signature):
        return f"the nonce is said to come from the registrar {proof.registrar}, who signed nothing"
    try:
        key = base64.b64decode(proof.public_key, validate=True)
        signature = base64.b64decode(proof.signature, validate=True)
        words = f"safecase nonce 1\n{manifest.draft_digest}\n{manifest.nonce}\n".encode()
        Ed25519PublicKey.from_public_bytes(key).verify(signature, words)
    except (InvalidSignature, binascii.Error, ValueError) as error:
        raise CheckFailed(
            f"the signature of the registrar {proof.registrar} is not one of this nonce for this plan",
            where=place,
        ) from error
    short = hashlib.sha256(key).hexdigest()[:16]
    return f"the nonce was given for this plan by the registrar {proof.registrar} (key {short})"
