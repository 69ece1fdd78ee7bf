"""What a text says, read by one pair of eyes: for attacks, scorers, guard and packs alike."""

from typing import TYPE_CHECKING

from safecase.base.facade import lazy_exports

if TYPE_CHECKING:
    from safecase.text.attachments import attachment_text as attachment_text
    from safecase.text.cipher_words import all_ciphers as all_ciphers
    from safecase.text.codecs import find_codec as find_codec
    from safecase.text.codecs.invisible.zero_width import INVISIBLE as INVISIBLE
    from safecase.text.decodings import decoded_reading as decoded_reading
    from safecase.text.decodings import decoded_texts as decoded_texts
    from safecase.text.decodings import may_be_encoded as may_be_encoded
    from safecase.text.normalise import fold as fold
    from safecase.text.normalise import plain_letters as plain_letters
    from safecase.text.reading import Reading as Reading
    from safecase.text.readings import Readings as Readings
    from safecase.text.readings import read_all as read_all
    from safecase.text.shortening import shorten as shorten
    from safecase.text.spans import merge_spans as merge_spans
    from safecase.text.spans import replace_spans as replace_spans
else:
    __getattr__, __dir__ = lazy_exports(__name__)
