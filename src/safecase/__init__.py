"""The safety case of an AI system, kept as code.

What a user types stands here:

    import safecase

    project = safecase.open_workspace("safety")      # plain files: risks, suites, gates
    folder = safecase.run(project)                   # until every rule of the gate is decided
    verdicts = safecase.decide(project, folder)      # go, no-go or insufficient evidence, with the reasons
    report = safecase.verify("packs/…/pack.zip")     # every number worked out anew
    guard = safecase.Guard(checks)                   # the runtime controls

`decide` is what the command line calls ``gate``: that word names the room here.

The house, lowest floor first. A room imports only from floors below it, never from one beside it.

    # what everything stands on
    base        records, digests, errors and exit codes, registries, files: no domain words
    model       the vocabulary: each type once, protocols, words for people
    stats       intervals, sequential tests, judge correction, agreement, drift: pure functions on numbers
    text        what a text says: encodings, readings, links, personal data, secrets, sentences
    catalog     public taxonomies as data, and crosswalks between them
    # describe and try
    attacks     how a case becomes one or many attempts: converters
    scorers     how a transcript becomes an outcome: rules, refusals, leaks, grounding, judges, cards
    targets     what can be tested: providers, HTTP, Python, agents, recordings, the demo
    workspace   YAML becomes the vocabulary, with the place of each mistake; the library that ships
    # decide
    engine      plan, draw order, calls within limits, journal, resume
    guard       runtime controls: checks, redaction, tool policy, streams
    gate        run logs become a verdict: one file per metric
    evidence    packs, signing, masking, and a verifier that shares nothing with gate and stats
    records     what people do over time: decisions, and the rights to take them
    # show
    report      pages and charts
    interop     foreign formats, one module each
    # faces
    workflow    one file per thing that a person asks for, named like the command
    cli         the same names, on the command line
"""

from typing import TYPE_CHECKING

from safecase.base.facade import lazy_exports
from safecase.base.version import VERSION

__version__ = VERSION
__all__ = ["Guard", "decide", "open_workspace", "run", "verify"]

if TYPE_CHECKING:
    from safecase.guard._pipeline import Guard as Guard
    from safecase.workflow._project import open_workspace as open_workspace
    from safecase.workflow.gate import decide as decide
    from safecase.workflow.run import run_workspace as run
    from safecase.workflow.verify.pack import verify_pack as verify
else:
    __getattr__, __dir__ = lazy_exports(__name__)
