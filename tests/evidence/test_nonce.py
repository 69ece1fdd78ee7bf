"""The seed must follow from the plan and a nonce, and who gave the nonce is said as it can be shown."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from safecase.engine import PlanDraft, RunFolder, derive_seed
from safecase.model import (
    DrawOrder,
    NonceSource,
    OutcomeKind,
    RegistrarProof,
    RunManifest,
    RunPurpose,
    nonce_statement,
)
from safecase_verify import CheckFailed, verify_pack
from safecase_verify.checks import nonce
from support.cases import cases
from support.rules import gate, rule

from .as_read import manifest_as_read
from .packs import failed, pack
from .run_folders import write_run

CASES = cases(20)
HELD = dict.fromkeys(range(20), OutcomeKind.HELD)
GATES = [gate(rule("harm", bound=0.3))]
KEY = Ed25519PrivateKey.from_private_bytes(b"1" * 32)


def check_seed(manifest: RunManifest, place: str) -> str:
    """The verifier's check, on the manifest as it reads it."""
    return nonce.check_seed(manifest_as_read(manifest), place)


def run(store: Path) -> RunFolder:
    return write_run(store, CASES, HELD, GATES)


def from_registrar(manifest: RunManifest, *, words: bytes = b"", **fields: str) -> RunManifest:
    signed = KEY.sign(words or nonce_statement(manifest.draft_digest, manifest.nonce))
    proof = RegistrarProof(
        registrar="records.example",
        public_key=base64.b64encode(KEY.public_key().public_bytes_raw()).decode(),
        signature=base64.b64encode(signed).decode(),
    ).model_copy(update=fields)
    return manifest.model_copy(update={"nonce_source": NonceSource.REGISTRAR, "registrar_proof": proof})


def test_verify_says_whose_the_nonce_was(tmp_path: Path) -> None:
    made = run(tmp_path)
    own = verify_pack(pack(made, tmp_path / "own.zip"))
    assert own.ok, failed(own)
    assert "the team's own" in next(item.detail for item in own.checks if item.name == "plan")
    signed = RunFolder(made.path, from_registrar(made.manifest))
    report = verify_pack(pack(signed, tmp_path / "signed.zip"))
    assert report.ok, failed(report)
    assert "given for this plan by the registrar records.example" in report.checks[2].detail
    unsigned = from_registrar(made.manifest, public_key="", signature="")
    assert "who signed nothing" in check_seed(unsigned, "m")


def test_a_seed_that_does_not_follow_is_found(tmp_path: Path) -> None:
    manifest = run(tmp_path).manifest
    for changed, words in (
        ({"seed": manifest.seed + 1}, "does not follow"),
        ({"nonce": "00" * 32}, "does not follow"),
        ({"nonce": manifest.nonce.upper()}, "64 hex digits"),
        ({"selection": "!worst"}, "does not follow"),
        ({"open_families": ("f",)}, "does not follow"),
        ({"purpose": RunPurpose.CERTIFICATION}, "does not follow"),
        ({"nonce": ""}, "was chosen, and the manifest does not say so"),
        ({"nonce_source": NonceSource.REGISTRAR}, "none is named"),
        ({"registrar_proof": RegistrarProof(registrar="x")}, "has no registrar"),
    ):
        with pytest.raises(CheckFailed, match=words):
            check_seed(manifest.model_copy(update=changed), "m")
    explored = manifest.model_copy(update={"nonce": "", "purpose": RunPurpose.EXPLORATORY})
    assert "somebody chose" in check_seed(explored, "m")


def test_a_registrars_signature_is_for_this_plan_and_this_nonce(tmp_path: Path) -> None:
    manifest = run(tmp_path).manifest
    other = nonce_statement("sha256:0", manifest.nonce)
    for forged in (
        from_registrar(manifest, words=other),
        from_registrar(manifest, public_key="QUJD"),
        from_registrar(manifest, signature=""),
        from_registrar(manifest, signature="!"),
    ):
        with pytest.raises(CheckFailed, match="is not one of this nonce for this plan"):
            check_seed(forged, "m")


def test_one_case_of_each_family_is_derived_anew(tmp_path: Path) -> None:
    grouped = cases(40, families=8)
    seeds = {"one_per_family": True, "planned": 8}
    draft = write_run(tmp_path / "scratch", grouped, {}, GATES, plan=_one(grouped, 0), **seeds).manifest
    plan = _one(grouped, derive_seed(draft.draft_digest, draft.nonce))
    held = dict.fromkeys(range(8), OutcomeKind.HELD)
    made = write_run(tmp_path / "a", grouped, held, GATES, plan=plan, **seeds)
    report = verify_pack(pack(made, tmp_path / "one.zip"))
    assert report.ok, failed(report)
    chosen = write_run(tmp_path / "b", grouped, held, GATES, plan=_one(grouped, 3), **seeds)
    assert "not derived from the seed" in failed(verify_pack(pack(chosen, tmp_path / "chosen.zip")))


def _one(grouped: tuple, seed: int):  # type: ignore[no-untyped-def, type-arg]
    return PlanDraft(grouped, order=DrawOrder.UNIFORM, one_per_family=True).ordered(seed)
