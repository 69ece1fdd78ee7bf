"""Tool policy: what an agent may do, with which values, from where, and who has to agree."""

from typing import TYPE_CHECKING

from safecase.base.facade import lazy_exports

if TYPE_CHECKING:
    from safecase.guard.tools._adapters import GuardedLangChainTool as GuardedLangChainTool
    from safecase.guard.tools._adapters import guarded_tool as guarded_tool
    from safecase.guard.tools._adapters import parse_openai_call as parse_openai_call
    from safecase.guard.tools._adapters import run_mcp_call as run_mcp_call
    from safecase.guard.tools._adapters import run_openai_calls as run_openai_calls
    from safecase.guard.tools._approvals import ApprovalQueue as ApprovalQueue
    from safecase.guard.tools._approvals import ApprovalState as ApprovalState
    from safecase.guard.tools._decision_log import ToolDecisionLog as ToolDecisionLog
    from safecase.guard.tools._decision_table import advice as advice
    from safecase.guard.tools._declaration import AgentJourney as AgentJourney
    from safecase.guard.tools._declaration import Condition as Condition
    from safecase.guard.tools._declaration import ToolDeclaration as ToolDeclaration
    from safecase.guard.tools._declaration import ToolPolicyFile as ToolPolicyFile
    from safecase.guard.tools._declaration import read_tool_policy as read_tool_policy
    from safecase.guard.tools._policy import ToolPolicy as ToolPolicy
    from safecase.guard.tools._replay import replay as replay
    from safecase.guard.tools._session import ApprovalNeeded as ApprovalNeeded
    from safecase.guard.tools._session import ToolDenied as ToolDenied
    from safecase.guard.tools._session import ToolSession as ToolSession
else:
    __getattr__, __dir__ = lazy_exports(__name__)
