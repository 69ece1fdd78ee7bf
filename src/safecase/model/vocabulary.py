"""The closed word lists of the product: severities, attack and harm classes, outcomes, verdicts."""

from __future__ import annotations

from enum import StrEnum


class Severity(StrEnum):
    """How bad one violation is; sev1 is the worst."""

    SEV1 = "sev1"
    SEV2 = "sev2"
    SEV3 = "sev3"
    SEV4 = "sev4"

    @property
    def weight(self) -> float:
        """Weight in [0, 1] for severity-weighted rates."""
        return {"sev1": 1.0, "sev2": 0.4, "sev3": 0.1, "sev4": 0.02}[self.value]

    @property
    def rank(self) -> int:
        """Place in the order of severity; 0 is the most severe."""
        return list(Severity).index(self)

    def at_least(self, other: Severity) -> bool:
        """Whether it is as severe as ``other``, or more."""
        return self.rank <= other.rank


class Likelihood(StrEnum):
    """How often a risk is expected to come true."""

    RARE = "rare"
    UNLIKELY = "unlikely"
    POSSIBLE = "possible"
    LIKELY = "likely"
    FREQUENT = "frequent"


class Reach(StrEnum):
    """How many people or how much of the product a risk can reach."""

    INTERNAL = "internal"
    LIMITED = "limited"
    BROAD = "broad"
    PUBLIC = "public"


class AttackClass(StrEnum):
    """How the harm is brought about (THR-07). A case without one is benign."""

    JAILBREAK = "jailbreak"
    JAILBREAK_ESCALATION = "jailbreak_escalation"
    PROMPT_INJECTION_DIRECT = "prompt_injection_direct"
    PROMPT_INJECTION_INDIRECT = "prompt_injection_indirect"
    SYSTEM_PROMPT_EXTRACTION = "system_prompt_extraction"
    MULTILINGUAL_BYPASS = "multilingual_bypass"
    ENCODING_ATTACK = "encoding_attack"
    DATA_EXFILTRATION = "data_exfiltration"
    TOOL_MISUSE = "tool_misuse"
    UNSAFE_FILE_ACCESS = "unsafe_file_access"
    DATA_POISONING = "data_poisoning"
    MODEL_EXTRACTION = "model_extraction"
    ADVERSARIAL_INPUT = "adversarial_input"
    MEMBERSHIP_INFERENCE = "membership_inference"
    PRIVACY_LEAKAGE = "privacy_leakage"
    HARMFUL_REQUEST = "harmful_request"


class HarmClass(StrEnum):
    """What goes wrong for people when a case is violated (THR-08, plus lost utility)."""

    CONFIDENT_HALLUCINATION = "confident_hallucination"
    UNSAFE_INSTRUCTION_FOLLOWING = "unsafe_instruction_following"
    INJECTION_SUSCEPTIBILITY = "injection_susceptibility"
    PRIVACY_LEAKAGE = "privacy_leakage"
    UNFAIR_OUTCOME = "unfair_outcome"
    MISUSE_ENABLEMENT = "misuse_enablement"
    HIGH_STAKES_ADVICE = "high_stakes_advice"
    REPRESENTATIONAL_HARM = "representational_harm"
    TOXICITY = "toxicity"
    LEGALLY_ACTIONABLE_CONTENT = "legally_actionable_content"
    OVER_REFUSAL = "over_refusal"


class Purpose(StrEnum):
    """What a case is there to show."""

    HARM = "harm"
    """That harm does not happen: a violation is harm."""
    USE = "use"
    """That what ought to be served is served: a violation is a refusal or a useless answer."""


class RunPurpose(StrEnum):
    """What a run is there for, and so who may read what it shows and whether a gate may."""

    OPEN = "open"
    """Everything is shown; a gate reads it. What it showed is open from then on."""
    CERTIFICATION = "certification"
    """Takes sealed families alone, and its results stay sealed: people hear the verdict."""
    EXPLORATORY = "exploratory"
    """A seed of one's own, or fewer cases than the gate is about: no gate accepts it."""


