"""What happens over time: the ledger of runs, decisions and their exceptions, and who may take them."""

from typing import TYPE_CHECKING

from safecase.base.facade import lazy_exports

if TYPE_CHECKING:
    from safecase.records.acceptances import ACCEPTANCE_FORM as ACCEPTANCE_FORM
    from safecase.records.acceptances import AcceptanceRequest as AcceptanceRequest
    from safecase.records.acceptances import parse_acceptance as parse_acceptance
    from safecase.records.decision_log import LOG_NAME as LOG_NAME
    from safecase.records.decision_log import append_entry as append_entry
    from safecase.records.decision_log import check_anchored as check_anchored
    from safecase.records.decision_log import head_of as head_of
    from safecase.records.decision_log import read_entries as read_entries
    from safecase.records.decision_log import rights_alone as rights_alone
    from safecase.records.decisions import Standing as Standing
    from safecase.records.decisions import StandingDecision as StandingDecision
    from safecase.records.decisions import standing as standing
    from safecase.records.exposure import Past as Past
    from safecase.records.exposure import short_digest as short_digest
    from safecase.records.ledger import LEDGER_NAME as LEDGER_NAME
    from safecase.records.ledger import Ledger as Ledger
    from safecase.records.ledger import LedgerWriter as LedgerWriter
    from safecase.records.ledger import RunHistory as RunHistory
    from safecase.records.ledger import now as now
    from safecase.records.ledger import read_events as read_events
    from safecase.records.names import NamedEntry as NamedEntry
    from safecase.records.names import NameStanding as NameStanding
    from safecase.records.names import name_words as name_words
    from safecase.records.names import named_entries as named_entries
    from safecase.records.names import people_changes as people_changes
    from safecase.records.private_keys import held_keys as held_keys
    from safecase.records.private_keys import key_folder as key_folder
    from safecase.records.private_keys import make_key as make_key
    from safecase.records.private_keys import signer_for as signer_for
    from safecase.records.rights import SHIPPING as SHIPPING
    from safecase.records.rights import NeededRight as NeededRight
    from safecase.records.rights import find_person as find_person
    from safecase.records.rights import require_rights as require_rights
    from safecase.records.rights import rights_for as rights_for
    from safecase.records.rights import signatures_missing as signatures_missing
else:
    __getattr__, __dir__ = lazy_exports(__name__)
