"""The command: ``safecase-verify PACK [--trust FILE] [--public-key KEY] [--require-trust] [--json]``."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from safecase_verify.errors import ExitCode, VerifyError
from safecase_verify.pack import INTEGRITY_ONLY, verify_pack
from safecase_verify.progress import VerificationReport
from safecase_verify.reading.keys import KnownKey, decode_key, read_known_keys

_CODES = "Exit codes: 0 it holds, 1 it does not, 2 bad input, 4 the disk failed."


def run() -> None:
    """Run the command and end the program."""
    raise SystemExit(main(sys.argv[1:]))


def main(arguments: Sequence[str]) -> int:
    """The exit code of the command with these arguments."""
    options = _parser().parse_args(arguments)
    try:
        known = [*read_known_keys(options.trust)] if options.trust else []
        if options.public_key:
            known.append(KnownKey("--public-key", decode_key(options.public_key, "--public-key")))
        required = _in_ci() if options.require_trust is None else options.require_trust
        report = verify_pack(options.pack, known=known, require_trust=required)
    except VerifyError as error:
        print(f"safecase-verify: {error.render()}", file=sys.stderr)  # noqa: T201
        return int(error.exit_code)
    except OSError as error:
        print(f"safecase-verify: {error}", file=sys.stderr)  # noqa: T201
        return int(ExitCode.INFRASTRUCTURE)
    text = json.dumps(asdict(report), sort_keys=True) if options.json else "\n".join(_lines(report))
    # Whatever the terminal's encoding is, no letter of a pack's ends the program.
    sys.stdout.buffer.write(text.encode(sys.stdout.encoding or "utf-8", "backslashreplace") + b"\n")
    return int(ExitCode.OK if report.ok else ExitCode.CHECK_FAILED)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="safecase-verify",
        description="Check an evidence pack without trusting who made it. Needs no network and no workspace.",
        epilog=_CODES,
    )
    parser.add_argument("pack", type=Path, help="evidence pack")
    parser.add_argument(
        "--trust",
        type=Path,
        metavar="FILE",
        help="file of known keys: a name and a public key a line, or allowed signers of OpenSSH",
    )
    parser.add_argument("--public-key", default="", metavar="KEY", help="public key, base64, that signed it")
    parser.add_argument(
        "--require-trust",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="fail where no known key signed it (default: where the environment variable CI is set)",
    )
    parser.add_argument("--json", action="store_true", help="the report as one JSON document")
    return parser


def _in_ci() -> bool:
    """Whether a build server runs this: all of them set ``CI``."""
    return os.environ.get("CI", "").strip().lower() not in ("", "0", "false", "no")


def _lines(report: VerificationReport) -> list[str]:
    """The report for people, worst news first."""
    lines = [] if report.trusted else [INTEGRITY_ONLY]
    for item in report.checks:
        mark = "FAIL" if not item.ok else "ok  " if item.shows_something else "--  "
        lines.append(f"{mark} {item.name}: {item.detail}")
    held = (
        f"The pack holds, signed by {report.trusted}." if report.trusted else "The pack agrees with itself."
    )
    lines.append(held if report.ok else "The pack does NOT hold.")
    if report.demo:
        lines.append(
            "DEMO: the target was the demo that ships with safecase. It is no evidence about any model."
        )
    return lines
