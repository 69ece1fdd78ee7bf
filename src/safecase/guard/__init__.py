"""Runtime controls: checks on what comes in, what tools bring and do, and what goes out.

from safecase.guard import Guard, guard_from_mapping

guard = guard_from_mapping({"injection": "injection", "pii": "pii", "leak": "leak"})
decision = guard.check_input("...")
if decision.blocked: ...
"""

from typing import TYPE_CHECKING

from safecase.base.facade import lazy_exports

if TYPE_CHECKING:
    from safecase.guard._calibration import Goal as Goal
    from safecase.guard._calibration import LabelledText as LabelledText
    from safecase.guard._calibration import Prices as Prices
    from safecase.guard._calibration import ThresholdChoice as ThresholdChoice
    from safecase.guard._calibration import choose_threshold as choose_threshold
    from safecase.guard._calibration import score_texts as score_texts
    from safecase.guard._check import Check as Check
    from safecase.guard._check import RemoteCheck as RemoteCheck
    from safecase.guard._check import RestoringCheck as RestoringCheck
    from safecase.guard._check import StreamingCheck as StreamingCheck
    from safecase.guard._check import WindowedCheck as WindowedCheck
    from safecase.guard._configuration import build_check as build_check
    from safecase.guard._configuration import check_configuration as check_configuration
    from safecase.guard._configuration import guard_from_controls as guard_from_controls
    from safecase.guard._configuration import guard_from_mapping as guard_from_mapping
    from safecase.guard._configuration import is_guard_control as is_guard_control
    from safecase.guard._content import Content as Content
    from safecase.guard._pipeline import LAYERS as LAYERS
    from safecase.guard._pipeline import Guard as Guard
    from safecase.guard._pipeline import GuardCheck as GuardCheck
    from safecase.guard._registry import CHECKS as CHECKS
    from safecase.guard._registry import make_check as make_check
    from safecase.guard._streaming import OutputStream as OutputStream
    from safecase.guard._target import GuardedTarget as GuardedTarget
    from safecase.guard.injection._training import ATTACK_LABELS as ATTACK_LABELS
    from safecase.guard.injection._training import train_from_files as train_from_files
    from safecase.guard.links.exfiltration import sanitise_untrusted as sanitise_untrusted
    from safecase.guard.personal_data._logs import RedactingFilter as RedactingFilter
    from safecase.guard.structure._constrained_output import constrained_fields as constrained_fields
    from safecase.model import CheckResult as CheckResult
    from safecase.model import FlowPoint as FlowPoint
    from safecase.model import GuardAction as GuardAction
    from safecase.model import GuardDecision as GuardDecision
    from safecase.model import GuardVerdict as GuardVerdict
    from safecase.model import Replacement as Replacement
    from safecase.model import TextSpan as TextSpan
else:
    __getattr__, __dir__ = lazy_exports(__name__)
