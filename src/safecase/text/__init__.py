"""What a text says, read by one pair of eyes: for attacks, scorers, guard and packs alike."""

from typing import TYPE_CHECKING

from safecase.base.facade import lazy_exports

if TYPE_CHECKING:
    from safecase.text.attachments import attachment_text as attachment_text
else:
    __getattr__, __dir__ = lazy_exports(__name__)
