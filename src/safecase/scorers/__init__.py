"""How a transcript becomes an outcome: one file per scorer, and the cards that say how often it errs."""

from typing import TYPE_CHECKING

from safecase.base.facade import lazy_exports

if TYPE_CHECKING:
    from safecase.scorers._registry import SCORERS as SCORERS
    from safecase.scorers._registry import build_scorer as build_scorer
    from safecase.scorers._registry import checked_parameters as checked_parameters
    from safecase.scorers._registry import validate_parameters as validate_parameters
    from safecase.scorers._transcripts import ScoreWriter as ScoreWriter
    from safecase.scorers._transcripts import WrittenPassage as WrittenPassage
    from safecase.scorers._transcripts import last_answer as last_answer
    from safecase.scorers._transcripts import span as span
    from safecase.scorers.cards.calibration import measure_scorer as measure_scorer
    from safecase.scorers.cards.card_files import find_card as find_card
    from safecase.scorers.cards.card_files import read_card as read_card
    from safecase.scorers.cards.card_files import shipped_cards as shipped_cards
    from safecase.scorers.cards.card_files import write_card as write_card
    from safecase.scorers.cards.labelled_data import LabelColumns as LabelColumns
    from safecase.scorers.cards.labelled_data import read_labelled as read_labelled
    from safecase.scorers.conduct.toxicity import ToxicityCategory as ToxicityCategory
    from safecase.scorers.judges._client import RecordedJudges as RecordedJudges
    from safecase.scorers.judges._client import recorded_replies as recorded_replies
    from safecase.scorers.leaks.canary_leak import Needles as Needles
    from safecase.scorers.leaks.exfiltration import carries_data as carries_data
    from safecase.scorers.leaks.exfiltration import secret_in as secret_in
    from safecase.scorers.refusal._classifier import AnswerKind as AnswerKind
    from safecase.scorers.refusal._classifier import classify_answer as classify_answer
    from safecase.scorers.rules.json_schema import schema_validator as schema_validator
else:
    __getattr__, __dir__ = lazy_exports(__name__)
