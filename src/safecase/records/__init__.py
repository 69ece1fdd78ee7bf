"""What happens over time: the ledger of runs, decisions, and who may take them."""

from typing import TYPE_CHECKING

from safecase.base.facade import lazy_exports

if TYPE_CHECKING:
    from safecase.records.acceptances import ACCEPTANCE_FORM as ACCEPTANCE_FORM
    from safecase.records.acceptances import parse_acceptance as parse_acceptance
    from safecase.records.decisions import LOG_NAME as LOG_NAME
    from safecase.records.decisions import append_decision as append_decision
    from safecase.records.decisions import read_decisions as read_decisions
    from safecase.records.exposure import Past as Past
    from safecase.records.exposure import short_digest as short_digest
    from safecase.records.ledger import LEDGER_NAME as LEDGER_NAME
    from safecase.records.ledger import Ledger as Ledger
    from safecase.records.ledger import LedgerWriter as LedgerWriter
    from safecase.records.ledger import RunHistory as RunHistory
    from safecase.records.ledger import now as now
    from safecase.records.ledger import read_events as read_events
    from safecase.records.rights import check_decision as check_decision
    from safecase.records.rights import signatures_missing as signatures_missing
else:
    __getattr__, __dir__ = lazy_exports(__name__)
