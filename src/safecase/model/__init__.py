"""The vocabulary: frozen types, each defined once, and protocols. No I/O, no clock, no chance."""

from typing import TYPE_CHECKING

from safecase.base.facade import lazy_exports

if TYPE_CHECKING:
    from safecase.model.attempt import Attempt as Attempt
    from safecase.model.attempt import AttemptError as AttemptError
    from safecase.model.attempt import AttemptSummary as AttemptSummary
    from safecase.model.attempt import PlannedAttempt as PlannedAttempt
    from safecase.model.attempt import Score as Score
    from safecase.model.attempt import ScoreSpan as ScoreSpan
    from safecase.model.attempt import combine_outcomes as combine_outcomes
    from safecase.model.build_context import BuildContext as BuildContext
    from safecase.model.case import Case as Case
    from safecase.model.case import Expectation as Expectation
    from safecase.model.declarations import Defaults as Defaults
    from safecase.model.declarations import Limits as Limits
    from safecase.model.declarations import Price as Price
    from safecase.model.declarations import ScorerConfiguration as ScorerConfiguration
    from safecase.model.declarations import TargetConfiguration as TargetConfiguration
    from safecase.model.estimate import Estimate as Estimate
    from safecase.model.failures import FailureKind as FailureKind
    from safecase.model.failures import TargetFailure as TargetFailure
    from safecase.model.guard import CheckFailure as CheckFailure
    from safecase.model.guard import CheckResult as CheckResult
    from safecase.model.guard import FlowPoint as FlowPoint
    from safecase.model.guard import GuardAction as GuardAction
    from safecase.model.guard import GuardCheckConfiguration as GuardCheckConfiguration
    from safecase.model.guard import GuardDecision as GuardDecision
    from safecase.model.guard import GuardVerdict as GuardVerdict
    from safecase.model.guard import Replacement as Replacement
    from safecase.model.guard import TextSpan as TextSpan
    from safecase.model.people import Action as Action
    from safecase.model.people import Decision as Decision
    from safecase.model.people import DecisionRight as DecisionRight
    from safecase.model.people import People as People
    from safecase.model.people import Person as Person
    from safecase.model.people import RiskAcceptance as RiskAcceptance
    from safecase.model.policy import Control as Control
    from safecase.model.policy import Hypothesis as Hypothesis
    from safecase.model.policy import Policy as Policy
    from safecase.model.protocols import EarlyStop as EarlyStop
    from safecase.model.protocols import InterceptedTarget as InterceptedTarget
    from safecase.model.protocols import Scorer as Scorer
    from safecase.model.protocols import Target as Target
    from safecase.model.protocols import TargetReply as TargetReply
    from safecase.model.protocols import TargetRequest as TargetRequest
    from safecase.model.protocols import ToolInterceptor as ToolInterceptor
    from safecase.model.risk import MisuseCase as MisuseCase
    from safecase.model.risk import Risk as Risk
    from safecase.model.risk import Threat as Threat
    from safecase.model.rule import Gate as Gate
    from safecase.model.rule import GateRule as GateRule
    from safecase.model.run import Baseline as Baseline
    from safecase.model.run import RunManifest as RunManifest
    from safecase.model.run import ScorerReference as ScorerReference
    from safecase.model.run import SuiteReference as SuiteReference
    from safecase.model.scorer_card import ScorerCard as ScorerCard
    from safecase.model.scorer_card import ScorerPerformance as ScorerPerformance
    from safecase.model.selector import Selector as Selector
    from safecase.model.selector import Term as Term
    from safecase.model.suite import Dataset as Dataset
    from safecase.model.suite import DatasetFormat as DatasetFormat
    from safecase.model.suite import Suite as Suite
    from safecase.model.system import System as System
    from safecase.model.system import SystemVersion as SystemVersion
    from safecase.model.taxonomy import TaxonomyReference as TaxonomyReference
    from safecase.model.transcript import ContentPart as ContentPart
    from safecase.model.transcript import Document as Document
    from safecase.model.transcript import Message as Message
    from safecase.model.transcript import MessageRole as MessageRole
    from safecase.model.transcript import ToolCall as ToolCall
    from safecase.model.transcript import ToolDefinition as ToolDefinition
    from safecase.model.transcript import Transcript as Transcript
    from safecase.model.transcript import Usage as Usage
    from safecase.model.verdict import CategoryResult as CategoryResult
    from safecase.model.verdict import RuleResult as RuleResult
    from safecase.model.verdict import StaleEvidence as StaleEvidence
    from safecase.model.verdict import Verdict as Verdict
    from safecase.model.vocabulary import AttackClass as AttackClass
    from safecase.model.vocabulary import CaseSource as CaseSource
    from safecase.model.vocabulary import Comparator as Comparator
    from safecase.model.vocabulary import ControlLayer as ControlLayer
    from safecase.model.vocabulary import ErrorOrigin as ErrorOrigin
    from safecase.model.vocabulary import HarmClass as HarmClass
    from safecase.model.vocabulary import Metric as Metric
    from safecase.model.vocabulary import OutcomeKind as OutcomeKind
    from safecase.model.vocabulary import RuleClass as RuleClass
    from safecase.model.vocabulary import RuleStatus as RuleStatus
    from safecase.model.vocabulary import Severity as Severity
    from safecase.model.vocabulary import VerdictKind as VerdictKind
    from safecase.model.wording import rule_name as rule_name
else:
    __getattr__, __dir__ = lazy_exports(__name__)
