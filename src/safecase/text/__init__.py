"""What a text says, read by one pair of eyes: for attacks, scorers, guard and packs alike."""

from typing import TYPE_CHECKING

from safecase.base.facade import lazy_exports

if TYPE_CHECKING:
    from safecase.text._finder import Finder as Finder
    from safecase.text._finder import Finding as Finding
    from safecase.text._finder import disjoint_findings as disjoint_findings
    from safecase.text.attachments import attachment_text as attachment_text
    from safecase.text.cipher_words import all_ciphers as all_ciphers
    from safecase.text.codecs import find_codec as find_codec
    from safecase.text.codecs.invisible.zero_width import INVISIBLE as INVISIBLE
    from safecase.text.decodings import decoded_reading as decoded_reading
    from safecase.text.decodings import decoded_texts as decoded_texts
    from safecase.text.decodings import may_be_encoded as may_be_encoded
    from safecase.text.language import is_english as is_english
    from safecase.text.language import small_words as small_words
    from safecase.text.links import HOST_AND_PATH as HOST_AND_PATH
    from safecase.text.links import MAIL_ADDRESS as MAIL_ADDRESS
    from safecase.text.links import WEB_ADDRESS as WEB_ADDRESS
    from safecase.text.links import Link as Link
    from safecase.text.links import bare_address as bare_address
    from safecase.text.links import bare_host as bare_host
    from safecase.text.links import find_addresses as find_addresses
    from safecase.text.links import find_links as find_links
    from safecase.text.links import host_allowed as host_allowed
    from safecase.text.links import is_address as is_address
    from safecase.text.normalise import fold as fold
    from safecase.text.normalise import plain_letters as plain_letters
    from safecase.text.numbers import find_numbers as find_numbers
    from safecase.text.numbers import first_number as first_number
    from safecase.text.numbers import join_thousands as join_thousands
    from safecase.text.numbers import normal_number as normal_number
    from safecase.text.personal_data import LONGEST_ENTITY as LONGEST_ENTITY
    from safecase.text.personal_data import personal_data_finder as personal_data_finder
    from safecase.text.personal_data import personal_data_kinds as personal_data_kinds
    from safecase.text.reading import Reading as Reading
    from safecase.text.readings import Readings as Readings
    from safecase.text.readings import read_all as read_all
    from safecase.text.secrets import PRIVATE_KEY_BEGINS as PRIVATE_KEY_BEGINS
    from safecase.text.secrets import PRIVATE_KEY_ENDS as PRIVATE_KEY_ENDS
    from safecase.text.secrets import secret_finder as secret_finder
    from safecase.text.secrets import secret_kinds as secret_kinds
    from safecase.text.sentences import Sentence as Sentence
    from safecase.text.sentences import split_sentences as split_sentences
    from safecase.text.sentences import split_statements as split_statements
    from safecase.text.shortening import shorten as shorten
    from safecase.text.spans import merge_spans as merge_spans
    from safecase.text.spans import replace_spans as replace_spans
    from safecase.text.value_checks import entropy as entropy
    from safecase.text.value_checks import reserved_value as reserved_value
    from safecase.text.words import content_stems as content_stems
    from safecase.text.words import stem as stem
    from safecase.text.words import stop_words as stop_words
else:
    __getattr__, __dir__ = lazy_exports(__name__)
