"""Latin letters as letters of other alphabets that look like them. Undone where readings are normalised."""

from __future__ import annotations

import re

from safecase.text.codecs._codec import Codec, translate

_PAIRS = (
    "аa вB еe кk мM нH оo рp сc тT уy хx іi јj ѕs ԁd ԛq ԝw һh ӏl АA ВB ЕE КK МM НH "
    "ОO РP СC ТT УY ХX ІI ЈJ ЅS ԌG ԜW αa βb εe ηn ιi κk νv οo ρp τt υu χx γy ΑA ΒB "
    "ΕE ΖZ ΗH ΙI ΚK ΜM ΝN ΟO ΡP ΤT ΥY ΧX ɑa ɡg ıi ǀl օo ոn սu հh ցg ⅼl ⅽc ⅾd ⅿm ߀0 "
    "٠0 ۰0 ⁄/ ∕/ ꞁl ʏY ᴏo ᴄc ᴠv ᴡw ᴢz ꜱs ᴀA ʙB ᴅD ᴇE ɢG ʜH ɪI ᴊJ ᴋK ʟL ᴍM ɴN ᴘP ʀR "
    "ᴛT ᴜU "
)
CONFUSABLES = {ord(pair[0]): pair[1] for pair in _PAIRS.split()}
"""Letters that look like ASCII letters, after Unicode's confusables (UTS 39), the common ones."""
LOOK_ALIKE = re.compile("[" + "".join(map(chr, sorted(CONFUSABLES))) + "]")
_LATIN, _CYRILLIC = "aceopxyiACEOPXTHBKM", "асеорхуіАСЕОРХТНВКМ"

CODEC = Codec(
    name="homoglyph",
    description="Latin letters as Cyrillic look-alikes.",
    encode=translate(str.maketrans(_LATIN, _CYRILLIC)),
    decode=translate(str.maketrans(_CYRILLIC, _LATIN)),
    loss="Cyrillic letters that were meant as such",
)
