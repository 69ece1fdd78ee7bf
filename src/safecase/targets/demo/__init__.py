"""A demo target that ships with the package: a small support agent with planted, documented weaknesses.

It is a program of rules, labelled as a demo in every reply: its numbers are evidence about no model.
"""

from typing import TYPE_CHECKING

from safecase.base.facade import lazy_exports

if TYPE_CHECKING:
    from safecase.targets.demo._agent import DemoAgent as DemoAgent
    from safecase.targets.demo._agent import DemoReply as DemoReply
    from safecase.targets.demo._prompt import DEMO_CANARY as DEMO_CANARY
    from safecase.targets.demo._prompt import DEMO_MODEL as DEMO_MODEL
    from safecase.targets.demo._prompt import DEMO_NAME as DEMO_NAME
    from safecase.targets.demo._prompt import DEMO_NOTICE as DEMO_NOTICE
    from safecase.targets.demo._server import serve as serve
    from safecase.targets.demo._tools import TOOLS as TOOLS
    from safecase.targets.demo._vulnerabilities import VULNERABILITIES as VULNERABILITIES
    from safecase.targets.demo._vulnerabilities import Vulnerability as Vulnerability
    from safecase.targets.demo._vulnerabilities import select_vulnerabilities as select_vulnerabilities
    from safecase.targets.demo._vulnerabilities import vulnerability as vulnerability
else:
    __getattr__, __dir__ = lazy_exports(__name__)
