"""What can be tested: model providers, HTTP applications, Python code, agents, recorded answers.

`build_target` builds a target from its configuration; each kind has a file of its own.
"""

from typing import TYPE_CHECKING

from safecase.base.facade import lazy_exports

if TYPE_CHECKING:
    from safecase.targets._code import CodeReference as CodeReference
    from safecase.targets._prices import price_of as price_of
    from safecase.targets._registry import TARGETS as TARGETS
    from safecase.targets._registry import TargetContext as TargetContext
    from safecase.targets._registry import build_target as build_target
    from safecase.targets._registry import parse_options as parse_options
    from safecase.targets.agent import AgentTurn as AgentTurn
else:
    __getattr__, __dir__ = lazy_exports(__name__)