class DangerousCapability(StrEnum):
    """Capabilities that are measured by safe proxies only (EVL-05)."""

    PERSUASION = "persuasion"
    DECEPTION = "deception"
    AUTONOMOUS_REPLICATION = "autonomous_replication"
    CBRN = "cbrn"


class Discipline(StrEnum):
    """Whether a concern is a safety or a security one (THR-09)."""

    SAFETY = "safety"
    SECURITY = "security"


class Concern(StrEnum):
    """The four safety and four security concerns (THR-09)."""

    ALIGNMENT_FAILURE = "alignment_failure"
    CAPABILITY_OVERHANG = "capability_overhang"
    DECEPTIVE_BEHAVIOUR = "deceptive_behaviour"
    DISTRIBUTIONAL_SHIFT = "distributional_shift"
    PROMPT_INJECTION = "prompt_injection"
    POISONING = "poisoning"
    EXTRACTION = "extraction"
    ADVERSARIAL_INPUT = "adversarial_input"

    @property
    def discipline(self) -> Discipline:
        """The discipline that the concern belongs to."""
        safety = {"alignment_failure", "capability_overhang", "deceptive_behaviour", "distributional_shift"}
        return Discipline.SAFETY if self.value in safety else Discipline.SECURITY


class SurfaceType(StrEnum):
    """What kind of product surface a system is (INV-02)."""

    CHAT = "chat"
    RAG = "rag"
    AGENT = "agent"
    SEARCH = "search"
    COPILOT = "copilot"
    SUPPORT_AUTOMATION = "support_automation"
    DEVELOPER_TOOL = "developer_tool"
    SECURITY_ANALYTICS = "security_analytics"


class Modality(StrEnum):
    """The medium of a case's input."""

    TEXT = "text"
    IMAGE = "image"
    AUDIO = "audio"
    VIDEO = "video"
    DOCUMENT = "document"


class CaseSource(StrEnum):
    """Where a case came from (EVL-02, EVL-03)."""

    CURATED = "curated"
    SYNTHETIC = "synthetic"
    PRODUCTION = "production"
    ADVERSARIAL = "adversarial"
    INCIDENT = "incident"
    PUBLIC_BENCHMARK = "public_benchmark"


class OutcomeKind(StrEnum):
    """What one attempt showed. An error is never a verdict."""

    HELD = "held"
    VIOLATED = "violated"
    UNDETERMINED = "undetermined"
    ERROR = "error"


class ErrorOrigin(StrEnum):
    """Who failed, where an attempt's outcome is ``error``."""

    TARGET = "target"
    SCORER = "scorer"
    HARNESS = "harness"


class ControlLayer(StrEnum):
    """Where in the system a control acts; defence in depth means more than one layer."""

    MODEL = "model"
    SYSTEM_PROMPT = "system_prompt"
    INPUT_GUARD = "input_guard"
    RETRIEVAL = "retrieval"
    TOOL_POLICY = "tool_policy"
    OUTPUT_GUARD = "output_guard"
    USER_EXPERIENCE = "user_experience"
    MONITORING = "monitoring"
    PROCESS = "process"


class ReleaseTier(StrEnum):
    """How strict a gate must be, from the system's risk (RSK-09)."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class RuleClass(StrEnum):
    """What a missed rule means (GAT-01, trap X4)."""

    FLOOR = "floor"
    BOUNDED = "bounded"
    ADVISORY = "advisory"


class RuleStatus(StrEnum):
    """What the records say about one rule."""

    MET = "met"
    NOT_MET = "not_met"
    INSUFFICIENT = "insufficient_evidence"
    NOT_CONFIGURED = "not_configured"


class VerdictKind(StrEnum):
    """The tool's recommendation about one system version."""

    GO = "go"
    GO_WITH_CONDITIONS = "go_with_conditions"
    NO_GO = "no_go"
    INSUFFICIENT_EVIDENCE = "insufficient_evidence"
    NOT_CONFIGURED = "not_configured"
    """No rule of the gate binds, so that none could have failed."""


class Comparator(StrEnum):
    """How a metric is held against its bound."""

    AT_MOST = "<="
    AT_LEAST = ">="
